"""Stub mappings from files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mockcvp import MockCVP
from tests.server_process import PATIENCE, XML, ServerProcess

FIXTURES = Path(__file__).parents[2] / "fixtures"
VERSION = "/cvp-config/version"


def mapping(status: int, **more: Any) -> dict[str, Any]:
    return {"request": {"urlPath": VERSION}, "response": {"status": status}, **more}


def test_a_directory_sets_the_initial_mappings(tmp_path: Path) -> None:
    directory = tmp_path / "mappings"
    (directory / "below" / "..data").mkdir(parents=True)
    (directory / "a.json").write_text(json.dumps(mapping(250)))
    (directory / "below" / "b.json").write_text(json.dumps({"mappings": [mapping(251, priority=9), mapping(252)]}))
    (directory / "below" / "..data" / "b.json").write_text("a second copy, as in a Kubernetes volume")
    (directory / ".hidden.json").write_text("{")
    (directory / "notes.txt").write_text("{")
    with MockCVP(mappings=directory) as cvp, cvp.client(timeout=PATIENCE) as client:
        admin = cvp.client(base_url=cvp.admin_url, auth=None, timeout=PATIENCE)
        # of equal priority, the last mapping responds
        assert client.get("version").status_code == 252
        listed = admin.get("mappings").json()["mappings"]
        assert [one["response"]["status"] for one in listed] == [252, 250, 251]
        admin.delete("mappings")
        assert client.get("version").status_code == 200
        cvp.reset()
        assert client.get("version").status_code == 252
        tenant = cvp.tenant()
        with tenant.client(timeout=PATIENCE) as theirs:
            assert theirs.get("version").status_code == 252
        admin.close()


def test_the_command_loads_mappings_from_a_directory(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--mappings", str(FIXTURES / "mappings")) as server, server.client() as client:
        headers = {"Accept": XML}
        assert client.get("version", headers=headers).status_code == 200
        response = client.get("version", headers=headers | {"X-Maintenance": "true"})
        assert (response.status_code, response.headers["retry-after"]) == (503, "30")
        assert "response of the stub mapping the version is unavailable during maintenance" in server.line("503 GET")


ID = "3f5a2c6e-0000-4000-8000-000000000001"
INVALID: list[tuple[dict[str, str], str]] = [
    ({"a.json": "{"}, "a.json: line 1, column 2: "),
    ({"a.json": "[]"}, "a.json: must contain a stub mapping, or an object with 'mappings'"),
    ({"a.json": "\xff"}, "a.json: is not UTF-8 at byte 0"),
    ({"a.json": '{"mappings": {}}'}, "a.json: 'mappings' must be a list"),
    ({"a.json": '{"mappings": [], "more": 1}'}, "a.json: has 'more' beside 'mappings'"),
    ({"a.json": '{"mappings": [5]}'}, "a.json: mappings[0]: must be an object, not 5"),
    ({"a.json": '{"request": {"urlx": "/"}}'}, "a.json: request: urlx is not known here: is url meant?"),
    ({"a.json": '{"request": {"url": "/", "url": "/"}}'}, "a.json: the member 'url' occurs twice in one object"),
    (
        {"a.json": '{"response": {"bodyFileName": "x"}}'},
        "a.json: response: bodyFileName: WireMock supports this member, and mockcvp does not",
    ),
    ({"a.json": f'{{"id": "{ID}"}}', "b.json": f'{{"uuid": "{ID}"}}'}, f"b.json: the id {ID} is also that of "),
    ({"a.json": "[" * 100_000}, "a.json: is nested too deeply"),
]


@pytest.mark.parametrize(("files", "reported"), INVALID, ids=[reported for _, reported in INVALID])
def test_an_invalid_file_is_reported_in_one_line(
    command_error: Callable[..., str], tmp_path: Path, files: dict[str, str], reported: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="latin-1")
    assert command_error("serve", "--mappings", ".").startswith(f"--mappings: {reported}")


def test_wiremocks_root_directory_is_rejected(command_error: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "__files").mkdir()
    (tmp_path / "__files" / "a.json").write_text("{}")
    assert "__files contains WireMock's body files" in command_error("serve", "--mappings", ".")


def test_a_missing_directory_is_reported_in_one_line(command_error: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert command_error("serve", "--mappings", "none") == "--mappings: cannot read none: there is no such directory"
    assert command_error("serve", "--mappings", "file") == "--mappings: cannot read file: is not a directory"
