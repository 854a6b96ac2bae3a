"""Files that a user writes: their text, their JSON, and the deployment in one of them."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mockcvp.messages import duplicate, error_lines
from mockcvp.oamp.deployment import Deployment
from mockcvp.oamp.representation import members_once

_DEPLOYMENT = "deployment"


class FileError(Exception):
    """A file that cannot be used: which, where in it, and what would be right, in one line.

    Args:
        setting: that has named it
        message: the line
    """

    def __init__(self, setting: str, message: str) -> None:
        super().__init__(message)
        self.setting = setting


def text_of(setting: str, path: Path) -> str:
    """Return the text of a file, by UTF-8.

    Raises:
        FileError: it cannot be read, or is not UTF-8
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as exc:
        raise FileError(setting, f"cannot read {path}: {exc.strerror}") from None
    except UnicodeDecodeError as exc:
        raise FileError(setting, f"{path}: is not UTF-8 at byte {exc.start}") from None


def json_of(setting: str, path: Path, text: str) -> Any:
    """Return what the text of a file holds as JSON.

    Raises:
        FileError: it is not JSON
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
    """Return the deployment that a file holds.

    Args:
        path: JSON where its name ends in ``.json``, else YAML

    Raises:
        FileError: the file cannot be read, is neither, or describes no deployment
    """
    text = text_of(_DEPLOYMENT, path)
    content = json_of(_DEPLOYMENT, path, text) if path.suffix.lower() == ".json" else _from_yaml(path, text)
    if not isinstance(content, dict):
        raise FileError(
            _DEPLOYMENT, f"{path}: must hold an object with 'servers', as fixtures/deployments/three-servers.yaml"
        )
    try:
        return Deployment.model_validate(content)
    except ValidationError as exc:
        raise FileError(_DEPLOYMENT, f"{path}: {'; '.join(error_lines(exc, content))}") from None


def _from_yaml(path: Path, text: str) -> Any:
    # only where a YAML file is read, since it takes time to load
    import yaml

    # every scalar is the text that stands there: no dates, octal numbers or truth values that nobody meant
    class Loader(yaml.BaseLoader):
        """Has no key twice, where YAML's own loader would take the last."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            seen = set()
            for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
                if key.value in seen:
                    problem = duplicate("key", key.value, "mapping")
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                seen.add(key.value)
            return super().construct_mapping(node, deep)

    try:
        return yaml.load(text, Loader)  # nosec B506 # noqa: S506 - it makes nothing but text, lists and mappings
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise FileError(_DEPLOYMENT, f"{path}: {place}{exc.problem}") from None
    except yaml.YAMLError as exc:
        raise FileError(_DEPLOYMENT, f"{path}: {' '.join(str(exc).split())}") from None
    except RecursionError:
        raise FileError(_DEPLOYMENT, f"{path}: is nested too deeply") from None
