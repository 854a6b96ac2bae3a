"""The responses of the OAMP match the OpenAPI document."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.admin.openapi_document import (
    METHODS,
    check_response,
    checked,
    document,
    in_both_formats,
    operations,
    resolved,
    schema_errors,
)
from tests.admin_client import SERVERS, Admin
from tests.server_process import JSON, SYNCHRONIZE, ServerProcess

SAMPLES = sorted((Path(__file__).parents[2] / "fixtures" / "sync-up").iterdir())


@pytest.mark.parametrize("servers", [[], SERVERS[:1], SERVERS[2:4], SERVERS], ids=len)
def test_oamp_responses_match_the_document(admin: Admin, cvp: httpx.Client, servers: list[dict[str, Any]]) -> None:
    admin("PUT", "cvp/deployment", {"servers": servers})
    for sincetime in (None, "0", "7"):
        if sincetime:
            entries = [
                {"refURL": one["id"], "sincetime": sincetime} for one in servers if one["type"] not in ("CALL", "RPT")
            ]
            body = {"synchronize": {"servers": {"server": entries} if entries else None}}
            assert in_both_formats(cvp, "POST", SYNCHRONIZE, json=body) == 202
        for path in ("server", "server/", "server?q=type:VXML", "server/synchronize", "version"):
            assert in_both_formats(cvp, "GET", path) == in_both_formats(cvp, "HEAD", path) == 200
        for server in servers:
            assert in_both_formats(cvp, "GET", f"server/{server['id']}") == 200
            synchronized = server["type"] not in ("CALL", "RPT")
            assert in_both_formats(cvp, "GET", f"server/{server['id']}/synchronize") == (200 if synchronized else 404)
        admin("PUT", "cvp/clock", {"advance": 31})
    assert in_both_formats(cvp, "GET", "server/nobody") == in_both_formats(cvp, "HEAD", "server/nobody") == 404
    assert in_both_formats(cvp, "GET", "server?q=type:*") == in_both_formats(cvp, "HEAD", "server?q=name:x") == 400


def test_the_response_to_each_sample_matches_the_document(admin: Admin, cvp: httpx.Client) -> None:
    assert admin
    schema = document()["paths"]["/cvp-config/command/synchronize"]["post"]["requestBody"]["content"][JSON]["schema"]
    for sample in SAMPLES:
        form, wanted = f"application/{sample.suffix.removeprefix('.')}", int(sample.name[:3])
        headers = {"Content-Type": form}
        assert in_both_formats(cvp, "POST", SYNCHRONIZE, content=sample.read_bytes(), headers=headers) == wanted
        # a schema can express neither duplicate servers nor malformed JSON
        if form == JSON and sample.stem not in ("400-server-twice", "400-not-json"):
            wrong = schema_errors(schema, json.loads(sample.read_text("utf-8")))
            assert bool(wrong) == (wanted == 400), f"{sample.name}: {wrong}"


def test_oamp_errors_match_the_document(admin: Admin, deployed: ServerProcess) -> None:
    recipes: dict[str, dict[str, Any]] = {
        "400": {"headers": {}},
        "401": {"auth": ("wsmadmin", "wrong")},
        "404": {},
        "406": {"headers": {"Accept": "text/html"}},
        "413": {"content": b" " * (2 * 1024**2 + 1), "headers": {"Content-Type": JSON, "Accept": JSON}},
        "415": {"content": b"x", "headers": {"Content-Type": "text/plain", "Accept": JSON}},
        "500": {},
        "503": {},
    }
    with deployed.client() as client:
        for method, path, operation in operations("/cvp-config"):
            url = path.removeprefix("/cvp-config/").replace("{id}", "nobody")
            for status in operation["responses"].keys() - {"200", "202"}:
                options = {"headers": {"Accept": JSON}} | recipes[status]
                if status in ("500", "503"):
                    stub_error(admin, status)
                response = client.request(method, url, **options)
                if status in ("500", "503"):
                    admin("DELETE", "mappings")
                assert checked(response) == (method, path, status)
            for stubbed in ("401", "503"):
                stub_error(admin, stubbed)
                assert in_both_formats(client, method, url) == int(stubbed)
            admin("DELETE", "mappings")


def stub_error(admin: Admin, status: str) -> None:
    admin("DELETE", "mappings")
    response = {
        "status": int(status),
        "transformers": ["mockcvp"],
        "transformerParameters": {"errorType": "stubbed.bythetest"},
    }
    assert admin.client.post("mappings", json={"response": response}).status_code == 201


def test_the_405_of_each_path_matches_the_document(cvp: httpx.Client) -> None:
    described = resolved(document()["components"]["responses"]["MethodNotAllowed"])
    for path, item in document()["paths"].items():
        if path.startswith("/cvp-config"):
            for method in {"get", "post", "patch"} - item.keys():
                response = cvp.request(method, f"{cvp.base_url}{path.removeprefix('/cvp-config/')}")
                assert response.status_code == 405, f"{method} {path}"
                assert sorted(response.headers["allow"].lower().split(", ")) == sorted(item.keys() & {*METHODS}), path
                check_response(response, described, path)
