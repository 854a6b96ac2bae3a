"""A double with servers of a test's own, moved by the control API."""

from typing import Any

import httpx

from tests.server_process import SYNCHRONIZE, Running

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
    """The control API of a double."""

    def __init__(self, double: Running) -> None:
        self.client = double.client(auth=None, base_url=f"https://localhost:{double.port}/__admin/")

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.client.request(method, path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()


def get(cvp: httpx.Client, path: str) -> Any:
    answer = cvp.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def synchronize(cvp: httpx.Client, server: Any) -> None:
    answer = cvp.post(SYNCHRONIZE, json={"synchronize": {"servers": {"server": server}}})
    assert answer.status_code == 202, answer.text


def status(cvp: httpx.Client, server: str) -> dict[str, str]:
    """The status of a server's sync-ups, without what does not change."""
    told: dict[str, str] = get(cvp, f"server/{server}/synchronize")["server"]
    return {name: value for name, value in told.items() if name not in ("hostname", "refURL")}
