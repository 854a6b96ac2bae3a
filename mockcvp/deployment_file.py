"""A deployment as a user writes it down: a file of JSON or YAML."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mockcvp.oamp.deployment import Deployment
from mockcvp.oamp.representation import members_once
from mockcvp.wording import told


class DeploymentError(Exception):
    """A file that holds no deployment: which, where in it, and what would be right, in one line."""


def load(path: Path) -> Deployment:
    """Return the deployment that a file holds.

    Args:
        path: JSON where its name ends in ``.json``, else YAML

    Raises:
        DeploymentError: the file cannot be read, is neither, or describes no deployment
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as fault:
        raise DeploymentError(f"cannot read {path}: {fault.strerror}") from None
    except UnicodeDecodeError as fault:
        raise DeploymentError(f"{path}: is not UTF-8 at byte {fault.start}") from None
    content = _from_json(path, text) if path.suffix.lower() == ".json" else _from_yaml(path, text)
    if not isinstance(content, dict):
        raise DeploymentError(f"{path}: must hold an object with 'servers', as fixtures/deployments/three-servers.yaml")
    try:
        return Deployment.model_validate(content)
    except ValidationError as error:
        raise DeploymentError(f"{path}: {'; '.join(told(error))}") from None


def _from_json(path: Path, text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=members_once)
    except json.JSONDecodeError as fault:
        raise DeploymentError(f"{path}: line {fault.lineno}, column {fault.colno}: {fault.msg}") from None
    except ValueError as fault:
        raise DeploymentError(f"{path}: {fault}") from None
    except RecursionError:
        raise DeploymentError(f"{path}: is nested too deeply") from None


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
                    problem = f"the key {key.value!r} occurs twice in one mapping"
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                seen.add(key.value)
            return super().construct_mapping(node, deep)

    try:
        return yaml.load(text, Loader)  # noqa: S506 - it makes nothing but text, lists and mappings
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise DeploymentError(f"{path}: {place}{fault.problem}") from None
    except yaml.YAMLError as fault:
        raise DeploymentError(f"{path}: {' '.join(str(fault).split())}") from None
    except RecursionError:
        raise DeploymentError(f"{path}: is nested too deeply") from None
