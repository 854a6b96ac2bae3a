from collections.abc import Callable
from pathlib import Path

import pytest

from mockcvp.files import load_deployment
from tests.server_process import error_line, mockcvp

GOOD = "{id: a, hostname: h, ipaddr: 10.0.0.1, type: MEDIA}"


def yaml_of(servers: str) -> str:
    return f"servers: [{servers}]"


BAD = [
    ("missing.yaml", None, "cannot read {file}: No such file or directory"),
    (".", None, "cannot read {file}: Is a directory"),
    ("d.yaml", b"servers: [\xff]", "{file}: is not UTF-8 at byte 10"),
    ("d.yaml", "- a", "{file}: must contain an object with servers, as "),
    ("d.yaml", "servers: [", "{file}: line 1, column 11: "),
    ("d.yaml", "servers: []\nservers: []", "{file}: line 2, column 1: the key 'servers' occurs twice in one mapping"),
    ("d.yaml", "servers: !!python/object:os.system {}", "{file}: servers: must be a list, not an object"),
    ("d.yaml", "servers: {[a]: b}", "{file}: "),
    ("d.yaml", "version: {buildDate: !!bool foo, x: 1}\nservers: []", "{file}: version.x: is not known here"),
    ("d.yaml", "[" * 100_000, "{file}: is nested too deeply"),
    ("d.yaml", yaml_of(", ".join(["{}"] * 200)), "{file}: servers[0].id: is missing; "),
    ("d.json", '{"servers": [}', "{file}: line 1, column 14: Expecting value"),
    ("d.json", '{"servers": [], "servers": []}', "{file}: the member 'servers' occurs twice in one object"),
    ("d.json", "servers: []", "{file}: line 1, column 1: Expecting value"),
    ("d.json", "[" * 100_000, "{file}: "),
    ("d.yaml", "version: {}", "{file}: servers: is missing"),
    ("d.yaml", "servers: {}", "{file}: servers: must be a list, not an object"),
    ("d.yaml", "server: []\nservers: []", "{file}: server: is not known here: is servers meant?"),
    ("d.yaml", yaml_of("media-1"), "{file}: servers[0]: must be an object, not text"),
    ("d.yaml", yaml_of(f"{GOOD}, {{id: b}}"), "{file}: servers[1].hostname: is missing; servers[1].ipaddr: is missing"),
    ("d.json", '{"servers": [{"id": 5}]}', "{file}: servers[0].id: must be text, not 5; "),
    ("d.yaml", yaml_of(GOOD.replace("10.0.0.1", "10")), "{file}: servers[0].ipaddr: must be an IP address, not '10'"),
    (
        "d.yaml",
        yaml_of(GOOD.replace("}", ", duration: yes}")),
        "{file}: servers[0].duration: must be a number, not 'yes'",
    ),
    (
        "d.yaml",
        yaml_of(GOOD.replace("}", ", duration: 1e10}")),
        "{file}: servers[0].duration: must be 1000000000 or below",
    ),
    ("d.yaml", yaml_of(GOOD.replace("id: a", "id: ''")), "{file}: servers[0].id: must not be empty"),
    ("d.yaml", yaml_of(GOOD.replace("id: a", "id: ' '")), "{file}: servers[0].id: an id must not be blank"),
    (
        "d.yaml",
        yaml_of(GOOD.replace("id: a", "id: a/synchronize")),
        "{file}: servers[0].id: an id must not be or end with",
    ),
    ("d.yaml", yaml_of(GOOD.replace("hostname: h", "hostname: ''")), "{file}: servers[0].hostname: must not be empty"),
    (
        "d.yaml",
        yaml_of(GOOD.replace("10.0.0.1", "10.0.0.256")),
        "{file}: servers[0].ipaddr: must be an IP address, not",
    ),
    ("d.yaml", yaml_of(GOOD.replace("MEDIA", "media")), "{file}: servers[0].type: must be 'VXML', 'MEDIA', 'CALL'"),
    (
        "d.yaml",
        yaml_of(GOOD.replace("}", ", duration: -1}")),
        "{file}: servers[0].duration: must be 0 or above, not '-1'",
    ),
    ("d.yaml", yaml_of(GOOD.replace("}", ", duration: .inf}")), "{file}: servers[0].duration: must be "),
    (
        "d.yaml",
        yaml_of(GOOD.replace("}", ", outcome: Maybe}")),
        "{file}: servers[0].outcome: must be 'Success' or 'Failure'",
    ),
    ("d.yaml", yaml_of(GOOD.replace("}", ", port: 1}")), "{file}: servers[0].port: is not known here"),
    (
        "d.yaml",
        yaml_of(f"{GOOD}, {GOOD.replace('hostname', 'Hostnam').replace('id: a', 'id: b')}"),
        "{file}: servers[1].hostname: is missing; servers[1].Hostnam: is not known here: is hostname meant?",
    ),
    ("d.yaml", "versio: {}\nservers: []", "{file}: versio: is not known here: is version meant?"),
    ("d.yaml", "servers: []\nzzz: 1", "{file}: zzz: is not known here"),
    ("d.yaml", yaml_of(f"{GOOD}, {GOOD}"), "{file}: servers[1] has the id 'a' of servers[0]"),
    (
        "d.yaml",
        "version: {majorVersio: 12}\nservers: []",
        "{file}: version.majorVersio: is not known here: is majorVersion meant?",
    ),
    ("d.yaml", "version: 12\nservers: []", "{file}: version: must be an object, not text"),
]


@pytest.mark.parametrize(("name", "content", "reported"), BAD)
def test_an_invalid_file_is_reported_in_one_line(
    command_error: Callable[..., str], tmp_path: Path, name: str, content: bytes | str | None, reported: str
) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    line = command_error("serve", "--port", "0", "--deployment", str(file))
    assert line.startswith(f"--deployment: {reported.format(file=file)}")
    assert len(line) < 1000
    assert not (tmp_path / "certs").exists()


def test_an_invalid_file_is_reported_with_its_variable(tmp_path: Path) -> None:
    reported = error_line(mockcvp("serve", cwd=tmp_path, MOCKCVP_DEPLOYMENT="missing.yaml"))
    assert reported == "MOCKCVP_DEPLOYMENT: cannot read missing.yaml: No such file or directory"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("d.yaml", yaml_of(GOOD)),
        ("d.yml", f"\ufeff{yaml_of(GOOD)}"),
        ("d", '{"servers": [{"id": "a", "hostname": "h", "ipaddr": "10.0.0.1", "type": "MEDIA"}]}'),
        ("d.JSON", '{\n\t"servers": [{"id": "a", "hostname": "h", "ipaddr": "10.0.0.1", "type": "MEDIA"}]}'),
    ],
)
def test_a_file_is_json_by_its_name_or_else_yaml(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    (server,) = load_deployment(tmp_path / name).servers
    assert (server.id, server.duration, server.outcome) == ("a", 0, "Success")


def test_numbers_of_a_version_are_read_as_text(tmp_path: Path) -> None:
    (tmp_path / "d.yaml").write_text("version: {majorVersion: 15, buildDate: '2024-01-31'}\nservers: []")
    version = load_deployment(tmp_path / "d.yaml").version
    assert (version.major_version, version.minor_version, version.build_date) == ("15", "6", "2024-01-31")
    (tmp_path / "d.yaml").write_text(
        "version: {esVersion: 12.50, buildVersion: 0254, buildDate: 2022-09-14}\nservers: []"
    )
    version = load_deployment(tmp_path / "d.yaml").version
    assert (version.es_version, version.build_version, version.build_date) == ("12.50", "0254", "2022-09-14")


@pytest.mark.parametrize("name", ["d.yaml", "d.json"])
def test_the_error_of_an_empty_file_has_a_valid_example(
    command_error: Callable[..., str], tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("null")
    line = command_error("serve", "--port", "0", "--deployment", str(tmp_path / name))
    (tmp_path / name).write_text(line.partition(", as ")[2])
    assert load_deployment(tmp_path / name).servers[0].hostname == "media-1"
