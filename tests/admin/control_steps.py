"""Requests to the control API, with the status of each response."""

from typing import Any

import httpx

from tests.admin_client import SERVERS, VXML
from tests.server_process import JSON, SYNCHRONIZE

UUID, UNKNOWN_UUID = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
PATTERN = {
    "method": "POST",
    "urlPathTemplate": "/cvp-config/command/{what}",
    "headers": {"accept": {"or": [{"equalTo": JSON}, {"absent": True}]}},
    "queryParameters": {"q": {"not": {"contains": "x"}}},
    "basicAuthCredentials": {"username": "wsmadmin", "password": "wsmadmin"},
    "bodyPatterns": [
        {"equalToJson": "{}", "ignoreExtraElements": True, "ignoreArrayOrder": True},
        {"matchesJsonPath": {"expression": "$.synchronize", "matches": ".*"}},
    ],
}
MAPPING = {
    "id": UUID,
    "name": "rich",
    "priority": 3,
    "request": PATTERN,
    "response": {
        "status": 404,
        "statusMessage": "Gone",
        "headers": {"X-One": "1", "X-Two": ["1", "2"]},
        "jsonBody": {"any": None},
        "fixedDelayMilliseconds": 1,
        "delayDistribution": {"type": "lognormal", "median": 0.1, "sigma": 0.1, "maxValue": 1},
        "chunkedDribbleDelay": {"numberOfChunks": 2, "totalDuration": 2},
    },
    "scenarioName": "story",
    "requiredScenarioState": "Started",
    "newScenarioState": "done",
    "metadata": {"any": "thing"},
    "persistent": None,
}
UNKNOWN = {"nonsense": 1}
# method, path, body, status; the schema of a body accepts exactly the bodies that do not get 422
Step = tuple[str, str, Any, int]
CALL = {"method": "GET", "path": "/cvp-config/version", "headers": {"Accept": JSON}}
JOURNAL: list[Step] = [
    ("GET", "cvp/calls", None, 200),
    ("GET", "cvp/calls?text=Version&status=2xx&form=json&user=wsmadmin&error=&before=1000&limit=1", None, 200),
    ("GET", "cvp/calls?status=six", None, 422),
    ("GET", "cvp/calls?nonsense=1", None, 422),
    ("GET", "cvp/calls/1", None, 200),
    ("GET", "cvp/calls/0", None, 404),
    ("POST", "cvp/calls/1/repeat", None, 200),
    ("POST", "cvp/calls/0/repeat", None, 404),
    ("POST", "cvp/calls/9/repeat", None, 422),
    ("POST", "cvp/calls", CALL, 200),
    ("POST", "cvp/calls", CALL | {"method": "get"}, 422),
    ("POST", "cvp/calls", {}, 422),
    ("GET", "requests", None, 200),
    ("GET", "requests?limit=1&unmatched=true&since=2020-01-31T12:00:00Z", None, 200),
    ("GET", "requests?limit=-1", None, 422),
    ("GET", "requests?nonsense=1", None, 422),
    ("GET", f"requests/{UNKNOWN_UUID}", None, 404),
    ("GET", "requests/x", None, 400),
    ("DELETE", "requests/x", None, 400),
    ("POST", "requests/count", {}, 200),
    ("POST", "requests/count", PATTERN, 200),
    ("POST", "requests/count", UNKNOWN, 422),
    ("POST", "requests/count", {"headers": {"a": {"equalTo": "x", "contains": "x"}}}, 422),
    ("POST", "requests/count", {"headers": {"a": {"contains": "x", "caseInsensitive": True}}}, 422),
    ("POST", "requests/count", {"bodyPatterns": [{"and": [{"contains": "x"}]}]}, 422),
    ("POST", "requests/count", {"bodyPatterns": [{"matchesXPath": {"contains": "x"}}]}, 422),
    ("POST", "requests/find", {"customMatcher": {"name": "mockcvp", "parameters": {"synchronized": True}}}, 200),
    ("POST", "requests/find", {"method": ""}, 422),
    ("GET", "requests/unmatched", None, 200),
    ("POST", "near-misses/request-pattern", PATTERN, 200),
    ("POST", "near-misses/request-pattern", [], 422),
    ("POST", "requests/remove", {"urlPath": "/cvp-config/server"}, 200),
    ("POST", "requests/remove", None, 422),
]
MAPPINGS: list[Step] = [
    ("POST", "mappings", MAPPING, 201),
    ("POST", "mappings", {"response": {"fault": "EMPTY_RESPONSE"}, "request": {"url": "/nowhere"}}, 201),
    ("POST", "mappings", {"response": {"base64Body": "eA=="}, "request": {"url": "/cvp-config/version"}}, 201),
    ("POST", "mappings", UNKNOWN, 422),
    ("POST", "mappings", {"response": {"status": 199}}, 422),
    ("POST", "mappings", {"response": {"delayDistribution": {"type": "uniform", "lower": 1}}}, 422),
    ("POST", "mappings", {"id": "x"}, 422),
    ("GET", "mappings?limit=2&offset=1", None, 200),
    ("GET", "cvp/stubs", None, 200),
    ("GET", "mappings?limit=x", None, 422),
    ("GET", f"mappings/{UUID}", None, 200),
    ("GET", f"mappings/{UNKNOWN_UUID}", None, 404),
    ("GET", "mappings/x", None, 400),
    ("PUT", f"mappings/{UUID}", MAPPING, 200),
    ("PUT", f"mappings/{UNKNOWN_UUID}", {}, 404),
    ("PUT", "mappings/x", {}, 400),
    ("PUT", f"mappings/{UUID}", UNKNOWN, 422),
    ("GET", "requests/unmatched/near-misses", None, 200),
    ("GET", "scenarios", None, 200),
    ("PUT", "scenarios/story/state", {"state": "done"}, 200),
    ("PUT", "scenarios/story/state", None, 200),
    ("PUT", "scenarios/story/state", {"state": ""}, 422),
    ("PUT", "scenarios/nobody/state", None, 404),
    ("POST", "scenarios/reset", None, 200),
    ("POST", "mappings/remove", {"id": UUID}, 200),
    ("POST", "mappings/remove", UNKNOWN, 422),
    ("DELETE", f"mappings/{UUID}", None, 404),
    ("POST", "mappings", {"id": UUID}, 201),
    ("DELETE", f"mappings/{UUID}", None, 200),
    ("DELETE", "mappings/x", None, 400),
    ("GET", "settings", None, 200),
    ("POST", "settings", {"fixedDelay": 1}, 200),
    ("GET", "settings", None, 200),
    ("PUT", "settings", {"settings": {"delayDistribution": {"type": "uniform", "lower": 0, "upper": 1}}}, 200),
    ("GET", "settings", None, 200),
    ("POST", "settings", {"fixedDelay": -1}, 422),
    ("PUT", "settings", UNKNOWN, 422),
    ("POST", "mappings/reset", None, 200),
    ("DELETE", "mappings", None, 200),
]
DEPLOYMENT: list[Step] = [
    ("GET", "cvp/deployment", None, 200),
    ("GET", "cvp/synchronizations?limit=1", None, 200),
    ("GET", "cvp/servers", None, 200),
    ("GET", "cvp/runs", None, 200),
    ("PUT", "cvp/servers/newest", {**SERVERS[0], "id": "newest"}, 200),
    ("PUT", "cvp/servers/newer", {**SERVERS[0], "id": "newer", "type": "vxml"}, 422),
    ("DELETE", "cvp/servers/newest", None, 200),
    ("DELETE", "cvp/servers/newest", None, 404),
    ("GET", "cvp/synchronizations?limit=2", None, 200),
    ("GET", "cvp/synchronizations?limit=x", None, 422),
    ("PATCH", f"cvp/servers/{VXML}", {"duration": 2.5, "outcome": None}, 200),
    ("PATCH", f"cvp/servers/{VXML}", {"outcome": "Failure"}, 200),
    ("PATCH", f"cvp/servers/{VXML}", {"duration": -1}, 422),
    ("PATCH", f"cvp/servers/{VXML}", {}, 422),
    ("PATCH", "cvp/servers/nobody", {"duration": 2}, 404),
    ("GET", "cvp/clock", None, 200),
    ("PUT", "cvp/clock", {"frozen": True, "now": "2035-01-31T12:00:00Z", "advance": None}, 200),
    ("PUT", "cvp/clock", {"now": "2036-01-31T12:00:00Z", "advance": 1}, 422),
    ("PUT", "cvp/clock", {"advance": -1}, 422),
    ("PUT", "cvp/clock", {"advance": 1.5}, 200),
    ("PUT", "cvp/deployment", {"servers": SERVERS, "version": {"majorVersion": 15}}, 200),
    ("PUT", "cvp/deployment", {"servers": [{**SERVERS[0], "id": "a/synchronize"}]}, 422),
    ("PUT", "cvp/deployment", {"servers": [{**SERVERS[0], "ipaddr": "10.0.0"}]}, 422),
    ("PUT", "cvp/deployment", {"servers": [], "version": {"nonsense": "1"}}, 422),
    ("PUT", "cvp/deployment", UNKNOWN, 422),
]
SERVER: list[Step] = [
    ("GET", "health", None, 200),
    ("HEAD", "health", None, 200),
    ("GET", "version", None, 200),
    ("GET", "openapi.json", None, 200),
    ("GET", "docs", None, 200),
    ("GET", "cvp/connect", None, 200),
    ("POST", "requests/reset", None, 200),
    ("DELETE", "requests", None, 200),
    ("POST", "reset", None, 200),
]
TENANTS: list[Step] = [
    ("POST", "cvp/tenants", None, 201),
    ("POST", "cvp/tenants", {"username": "run-7", "password": None}, 201),
    ("POST", "cvp/tenants", {"username": "a b"}, 422),
    ("POST", "cvp/tenants", UNKNOWN, 422),
    ("GET", "cvp/tenants", None, 200),
    ("DELETE", "cvp/tenants/run-7", None, 200),
    ("DELETE", "cvp/tenants/run-7", None, 404),
]


def calls(client: httpx.Client, auth: Any) -> None:
    """Make calls of every kind that the journal records."""
    options: Any = {"headers": {"Accept": JSON}, "auth": auth}
    body = {"synchronize": {"servers": {"server": ["media", {"refURL": VXML, "sincetime": 5}], "huh": 1}}}
    for _ in range(2):
        client.post(SYNCHRONIZE, json=body, **options)
    client.post(SYNCHRONIZE, json={"synchronize": {"servers": {"server": {}}}}, **options)
    client.get("version", **options)
    client.get("server?q=type:CALL&x=1&x=2", **options)
    client.get("nowhere", **options)
    for path in ("/nowhere", "/cvp-config/version"):
        try:
            client.get(f"https://localhost:{client.base_url.port}{path}", **options)
        except httpx.RemoteProtocolError:
            assert path == "/nowhere"
    # The journal does not have this body.
    client.post(SYNCHRONIZE, content=b" " * 3_000_000, **options)
