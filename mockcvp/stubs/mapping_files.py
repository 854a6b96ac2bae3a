"""Stub mappings out of a directory of WireMock's mapping files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mockcvp.files import FileError, json_of, text_of
from mockcvp.messages import error_lines, quoted
from mockcvp.stubs.mapping import StubMapping
from mockcvp.stubs.mapping_schema import stub_mapping

_SETTING = "mappings"


def load(directory: Path) -> tuple[StubMapping, ...]:
    """Return the mappings of all ``.json`` files in a directory and those below it, in the order of their names.

    A file holds one mapping, or an object with ``mappings``. What is hidden, by a dot before its name, is left alone.

    Raises:
        FileError: the directory or a file cannot be read, or holds something else
    """
    if not directory.is_dir():
        reason = "is no directory" if directory.exists() else "there is no such directory"
        raise FileError(_SETTING, f"cannot read {directory}: {reason}")
    mappings: list[StubMapping] = []
    places: dict[str, str] = {}
    for path in sorted(directory.rglob("*.json")):
        # Kubernetes keeps what it mounts a second time under a hidden name
        if any(part.startswith(".") for part in path.relative_to(directory).parts):
            continue
        if "__files" in path.relative_to(directory).parts:
            raise FileError(
                _SETTING, f"{path}: __files holds WireMock's bodies, which mockcvp has not; name the directory mappings"
            )
        for place, content in _documents(path, json_of(_SETTING, path, text_of(_SETTING, path))):
            mapping = _mapping(place, content)
            if mapping.id in places:
                raise FileError(_SETTING, f"{place}: the id {mapping.id} is that of {places[mapping.id]} too")
            places[mapping.id] = place
            mappings.append(mapping)
    return tuple(mappings)


def _documents(path: Path, content: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(content, dict):
        raise FileError(_SETTING, f"{path}: must hold a stub mapping, or an object with 'mappings'")
    if "mappings" not in content:
        yield str(path), content
        return
    listed = content["mappings"]
    others = content.keys() - {"mappings", "meta"}
    if not isinstance(listed, list) or others:
        wrong = f"has {quoted(min(others))} beside 'mappings'" if others else "'mappings' must be a list"
        raise FileError(_SETTING, f"{path}: {wrong}")
    yield from ((f"{path}: mappings[{index}]", one) for index, one in enumerate(listed))


def _mapping(place: str, content: Any) -> StubMapping:
    try:
        return stub_mapping(content)
    except ValidationError as exc:
        raise FileError(_SETTING, f"{place}: {'; '.join(error_lines(exc, content))}") from None
    except ValueError as exc:
        raise FileError(_SETTING, f"{place}: {exc}") from None
