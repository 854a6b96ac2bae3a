"""The calls of the journal in WireMock's shape."""

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

from mockcvp.journal import Call, Page
from mockcvp.oamp.api import Headers


def served_requests(page: Page) -> dict[str, Any]:
    """Return some calls of the journal as WireMock lists the requests that it has served."""
    return {
        "requests": [_served_request(call, page.id(call)) for call in page.calls],
        "meta": {"total": page.total, "kept": page.kept},
        "requestJournalDisabled": False,
    }


def _served_request(call: Call, call_id: str) -> dict[str, Any]:
    request, answer = call.request, call.answer
    host = request.header(b"host")
    milliseconds = round(call.duration * 1000)
    return {
        "id": call_id,
        "request": {
            "url": request.target,
            "absoluteUrl": f"https://{host}{request.target}" if host else request.target,
            "method": request.method,
            "clientIp": call.client,
            "headers": _headers(request.headers),
            "body": request.body.decode(errors="replace"),
            "bodyAsBase64": b64encode(request.body).decode(),
            "loggedDate": int(call.time * 1000),
            "loggedDateString": f"{datetime.fromtimestamp(call.time, UTC):%Y-%m-%dT%H:%M:%SZ}",
        },
        "response": {
            "status": answer.status if answer else 0,
            "headers": _headers(answer.headers if answer else ()),
            "body": answer.body.decode() if answer else "",
            "bodyAsBase64": b64encode(answer.body).decode() if answer else "",
        },
        "wasMatched": answer is not None and answer.status not in (404, 405),
        "timing": {"processTime": milliseconds, "totalTime": milliseconds},
        "mockcvp": _told(call),
    }


def _told(call: Call) -> dict[str, Any]:
    """Return what WireMock has no member for."""
    answer = call.answer
    sync_up = answer.sync_up if answer else None
    return {
        "number": call.number,
        "path": call.request.path,
        "query": call.request.query,
        "user": call.request.user,
        "duration": call.duration,
        "complete": answer is not None,
        "oversize": bool(call.request.exceeded),
        "refusal": answer.refusal if answer else None,
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


def _headers(headers: Headers) -> dict[str, str | list[str]]:
    members: dict[str, str | list[str]] = {}
    for name, value in ((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers):
        earlier = members.get(name)
        if earlier is None:
            members[name] = value
        else:
            members[name] = [*(earlier if isinstance(earlier, list) else [earlier]), value]
    return members
