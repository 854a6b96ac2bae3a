import time
from collections.abc import Mapping

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mockcvp.oamp.authentication import Account
from mockcvp.oamp.deployment import BUILT_IN
from mockcvp.oamp.http import Request
from mockcvp.oamp.routes import dispatcher
from mockcvp.oamp.service import OAMP
from mockcvp.oamp.sync_ups import Servers
from tests.server_process import JSON, SYNCHRONIZE, XML, ServerProcess

AUTHORIZATION = b"Basic d3NtYWRtaW46d3NtYWRtaW4="

# Each request fails one check and most of the later checks, and the status is that of the first failed check.
CHECKS = [
    ("POST", SYNCHRONIZE, {"Content-Type": "text/plain"}, "x", None, 401),
    ("PUT", SYNCHRONIZE, {"Content-Type": "text/plain"}, "x", None, 401),
    ("PUT", "nothing", {"Content-Type": "text/plain"}, "x", "right", 404),
    ("PUT", SYNCHRONIZE, {"Content-Type": "text/plain"}, "x", "right", 405),
    ("POST", SYNCHRONIZE, {"Content-Type": "text/plain"}, "x", "right", 400),
    ("POST", SYNCHRONIZE, {"Accept": "text/html", "Content-Type": "text/plain"}, "x", "right", 406),
    ("POST", SYNCHRONIZE, {"Accept": XML, "Content-Type": "text/plain"}, "x" * 3 * 1024**2, "right", 415),
    ("POST", SYNCHRONIZE, {"Accept": XML, "Content-Type": XML}, "x" * 3 * 1024**2, "right", 413),
    ("POST", SYNCHRONIZE, {"Accept": XML, "Content-Type": XML}, "<synchronize>-1", "right", 400),
]


@pytest.mark.parametrize(("method", "path", "headers", "body", "credentials", "status"), CHECKS)
def test_the_first_failed_check_decides_the_status(
    server: ServerProcess,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: str,
    credentials: str | None,
    status: int,
) -> None:
    with server.client(**({} if credentials else {"auth": None})) as client:
        assert client.request(method, path, headers=headers, content=body).status_code == status


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
def test_an_unsupported_method_gets_405_with_allow(client: httpx.Client, method: str) -> None:
    response = client.request(method, SYNCHRONIZE, headers={"Accept": XML})
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert response.content == b""


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_trailing_slash_is_ignored(client: httpx.Client, slash: str) -> None:
    response = client.post(SYNCHRONIZE + slash, headers={"Accept": XML}, follow_redirects=False)
    assert response.status_code == 202


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/cvp-config",
        "/cvp-config/",
        "/cvp-config/command",
        "/cvp-config/command/synchronize//",
        "/cvp-config//command/synchronize",
        "/cvp-config/command/Synchronize",
        "/cvp-config/command/synchronize/x",
        "/docs",
        "/openapi.json",
        "/__administration",
        "/cvp-config/%00%ff%0d%0a",
    ],
)
def test_an_unknown_path_gets_404_of_the_oamp(client: httpx.Client, path: str) -> None:
    response = client.post(client.base_url.copy_with(raw_path=path.encode()), headers={"Accept": XML})
    assert response.status_code == 404
    assert "<errorType>Not found</errorType>" in response.text


def test_a_percent_encoded_path_names_the_same_resource(client: httpx.Client) -> None:
    assert client.post("command/%73ynchronize", headers={"Accept": XML}).status_code == 202


def test_a_query_of_a_sync_up_is_ignored(client: httpx.Client) -> None:
    assert client.post(f"{SYNCHRONIZE}?a=b", headers={"Accept": XML}).status_code == 202


bodies = st.one_of(
    st.binary(max_size=200),
    st.from_regex(r'\{"synchronize": *\{"servers": *\{"server": *[\[\]{}",:a-z0-9-]*\}\}\}', fullmatch=True).map(
        str.encode
    ),
    st.from_regex(
        r"<synchronize>(<servers>(</?(server|sincetime|refURL)>|[a-z0-9&;-])*</servers>)?</synchronize>", fullmatch=True
    ).map(str.encode),
)


@given(
    bodies,
    st.sampled_from([XML, JSON, "text/xml", "text/plain", "application/json;charset=utf-16", None]),
    st.sampled_from([XML, JSON, "*/*", "text/html", None]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
def test_any_body_gets_a_documented_status(
    client: httpx.Client, body: bytes, content_type: str | None, accept: str | None
) -> None:
    sent = {"Content-Type": content_type, "Accept": accept}
    headers = {name: value for name, value in sent.items() if value is not None}
    assert client.post(SYNCHRONIZE, content=body, headers=headers).status_code in (202, 400, 406, 415)


@given(
    st.sampled_from(["GET", "POST", "HEAD", "X"]),
    st.one_of(st.text(), st.builds("/cvp-config/server{}".format, st.text()), st.just("/cvp-config/version")),
    st.lists(st.tuples(st.sampled_from([b"accept", b"authorization", b"content-type"]), st.binary())),
    st.binary(),
    st.sampled_from([0, 5]),
)
def test_any_request_gets_a_documented_status(
    method: str, path: str, headers: list[tuple[bytes, bytes]], body: bytes, exceeded: int
) -> None:
    oamp = OAMP({"wsmadmin": Account("wsmadmin")}, Servers(BUILT_IN, time.time), BUILT_IN.version)
    right = ((b"authorization", AUTHORIZATION), (b"accept", b"*/*"))
    for request in (
        Request(method, path, path, tuple(headers), body, exceeded),
        Request("POST", f"/cvp-config/{SYNCHRONIZE}", "", (*right, *headers), body, exceeded),
        Request(method, path, path, (*right, *headers), body, exceeded),
        Request("GET", "/cvp-config/server", path, right),
    ):
        assert dispatcher.respond(oamp, request).status in (200, 202, 400, 401, 404, 405, 406, 413, 415)
