"""Going on with a coroutine that has begun without a task."""

import asyncio
from collections.abc import Coroutine, Generator
from contextlib import suppress
from functools import partial
from inspect import CORO_SUSPENDED, getcoroutinestate
from typing import Any


class Begun:
    """What is left of a coroutine that has begun without a task, and waits for a future."""

    def __init__(self, begun: Coroutine[Any, Any, None], waits_for: Any) -> None:
        self._begun, self._waits_for = begun, waits_for

    async def run(self) -> None:
        """Go on to the end."""
        await self

    def end(self, _: object) -> None:
        """Cancel the coroutine, where its task was cancelled before it went on."""
        if getcoroutinestate(self._begun) == CORO_SUSPENDED:
            with suppress(StopIteration, asyncio.CancelledError):
                self._begun.throw(asyncio.CancelledError())
            self._begun.close()

    def __await__(self) -> Generator[Any, Any, None]:
        while True:
            try:
                result = yield self._waits_for
            except BaseException as exc:
                step = partial(self._begun.throw, exc)
            else:
                step = partial(self._begun.send, result)
            try:
                self._waits_for = step()
            except StopIteration:
                return
