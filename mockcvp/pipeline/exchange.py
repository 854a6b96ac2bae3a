"""One request and its response: read, respond, record, log, send."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from starlette.types import Receive, Scope, Send

from mockcvp.journal import Call
from mockcvp.oamp import dispatch
from mockcvp.oamp.dispatch import Dispatcher
from mockcvp.oamp.http import Headers, Request, Response, malformed
from mockcvp.oamp.service import OAMP
from mockcvp.pipeline.extension import writer_of
from mockcvp.pipeline.log_line import line
from mockcvp.pipeline.request_body import (
    RequestBody,
    UnfinishedBodies,
    expects_continue,
    has_body,
    large_body,
    read_body,
)
from mockcvp.pipeline.scope import request_of
from mockcvp.pipeline.slices import each
from mockcvp.pipeline.wire_log import wire_lines
from mockcvp.state import MockState
from mockcvp.stubs.mapping import StubMapping
from mockcvp.stubs.response import Dribble, Fault
from mockcvp.text import printable, shortened

LARGE = 64 * 1024
"""Only a larger response body is watched until the client has received it, in bytes."""

_WITHOUT_BODY = (204, 304)

_log = logging.getLogger("mockcvp.calls")


class Services(NamedTuple):
    """The services that an exchange uses.

    Attributes:
        unfinished: counts the memory of unfinished request bodies
        dispatcher: the operations of the OAMP
        fastapi: returns the response of FastAPI's stack to a request
        needs_fastapi: returns whether a request with a path and a method needs FastAPI's stack
        has_added: returns whether a route that a user has added serves a request
    """

    unfinished: UnfinishedBodies
    dispatcher: Dispatcher
    fastapi: Callable[[Scope, OAMP, Request], Awaitable[Response]]
    needs_fastapi: Callable[[str, str], bool]
    has_added: Callable[[Scope], bool]


class Reaction(NamedTuple):
    """The response to a request, or the fault instead of it.

    Attributes:
        response: the response; None for a fault, and for an incomplete request
        fault: the fault of the connection
        mapping: the stub mapping that matches; None if the OAMP responds
        delay: the delay of the response, in seconds
        reason: the reason phrase; None for the standard one
        dribble: the delayed chunks of the body; None for no delay
    """

    response: Response | None = None
    fault: Fault | None = None
    mapping: StubMapping | None = None
    delay: float = 0.0
    reason: str | None = None
    dribble: Dribble | None = None

    @property
    def is_of_oamp(self) -> bool:
        """Whether the OAMP responds, or a stub mapping with an ``errorType`` of the OAMP."""
        return self.mapping is None or self.mapping.response.error is not None


class Exchange:
    """One request and its response.

    Args:
        services: the services of the app
        state: the state of the mock server or tenant
        scope: the ASGI scope
        headers: the headers of the request
        receive: the ASGI receive function
        send: the ASGI send function
    """

    __slots__ = ("_generation", "_headers", "_receive", "_scope", "_send", "_services", "_state", "_writer")

    def __init__(
        self, services: Services, state: MockState, scope: Scope, headers: Headers, receive: Receive, send: Send
    ) -> None:
        self._services, self._state, self._scope, self._headers = services, state, scope, headers
        self._receive, self._send = receive, send
        self._generation = state.generation
        self._writer = writer_of(scope)

    async def run(self) -> Call | None:
        """Serve the request, and return the call; None if it is not recorded."""
        generation = self._generation
        generation.in_flight += 1
        try:
            call, is_delivered = await self._serve()
        finally:
            generation.in_flight -= 1
        if call and call.response:
            if is_delivered and self._writer and len(call.response.body) > LARGE:
                is_delivered = await self._writer.wait_delivered()
            if not is_delivered:
                self._record_undelivered(call)
        return call

    async def _serve(self) -> tuple[Call | None, bool]:
        """Respond to the request, and record it; return the call, and whether the response was sent."""
        arrived, began = time.time(), time.perf_counter()
        request, response, is_complete = await self._read()
        if self._is_stale:
            self._abort(request)
            return None, False
        # Nothing is awaited between the effect and the record, so that the journal has the order of the effects. Only
        # FastAPI's stack may await in between. The encoding of a long list may too, but has no effect.
        is_malformed = bool(self._writer and self._writer.malformed)
        reaction = await self._react(request, response) if is_complete or is_malformed else Reaction()
        if reaction.response and reaction.response.parts:
            reaction = reaction._replace(response=await _with_body(reaction.response))
        if self._is_stale:
            self._abort(request)
            return None, False
        duration = time.perf_counter() - began + reaction.delay
        client: str = (self._scope.get("client") or ("",))[0]
        response, fault, mapping, delay, _, _ = reaction
        matched = mapping.matched if mapping else None
        call = self._state.journal.record(arrived, duration, client, request, response, fault, matched, delay)
        if _log.isEnabledFor(logging.INFO):
            _log_call(call)
        return call, await self._send_reaction(request, reaction)

    async def _read(self) -> tuple[Request, Response | None, bool]:
        """Read the request.

        Returns:
            the request; the error response that the headers determine, if there is one; whether the request is complete
        """
        state, headers, limit = self._state, self._headers, self._state.settings.max_body_bytes
        length = large_body(headers, limit)
        if (length != 0 or self._generation.in_flight > state.oamp.max_in_flight) and (early := self._reject(length)):
            return *early, True
        body = await read_body(self._receive, limit, self._services.unfinished)
        exceeded = limit if body.is_oversize else 0
        throttled = self._services.unfinished.crowded if body.is_crowded else ""
        return request_of(self._scope, headers, body, exceeded, throttled), None, body.is_complete

    def _reject(self, length: int | None) -> tuple[Request, Response | None] | None:
        """Return a request without its body, and its error response; None if the body is needed.

        Args:
            length: the Content-Length of a large body; None for a chunked body; 0 for a small body or none
        """
        state, limit = self._state, self._state.settings.max_body_bytes
        request = request_of(self._scope, self._headers, RequestBody())._replace(unread=has_body(self._headers))
        if self._generation.in_flight > state.oamp.max_in_flight:
            return request._replace(throttled=f"more than {state.oamp.max_in_flight} requests are in flight"), None
        if length is not None and length > limit:
            request = request._replace(exceeded=limit)
        if state.stubs.mappings or self._services.needs_fastapi(request.path, request.method):
            # A stub mapping may match the body, and a user's path operation may read it.
            return (request, None) if request.exceeded else None
        response = self._services.dispatcher.reject(state.oamp, request, length)
        return None if response is None else (request, response)

    async def _react(self, request: Request, response: Response | None) -> Reaction:
        state, stubs = self._state, self._state.stubs
        if self._writer and self._writer.malformed:
            return Reaction(malformed(state.oamp.release, self._writer.malformed))
        mapping = stubs.serve_for(request) if stubs.mappings and not request.throttled else None
        if mapping is None:
            delay = stubs.delays.sample(stubs.delays) if stubs.settings else 0.0
            if self._needs_fastapi(request, response):
                response = await self._services.fastapi(self._scope, state.oamp, request)
            return Reaction(response or self._services.dispatcher.respond(state.oamp, request), delay=delay)
        stubbed = mapping.response
        delay = stubbed.delays.sample(stubs.delays)
        if stubbed.fault is not None:
            return Reaction(None, stubbed.fault, mapping, delay)
        if stubbed.error is not None:
            return Reaction(dispatch.reject(state.oamp, request, stubbed.error), None, mapping, delay)
        headers = (*stubbed.headers, (b"matched-stub-id", mapping.id.encode()))
        response = Response(stubbed.status, headers, stubbed.body)
        return Reaction(response, None, mapping, delay, stubbed.reason, stubbed.dribble)

    def _needs_fastapi(self, request: Request, response: Response | None) -> bool:
        if response or request.throttled:
            return False
        return self._services.needs_fastapi(request.path, request.method)

    async def _send_reaction(self, request: Request, reaction: Reaction) -> bool:
        """Send the response, or apply the fault; return whether this is complete."""
        if reaction.delay and not await _sleep(reaction.delay):
            return False
        is_done = False
        if not self._has_ended:
            if reaction.fault:
                self._apply(reaction.fault)
                is_done = True
            elif reaction.response:
                is_done = await self._send_response(request, reaction, reaction.response)
        if self._is_stale:
            self._abort(request)
        return is_done

    async def _send_response(self, request: Request, reaction: Reaction, response: Response) -> bool:
        writer, release = self._writer, self._state.oamp.release
        # The server cannot know whether the body of a client that expects 100 (Continue) will follow.
        close = bool(writer and writer.malformed) or (request.unread and expects_continue(self._headers))
        if writer and reaction.is_of_oamp:
            return writer.respond(response, close=close, has_reason_phrase=release.has_reason_phrase)
        if writer:
            is_dated = any(name.lower() == b"date" for name, _ in response.headers)
            usual = None if release.has_reason_phrase else ""
            writer.prepare(usual if reaction.reason is None else reaction.reason, dated=is_dated)
        if request.version != "1.1":
            response = _unchunked(response)
        try:
            is_sent = await self._send_parts(response, reaction.dribble, close=close)
        except asyncio.CancelledError:
            # The server stops, and has already closed the connection.
            return False
        return is_sent and not (writer and writer.is_disconnected)

    async def _send_parts(self, response: Response, dribble: Dribble | None, *, close: bool) -> bool:
        """Send a response by ASGI, with a dribble in delayed chunks; return whether all of it was sent."""
        headers = (*response.headers, (b"connection", b"close")) if close else response.headers
        await self._send({"type": "http.response.start", "status": response.status, "headers": headers})
        if not dribble or not response.body:
            await self._send({"type": "http.response.body", "body": response.body})
            return True
        chunks = dribble.split(response.body)
        for chunk in chunks:
            if not await _sleep(dribble.seconds / len(chunks)) or self._has_ended:
                return False
            await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})
        return True

    def _apply(self, fault: Fault) -> None:
        if self._writer is None:
            raise ConnectionResetError(f"{fault} of a stub mapping")
        self._writer.apply_fault(fault)

    @property
    def _is_stale(self) -> bool:
        """Whether the mock server was reset while the request was in flight."""
        return self._state.generation is not self._generation

    @property
    def _has_ended(self) -> bool:
        return self._is_stale or (self._writer is not None and self._writer.is_disconnected)

    def _abort(self, request: Request) -> None:
        """Close the connection, so that a request from before a reset has no response after the reset."""
        _log.info(
            "--- %s: in flight when the mock server was reset, so the connection is closed",
            printable(shortened(request.target)),
        )
        if self._writer is None:
            raise ConnectionResetError("the mock server was reset while the request was in flight")
        self._writer.abort()

    def _record_undelivered(self, call: Call) -> None:
        if not self._is_stale:
            self._state.journal.mark_undelivered(call)
            target = printable(shortened(call.request.target))
            _log.info("--- %s: the client disconnected before it received the whole response", target)


def _log_call(call: Call) -> None:
    _log.info("%s", line(call))
    if _log.isEnabledFor(logging.DEBUG):
        for wire_line in wire_lines(call):
            _log.debug("%s", wire_line)


async def _with_body(response: Response) -> Response | None:
    """Return a response with its body, which this encodes in slices; None if the server stops meanwhile."""
    parts: Iterable[bytes] = response.parts or ()
    try:
        return response._replace(body=b"".join(await each(bytes, parts)), parts=None)
    except asyncio.CancelledError:
        return None


def _unchunked(response: Response) -> Response:
    """Return a response for a client of HTTP/1.0, which has no chunks."""
    headers = tuple((name, value) for name, value in response.headers if name.lower() != b"transfer-encoding")
    if response.status not in _WITHOUT_BODY and not any(name.lower() == b"content-length" for name, _ in headers):
        headers = (*headers, (b"content-length", b"%d" % len(response.body)))
    return response._replace(headers=headers)


async def _sleep(seconds: float) -> bool:
    """Wait, and return whether the server still runs."""
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        return False
    return True
