"""A deployment as a user writes it down: a file of JSON or YAML."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mockcvp.oamp.deployment import Deployment
from mockcvp.oamp.representation import members_once
from mockcvp.wording import phrases


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
        told = "; ".join(f"{place}: {words}" if place else words for place, words in phrases(error))
        raise DeploymentError(f"{path}: {told}") from None


def _from_json(path: Path, text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=members_once)
    except json.JSONDecodeError as fault:
        raise DeploymentError(f"{path}: line {fault.lineno}, column {fault.colno}: {fault.msg}") from None
    except (ValueError, RecursionError) as fault:
        raise DeploymentError(f"{path}: {fault}") from None


def _from_yaml(path: Path, text: str) -> Any:
    # only where a YAML file is read, since it takes time to load
    import yaml

    class Loader(yaml.SafeLoader):
        """Has no key twice, where YAML's own loader would take the last."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            keys = [key.value for key, _ in node.value]
            for place, key in enumerate(keys):
                if key in keys[:place]:
                    line = node.value[place][0].start_mark.line + 1
                    raise DeploymentError(f"{path}: line {line}: the key {key!r} occurs twice in one mapping")
            return super().construct_mapping(node, deep)

    try:
        return yaml.load(text, Loader)  # noqa: S506 - a safe loader, with one check more
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise DeploymentError(f"{path}: {place}{fault.problem}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as fault:
        raise DeploymentError(f"{path}: {' '.join(str(fault).split())}") from None
