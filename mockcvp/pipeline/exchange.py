"""The way of a call through a mock server: read whole, answered, recorded, told in the log, sent."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

from starlette.types import Receive, Scope, Send

from mockcvp.journal import Call
from mockcvp.oamp import dispatch
from mockcvp.oamp.dispatch import Dispatcher
from mockcvp.oamp.http import Headers, Request, Response, malformed
from mockcvp.oamp.releases import Release
from mockcvp.oamp.service import OAMP
from mockcvp.pipeline.log_line import line
from mockcvp.pipeline.request_body import RequestBody, UnfinishedBodies, expects_continue, large_body, read_body
from mockcvp.pipeline.slices import each
from mockcvp.pipeline.wire_log import wire_lines
from mockcvp.pipeline.writer import ResponseWriter, writer_of
from mockcvp.state import Generation, MockState
from mockcvp.stubs.mapping import StubMapping
from mockcvp.stubs.response import Dribble, Fault
from mockcvp.text import printable, shortened

LARGE = 64 * 1024
"""How many bytes a response body has that may wait for its client; a smaller one is sent at once."""

_log = logging.getLogger("mockcvp.calls")


class Reaction(NamedTuple):
    """What a call meets.

    Attributes:
        answer: None where it meets a fault, or was never complete
        fault: what the connection does instead of an answer
        mapping: the stub mapping that this comes from; None: the product
        delay: how long it is held back, in seconds
        reason: the words after the status, where they are not the usual ones
        dribble: in which pieces the body comes, where it does
    """

    response: Response | None = None
    fault: Fault | None = None
    mapping: StubMapping | None = None
    delay: float = 0.0
    reason: str | None = None
    dribble: Dribble | None = None

    @property
    def is_of_oamp(self) -> bool:
        """Whether the response is one of the OAMP, and not as a stub mapping has it."""
        return self.mapping is None or self.mapping.response.error is not None


@lru_cache(maxsize=256)
def _cached(headers: Headers) -> Headers:
    """Return headers as they were the first time: a client sends the same again and again, and each call keeps them."""
    return headers


def _headers_of(scope: Scope) -> Headers:
    try:
        return _cached(tuple(scope["headers"]))
    except TypeError:
        # ASGI lets a server give each header as a list
        return _cached(tuple((name, value) for name, value in scope["headers"]))


class Exchange:
    """Serves every request but those of the control API: reads it, responds, records, logs, sends.

    Args:
        control_path: what the paths of the control API begin with
        state: the mock server
        dispatcher: the operations of the OAMP
        fastapi: serves a request through FastAPI
        needs_fastapi: returns whether a path must go through FastAPI: a user has added to the app
    """

    def __init__(
        self,
        control_path: str,
        state: MockState,
        dispatcher: Dispatcher,
        fastapi: Callable[[Scope, OAMP, Request], Awaitable[Response]],
        needs_fastapi: Callable[[str], bool],
    ) -> None:
        self._control_path = control_path
        self._control_prefix = f"{control_path}/"
        self._state = state
        self.dispatcher = dispatcher
        self.fastapi = fastapi
        self.needs_fastapi = needs_fastapi

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        headers = _headers_of(scope)
        state = self._called(headers) if self._state.tenants else self._state
        generation = state.generation
        generation.in_flight += 1
        try:
            left = await _exchange(self, state, generation, self._state.unfinished, scope, headers, receive, send)
        finally:
            generation.in_flight -= 1
        if left and not await left[1].wait_delivered():
            _cut_off(state, generation, left[0])

    @property
    def release(self) -> Release:
        """The release whose headers responses have."""
        return self._state.oamp.release

    def controls(self, scope: Scope) -> bool:
        """Return whether a request is one to the control API."""
        writer = writer_of(scope)
        apart = writer.admin_port if writer else None
        if apart is None:
            path = _route_path(scope)
            return path.startswith(self._control_path) and f"{path}/".startswith(self._control_prefix)
        server = scope.get("server")
        return bool(server and server[1] == apart)

    def _called(self, headers: Headers) -> MockState:
        """Return the mock server that a call is for: a tenant's, or the one that is served."""
        user = Request("", "", "", headers).user
        return self._state.tenants.get(user, self._state) if user else self._state


def _route_path(scope: Scope) -> str:
    """Return the path without the path that the app is mounted at."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


async def _exchange(
    exchange: Exchange,
    state: MockState,
    generation: Generation,
    unfinished: UnfinishedBodies,
    scope: Scope,
    headers: Headers,
    receive: Receive,
    send: Send,
) -> tuple[Call, ResponseWriter] | None:
    """Do all that one call wants; return it where its answer is large, and not known to be taken."""
    arrived, began = time.time(), time.perf_counter()
    writer = writer_of(scope)
    body, early, limit = RequestBody(), None, state.settings.max_body_bytes
    length = large_body(headers, limit)
    if length != 0 or generation.in_flight > state.oamp.max_in_flight:
        early = _by_headers(exchange, state, generation, _request(scope, headers, body), length)
    if early is None:
        body = await read_body(receive, limit, unfinished)
        exceeded, crowded = limit if body.is_oversize else 0, unfinished.crowded if body.is_crowded else ""
        early = _request(scope, headers, body, exceeded, crowded), None
    request, response = early
    if state.generation is not generation:
        _abort(request, writer)
        return None
    # from here to the record nothing waits, so that the journal's order is the order of the effects
    malformed_body = writer.malformed if writer else ""
    if malformed_body:
        reaction = Reaction(malformed(state.oamp.release, malformed_body))
    else:
        reaction = await _react(exchange, state, scope, request, response) if body.is_complete else Reaction()
    if reaction.response and reaction.response.parts:
        # a list has no effect, so that the order of the effects is still the journal's
        reaction = reaction._replace(response=await _whole(reaction.response))
        if state.generation is not generation:
            _abort(request, writer)
            return None
    # a client that expects 100 (Continue) may send its body all the same
    close = bool(malformed_body) or (request.unread and expects_continue(headers))
    client: str = (scope.get("client") or ("",))[0]
    response, fault, mapping, delay, _, _ = reaction
    duration = time.perf_counter() - began + delay
    call = state.journal.record(arrived, duration, client, request, response, fault, mapping, delay)
    if _log.isEnabledFor(logging.INFO):
        _log_call(call)
    if response and writer and not delay and reaction.is_of_oamp:
        # nearly every call
        phrase = state.oamp.release.has_reason_phrase
        delivered = writer.respond(response, close=close, has_reason_phrase=phrase)
    else:
        delivered = await _deliver(state, generation, request, reaction, send, writer, close=close)
    return _left(state, generation, call, writer, delivered=delivered)


def _log_call(call: Call) -> None:
    _log.info("%s", line(call))
    if _log.isEnabledFor(logging.DEBUG):
        for wire_line in wire_lines(call):
            _log.debug("%s", wire_line)


def _left(
    state: MockState, generation: Generation, call: Call, writer: ResponseWriter | None, *, delivered: bool
) -> tuple[Call, ResponseWriter] | None:
    if call.response and not delivered:
        _cut_off(state, generation, call)
    elif call.response and writer and len(call.response.body) > LARGE:
        return call, writer
    return None


def _request(scope: Scope, headers: Headers, body: RequestBody, exceeded: int = 0, throttled: str = "") -> Request:
    path: str = scope["path"]
    raw: bytes = scope.get("raw_path") or quote(path, safe="/%").encode()
    root: str = scope.get("root_path", "")
    if root and path.startswith(f"{root}/"):
        # the app is mounted in another one
        path, raw = path[len(root) :], raw.removeprefix(quote(root).encode())
    query: bytes = scope["query_string"]
    target = path if not query and len(raw) == len(path) else (raw + b"?" + query if query else raw).decode("latin-1")
    server = scope.get("server")
    authority = _authority(*server) if server else "localhost"
    method, version = scope["method"], scope["http_version"]
    return Request(method, path, target, headers, body.content, exceeded, throttled, authority, version, root_path=root)


def _by_headers(
    exchange: Exchange, state: MockState, generation: Generation, request: Request, length: int | None
) -> tuple[Request, Response | None] | None:
    """Return a request whose body is not read, and its error response; None where its body is needed.

    Args:
        exchange: the operations
        state: the mock server
        generation: what the request belongs to
        request: without its body
        length: of a large body, None where the body is chunked, 0 for any other

    Returns:
        the request; its response is None where a stub mapping may still match it
    """
    oamp, limit = state.oamp, state.settings.max_body_bytes
    request = request._replace(unread=True)
    if generation.in_flight > oamp.max_in_flight:
        return request._replace(throttled=f"more than {oamp.max_in_flight} requests are in process"), None
    if length is not None and length > limit:
        request = request._replace(exceeded=limit)
    if state.stubs.mappings or exchange.needs_fastapi(request.path):
        # a stub mapping may match the body, and an operation of a user's may take it
        return (request, None) if request.exceeded else None
    response = exchange.dispatcher.reject(oamp, request, length)
    return None if response is None else (request, response)


async def _whole(response: Response) -> Response:
    """Return a response whose body was not made yet."""
    parts: Iterable[bytes] = response.parts or ()
    return response._replace(body=b"".join(await each(bytes, parts)), parts=None)


def _cut_off(state: MockState, generation: Generation, call: Call) -> None:
    if state.generation is generation:
        state.journal.mark_undelivered(call)
        target = printable(shortened(call.request.target))
        _log.info("--- %s: its client was gone before all of its answer was sent", target)


async def _deliver(
    state: MockState,
    generation: Generation,
    request: Request,
    reaction: Reaction,
    send: Send,
    writer: ResponseWriter | None,
    *,
    close: bool,
) -> bool:
    """Do what a call meets, and return whether that was done to its end."""

    def ended() -> bool:
        return state.generation is not generation or (writer is not None and writer.is_disconnected)

    done = False
    if reaction.delay and not await _held_back(reaction.delay):
        return False
    if reaction.response and not ended():
        if writer and reaction.is_of_oamp:
            phrase = state.oamp.release.has_reason_phrase
            done = writer.respond(reaction.response, close=close, has_reason_phrase=phrase)
        else:
            done = await _send_as_stubbed(
                state, reaction, reaction.response, send, writer, ended, request.version, close=close
            )
    elif reaction.fault and not ended():
        if writer is None:
            raise ConnectionResetError(f"{reaction.fault}, as the stub mapping asks for")
        writer.apply_fault(reaction.fault)
        done = True
    if state.generation is not generation:
        _abort(request, writer)
    return done


async def _send_as_stubbed(
    state: MockState,
    reaction: Reaction,
    response: Response,
    send: Send,
    writer: ResponseWriter | None,
    ended: Callable[[], bool],
    version: str,
    *,
    close: bool,
) -> bool:
    if writer:
        dated = any(name.lower() == b"date" for name, _ in response.headers)
        usual = None if state.oamp.release.has_reason_phrase else ""
        writer.prepare(usual if reaction.reason is None else reaction.reason, dated=dated)
    if version != "1.1":
        response = _unchunked(response)
    try:
        done = await _send(response, send, reaction.dribble, ended, close=close)
    except asyncio.CancelledError:
        # a server that stops has closed the connection
        return False
    # uvicorn passes over what it cannot send
    return done and not (writer and writer.is_disconnected)


def _unchunked(response: Response) -> Response:
    """Return a response for a client of HTTP/1.0, which does not know chunks."""
    framing = (b"transfer-encoding", b"content-length")
    headers = [(name, value) for name, value in response.headers if name.lower() not in framing]
    return response._replace(headers=(*headers, (b"content-length", b"%d" % len(response.body))))


def _abort(request: Request, writer: ResponseWriter | None) -> None:
    # what was started before a reset must not show after it
    _log.info("--- %s: in flight when the mock server was reset, and hung up on", printable(request.target))
    if writer is None:
        raise ConnectionResetError("the mock was reset while the request was in flight")
    writer.abort()


async def _react(
    exchange: Exchange, state: MockState, scope: Scope, request: Request, response: Response | None
) -> Reaction:
    stubs = state.stubs
    mapping = stubs.serve_for(request) if stubs.mappings and not request.throttled else None
    if mapping is None:
        delay = stubs.delays.sample(stubs.delays) if stubs.settings else 0.0
        if response is None and exchange.needs_fastapi(request.path):
            response = await exchange.fastapi(scope, state.oamp, request)
        return Reaction(response or exchange.dispatcher.respond(state.oamp, request), None, None, delay)
    stubbed = mapping.response
    delay = stubbed.delays.sample(stubs.delays)
    if stubbed.fault is not None:
        return Reaction(None, stubbed.fault, mapping, delay)
    if stubbed.error is not None:
        return Reaction(dispatch.reject(state.oamp, request, stubbed.error), None, mapping, delay)
    headers = (*stubbed.headers, (b"matched-stub-id", mapping.id.encode()))
    return Reaction(
        Response(stubbed.status, headers, stubbed.body), None, mapping, delay, stubbed.reason, stubbed.dribble
    )


async def _held_back(seconds: float) -> bool:
    """Return after that time whether the server still runs."""
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        return False
    return True


@lru_cache(maxsize=16)
def _authority(host: str, port: int | None) -> str:
    if ":" in host:
        host = f"[{host}]"
    return host if port is None else f"{host}:{port}"


async def _send(
    response: Response, send: Send, dribble: Dribble | None, ended: Callable[[], bool], *, close: bool
) -> bool:
    """Send an answer; one in pieces no further than it is wanted. Return whether all of it was sent."""
    headers = (*response.headers, (b"connection", b"close")) if close else response.headers
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if not dribble or not response.body:
        await send({"type": "http.response.body", "body": response.body})
        return True
    pieces = dribble.split(response.body)
    for piece in pieces:
        if not await _held_back(dribble.seconds / len(pieces)) or ended():
            return False
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
    return True
