"""The way of a call through a double: read whole, answered, recorded, told in the log, sent."""

import asyncio
import logging
import time
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from mockcvp.double import Double, Life
from mockcvp.journal import Call
from mockcvp.oamp.api import MALFORMED, Answer, Headers, Request, SyncUp
from mockcvp.oamp.synchronization import RequestedServer
from mockcvp.stubbing.responses import Dribble, Fault
from mockcvp.stubbing.stubs import StubMapping
from mockcvp.wire_log import wire_lines
from mockcvp.wording import printable

MALFORMED_BODY = "mockcvp.malformed_body"
"""What the server puts into a call's state where the body of the request turns out to be malformed HTTP."""

CONTROL_PORT = "mockcvp.control_port"
"""Where the server puts the port of the control API, if that is served apart."""

WIRE = "mockcvp.wire"
"""Where the server puts what a call can do to its connection."""

LARGE = 64 * 1024
"""Of an answer's body in bytes: a larger one may wait for its client, a smaller one is with the system at once."""

_log = logging.getLogger("mockcvp.calls")
_NAMED_IN_A_LINE = 5
_LONGEST_NAME = 200


class Wire(Protocol):
    """A call on its connection, as the server puts it into the call's state under ``WIRE``."""

    async def answer(self, answer: Answer, *, close: bool) -> bool:
        """Send an answer whole, with the length that its headers say, and return whether its client was still there.

        A large one is held.
        """

    def hold(self) -> None:
        """Have the next call on the connection wait until the answer to this one is taken."""

    async def taken(self) -> bool:
        """Wait until a client has taken all of an answer after ``hold``, and return whether it has."""

    def misbehave(self, fault: Fault) -> None:
        """Do what a fault says instead of answering."""

    def hang_up(self) -> None:
        """Close the connection at once."""

    def prepare(self, reason: str | None, *, dated: bool) -> None:
        """Have the coming answer with these words after its status, and with no date where it has its own."""

    @property
    def gone(self) -> bool:
        """Whether the client has hung up."""


class Reply(NamedTuple):
    """What a call meets.

    Attributes:
        answer: None where it meets a fault, or was never complete
        fault: what the connection does instead of an answer
        mapping: the stub mapping that this comes from; None: the product
        delay: how long it is held back, in seconds
        reason: the words after the status, where they are not the usual ones
        dribble: in which pieces the body comes, where it does
    """

    answer: Answer | None = None
    fault: Fault | None = None
    mapping: StubMapping | None = None
    delay: float = 0.0
    reason: str | None = None
    dribble: Dribble | None = None


@lru_cache(maxsize=256)
def _kept(headers: Headers) -> Headers:
    """Return headers as they were the first time: a client sends the same again and again, and each call keeps them."""
    return headers


class Exchange:
    """The ASGI app that takes every call but those that control the double, which are none of the product's.

    Args:
        control: the app that those go to
        control_path: what their paths begin with
        double: what is called
    """

    def __init__(self, control: ASGIApp, control_path: str, double: Double) -> None:
        self._control = control
        self._control_path = control_path
        self._control_prefix = f"{control_path}/"
        self._double = double

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        if scope["type"] != "http" or self._controls(scope):
            # it refers to the call that has it, and these have no use for it
            scope.get("state", {}).pop(WIRE, None)
            await self._control(scope, receive, send)
            return
        headers = _kept(tuple(scope["headers"]))
        double = self._called(headers) if self._double.tenants else self._double
        life = double.life
        life.in_process += 1
        try:
            left = await _exchange(double, life, scope, headers, receive, send)
        finally:
            life.in_process -= 1
        if left and not await left[1].taken():
            _cut_off(double, life, left[0])

    def _controls(self, scope: Scope) -> bool:
        apart = scope["state"].get(CONTROL_PORT) if "state" in scope else None
        if apart is None:
            path: str = scope["path"]
            return path.startswith(self._control_path) and f"{path}/".startswith(self._control_prefix)
        return bool(scope["server"] and scope["server"][1] == apart)

    def _called(self, headers: Headers) -> Double:
        """Return the double that a call is for: a tenant's, or the one that is served."""
        user = Request("", "", "", headers).user
        return self._double.tenants.get(user, self._double) if user else self._double


async def _exchange(
    double: Double, life: Life, scope: Scope, headers: Headers, receive: Receive, send: Send
) -> tuple[Call, Wire] | None:
    """Do all that one call wants; return it where its answer is large, and not known to be taken."""
    arrived, began = time.time(), time.perf_counter()
    throttled = life.in_process > double.oamp.max_in_process
    state = scope.get("state", {})
    limit = double.settings.max_body_bytes
    # taken out, since it refers to the call that has this state
    wire: Wire | None = state.pop(WIRE, None)
    declined = _waits_to_send_more_than(limit, headers)
    # what is throttled takes no memory
    body, oversize, complete = (b"", True, True) if declined else await _read(receive, 0 if throttled else limit)
    path: str = scope["path"]
    request = Request(
        scope["method"],
        path,
        path if not scope["query_string"] and len(scope["raw_path"]) == len(path) else _target(scope),
        headers,
        body,
        limit if declined or (oversize and not throttled) else 0,
        throttled,
        _authority(scope["server"]) if scope["server"] else "localhost",
    )
    if double.life is not life:
        _hang_up(request, wire)
        return None
    # from here to the record nothing waits, so that the journal's order is the order of the effects
    reply = Reply()
    if state.get(MALFORMED_BODY):
        reply = Reply(MALFORMED)
    elif complete:
        reply = _reply(double, request)
    client = scope["client"][0] if scope["client"] else ""
    answer, fault, mapping, delay, _, _ = reply
    duration = time.perf_counter() - began + delay
    call = double.journal.record(arrived, duration, client, request, answer, fault, mapping, delay)
    if _log.isEnabledFor(logging.INFO):
        _log.info("%s", line(call))
        if _log.isEnabledFor(logging.DEBUG):
            for wire_line in wire_lines(call):
                _log.debug("%s", wire_line)
    if mapping is None and not delay and answer and wire:
        # nearly every call: nothing came between, and nothing is changed on the way
        delivered = await wire.answer(answer, close=declined or answer is MALFORMED)
    else:
        delivered = await _deliver(double, life, request, reply, send, wire, close=declined)
    if answer and not delivered:
        _cut_off(double, life, call)
    elif answer and wire and len(answer.body) > LARGE:
        return call, wire
    return None


def _cut_off(double: Double, life: Life, call: Call) -> None:
    if double.life is life:
        double.journal.cut_off(call)
        target = printable(_shortened(call.request.target))
        _log.info("--- %s: its client was gone before all of its answer was sent", target)


async def _deliver(
    double: Double, life: Life, request: Request, reply: Reply, send: Send, wire: Wire | None, *, close: bool
) -> bool:
    """Do what a call meets, and return whether that was done to its end."""

    def ended() -> bool:
        return double.life is not life or (wire is not None and wire.gone)

    done = False
    if reply.delay and not await _held_back(reply.delay):
        return False
    if reply.answer and not ended():
        if wire and reply.mapping:
            dated = any(name.lower() == b"date" for name, _ in reply.answer.headers)
            wire.prepare(reply.reason, dated=dated)
        if wire and len(reply.answer.body) > LARGE:
            wire.hold()
        # a client that was not given leave to send its body may send it all the same
        try:
            done = await _send(reply.answer, send, reply.dribble, ended, close=close)
        except asyncio.CancelledError:
            # a server that stops has hung up
            return False
        # uvicorn passes over what it cannot send
        done = done and not (wire and wire.gone)
    elif reply.fault and wire and not ended():
        wire.misbehave(reply.fault)
        done = True
    if double.life is not life:
        _hang_up(request, wire)
    return done


def _hang_up(request: Request, wire: Wire | None) -> None:
    # what was started before a reset must not show after it
    _log.info("--- %s: in flight when the double was reset, and hung up on", printable(request.target))
    if wire:
        wire.hang_up()


def _reply(double: Double, request: Request) -> Reply:
    stubs = double.stubs
    mapping = stubs.take(request) if stubs.mappings and not request.throttled else None
    if mapping is None:
        delay = stubs.delays.drawn(stubs.delays) if stubs.settings else 0.0
        return Reply(double.oamp.answer(request), None, None, delay)
    response = mapping.response
    delay = response.delays.drawn(stubs.delays)
    if response.fault is not None:
        return Reply(None, response.fault, mapping, delay)
    if response.error is not None:
        return Reply(double.oamp.refuse(request, response.error), None, mapping, delay)
    headers = (*response.headers, (b"matched-stub-id", mapping.id.encode()))
    return Reply(
        Answer(response.status, headers, response.body), None, mapping, delay, response.reason, response.dribble
    )


async def _held_back(seconds: float) -> bool:
    """Return after that time whether the server still runs."""
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        return False
    return True


def _target(scope: Scope) -> str:
    query: bytes = scope["query_string"]
    target: bytes = scope["raw_path"] + b"?" + query if query else scope["raw_path"]
    return target.decode("latin-1")


@lru_cache(maxsize=16)
def _authority(server: tuple[str, int]) -> str:
    host, port = server
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def _read(receive: Receive, limit: int) -> tuple[bytes, bool, bool]:
    """Read a request's body to its end, and keep it as far as it is taken.

    Returns:
        what is kept; whether there was more; whether the body came to its end, and neither its client nor this server
        hung up before
    """
    chunks: list[bytes] = []
    room, oversize, more = limit, False, True
    try:
        while more and (message := await receive())["type"] == "http.request":
            chunk, more = message.get("body", b""), message.get("more_body", False)
            oversize = oversize or len(chunk) > room
            if room and chunk:
                chunks.append(chunk[:room])
                room -= len(chunks[-1])
    except asyncio.CancelledError:
        # a server that has hung up on a call and stops cancels it, and it needs no traceback in the log
        pass
    return chunks[0] if len(chunks) == 1 else b"".join(chunks), oversize, not more


@lru_cache(maxsize=256)
def _waits_to_send_more_than(limit: int, headers: Headers) -> bool:
    fields = dict(headers)
    if b"expect" not in fields or fields[b"expect"].lower() != b"100-continue":
        return False
    length = fields.get(b"content-length", b"0").lstrip(b"0") or b"0"
    # more digits than any limit has, and than Python would turn into a number
    return len(length) > 30 or int(length) > limit


async def _send(answer: Answer, send: Send, dribble: Dribble | None, ended: Callable[[], bool], *, close: bool) -> bool:
    """Send an answer; one in pieces no further than it is wanted. Return whether all of it was sent."""
    headers = (*answer.headers, (b"connection", b"close")) if close else answer.headers
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if not dribble or not answer.body:
        await send({"type": "http.response.body", "body": answer.body})
        return True
    pieces = dribble.pieces(answer.body)
    for piece in pieces:
        if not await _held_back(dribble.seconds / len(pieces)) or ended():
            return False
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
    return True


def line(call: Call) -> str:
    """Return a call as the log tells it: status, method, path, user, and what came of it."""
    status = call.answer.status if call.answer else "---"
    user, target = _shortened(call.request.user or "-"), _shortened(call.request.target)
    return printable(f"{status} {call.request.method} {target} {user} {_what_came_of(call)}".rstrip())


def _what_came_of(call: Call) -> str:
    if call.fault is not None:
        return f"{call.fault}, as planned"
    if call.answer is None:
        return "the connection was closed before the request was complete"
    if call.answer.refusal is not None:
        return _shortened(call.answer.refusal, 5 * _LONGEST_NAME)
    if call.mapping is not None:
        return f"answered by the stub mapping {_shortened(call.mapping.name or call.mapping.id)}"
    return _synchronised(call.answer.sync_up) if call.answer.sync_up else ""


def _synchronised(sync_up: SyncUp) -> str:
    requested, ignored = sync_up.requested, sync_up.ignored
    told = [_told(server) for server in requested[:_NAMED_IN_A_LINE]] or ["full sync-up of every server"]
    if len(requested) > _NAMED_IN_A_LINE:
        told.append(f"and {len(requested) - _NAMED_IN_A_LINE} more")
    if ignored:
        told.append(f"ignored, since it means nothing here: {', '.join(map(_shortened, ignored[:_NAMED_IN_A_LINE]))}")
    return "; ".join(told)


def _told(server: RequestedServer) -> str:
    kind = "full sync-up" if server.full else f"incremental sync-up since {server.sincetime}"
    return f"{kind} of {_shortened(server.ref_url)}"


def _shortened(text: str, most: int = _LONGEST_NAME) -> str:
    return text if len(text) <= most else f"{text[:most]}…"
