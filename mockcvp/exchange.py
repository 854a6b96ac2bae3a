"""The way of a call through a double: read whole, answered, recorded, told in the log, sent."""

import logging
import time
from asyncio import CancelledError

from starlette.types import ASGIApp, Receive, Scope, Send

from mockcvp.journal import Call, Journal
from mockcvp.oamp.api import OAMP, Answer, Headers, Request, SyncUp
from mockcvp.oamp.synchronization import RequestedServer

CONTROL_PATH = "/__admin"
ANSWERED = "mockcvp.answered"
"""Where in a call's state the server says what it has answered by itself, before the request was complete."""

_log = logging.getLogger("mockcvp.calls")
_NAMED_IN_A_LINE = 5


class Exchange:
    """The ASGI app that takes every call but those to ``/__admin``, which are none of the product's.

    Args:
        control: the app that those go to
        oamp: what answers
        journal: what remembers
        max_body_bytes: how much of a body is taken
    """

    def __init__(self, control: ASGIApp, oamp: OAMP, journal: Journal, max_body_bytes: int) -> None:
        self._control = control
        self._oamp = oamp
        self._journal = journal
        self._max_body_bytes = max_body_bytes
        self._in_process = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        if scope["type"] != "http" or f"{scope['path']}/".startswith(f"{CONTROL_PATH}/"):
            await self._control(scope, receive, send)
            return
        self._in_process += 1
        try:
            await self._exchange(scope, receive, send)
        except CancelledError:
            # only a server that has hung up and stops does that, and it needs no traceback in the log
            pass
        finally:
            self._in_process -= 1

    async def _exchange(self, scope: Scope, receive: Receive, send: Send) -> None:
        arrived, began, in_process = time.time(), time.perf_counter(), self._in_process
        query = scope["query_string"]
        target = (scope["raw_path"] + b"?" + query if query else scope["raw_path"]).decode("latin-1")
        headers = tuple(scope["headers"])
        body = _Body(self._max_body_bytes)
        declined = _waits_to_send_more_than(self._max_body_bytes, headers)
        complete = False
        try:
            complete = declined or await body.read(receive)
        finally:
            # also where the server stops while the body still comes; nothing waits between the answer and its
            # record, so that the journal's order is the order of the effects
            exceeded = self._max_body_bytes if declined or body.oversize else 0
            authority = "{}:{}".format(*scope["server"]) if scope.get("server") else "localhost"
            request = Request(
                scope["method"], scope["path"], target, headers, body.taken, exceeded, in_process, authority
            )
            answer = self._oamp.answer(request) if complete else scope.get("state", {}).get(ANSWERED)
            client = scope["client"][0] if scope["client"] else ""
            call = self._journal.record(arrived, time.perf_counter() - began, client, request, answer)
            if _log.isEnabledFor(logging.INFO):
                _log.info("%s", line(call))
        if complete and answer:
            # a client that was not given leave to send its body may send it all the same
            await _send(answer, send, close=declined)


class _Body:
    """A request's body: read to its end, and kept as far as it is taken."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.taken = b""
        self.oversize = False

    async def read(self, receive: Receive) -> bool:
        """Return whether the body came to its end before the client closed the connection."""
        chunks: list[bytes] = []
        room = self._limit
        more = True
        try:
            while more and (message := await receive())["type"] == "http.request":
                chunk, more = message.get("body", b""), message.get("more_body", False)
                self.oversize = self.oversize or len(chunk) > room
                if room and chunk:
                    chunks.append(chunk[:room])
                    room -= len(chunks[-1])
        finally:
            self.taken = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        return not more


def _waits_to_send_more_than(limit: int, headers: Headers) -> bool:
    fields = dict(headers)
    length = fields.get(b"content-length", b"")
    return fields.get(b"expect", b"").lower() == b"100-continue" and length.isdigit() and int(length) > limit


async def _send(answer: Answer, send: Send, *, close: bool) -> None:
    headers = (*answer.headers, (b"connection", b"close")) if close else answer.headers
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def line(call: Call) -> str:
    """Return a call as the log tells it: status, method, path, user, and what came of it."""
    status = call.answer.status if call.answer else "---"
    user = call.request.user or "-"
    return _printable(f"{status} {call.request.method} {call.request.target} {user} {_what_came_of(call)}".rstrip())


def _what_came_of(call: Call) -> str:
    if call.answer is None:
        return "the connection was closed before the request was complete"
    if call.answer.refusal is not None:
        return call.answer.refusal
    return _synchronised(call.answer.sync_up) if call.answer.sync_up else ""


def _synchronised(sync_up: SyncUp) -> str:
    requested, ignored = sync_up.requested, sync_up.ignored
    told = [_told(server) for server in requested[:_NAMED_IN_A_LINE]] or ["full sync-up of every server"]
    if len(requested) > _NAMED_IN_A_LINE:
        told.append(f"and {len(requested) - _NAMED_IN_A_LINE} more")
    if ignored:
        told.append(f"ignored, since it means nothing here: {', '.join(ignored[:_NAMED_IN_A_LINE])}")
    return "; ".join(told)


def _told(server: RequestedServer) -> str:
    kind = "full sync-up" if server.full else f"incremental sync-up since {server.sincetime}"
    return f"{kind} of {server.ref_url}"


def _printable(text: str) -> str:
    # what a client sends must not be able to write a line of its own
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
