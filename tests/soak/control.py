"""Requests to the control API during the load."""

import asyncio
from collections import Counter
from random import Random
from typing import Any

import httpx

from tests.server_process import JSON, ServerProcess
from tests.soak.calls import BASE, DELAY_SECONDS, DELAYED, STUBBED
from tests.soak.ledger import Entry, expected_records

_VERSION = {"urlPath": f"{BASE}/version", "headers": {STUBBED: {"equalTo": "yes"}}}
_DELAY = {
    "request": {"headers": {DELAYED: {"equalTo": "yes"}}},
    "response": {"status": 200, "body": "delayed", "fixedDelayMilliseconds": int(DELAY_SECONDS * 1000)},
}
_RESPONSES: tuple[dict[str, Any], ...] = (
    {"status": 200, "fixedDelayMilliseconds": 50, "jsonBody": {"late": True}},
    {"status": 502, "statusMessage": "Not today", "body": "x" * 3000},
    {"status": 200, "body": "chunked", "chunkedDribbleDelay": {"numberOfChunks": 3, "totalDuration": 60}},
    {
        "status": 503,
        "transformers": ["mockcvp"],
        "transformerParameters": {"errorType": "processing.throttled", "times": 3},
    },
    {"fault": "CONNECTION_RESET_BY_PEER"},
    {"fault": "EMPTY_RESPONSE"},
    {"fault": "MALFORMED_RESPONSE_CHUNK", "fixedDelayMilliseconds": 30},
    {"fault": "RANDOM_DATA_THEN_CLOSE"},
)
_TIMEOUT = 60.0


class Control:
    """A client of the control API, which collects unexpected responses in ``errors``."""

    def __init__(self, running: ServerProcess) -> None:
        self._client = httpx.AsyncClient(
            base_url=f"https://localhost:{running.port}/__admin/", verify=running.tls(), timeout=60, trust_env=False
        )
        self._random = Random(2)  # noqa: S311 - not for cryptography
        self.errors: list[str] = []

    async def close(self) -> None:
        await self._client.aclose()

    async def ask(self, method: str, path: str, content: Any = None, *statuses: int) -> Any:
        """Make a request, check its status (200 by default), and return the JSON of the response."""
        response = await self._client.request(method, path, json=content, headers={"Accept": JSON})
        if response.status_code not in (statuses or (200,)):
            self.errors.append(f"{method} /__admin/{path} {content}: {response.status_code} {response.text[:300]}")
        return response.json()

    async def prepare(self) -> None:
        """Add the stub mapping with a delay."""
        await self.ask("POST", "mappings", _DELAY, 201)

    async def disturb(self) -> None:
        """Query the journal, and add and delete stub mappings, until cancelled."""
        seen = 0
        while True:
            response = self._random.choice(_RESPONSES)
            added = await self.ask("POST", "mappings", {"request": _VERSION, "response": response}, 201)
            seen = await self._query(seen)
            await asyncio.sleep(0.1)
            # A stub mapping with "times" may be deleted already.
            statuses = (200, 404) if "transformers" in response else (200,)
            await self.ask("DELETE", f"mappings/{added.get('id')}", None, *statuses)

    async def _query(self, seen: int) -> int:
        page = await self.ask("GET", f"requests?limit={self._random.choice((1, 5, 50))}")
        numbers = [one["request"]["mockcvp"]["number"] for one in page["requests"]]
        total: int = page["meta"]["total"]
        if total < seen or numbers != list(range(total, total - len(numbers), -1)):
            self.errors.append(f"GET requests: total {total} after {seen}, numbers {numbers}")
        pattern = self._random.choice(
            (
                {"urlPath": f"{BASE}/version"},
                {"headers": {"X-Kind": {"equalTo": "wrong password"}}},
                {"method": "POST", "bodyPatterns": [{"matchesJsonPath": "$..server[?(@.refURL)]"}]},
                {"customMatcher": {"name": "mockcvp", "parameters": {"status": 202, "refURL": "media-1"}}},
            )
        )
        await self.ask("POST", "requests/count", pattern)
        await self.ask("POST", "requests/find", {"headers": {"X-Kind": {"equalTo": "head too large"}}})
        await self.ask("POST", "near-misses/request-pattern", {"method": "DELETE", "urlPath": f"{BASE}/versions"})
        await self.ask("GET", "requests/unmatched")
        return total

    async def wait_for_journal(self, wanted: int) -> dict[str, Any]:
        """Wait until the journal has a number of calls, or until a timeout, and return the journal."""
        for _ in range(int(_TIMEOUT / 0.1)):
            page = await self.ask("GET", "requests?limit=1")
            if page["meta"]["total"] >= wanted:
                break
            await asyncio.sleep(0.1)
        journal: dict[str, Any] = await self.ask("GET", "requests?limit=1000000")
        return journal

    async def compare_counts(self, entries: list[Entry], journal_max_calls: int) -> list[str]:
        """Return a line for each count of ``requests/count`` that differs from the calls."""
        wanted = expected_records(entries)
        response = await self.ask("POST", "requests/count", {})
        found = []
        if (
            response["count"] != min(wanted, journal_max_calls)
            or response.get("dropped", 0) != wanted - response["count"]
        ):
            found.append(f"requests/count {{}}: {response}, but {wanted} calls must be recorded")
        if wanted > journal_max_calls:
            return found
        kinds = Counter(entry.plan.kind for entry in entries if entry.plan.recorded)
        for kind, number in kinds.items():
            response = await self.ask("POST", "requests/count", {"headers": {"X-Kind": {"equalTo": kind}}})
            if response["count"] != number:
                found.append(f"requests/count of {kind!r}: {response['count']}, but {number} must be recorded")
        return found
