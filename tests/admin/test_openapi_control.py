"""The responses of the control API match the OpenAPI document."""

import re
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from mockcvp import MockCVP, create_app
from tests.admin.control_steps import DEPLOYMENT, JOURNAL, MAPPINGS, SERVER, TENANTS, calls
from tests.admin.openapi_document import (
    METHODS,
    check_response,
    checked,
    document,
    operations,
    resolved,
    schema_errors,
)
from tests.admin_client import SERVERS, Admin
from tests.server_process import JSON, PASSWORD, PATIENCE, SYNCHRONIZE, USER, ServerProcess

GUARDED_BY = ("tester", "secret")
# the tests below provoke these statuses
ALWAYS = {"401", "403", "413", "503"}


@pytest.mark.parametrize("whose", ["its own", "a tenant's"])
def test_control_responses_match_the_document(shared_server: ServerProcess, client: httpx.Client, whose: str) -> None:
    below = control = f"https://localhost:{shared_server.port}/__admin"
    auth = USER, PASSWORD
    if whose == "a tenant's":
        made = client.post(f"{control}/cvp/tenants").json()
        below, auth = f"https://localhost:{shared_server.port}{made['admin']}", (made["username"], made["password"])
    seen = set()

    def ask(method: str, path: str, body: Any, status: int) -> Any:
        response = client.request(method, f"{below}/{path}", **({} if body is None else {"json": body}))
        assert response.status_code == status, f"{method} {path} {body}: {response.text}"
        found = checked(response, f"/__admin/{path.partition('?')[0]}")
        if body is not None:
            described = document()["paths"][found[1]][found[0]]["requestBody"]["content"][JSON]["schema"]
            wrong = schema_errors(described, body)
            assert bool(wrong) == (status == 422), f"{method} {path} {body}: {wrong}"
        seen.add(found)
        return response.json() if response.headers["content-type"] == JSON and method != "HEAD" else None

    ask("PUT", "cvp/deployment", {"servers": SERVERS}, 200)
    calls(client, auth)
    first = ask("GET", "requests", None, 200)["requests"][0]["id"]
    for step in JOURNAL:
        ask(*step)
    ask("GET", f"requests/{first}", None, 200)
    ask("DELETE", f"requests/{first}", None, 200)
    for step in (*MAPPINGS[:3], *DEPLOYMENT[:3]):
        ask(*step)
    calls(client, auth)
    ask("DELETE", "mappings", None, 200)
    for step in (("GET", "requests", None, 200), *MAPPINGS, *DEPLOYMENT, *SERVER):
        ask(*step)
    if whose == "its own":
        made = ask(*TENANTS[0])
        for step in TENANTS[1:]:
            ask(*step)
        ask("DELETE", f"cvp/tenants/{made['username']}", None, 200)
    else:
        assert client.delete(f"{control}/cvp/tenants/{auth[0]}").status_code == 200
    documented = {
        (method, path, status)
        for method, path, operation in operations("/__admin")
        for status in operation["responses"].keys() - ALWAYS
        if whose == "its own" or operation["tags"] != ["tenants"]
        # The stream of events does not end.
        if not path.endswith("/events")
    }
    assert documented == seen


def test_the_401_of_each_operation_matches_the_document() -> None:
    username, password = GUARDED_BY
    with MockCVP(admin_username=username, admin_password=password) as cvp, cvp.client(timeout=PATIENCE) as client:
        root = cvp.admin_url.removesuffix("/__admin")
        for method, path, operation in operations("/__admin"):
            response = client.request(method, f"{root}{re.sub('{.*?}', 'x', path)}")
            if "401" not in operation["responses"]:
                assert operation["security"] == []
                assert response.status_code == 200
                continue
            assert checked(response, path) == (method, path, "401")
            assert operation["security"] == [{}, {"adminAuth": []}]


def test_the_403_of_each_operation_matches_the_document() -> None:
    with MockCVP() as cvp, cvp.client(timeout=PATIENCE, headers={"Origin": "https://other.example"}) as client:
        root = cvp.admin_url.removesuffix("/__admin")
        for method, path, _ in operations("/__admin"):
            response = client.request(method, f"{root}{re.sub('{.*?}', 'x', path)}")
            assert checked(response, path) == (method, path, "403")


def test_the_413_of_each_body_matches_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mockcvp.admin.access.MAX_CONTROL_BYTES", 10)
    with TestClient(create_app()) as client:
        for method, path, operation in operations("/__admin"):
            if "requestBody" in operation:
                response = client.request(method, re.sub("{.*?}", "x", path), content=b" " * 60)
                assert checked(response, path) == (method, path, "413")


def test_the_405_of_each_path_matches_the_document(admin: Admin) -> None:
    described = resolved(document()["components"]["responses"]["ControlMethodNotAllowed"])
    for path, item in document()["paths"].items():
        # a path that also matches a template has the methods of both
        overlaps = path.startswith(("/__admin/requests/", "/__admin/mappings/", "/__admin/cvp/tenants/"))
        if not path.startswith("/__admin") or (overlaps and "{" not in path) or path.endswith("tenants/{name}"):
            continue
        for method in {"get", "post", "patch"} - item.keys():
            response = admin.client.request(method, path.removeprefix("/__admin/"))
            assert response.status_code == 405, f"{method} {path}"
            assert sorted(response.headers["allow"].lower().split(", ")) == sorted(item.keys() & {*METHODS}), path
            check_response(response, described, path)


def test_responses_of_a_full_journal_match_the_document() -> None:
    with MockCVP(journal_max_calls=1) as cvp, cvp.client(timeout=PATIENCE) as client:
        for _ in range(2):
            client.post(SYNCHRONIZE, headers={"Accept": JSON})
        for method, path in (("GET", "requests"), ("POST", "requests/count"), ("POST", "requests/find")):
            response = client.request(method, f"{cvp.admin_url}/{path}", json={})
            assert checked(response)
            assert '"dropped": 1' in response.text
        assert checked(client.get(f"{cvp.admin_url}/requests/unmatched"))
        assert checked(client.get(f"{cvp.admin_url}/cvp/synchronizations"))
