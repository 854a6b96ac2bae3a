"""An HTTP client that can also send incomplete and slow requests."""

import asyncio
import re
import ssl
from contextlib import suppress

from tests.soak.calls import Plan

_PATIENCE = 60.0
_DISCONNECTED = (OSError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)


class Client:
    """A client with one connection, which it reopens if it cannot be used again.

    Args:
        port: the port of the mock server
        tls: the SSL context of the client
    """

    def __init__(self, port: int, tls: ssl.SSLContext) -> None:
        self._port, self._tls = port, tls
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self.connections = 0

    async def call(self, *plans: Plan) -> list[int | None]:
        """Make a call, or several pipelined calls.

        Returns:
            the statuses; None without a complete response
        """
        reader, writer = await self._connected()
        plan = plans[-1]
        if plan.cut is not None:
            await _write(writer, plan.data[: plan.cut])
            await asyncio.sleep(plan.linger)
            await self.close(abort=plan.number % 2 == 0)
            return [None]
        if plan.writes > 1:
            await _write_slowly(writer, plan)
        else:
            await _write(writer, b"".join(each.data for each in plans))
        statuses: list[int | None] = []
        for _ in plans:
            status, is_open = await asyncio.wait_for(_response(reader), _PATIENCE)
            statuses.append(status)
            if not is_open:
                await self.close()
                break
        return statuses + [None] * (len(plans) - len(statuses))

    async def begin(self, data: bytes) -> None:
        """Send the first part of a request."""
        _, writer = await self._connected()
        await _write(writer, data)

    async def finish(self, data: bytes) -> None:
        """Send the rest of a request."""
        assert self._writer
        await _write(self._writer, data)

    async def response(self) -> int | None:
        """Wait for a response, and return its status; None without one."""
        assert self._reader
        status, _ = await asyncio.wait_for(_response(self._reader), _PATIENCE)
        return status

    async def close(self, *, abort: bool = False) -> None:
        """Close the connection.

        Args:
            abort: whether to omit the TLS shutdown
        """
        writer, self._reader, self._writer = self._writer, None, None
        if writer is None:
            return
        if abort:
            writer.transport.abort()
        writer.close()
        try:
            with suppress(*_DISCONNECTED):
                await asyncio.wait_for(writer.wait_closed(), 2)
        except TimeoutError:
            writer.transport.abort()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._reader is not None and self._reader.at_eof():
            # The server has closed the idle connection.
            await self.close()
        if self._reader is not None and self._writer is not None:
            return self._reader, self._writer
        opened = asyncio.open_connection("127.0.0.1", self._port, ssl=self._tls, server_hostname="localhost")
        self._reader, self._writer = reader, writer = await asyncio.wait_for(opened, _PATIENCE)
        self.connections += 1
        return reader, writer


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    with suppress(*_DISCONNECTED):
        # The server may reject a request and close the connection early; the response shows the result.
        await writer.drain()


async def _write_slowly(writer: asyncio.StreamWriter, plan: Plan) -> None:
    await _write(writer, plan.head)
    size = -(-len(plan.body) // plan.writes)
    for start in range(0, len(plan.body), size):
        await asyncio.sleep(0.02)
        await _write(writer, plan.body[start : start + size])


async def _response(reader: asyncio.StreamReader) -> tuple[int | None, bool]:
    """Return the status of a response, and whether the connection stays open."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        status = re.match(rb"HTTP/1\.1 (\d{3}) ", head)
        if status is None:
            return None, False
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)\r\n", head)
        if length is not None:
            await reader.readexactly(int(length[1]))
        elif b"\r\ntransfer-encoding: chunked\r\n" in head.lower():
            while size := int(await reader.readuntil(b"\r\n"), 16):
                await reader.readexactly(size + 2)
            await reader.readexactly(2)
        else:
            return None, False
    except _DISCONNECTED:
        return None, False
    return int(status[1]), re.search(rb"(?i)\r\nconnection: *close\r\n", head) is None
