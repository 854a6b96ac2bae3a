"""The calls of the journal as WireMock's serve events."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from mockcvp.admin.streaming import LARGE, base64_of, json_of, text_of
from mockcvp.journal import Call
from mockcvp.oamp.http import Headers
from mockcvp.pipeline.wire_log import masked
from mockcvp.stubs.content import Subject
from mockcvp.stubs.pattern import RequestPattern


def json_of_call(call: Call, form: dict[str, Any]) -> Iterable[str]:
    """Return the JSON of a call in chunks; ``form`` is the result of ``served_request`` or ``logged_request``."""
    return json_of(form, is_large=call.size > LARGE)


def served_request(call: Call, call_id: str) -> dict[str, Any]:
    """Return a call as a serve event of WireMock."""
    response, mapping = call.response, call.mapping
    status, delay = response.status if response else 0, round(call.delay * 1000)
    milliseconds = round((call.duration - call.delay) * 1000)
    return {
        "id": call_id,
        "request": logged_request(call),
        # WireMock's client for Java reads this in place of wasMatched
        "responseDefinition": {"status": status, "fromConfiguredStub": call.matched},
        "response": {
            "status": status,
            "headers": _headers(response.headers if response else ()),
            "body": text_of(response.body) if response else "",
            "bodyAsBase64": base64_of(response.body) if response else "",
        },
        "wasMatched": call.matched,
        "timing": {
            "addedDelay": delay,
            "processTime": milliseconds,
            "responseSendTime": 0,
            "serveTime": milliseconds,
            "totalTime": milliseconds + delay,
        },
        "subEvents": [],
        **({"stubMapping": mapping.document} if mapping else {}),
    }


def logged_request(call: Call, differences: list[str] | None = None) -> dict[str, Any]:
    """Return the request of a call as a logged request of WireMock.

    Args:
        call: the call
        differences: its differences from a pattern, for a near miss
    """
    request = call.request
    authority = request.header(b"host") or request.authority
    url = f"https://{authority}{request.target}"
    host, port = _split(authority)
    return {
        "url": request.target,
        "absoluteUrl": url,
        "method": request.method,
        "clientIp": call.client,
        "headers": _headers(request.headers),
        "cookies": {},
        "browserProxyRequest": False,
        "loggedDate": int(call.time * 1000),
        "bodyAsBase64": base64_of(request.body),
        "body": text_of(request.body),
        "protocol": "HTTP/1.1",
        "scheme": "https",
        "host": host,
        "port": port,
        "loggedDateString": datetime.fromtimestamp(call.time, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
        "queryParams": _query(request.query),
        "formParams": {},
        "mockcvp": _extension(call) | ({} if differences is None else {"differences": differences}),
    }


def near_miss(call: Call, pattern: RequestPattern, distance: float, **compared: Any) -> dict[str, Any]:
    """Return a near miss of WireMock.

    Args:
        call: the call
        pattern: the pattern that the call nearly matches
        distance: the distance of the call from the pattern, from 0 to 1
        compared: the pattern or the stub mapping in JSON, by the name of its member in the near miss
    """
    result = {"subEvents": [], "diffDescriptions": [], "distance": distance}
    # a regular expression that finished for the distance may time out for the differences
    differences = pattern.tolerant().differences(Subject(call.request, call))
    return {"request": logged_request(call, differences), **compared, "matchResult": result}


def _extension(call: Call) -> dict[str, Any]:
    # WireMock's client for Java accepts unknown members only in the request
    response = call.response
    sync_up = response.sync_up if response else None
    return {
        "number": call.number,
        "path": call.request.path,
        "query": call.request.query,
        "user": call.request.user,
        "duration": call.duration,
        "complete": response is not None or call.fault is not None,
        "delivered": call.delivered,
        "oversize": bool(call.request.exceeded),
        "unread": call.request.unread,
        "refusal": response.reason if response else None,
        "synchronization": {
            "servers": [
                {"refURL": server.ref_url, "sincetime": server.sincetime, "full": server.full}
                for server in sync_up.requested
            ],
            "started": [run.server_id for run in sync_up.started],
        }
        if sync_up
        else None,
        "fault": call.fault,
        "ignored": sync_up.ignored if sync_up else [],
    }


def _split(authority: str) -> tuple[str, int]:
    try:
        parts = urlsplit(f"https://{authority}")
        return parts.hostname or authority, parts.port or 443
    except ValueError:
        return authority, 443


def _query(query: str) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        parameters.setdefault(name, {"key": name, "values": []})["values"].append(value)
    return parameters


def _headers(headers: Headers) -> dict[str, str | list[str]]:
    members: dict[str, str | list[str]] = {}
    for name, value in ((name.decode("latin-1"), masked(name, value)) for name, value in headers):
        earlier = members.get(name)
        if earlier is None:
            members[name] = value
        else:
            members[name] = [*(earlier if isinstance(earlier, list) else [earlier]), value]
    return members
