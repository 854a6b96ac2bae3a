"""A deployment as a user writes it down: a file of JSON or YAML."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mockcvp.files import FileError, json_of, text_of
from mockcvp.oamp.deployment import Deployment
from mockcvp.wording import quoted, told

_SETTING = "deployment"


def load(path: Path) -> Deployment:
    """Return the deployment that a file holds.

    Args:
        path: JSON where its name ends in ``.json``, else YAML

    Raises:
        FileError: the file cannot be read, is neither, or describes no deployment
    """
    text = text_of(_SETTING, path)
    content = json_of(_SETTING, path, text) if path.suffix.lower() == ".json" else _from_yaml(path, text)
    if not isinstance(content, dict):
        raise FileError(
            _SETTING, f"{path}: must hold an object with 'servers', as fixtures/deployments/three-servers.yaml"
        )
    try:
        return Deployment.model_validate(content)
    except ValidationError as error:
        raise FileError(_SETTING, f"{path}: {'; '.join(told(error, content))}") from None


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
                    problem = f"the key {quoted(key.value)} occurs twice in one mapping"
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                seen.add(key.value)
            return super().construct_mapping(node, deep)

    try:
        return yaml.load(text, Loader)  # nosec B506 # noqa: S506 - it makes nothing but text, lists and mappings
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise FileError(_SETTING, f"{path}: {place}{fault.problem}") from None
    except yaml.YAMLError as fault:
        raise FileError(_SETTING, f"{path}: {' '.join(str(fault).split())}") from None
    except RecursionError:
        raise FileError(_SETTING, f"{path}: is nested too deeply") from None
