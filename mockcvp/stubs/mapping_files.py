"""Stub mappings from a directory of WireMock mapping files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mockcvp.files import FileError, json_of, text_of
from mockcvp.messages import error_lines, quoted
from mockcvp.stubs.mapping import StubMapping
from mockcvp.stubs.mapping_schema import parse_stub_mapping

_SETTING = "mappings"


def load(directory: Path) -> tuple[StubMapping, ...]:
    """Return the stub mappings of all ``.json`` files in a directory and its subdirectories, in the order of the paths.

    A file contains one stub mapping, or an object with ``mappings``. Hidden files and directories are skipped.

    Raises:
        FileError: the directory or a file cannot be read, or a file is not valid
    """
    if not directory.is_dir():
        reason = "is not a directory" if directory.exists() else "there is no such directory"
        raise FileError(_SETTING, f"cannot read {directory}: {reason}")
    mappings: list[StubMapping] = []
    places: dict[str, str] = {}
    for path in sorted(directory.rglob("*.json")):
        parts = path.relative_to(directory).parts
        # a Kubernetes volume contains each file a second time, in a hidden directory
        if any(part.startswith(".") for part in parts):
            continue
        if "__files" in parts:
            raise FileError(
                _SETTING,
                f"{path}: __files contains WireMock's body files, which mockcvp does not support; "
                "pass the directory mappings",
            )
        for place, content in _documents(path, json_of(_SETTING, path, text_of(_SETTING, path))):
            mapping = _parse(place, content)
            if mapping.id in places:
                raise FileError(_SETTING, f"{place}: the id {mapping.id} is also that of {places[mapping.id]}")
            places[mapping.id] = place
            mappings.append(mapping)
    return tuple(mappings)


def _documents(path: Path, content: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(content, dict):
        raise FileError(_SETTING, f"{path}: must contain a stub mapping, or an object with 'mappings'")
    if "mappings" not in content:
        yield str(path), content
        return
    listed = content["mappings"]
    others = content.keys() - {"mappings", "meta"}
    if not isinstance(listed, list) or others:
        problem = f"has {quoted(min(others))} beside 'mappings'" if others else "'mappings' must be a list"
        raise FileError(_SETTING, f"{path}: {problem}")
    yield from ((f"{path}: mappings[{index}]", document) for index, document in enumerate(listed))


def _parse(place: str, content: Any) -> StubMapping:
    try:
        return parse_stub_mapping(content)
    except ValidationError as exc:
        raise FileError(_SETTING, f"{place}: {'; '.join(error_lines(exc, content))}") from None
    except ValueError as exc:
        raise FileError(_SETTING, f"{place}: {exc}") from None
