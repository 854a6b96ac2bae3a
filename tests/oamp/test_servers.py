"""The servers of a deployment and their sync-ups, over HTTP (contract, sections 6 and 7)."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from tests.admin_client import CALL, MEDIA, RPT, SERVERS, STANDALONE, VXML, Admin, get, status, synchronize
from tests.server_process import JSON, SYNCHRONIZE, XML, ServerProcess

FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "deployments"


def error_type(response: httpx.Response) -> str:
    return str(response.json()["apiErrors"]["apiError"]["errorType"])


def test_the_servers_are_listed_in_the_deployments_order(cvp: httpx.Client) -> None:
    listed = get(cvp, "server")["results"]["servers"]["server"]
    assert [list(server) for server in listed] == [["refURL", "hostname", "ipaddr", "type"]] * 5
    assert [(server["hostname"], server["ipaddr"], server["type"]) for server in listed] == [
        (server["hostname"], server["ipaddr"], server["type"]) for server in SERVERS
    ]


def test_the_server_list_has_the_same_fields_in_xml(cvp: httpx.Client) -> None:
    response = cvp.get("server?q=type:CALL", headers={"Accept": XML})
    assert response.text == (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?><results><servers><server>'
        f"<refURL>{cvp.base_url}server/call</refURL><hostname>c.example</hostname><ipaddr>10.0.0.4</ipaddr>"
        "<type>CALL</type></server></servers></results>"
    )


@pytest.mark.parametrize("type_", ["VXML", "MEDIA", "CALL", "VXML_STANDALONE", "RPT"])
@pytest.mark.parametrize("query", ["q=type:{}", "x=1&q=type%3A{}"])
def test_the_server_list_can_be_filtered_by_type(cvp: httpx.Client, type_: str, query: str) -> None:
    server = get(cvp, f"server?{query.format(type_)}")["results"]["servers"]["server"]
    assert server["type"] == type_


@pytest.mark.parametrize(
    "query",
    [
        *("q=type:*", "q=type:VX*", "q=type:vxml", "q=type:OTHER", "q=type:", "q=type", "q=", "q=VXML", "q=hostname:x"),
        *("q=type:VXML,MEDIA", "q=type:VXML&q=type:MEDIA", "q=Type:VXML", "q=type:VXML%20"),
    ],
)
def test_an_invalid_query_gets_400_with_the_valid_values(cvp: httpx.Client, query: str) -> None:
    response = cvp.get(f"server?{query}")
    assert response.status_code == 400
    error = response.json()["apiErrors"]["apiError"]
    assert error["errorDetail"]["-xsi:type"] == "invalidValueErrorDetail"
    assert error["errorDetail"]["valid"] == "type:VXML|MEDIA|CALL|VXML_STANDALONE|RPT"


def test_a_json_list_is_null_an_object_or_an_array(admin: Admin, cvp: httpx.Client) -> None:
    def listed(count: int) -> Any:
        admin("PUT", "cvp/deployment", {"servers": SERVERS[:count]})
        return get(cvp, "server")["results"]["servers"], get(cvp, "server/synchronize")["synchronize"]["servers"]

    assert listed(0) == (None, None)
    assert all(isinstance(container["server"], dict) for container in listed(1))
    assert all(isinstance(container["server"], list) for container in listed(2))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "oamp.example:8111"])
def test_a_ref_url_has_the_host_of_the_request(deployed: ServerProcess, cvp: httpx.Client, host: str) -> None:
    headers = {} if host in ("localhost", "127.0.0.1") else {"Host": host}
    base = f"https://{host if headers else f'{host}:{deployed.port}'}/cvp-config"
    address = f"https://127.0.0.1:{deployed.port}" if headers else f"https://{host}:{deployed.port}"
    response = cvp.get(f"{address}/cvp-config/server/media", headers=headers)
    assert response.json()["server"]["refURL"] == f"{base}/server/media"
    if not headers:
        assert cvp.get(response.json()["server"]["refURL"]).json() == response.json()


def test_a_ref_url_without_host_header_has_the_server_address(deployed: ServerProcess, admin: Admin) -> None:
    assert admin
    with deployed.connection() as connection:
        authorization = "Authorization: Basic d3NtYWRtaW46d3NtYWRtaW4="
        connection.sendall(f"GET /cvp-config/server/media HTTP/1.0\r\nAccept: */*\r\n{authorization}\r\n\r\n".encode())
        response = b""
        while more := connection.recv(65536):
            response += more
    assert f"<refURL>https://127.0.0.1:{deployed.port}/cvp-config/server/media</refURL>".encode() in response


@pytest.mark.parametrize("path", ["server/nobody", "server/nobody/synchronize", "server/", "server/call/x"])
def test_an_unknown_id_gets_404(cvp: httpx.Client, path: str) -> None:
    response = cvp.get(path)
    if path == "server/":
        # This is the path of the list with a trailing slash.
        assert response.status_code == 200
    else:
        assert (response.status_code, error_type(response)) == (404, "Not found")


@pytest.mark.parametrize(
    "path", ["server", "server/media", "server/synchronize", "server/media/synchronize", "version"]
)
def test_a_resource_with_get_supports_only_get_and_head(cvp: httpx.Client, path: str) -> None:
    got, head, put = cvp.get(path), cvp.head(path), cvp.put(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    assert (put.status_code, put.headers["allow"]) == (405, "GET, HEAD")
    assert cvp.get(path, headers={"Accept": "text/html"}).status_code == 406
    assert cvp.get(path, auth=("wsmadmin", "wrong")).status_code == 401


def test_the_version_has_the_fields_of_the_oamp(cvp: httpx.Client) -> None:
    assert list(get(cvp, "version")["version"]) == [
        *("majorVersion", "minorVersion", "maintenanceVersion", "srVersion", "esVersion", "buildVersion", "buildDate")
    ]


def test_the_status_before_the_first_sync_up_is_not_started(cvp: httpx.Client) -> None:
    assert status(cvp, MEDIA) == {"sincetime": "0", "syncStatus": "Not Started"}


def test_only_a_synchronised_server_has_a_status(cvp: httpx.Client) -> None:
    listed = get(cvp, "server/synchronize")["synchronize"]["servers"]["server"]
    assert [server["refURL"].rpartition("/")[2] for server in listed] == [MEDIA, VXML, STANDALONE]
    for other in (CALL, RPT):
        response = cvp.get(f"server/{other}/synchronize")
        assert (response.status_code, error_type(response)) == (404, "Not found")


def test_the_fields_of_a_status_are_in_the_documented_order(admin: Admin, cvp: httpx.Client) -> None:
    synchronize(cvp, MEDIA)
    admin("PUT", "cvp/clock", {"advance": 60})
    synchronize(cvp, {"refURL": MEDIA, "sincetime": "1896091200"})
    assert get(cvp, f"server/{MEDIA}/synchronize") == {
        "server": {
            "hostname": "m.example",
            "lastFullSyncTime": "2030-01-31T05:00:00-07:00",
            "lastIncrementalSyncTime": "2030-01-31T05:01:00-07:00",
            "refURL": f"{cvp.base_url}server/media",
            "sincetime": "1896091200",
            "syncStatus": "Success",
        }
    }
    assert list(get(cvp, f"server/{MEDIA}/synchronize")["server"]) == [
        *("hostname", "lastFullSyncTime", "lastIncrementalSyncTime", "refURL", "sincetime", "syncStatus")
    ]


@pytest.mark.parametrize(
    ("sincetime", "set_", "not_set"),
    [("0", "lastFullSyncTime", "lastIncrementalSyncTime"), ("9", "lastIncrementalSyncTime", "lastFullSyncTime")],
)
def test_a_successful_sync_up_sets_the_time_of_its_kind(
    admin: Admin, cvp: httpx.Client, sincetime: str, set_: str, not_set: str
) -> None:
    synchronize(cvp, {"refURL": VXML, "sincetime": sincetime})
    assert status(cvp, VXML) == {"sincetime": sincetime, "syncStatus": "In Progress"}
    admin("PUT", "cvp/clock", {"advance": 29.999})
    assert status(cvp, VXML)["syncStatus"] == "In Progress"
    admin("PUT", "cvp/clock", {"advance": 1000})
    ended = status(cvp, VXML)
    assert ended == {set_: "2030-01-31T05:00:30-07:00", "sincetime": sincetime, "syncStatus": "Success"}
    assert not_set not in ended


def test_a_failed_sync_up_sets_no_time(admin: Admin, cvp: httpx.Client) -> None:
    synchronize(cvp, STANDALONE)
    assert status(cvp, STANDALONE) == {"sincetime": "0", "syncStatus": "Failure"}
    admin("PATCH", f"cvp/servers/{STANDALONE}", {"outcome": "Success"})
    synchronize(cvp, STANDALONE)
    successful = status(cvp, STANDALONE)
    admin("PATCH", f"cvp/servers/{STANDALONE}", {"outcome": "Failure"})
    admin("PUT", "cvp/clock", {"advance": 60})
    synchronize(cvp, STANDALONE)
    # The time of the last successful sync-up stays.
    assert status(cvp, STANDALONE) == successful | {"syncStatus": "Failure"}


def test_a_second_request_restarts_the_sync_up(admin: Admin, cvp: httpx.Client) -> None:
    synchronize(cvp, VXML)
    admin("PUT", "cvp/clock", {"advance": 20})
    synchronize(cvp, {"refURL": VXML, "sincetime": "5"})
    admin("PUT", "cvp/clock", {"advance": 20})
    assert status(cvp, VXML) == {"sincetime": "5", "syncStatus": "In Progress"}
    admin("PUT", "cvp/clock", {"advance": 10})
    assert status(cvp, VXML)["lastIncrementalSyncTime"] == "2030-01-31T05:00:50-07:00"
    assert "lastFullSyncTime" not in status(cvp, VXML)


def test_an_empty_sync_up_starts_all_synchronised_servers(cvp: httpx.Client) -> None:
    assert cvp.post(SYNCHRONIZE).status_code == 202
    listed = get(cvp, "server/synchronize")["synchronize"]["servers"]["server"]
    assert [server["syncStatus"] for server in listed] == ["Success", "In Progress", "Failure"]


@pytest.mark.parametrize("media_type", [JSON, XML])
def test_the_list_of_statuses_is_a_valid_sync_up_body(cvp: httpx.Client, media_type: str) -> None:
    listed = cvp.get("server/synchronize", headers={"Accept": media_type}).content
    headers = {"Content-Type": media_type}
    assert cvp.post(SYNCHRONIZE, content=listed, headers=headers).status_code == 202
    assert status(cvp, MEDIA)["syncStatus"] == "Success"


@pytest.mark.parametrize("server", [CALL, RPT])
def test_a_server_that_is_not_synchronised_is_rejected(cvp: httpx.Client, server: str) -> None:
    sent = {"synchronize": {"servers": {"server": [MEDIA, f"https://x/cvp-config/server/{server}"]}}}
    response = cvp.post(SYNCHRONIZE, json=sent)
    error = response.json()["apiErrors"]["apiError"]
    assert response.status_code == 400
    assert (error["errorType"], error["errorData"]) == ("invalidInput.invalidServerRef", "serverRef")
    assert error["errorDetail"]["actual"] == f"https://x/cvp-config/server/{server}"
    assert error["errorDetail"]["valid"] == "a server of type MEDIA, VXML or VXML_STANDALONE"
    # A rejected request changes nothing, not even the status of its valid servers.
    assert status(cvp, MEDIA)["syncStatus"] == "Not Started"


def test_all_errors_of_a_body_are_reported_together(cvp: httpx.Client) -> None:
    sent = {"synchronize": {"servers": {"server": [{"refURL": CALL, "sincetime": "-1"}, {}, MEDIA, MEDIA]}}}
    response = cvp.post(SYNCHRONIZE, json=sent)
    types = [error["errorType"].removeprefix("invalidInput.") for error in response.json()["apiErrors"]["apiError"]]
    assert types == ["invalidSinceTime", "invalidServerRef", "requiredInputfieldMissing", "duplicateServerRef"]


@pytest.mark.parametrize("reference", ["ref-url of server", "https://x/cvp-config/server/new%20one", "1e-5", "a/b"])
def test_an_unknown_server_is_accepted_and_added_by_default(cvp: httpx.Client, reference: str) -> None:
    synchronize(cvp, reference)
    added = get(cvp, "server?q=type:MEDIA")["results"]["servers"]["server"][-1]
    reported = cvp.get(added["refURL"] + "/synchronize").json()["server"]
    assert reported["syncStatus"] == "Success"
    assert reported["refURL"] == added["refURL"]


@pytest.mark.parametrize("reference", ["synchronize", "/", "https://x/cvp-config/server/a/synchronize"])
def test_a_reference_without_a_server_id_is_rejected(cvp: httpx.Client, reference: str) -> None:
    response = cvp.post(SYNCHRONIZE, json={"synchronize": {"servers": {"server": reference}}})
    assert (response.status_code, error_type(response)) == (400, "invalidInput.invalidServerRef")


def test_unknown_servers_can_be_rejected(tmp_path: Path) -> None:
    options = ["--unknown-servers", "reject", "--deployment", str(FIXTURES / "three-servers.yaml")]
    with ServerProcess(tmp_path, *options) as server, server.client(headers={"Accept": JSON}) as cvp:
        synchronize(cvp, "https://x/cvp-config/server/c351883d-b266-4f6d-8c47-c88bf80f9a1d")
        response = cvp.post(SYNCHRONIZE, json={"synchronize": {"servers": {"server": "nobody"}}})
        error = response.json()["apiErrors"]["apiError"]
        assert response.status_code == 400
        assert error["errorType"] == "invalidInput.invalidServerRef"
        assert error["errorData"] == "serverRef"
        detail = {"actual": "nobody", "valid": "a server of the deployment"}
        assert error["errorDetail"] | detail == error["errorDetail"]
        assert len(get(cvp, "server")["results"]["servers"]["server"]) == 3


def test_the_default_deployment_has_a_server_of_each_type(admin: Admin, cvp: httpx.Client) -> None:
    admin("POST", "reset")
    listed = get(cvp, "server")["results"]["servers"]["server"]
    assert [(server["type"], server["hostname"], server["refURL"].rpartition("/")[2]) for server in listed] == [
        ("MEDIA", "media-1", "media-1"),
        ("VXML", "vxml-1", "vxml-1"),
        ("VXML_STANDALONE", "vxml-standalone-1", "vxml-standalone-1"),
        ("CALL", "call-1", "call-1"),
        ("RPT", "reporting-1", "reporting-1"),
    ]


@pytest.mark.parametrize(("name", "count"), [("three-servers.yaml", 3), ("two-hundred-servers.json", 200)])
def test_the_sample_deployments_can_be_served(tmp_path: Path, name: str, count: int) -> None:
    with ServerProcess(tmp_path, "--deployment", str(FIXTURES / name)) as server, server.client() as cvp:
        root = ElementTree.fromstring(cvp.get("server", headers={"Accept": XML}).content)
        assert len(root.findall("servers/server")) == count
