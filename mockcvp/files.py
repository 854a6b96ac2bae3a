"""Reading of deployment files and mapping files."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mockcvp.messages import duplicate, error_lines
from mockcvp.oamp.deployment import Deployment
from mockcvp.oamp.json_codec import members_once

_DEPLOYMENT = "deployment"
# This is YAML, too.
_EXAMPLE = '{"servers": [{"id": "m", "hostname": "media-1", "ipaddr": "192.0.2.1", "type": "MEDIA"}]}'


class FileError(Exception):
    """A file is not valid. The message is one line with the file, the place in it, and the expected value.

    Args:
        setting: the setting with the path
        message: the message
    """

    def __init__(self, setting: str, message: str) -> None:
        super().__init__(message)
        self.setting = setting


def text_of(setting: str, path: Path) -> str:
    """Return the text of a UTF-8 file.

    Raises:
        FileError: the file cannot be read, or is not UTF-8
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as exc:
        raise FileError(setting, f"cannot read {path}: {exc.strerror}") from None
    except UnicodeDecodeError as exc:
        raise FileError(setting, f"{path}: is not UTF-8 at byte {exc.start}") from None


def json_of(setting: str, path: Path, text: str) -> Any:
    """Parse the text of a file as JSON.

    Raises:
        FileError: the text is not JSON
    """
    try:
        return json.loads(text, object_pairs_hook=members_once)
    except json.JSONDecodeError as exc:
        raise FileError(setting, f"{path}: line {exc.lineno}, column {exc.colno}: {exc.msg}") from None
    except ValueError as exc:
        raise FileError(setting, f"{path}: {exc}") from None
    except RecursionError:
        raise FileError(setting, f"{path}: is nested too deeply") from None


def load_deployment(path: Path) -> Deployment:
    """Read the deployment from a file.

    Args:
        path: a JSON file if the name ends with ``.json``, else a YAML file

    Raises:
        FileError: the file cannot be read or parsed, or has no valid deployment
    """
    text = text_of(_DEPLOYMENT, path)
    content = json_of(_DEPLOYMENT, path, text) if path.suffix.lower() == ".json" else _from_yaml(path, text)
    if not isinstance(content, dict):
        raise FileError(_DEPLOYMENT, f"{path}: must contain an object with servers, as {_EXAMPLE}")
    try:
        return Deployment.model_validate(content)
    except ValidationError as exc:
        raise FileError(_DEPLOYMENT, f"{path}: {'; '.join(error_lines(exc, content, Deployment))}") from None


def _from_yaml(path: Path, text: str) -> Any:
    # This import is slow, and most mock servers have no YAML file.
    import yaml

    # BaseLoader reads each scalar as text, so that "no" or "0254" stays as it is.
    class Loader(yaml.BaseLoader):
        """A loader that rejects duplicate keys."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            seen = set()
            for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
                if key.value in seen:
                    problem = duplicate("key", key.value, "mapping")
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                seen.add(key.value)
            return super().construct_mapping(node, deep)

    try:
        return yaml.load(text, Loader)  # nosec B506 # noqa: S506 - BaseLoader creates only text, lists and mappings
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise FileError(_DEPLOYMENT, f"{path}: {place}{exc.problem}") from None
    except yaml.YAMLError as exc:
        raise FileError(_DEPLOYMENT, f"{path}: {' '.join(str(exc).split())}") from None
    except RecursionError:
        raise FileError(_DEPLOYMENT, f"{path}: is nested too deeply") from None
