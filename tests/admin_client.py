"""A client of the control API, and a deployment for tests."""

from typing import Any

import httpx

from tests.server_process import SYNCHRONIZE, ServerProcess

MEDIA, VXML, STANDALONE, CALL, RPT = ("media", "vxml", "standalone", "call", "rpt")
SERVERS: list[dict[str, Any]] = [
    {"id": MEDIA, "hostname": "m.example", "ipaddr": "10.0.0.1", "type": "MEDIA"},
    {"id": VXML, "hostname": "v.example", "ipaddr": "10.0.0.2", "type": "VXML", "duration": 30},
    {
        "id": STANDALONE,
        "hostname": "s.example",
        "ipaddr": "2001:db8::1",
        "type": "VXML_STANDALONE",
        "outcome": "Failure",
    },
    {"id": CALL, "hostname": "c.example", "ipaddr": "10.0.0.4", "type": "CALL"},
    {"id": RPT, "hostname": "r.example", "ipaddr": "10.0.0.5", "type": "RPT"},
]
NOON = "2030-01-31T12:00:00+00:00"


class Admin:
    """The control API of a mock server."""

    def __init__(self, server: ServerProcess) -> None:
        self.client = server.client(auth=None, base_url=f"https://localhost:{server.port}/__admin/")

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        response = self.client.request(method, path, json=body)
        assert response.status_code == 200, response.text
        return response.json()


def get(cvp: httpx.Client, path: str) -> Any:
    response = cvp.get(path)
    assert response.status_code == 200, response.text
    return response.json()


def synchronize(cvp: httpx.Client, server: Any) -> None:
    response = cvp.post(SYNCHRONIZE, json={"synchronize": {"servers": {"server": server}}})
    assert response.status_code == 202, response.text


def status(cvp: httpx.Client, server: str) -> dict[str, str]:
    """Return the sync-up status of a server, without its constant members."""
    reported: dict[str, str] = get(cvp, f"server/{server}/synchronize")["server"]
    return {name: value for name, value in reported.items() if name not in ("hostname", "refURL")}
