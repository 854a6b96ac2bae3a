"""Stub mappings and their scenarios."""

import json
import logging
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mockcvp.journal import MatchedStub
from mockcvp.oamp.http import Request
from mockcvp.stubs.content import Subject
from mockcvp.stubs.matchers.java_regex import UndecidedError
from mockcvp.stubs.pattern import RequestPattern
from mockcvp.stubs.response import Delays, StubResponse
from mockcvp.text import printable

STARTED = "Started"
"""The initial state of every scenario."""
DEFAULT_PRIORITY = 5
_MAX_MAPPINGS = 10_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StubMapping:
    """A stub mapping: the response to the requests that match a pattern, in place of OAMP's response.

    Attributes:
        id: a UUID
        pattern: the request pattern
        response: the response definition
        document: the mapping in WireMock's JSON
        name: the name in messages
        priority: the priority; if several mappings match, the one with the lowest number responds
        scenario: the name of the scenario
        required_state: the scenario state in which the mapping matches; None for any
        new_state: the scenario state after the response; None for no change
        times: the number of responses after which the mapping is removed; None for no limit
        size: the approximate memory of the mapping without the body of its response, in bytes
        matched: what the journal stores of the mapping
    """

    id: str
    pattern: RequestPattern
    response: StubResponse
    document: dict[str, Any] = field(default_factory=dict)
    name: str | None = None
    priority: int = DEFAULT_PRIORITY
    scenario: str | None = None
    required_state: str | None = None
    new_state: str | None = None
    times: int | None = None
    size: int = field(init=False, compare=False)
    matched: MatchedStub = field(init=False, compare=False)

    def __post_init__(self) -> None:
        # the length of the JSON approximates the memory; the body is counted as part of the response
        size = len(json.dumps(self.document)) - len(self.response.body)
        object.__setattr__(self, "size", size)
        matched = MatchedStub(self.id, self.name, self.pattern.description, self.document, size)
        object.__setattr__(self, "matched", matched)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario: stub mappings that share a state.

    Attributes:
        name: the name
        state: the current state
        possible_states: the states that the mappings require or set, and the initial state
        mappings: the stub mappings
    """

    name: str
    state: str
    possible_states: tuple[str, ...]
    mappings: tuple[StubMapping, ...]


class Stubs:
    """The stub mappings, scenarios and global delays of one mock server.

    All methods are thread-safe: a request sees each change completely or not at all.

    Args:
        initial: the mappings at the start and after a reset

    Attributes:
        delays: the delays of responses whose mapping sets none, and of OAMP's responses
        settings: the global settings in WireMock's JSON, which define the delays
        mappings: the mappings in the order in which they are matched
        initial: the mappings at the start and after a reset
        changes: the number of changes of the mappings and the global delays
    """

    def __init__(self, initial: Iterable[StubMapping] = ()) -> None:
        self._lock = threading.RLock()
        self.changes = 0
        self.initial = tuple(initial)
        self.reset()

    def reset(self) -> None:
        """Restore the initial mappings, reset the scenarios, and remove the global delays."""
        with self._lock:
            self.set_delays(Delays(), {})
            self.reset_mappings()

    def reset_mappings(self) -> None:
        """Restore the initial mappings and reset the scenarios."""
        self._set_mappings(self.initial)

    def clear(self) -> None:
        """Remove all mappings."""
        self._set_mappings(())

    def _set_mappings(self, mappings: Sequence[StubMapping]) -> None:
        with self._lock:
            self._by_id = {mapping.id: (added, mapping) for added, mapping in enumerate(mappings, start=1)}
            self._used: dict[str, int] = {}
            self._hits: dict[str, int] = {}
            self._states: dict[str, str] = {}
            self._added = len(mappings)
            self._sort()

    def _sort(self) -> None:
        def sort_key(entry: tuple[int, StubMapping]) -> tuple[int, bool, int]:
            added, mapping = entry
            # of equal priority, mappings with a limit respond first, oldest first; then the others, newest first
            return mapping.priority, mapping.times is None, added if mapping.times is not None else -added

        entries = sorted(self._by_id.values(), key=sort_key)
        # the state of a scenario is removed with its last mapping
        scenarios = {mapping.scenario for _, mapping in entries}
        self._states = {name: state for name, state in self._states.items() if name in scenarios}
        self._hits = {mapping_id: hits for mapping_id, hits in self._hits.items() if mapping_id in self._by_id}
        self.changes += 1
        self._used = {mapping_id: used for mapping_id, used in self._used.items() if mapping_id in self._by_id}
        # other threads read this without the lock, so it is replaced as a whole
        self.mappings = tuple(mapping for _, mapping in entries)

    def set_delays(self, delays: Delays, settings: dict[str, Any]) -> None:
        """Set the global delays.

        Args:
            delays: the delays
            settings: the global settings in WireMock's JSON, which define the delays
        """
        self.delays, self.settings = delays, settings
        self.changes += 1

    @property
    def idle(self) -> list[StubMapping]:
        """The mappings that have not responded yet, in the order in which they are matched."""
        return [mapping for mapping in self.mappings if not self.hits(mapping)]

    def hits(self, mapping: StubMapping) -> int:
        """Return the number of responses of a mapping."""
        return self._hits.get(mapping.id, 0)

    def left(self, mapping: StubMapping) -> int | None:
        """Return the number of responses after which a mapping is removed; None for no limit."""
        return None if mapping.times is None else mapping.times - self._used.get(mapping.id, 0)

    def get(self, mapping_id: str) -> StubMapping | None:
        """Return the mapping with an id, or None."""
        entry = self._by_id.get(mapping_id)
        return entry[1] if entry else None

    def add(self, mapping: StubMapping) -> None:
        """Add a mapping.

        Raises:
            ValueError: a mapping with the id exists, or there are too many mappings
        """
        with self._lock:
            if mapping.id in self._by_id:
                raise ValueError(
                    f"id: there is a stub mapping {mapping.id} already; PUT /mappings/{mapping.id} changes it"
                )
            if len(self._by_id) >= _MAX_MAPPINGS:
                raise ValueError(f"there are already {_MAX_MAPPINGS} stub mappings, which is the maximum")
            self._added += 1
            self._by_id[mapping.id] = (self._added, mapping)
            self._sort()

    def replace(self, mapping: StubMapping) -> bool:
        """Replace the mapping with the same id; return whether there is one."""
        with self._lock:
            if mapping.id not in self._by_id:
                return False
            self._by_id[mapping.id] = (self._by_id[mapping.id][0], mapping)
            self._used.pop(mapping.id, None)
            self._hits.pop(mapping.id, None)
            self._sort()
            return True

    def remove(self, mapping_id: str) -> bool:
        """Remove a mapping; return whether there was one."""
        with self._lock:
            if self._by_id.pop(mapping_id, None) is None:
                return False
            self._sort()
            return True

    def serve_for(self, request: Request) -> StubMapping | None:
        """Return the mapping that responds to a request, after its scenario changes state; None if OAMP responds."""
        subject = Subject(request)
        for mapping in self.mappings:
            if self._is_in_required_state(mapping) and _matches(mapping, subject) and self._use(mapping):
                self._count(mapping)
                return mapping
        return None

    def _count(self, mapping: StubMapping) -> None:
        with self._lock:
            if mapping.id in self._by_id:
                self._hits[mapping.id] = self._hits.get(mapping.id, 0) + 1

    def would_serve(self, request: Request) -> bool:
        """Return whether a mapping would respond to a request. No scenario changes its state."""
        subject = Subject(request)
        return any(self._is_in_required_state(mapping) and _matches(mapping, subject) for mapping in self.mappings)

    def _is_in_required_state(self, mapping: StubMapping) -> bool:
        if mapping.scenario is None or mapping.required_state is None:
            return True
        return self._states.get(mapping.scenario, STARTED) == mapping.required_state

    def _use(self, mapping: StubMapping) -> bool:
        """Count a response and set the new scenario state; return False if another thread was faster."""
        if mapping.times is None and mapping.new_state is None:
            return True
        with self._lock:
            if self.get(mapping.id) is not mapping or not self._is_in_required_state(mapping):
                return False
            if mapping.scenario is not None and mapping.new_state is not None:
                self._states[mapping.scenario] = mapping.new_state
            if mapping.times is not None:
                self._used[mapping.id] = self._used.get(mapping.id, 0) + 1
                if self._used[mapping.id] >= mapping.times:
                    self.remove(mapping.id)
            return True

    @property
    def scenarios(self) -> list[Scenario]:
        """The scenarios in the order in which their first mappings were added."""
        with self._lock:
            by_name: dict[str, list[StubMapping]] = {}
            for _, mapping in sorted(self._by_id.values(), key=lambda entry: entry[0]):
                if mapping.scenario is not None:
                    by_name.setdefault(mapping.scenario, []).append(mapping)
            return [
                Scenario(name, self._states.get(name, STARTED), _possible_states(mappings), tuple(mappings))
                for name, mappings in by_name.items()
            ]

    def reset_scenarios(self) -> None:
        """Reset every scenario to its initial state."""
        with self._lock:
            self._states.clear()

    def set_state(self, name: str, state: str) -> None:
        """Set the state of a scenario.

        Raises:
            KeyError: there is no such scenario
            ValueError: no mapping of the scenario requires or sets the state
        """
        with self._lock:
            scenario = next((one for one in self.scenarios if one.name == name), None)
            if scenario is None:
                raise KeyError(name)
            if state not in scenario.possible_states:
                known = ", ".join(map(repr, scenario.possible_states))
                raise ValueError(f"state: the scenario {name!r} has the states {known}, and not {state!r}")
            self._states[name] = state


def _possible_states(mappings: Sequence[StubMapping]) -> tuple[str, ...]:
    states = (state for mapping in mappings for state in (STARTED, mapping.required_state, mapping.new_state))
    return tuple(dict.fromkeys(state for state in states if state is not None))


def _matches(mapping: StubMapping, subject: Subject) -> bool:
    try:
        return mapping.pattern.matches(subject)
    except UndecidedError as exc:
        _log.warning("the stub mapping %s does not match: %s", _printable_name(mapping), exc)
    except Exception:
        # the request must get a response and be recorded, whatever error a pattern causes
        _log.exception("error while a request was matched against the stub mapping %s", _printable_name(mapping))
    return False


def _printable_name(mapping: StubMapping) -> str:
    return printable(mapping.name or mapping.id)
