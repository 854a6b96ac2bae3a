"""The log line of a control call."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from starlette.types import Message

from mockcvp.admin import access_log
from mockcvp.app import create_app
from tests.log_lines import Lines


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler, logger = Lines(), logging.getLogger("mockcvp")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(level)


def status_of_health(**members: Any) -> int:
    """Call ``GET /__admin/health`` with further members of the ASGI scope, and return the status."""
    sent: list[Message] = []
    scope = {"type": "http", "http_version": "1.1", "method": "GET", "path": "/__admin/health", "query_string": b""}

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(create_app()({**scope, "headers": [], **members}, receive, send))
    status: int = sent[0]["status"]
    return status


@pytest.mark.parametrize("members", [{}, {"client": None}])
def test_a_scope_without_client_is_logged_without_address(lines: Lines, members: dict[str, Any]) -> None:
    assert status_of_health(**members) == 200
    assert lines.lines == ["200 GET /__admin/health - from -"]


def test_a_line_for_debug_is_not_built_at_info(lines: Lines) -> None:
    logging.getLogger("mockcvp").setLevel(logging.INFO)
    with mock.patch.object(access_log, "printable", side_effect=AssertionError("the line was built")):
        assert status_of_health() == 200
    assert lines.lines == []
