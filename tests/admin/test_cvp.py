import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from mockcvp.oamp.sync_ups import MOST_ADDED
from tests.admin_client import MEDIA, NOON, SERVERS, VXML, Admin, get, synchronize
from tests.server_process import JSON, SYNCHRONIZE, XML, ServerProcess


def test_a_returned_deployment_can_be_put_again(admin: Admin) -> None:
    reported = admin("GET", "cvp/deployment")
    assert [server["id"] for server in reported["servers"]] == [server["id"] for server in SERVERS]
    reported["version"]["majorVersion"] = "15"
    assert admin("PUT", "cvp/deployment", reported) == reported
    assert admin("GET", "cvp/deployment") == reported


def test_a_new_deployment_replaces_the_old_one(admin: Admin, cvp: httpx.Client) -> None:
    synchronize(cvp, MEDIA)
    admin("PUT", "cvp/deployment", {"servers": SERVERS[:1], "version": {"majorVersion": 15}})
    assert get(cvp, "version")["version"]["majorVersion"] == "15"
    assert get(cvp, "server/synchronize")["synchronize"]["servers"]["server"]["syncStatus"] == "Not Started"
    assert cvp.get(f"server/{VXML}").status_code == 404


def test_a_server_change_affects_only_later_sync_ups(admin: Admin, cvp: httpx.Client) -> None:
    synchronize(cvp, VXML)
    changed = admin("PATCH", f"cvp/servers/{VXML}", {"duration": 5.5, "outcome": "Failure"})
    assert (changed["duration"], changed["outcome"], changed["type"]) == (5.5, "Failure", "VXML")
    admin("PUT", "cvp/clock", {"advance": 30})
    assert get(cvp, f"server/{VXML}/synchronize")["server"]["syncStatus"] == "Success"
    synchronize(cvp, VXML)
    admin("PUT", "cvp/clock", {"advance": 5.5})
    assert get(cvp, f"server/{VXML}/synchronize")["server"]["syncStatus"] == "Failure"
    assert admin("PATCH", f"cvp/servers/{VXML}", {"duration": 1})["outcome"] == "Failure"


def test_the_clock_is_the_system_clock_until_it_is_frozen(admin: Admin) -> None:
    admin("POST", "reset")
    before = time.time()
    reported = admin("GET", "cvp/clock")
    assert reported["frozen"] is False
    # the clock is reported in milliseconds
    assert before - 0.001 <= datetime.fromisoformat(reported["now"]).timestamp() <= time.time() + 0.001


def test_a_resumed_clock_continues_from_the_frozen_time(admin: Admin) -> None:
    frozen = admin("GET", "cvp/clock")
    assert datetime.fromisoformat(frozen["now"]) == datetime.fromisoformat(NOON)
    time.sleep(0.02)
    assert admin("GET", "cvp/clock") == frozen
    later = admin("PUT", "cvp/clock", {"advance": 1.5})
    assert datetime.fromisoformat(later["now"]).timestamp() == datetime.fromisoformat(NOON).timestamp() + 1.5
    began = time.monotonic()
    admin("PUT", "cvp/clock", {"frozen": False})
    time.sleep(0.02)
    going = datetime.fromisoformat(admin("GET", "cvp/clock")["now"])
    assert 0.01 < (going - datetime.fromisoformat(later["now"])).total_seconds() <= time.monotonic() - began + 0.001


def test_a_running_clock_can_be_advanced(admin: Admin, cvp: httpx.Client) -> None:
    admin("PUT", "cvp/clock", {"frozen": False})
    synchronize(cvp, VXML)
    assert admin("PUT", "cvp/clock", {"advance": 30})["frozen"] is False
    assert get(cvp, f"server/{VXML}/synchronize")["server"]["syncStatus"] == "Success"


def test_a_clock_is_not_set_back_after_a_sync_up(admin: Admin, cvp: httpx.Client) -> None:
    admin("PUT", "cvp/clock", {"now": "2013-04-24T16:41:21-07:00"})
    synchronize(cvp, MEDIA)
    rejected = admin.client.put("cvp/clock", json={"now": "2013-04-24T16:41:20-07:00"})
    assert rejected.status_code == 422
    assert "only goes forward" in rejected.json()["errors"][0]["title"]
    assert get(cvp, f"server/{MEDIA}/synchronize")["server"]["lastFullSyncTime"] == "2013-04-24T16:41:21-07:00"


def test_accepted_sync_ups_are_listed_with_present_states(admin: Admin, cvp: httpx.Client) -> None:
    synchronize(cvp, [{"refURL": f"https://x/cvp-config/server/{VXML}", "sincetime": "7"}, MEDIA])
    cvp.post(SYNCHRONIZE, json={"synchronize": {"servers": {"server": {}}}})
    cvp.post(SYNCHRONIZE)
    admin("PUT", "cvp/clock", {"advance": 3})
    cvp.post(SYNCHRONIZE)
    reported = admin("GET", "cvp/synchronizations")
    assert reported["meta"] == {"total": 3, "exact": True}
    latest, every, first = reported["synchronizations"]
    assert [server["syncStatus"] for server in latest["servers"]] == ["Success", "In Progress", "Failure"]
    assert [server["syncStatus"] for server in every["servers"]] == ["Success", "Started Over", "Failure"]
    assert [server["id"] for server in every["servers"]] == ["media", "vxml", "standalone"]
    assert every["servers"][0]["refURL"] == f"{cvp.base_url}server/media"
    assert datetime.fromisoformat(first.pop("time")) == datetime.fromisoformat(NOON)
    assert first == {
        "number": 1,
        "user": "wsmadmin",
        "servers": [
            {
                "id": VXML,
                "refURL": f"https://x/cvp-config/server/{VXML}",
                "sincetime": 7,
                "full": False,
                "syncStatus": "Started Over",
            },
            {"id": MEDIA, "refURL": MEDIA, "sincetime": 0, "full": True, "syncStatus": "Success"},
        ],
    }
    admin("PUT", "cvp/clock", {"advance": 30})
    assert admin("GET", "cvp/synchronizations?limit=1")["synchronizations"][0]["servers"][1]["syncStatus"] == "Success"
    # a new deployment does not change the result of a sync-up
    admin("PUT", "cvp/deployment", {"servers": []})
    assert admin("GET", "cvp/synchronizations?limit=1")["synchronizations"][0]["servers"][1]["syncStatus"] == "Success"


def test_sync_ups_are_inexact_after_dropped_calls(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--journal-max-calls", "1") as server, server.client(headers={"Accept": XML}) as cvp:
        admin = Admin(server)
        with admin.client:
            for exact in (True, False):
                assert cvp.post(SYNCHRONIZE).status_code == 202
                assert admin("GET", "cvp/synchronizations")["meta"] == {"total": 1, "exact": exact}


@pytest.mark.parametrize("step", [0.1, 0.3, 1 / 3])
def test_small_advances_of_the_clock_add_up(admin: Admin, cvp: httpx.Client, step: float) -> None:
    admin("PATCH", f"cvp/servers/{VXML}", {"duration": 0.9})
    synchronize(cvp, VXML)
    for _ in range(round(0.9 / step)):
        assert get(cvp, f"server/{VXML}/synchronize")["server"]["syncStatus"] == "In Progress"
        admin("PUT", "cvp/clock", {"advance": step})
    admin("PUT", "cvp/clock", {"advance": 0.001 if step == 1 / 3 else 0})
    assert get(cvp, f"server/{VXML}/synchronize")["server"]["syncStatus"] == "Success"


def test_a_clock_is_set_and_frozen_in_one_request(admin: Admin, cvp: httpx.Client) -> None:
    admin("POST", "reset")
    admin("PUT", "cvp/deployment", {"servers": SERVERS})
    for _ in range(2):
        admin("PUT", "cvp/clock", {"frozen": True, "now": NOON})
        synchronize(cvp, VXML)
    admin("PUT", "cvp/clock", {"now": NOON.replace("12:00:00", "12:00:30")})
    assert get(cvp, f"server/{VXML}/synchronize")["server"]["syncStatus"] == "Success"


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("requests", "GET, DELETE"),
        ("cvp/clock", "GET, PUT"),
        ("cvp/servers/x", "PUT, PATCH, DELETE"),
        ("health", "GET, HEAD"),
    ],
)
def test_an_unsupported_method_gets_405_with_allow(admin: Admin, path: str, allow: str) -> None:
    response = admin.client.post(path)
    assert (response.status_code, response.headers["allow"]) == (405, allow)


def test_at_most_10_000_unknown_servers_are_added(admin: Admin, cvp: httpx.Client) -> None:
    names = [f"new {number}" for number in range(MOST_ADDED)]
    for start in range(0, MOST_ADDED - 1000, 1000):
        synchronize(cvp, names[start : start + 1000])
    rejected = cvp.post(SYNCHRONIZE, json={"synchronize": {"servers": {"server": [*names[-1000:], "one more"]}}})
    assert (rejected.status_code, rejected.json()["apiErrors"]["apiError"]["errorDetail"]["actual"]) == (
        400,
        "one more",
    )
    synchronize(cvp, names[-1000:])
    assert len(admin("GET", "cvp/deployment")["servers"]) == MOST_ADDED + len(SERVERS)
    synchronize(cvp, names[0])
    assert cvp.post(SYNCHRONIZE, json={"synchronize": {"servers": {"server": "one more"}}}).status_code == 400


def test_a_reset_restores_the_state_at_the_start(admin: Admin, cvp: httpx.Client) -> None:
    synchronize(cvp, "a new one")
    admin("PATCH", f"cvp/servers/{MEDIA}", {"duration": 9})
    admin("POST", "reset")
    deployment = admin("GET", "cvp/deployment")
    assert len(deployment["servers"]) == 5
    assert {server["duration"] for server in deployment["servers"]} == {0}
    assert admin("GET", "cvp/clock")["frozen"] is False
    assert admin("GET", "requests") == {
        "requests": [],
        "meta": {"total": 0},
        "requestJournalDisabled": False,
    }
    listed = get(cvp, "server/synchronize")["synchronize"]["servers"]["server"]
    assert {server["syncStatus"] for server in listed} == {"Not Started"}


BAD: list[tuple[str, str, Any, str]] = [
    ("PUT", "cvp/clock", {}, "one of 'frozen', 'now' and 'advance' (seconds) is needed"),
    ("PUT", "cvp/clock", {"advance": -1}, "advance: must be 0 or above, not -1"),
    ("PUT", "cvp/clock", {"advance": "soon"}, "advance: must be a number, not 'soon'"),
    ("PUT", "cvp/clock", {"advance": 1e300}, "the time of a clock must be from the year 1970 to 9999"),
    ("PUT", "cvp/clock", {"advance": 1, "now": NOON}, "'now' and 'advance' (seconds) exclude each other"),
    ("PUT", "cvp/clock", {"frozen": "yes"}, "frozen: must be true or false, not 'yes'"),
    ("PUT", "cvp/clock", {"now": "noon"}, "now: must be a time with an offset, as 2030-01-31T12:00:00Z, not 'noon'"),
    ("PUT", "cvp/clock", {"now": "2030-01-31T12:00:00"}, "now: must be a time with an offset"),
    ("PUT", "cvp/clock", {"now": "1969-01-31T12:00:00Z"}, "the time of a clock must be from the year 1970 to 9999"),
    ("PUT", "cvp/clock", {"froze": True}, "froze: is not known here: is frozen meant?"),
    ("PUT", "cvp/clock", [], "must be an object, not a list"),
    ("PATCH", "cvp/servers/media", {}, "one of 'duration' (seconds) and 'outcome' (Success or Failure) is needed"),
    ("PATCH", "cvp/servers/media", {"duration": -1}, "duration: must be 0 or above, not -1.0"),
    ("PATCH", "cvp/servers/media", {"outcome": "Succes"}, "outcome: must be 'Success' or 'Failure', not 'Succes'"),
    ("PATCH", "cvp/servers/media", {"type": "CALL"}, "type: is not known here"),
    (
        "PUT",
        "cvp/deployment",
        {"servers": [{**SERVERS[0], "outcom": "Failure"}]},
        "servers[0].outcom: is not known here: is outcome meant?",
    ),
    ("PATCH", "cvp/servers/call", {"duration": 1}, "a server of type CALL is not synchronised"),
    ("PATCH", "cvp/servers/media", {"duration": True}, "duration: must be a number, not True"),
    ("PATCH", "cvp/servers/media", {"duration": 1e10}, "duration: must be 1000000000 or below"),
    ("PUT", "cvp/clock", {"advance": True}, "advance: must be a number, not True"),
    (
        "PUT",
        "cvp/deployment",
        {"servers": [{**SERVERS[0], "id": "\ud800"}]},
        "servers[0].id: must be text, with no half",
    ),
    ("PUT", "cvp/deployment", {"servers": [{**SERVERS[0], "ipaddr": 10}]}, "servers[0].ipaddr: must be an IP address"),
    ("PUT", "cvp/deployment", {"servers": [{**SERVERS[0], "id": ".."}]}, "servers[0].id: an id must not be '.' or"),
    ("PUT", "cvp/deployment", {"servers": [{**SERVERS[0], "id": "i" * 256}]}, "servers[0].id: must have at most 255"),
    ("PUT", "cvp/deployment", {}, "servers: is missing"),
    ("PUT", "cvp/deployment", {"servers": [{"id": "a"}]}, "servers[0].hostname: is missing"),
    ("PUT", "cvp/deployment", {"servers": [SERVERS[0], SERVERS[0]]}, "servers[1] has the id 'media' of servers[0]"),
    ("PUT", "cvp/deployment", None, "must be an object, not None"),
]


@pytest.mark.parametrize(("method", "path", "body", "reported"), BAD)
def test_an_invalid_request_gets_422_and_changes_nothing(
    admin: Admin, method: str, path: str, body: Any, reported: str
) -> None:
    before = admin("GET", "cvp/deployment"), admin("GET", "cvp/clock")
    response = admin.client.request(method, path, content=json.dumps(body))
    assert response.status_code == 422
    assert response.json()["errors"][0]["title"].startswith(reported)
    assert (admin("GET", "cvp/deployment"), admin("GET", "cvp/clock")) == before


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"servers": [], "servers": []}', b"[" * 100_000])
def test_a_control_request_that_is_not_json_gets_422(admin: Admin, body: bytes) -> None:
    response = admin.client.put("cvp/deployment", content=body)
    assert response.status_code == 422
    assert response.json()["errors"][0]["title"].startswith("the body is not JSON: ")


def test_tenants_are_isolated_from_each_other(deployed: ServerProcess, admin: Admin) -> None:
    made = [admin.client.post("cvp/tenants", json=body) for body in (None, {"username": "run-2", "password": "p"})]
    assert [response.status_code for response in made] == [201, 201]
    one, two = (response.json() for response in made)
    assert (two["username"], two["password"], two["admin"]) == ("run-2", "p", "/__admin/cvp/tenants/run-2")
    assert admin("GET", "cvp/tenants") == {"tenants": [one["username"], "run-2"]}
    for tenant in (one, two):
        auth = (tenant["username"], tenant["password"])
        with deployed.client(auth=auth, headers={"Accept": JSON}) as client:
            assert client.post(SYNCHRONIZE).status_code == 202
    base = f"cvp/tenants/{one['username']}"
    admin("PUT", f"{base}/cvp/clock", {"advance": 60})
    admin("PUT", f"{base}/cvp/deployment", {"servers": []})
    admin("POST", "reset")
    assert admin("GET", f"{base}/requests")["meta"]["total"] == 1
    assert admin("GET", "cvp/tenants/run-2/cvp/synchronizations")["meta"]["total"] == 1
    assert admin("GET", f"{base}/cvp/deployment")["servers"] == []
    assert len(admin("GET", "cvp/tenants/run-2/cvp/deployment")["servers"]) == 5
    assert admin("GET", "requests")["meta"]["total"] == 0
    admin("POST", "cvp/tenants/run-2/reset")
    assert admin("GET", "cvp/tenants/run-2/requests")["meta"]["total"] == 0
    for tenant in (one, two):
        admin("DELETE", f"cvp/tenants/{tenant['username']}")
    assert admin.client.get("cvp/tenants/run-2/requests").status_code == 404
    assert admin.client.delete("cvp/tenants/run-2").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"username": "wsmadmin"},
        {"username": "a/b"},
        {"user": "x"},
        {"password": 5},
        [],
        {"username": "a:b"},
        {"username": ".."},
    ],
)
def test_an_invalid_tenant_is_rejected(admin: Admin, body: Any) -> None:
    response = admin.client.post("cvp/tenants", json=body)
    assert response.status_code == 422
    assert "pydantic" not in response.text
    assert admin("GET", "cvp/tenants") == {"tenants": []}


def test_a_change_of_an_unknown_server_gets_404(admin: Admin) -> None:
    response = admin.client.patch("cvp/servers/nobody", json={"duration": 1})
    assert (response.status_code, response.json()["errors"][0]["title"]) == (404, "there is no server 'nobody'")


def test_the_error_for_a_host_name_names_the_id(admin: Admin) -> None:
    admin("PUT", "cvp/deployment", {"servers": [{**SERVERS[0], "id": "7", "hostname": "media-paris"}]})
    response = admin.client.patch("cvp/servers/media-paris", json={"duration": 1})
    wanted = "there is no server 'media-paris': the id of the server with this host name is '7'"
    assert (response.status_code, response.json()["errors"][0]["title"]) == (404, wanted)
