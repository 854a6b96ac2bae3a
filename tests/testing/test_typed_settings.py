"""The typed dictionaries of settings compared with the fields of ``Settings``, and the errors of unknown settings."""

from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from pydantic import ByteSize, SecretStr

from mockcvp import MockCVP, MockCVPSettings, Settings
from mockcvp.oamp.deployment import Deployment
from mockcvp.testing.typed_settings import ChangeableSettings

# The types that a field also accepts
ACCEPTED: dict[object, set[object]] = {
    ByteSize: {int, str},
    Path: {Path, str},
    SecretStr: {SecretStr, str},
    Deployment: {Deployment, Mapping[str, Any]},
}


def types_of(annotation: object) -> set[object]:
    return set(get_args(annotation)) if get_origin(annotation) in (Union, UnionType) else {annotation}


def accepted(annotation: object) -> set[object]:
    if get_origin(annotation) is tuple:
        return {str, list[str], tuple[str, ...]}
    return {other for one in types_of(annotation) for other in ACCEPTED.get(one, {one})}


@pytest.mark.parametrize(
    ("typed", "without"), [(MockCVPSettings, {"log_level"}), (ChangeableSettings, Settings.at_start())]
)
def test_the_typed_settings_are_the_fields_of_settings(typed: type[object], without: set[str]) -> None:
    fields = {name: field for name, field in Settings.model_fields.items() if name not in without}
    assert {name: types_of(hint) for name, hint in get_type_hints(typed).items()} == {
        name: accepted(field.annotation) for name, field in fields.items()
    }


@pytest.mark.parametrize(
    "deployment", [Deployment(servers=()), {"servers": []}, "deployment.yaml", Path("deployment.yaml"), None]
)
def test_a_deployment_is_a_path_an_object_or_a_dictionary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deployment: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deployment.yaml").write_text("servers: []")
    with MockCVP(deployment=deployment) as cvp, cvp.client(headers={"Accept": "application/json"}) as client:
        listed = client.get("server").json()["results"]["servers"]
        assert (listed is None) == (deployment is not None)


def test_an_unknown_setting_is_an_error_that_names_the_nearest() -> None:
    # mypy reports an unused ignore, so that each of these lines is an error for mypy too.
    with pytest.raises(ValueError, match=r"^usernme: is not known here: is username meant\?$"):
        MockCVP(usernme="x")  # type: ignore[call-arg] # the test is that this is an error
    with MockCVP() as cvp:
        with pytest.raises(ValueError, match=r"^pasword: is not known here: is password meant\?$"):
            cvp.tenant(pasword="x")  # type: ignore[call-arg] # the test is that this is an error
        with pytest.raises(ValueError, match=r"^unknown_server: is not known here: is unknown_servers meant\?$"):
            cvp.reset(unknown_server="reject")  # type: ignore[call-arg] # the test is that this is an error
        with pytest.raises(ValueError, match=r"^port can only be set at the start$"):
            cvp.reset(port=1)  # type: ignore[call-arg] # the test is that this is an error
