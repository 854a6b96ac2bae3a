"""Sync-ups compared with a model, for random sequences of requests and of changes (contract, section 6)."""

import json
import time
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mockcvp.clock import Clock
from mockcvp.oamp.authentication import Account
from mockcvp.oamp.deployment import Deployment
from mockcvp.oamp.http import Request
from mockcvp.oamp.routes import dispatcher
from mockcvp.oamp.service import OAMP
from mockcvp.oamp.sync_ups import Servers
from tests.admin_client import SERVERS

HEADERS = (
    (b"authorization", b"Basic d3NtYWRtaW46d3NtYWRtaW4="),
    (b"accept", b"application/json"),
    (b"content-type", b"application/json"),
)
IDS = ["media", "vxml", "standalone"]
START = 1_900_000_000


class Model:
    """The expected status of one server, computed from all its sync-ups."""

    def __init__(self) -> None:
        self.duration, self.outcome = 0.0, "Success"
        self.runs: list[tuple[float, int, float, str]] = []

    def status(self, now: float) -> dict[str, str]:
        reported = {"sincetime": "0", "syncStatus": "Not Started"}
        begins = [began for began, *_ in self.runs[1:]] + [now]
        for (began, sincetime, duration, outcome), next_began in zip(self.runs, begins, strict=False):
            ended = round(began + duration, 3)
            reported |= {"sincetime": str(sincetime), "syncStatus": outcome if ended <= next_began else "In Progress"}
            if reported["syncStatus"] == "Success":
                kind = "lastIncrementalSyncTime" if sincetime else "lastFullSyncTime"
                reported[kind] = datetime.fromtimestamp(int(ended)).astimezone().isoformat()
        return reported


class SyncUps(RuleBasedStateMachine):
    @initialize()
    def start(self) -> None:
        deployment = Deployment.model_validate(
            {"servers": [{**server, "duration": 0, "outcome": "Success"} for server in SERVERS]}
        )
        self.clock = Clock()
        self.clock.freeze()
        self.clock.set(START)
        self.servers = Servers(deployment, self.clock)
        self.oamp = OAMP({"wsmadmin": Account("wsmadmin")}, self.servers, deployment.version)
        self.models = {server: Model() for server in IDS}

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        content = b"" if body is None else json.dumps(body).encode()
        response = dispatcher.respond(self.oamp, Request(method, f"/cvp-config/{path}", "", HEADERS, content))
        assert response.status in (200, 202), response.body
        return json.loads(response.body or "null")

    @rule(
        requested=st.lists(
            st.tuples(st.sampled_from(IDS), st.sampled_from([0, 1, 1900000000])), unique_by=lambda entry: entry[0]
        )
    )
    def synchronize(self, requested: list[tuple[str, int]]) -> None:
        entries = [{"refURL": server, "sincetime": sincetime} for server, sincetime in requested]
        self.ask("POST", "command/synchronize", {"synchronize": {"servers": {"server": entries}}})
        for server, sincetime in requested or [(server, 0) for server in IDS]:
            model = self.models[server]
            model.runs.append((self.clock(), sincetime, model.duration, model.outcome))

    @rule(seconds=st.sampled_from([0, 0.1, 0.3, 0.5, 1, 5, 100]))
    def advance_clock(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(
        server=st.sampled_from(IDS),
        duration=st.sampled_from([0, 0.1, 0.3, 1, 5.5, 60]),
        outcome=st.sampled_from(["Success", "Failure"]),
    )
    def change_outcome(self, server: str, duration: float, outcome: str) -> None:
        known = self.servers.get(server)
        assert known
        self.servers.change(known.model_copy(update={"duration": duration, "outcome": outcome}))
        self.models[server].duration, self.models[server].outcome = duration, outcome

    @invariant()
    def every_status_equals_the_model(self) -> None:
        listed = self.ask("GET", "server/synchronize")["synchronize"]["servers"]["server"]
        for server, reported in zip(IDS, listed, strict=True):
            assert reported == self.ask("GET", f"server/{server}/synchronize")["server"]
            fixed = {"hostname", "refURL"}
            assert {name: text for name, text in reported.items() if name not in fixed} == self.models[server].status(
                self.clock()
            )


TestSyncUps = SyncUps.TestCase
TestSyncUps.settings = settings(max_examples=100, stateful_step_count=30)


@given(st.lists(st.sampled_from(["advance", "freeze", "resume", "set back"]), max_size=20))
def test_a_clock_never_goes_back(moves: list[str]) -> None:
    real = time.time()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: real)
        clock = Clock()
        latest = clock()
        for move in moves:
            if move == "advance":
                clock.advance(0.25)
            elif move == "freeze":
                clock.freeze()
            elif move == "resume":
                clock.resume()
            else:
                # An administrator may set the clock of the machine back.
                real -= 3600
            assert clock() >= latest
            latest = clock()
