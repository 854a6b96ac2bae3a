"""The stub mappings of one mock server, and the scenarios that they make up."""

import json
import logging
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mockcvp.oamp.api import Request
from mockcvp.stubs.content import Subject
from mockcvp.stubs.matchers.regular import UndecidedError
from mockcvp.stubs.pattern import RequestPattern
from mockcvp.stubs.response import Delays, StubResponse
from mockcvp.text import printable

STARTED = "Started"
"""The state in which every scenario begins."""
USUAL_PRIORITY = 5
_MOST_MAPPINGS = 10_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StubMapping:
    """What is answered to some requests instead of the product's answer.

    Attributes:
        id: a UUID
        pattern: which requests
        response: what is answered
        document: the mapping in WireMock's JSON
        name: for a person who reads of it
        priority: of mappings that match, the one with the lowest is taken
        scenario: the scenario that it belongs to
        required_state: the state in which that must be for this to match; None: any
        new_state: the state in which it is when this has answered; None: as before
        times: how many requests it answers before it is gone; None: any number
        size: the memory that it takes beside the body of its answer, in bytes, near enough
    """

    id: str
    pattern: RequestPattern
    response: StubResponse
    document: dict[str, Any] = field(default_factory=dict)
    name: str | None = None
    priority: int = USUAL_PRIORITY
    scenario: str | None = None
    required_state: str | None = None
    new_state: str | None = None
    times: int | None = None
    size: int = field(init=False, compare=False)

    def __post_init__(self) -> None:
        # as text, which is near enough to the memory that it takes; the body of its answer is counted with that
        object.__setattr__(self, "size", len(json.dumps(self.document)) - len(self.response.body))


@dataclass(frozen=True, slots=True)
class Scenario:
    """Some mappings that answer differently as a story goes on.

    Attributes:
        name: of the scenario
        state: in which it is
        possible_states: those that its mappings name
        mappings: its mappings
    """

    name: str
    state: str
    possible_states: tuple[str, ...]
    mappings: tuple[StubMapping, ...]


class Stubs:
    """The stub mappings of one mock server. Safe between threads; a request sees all of a change or nothing.

    Args:
        initial: those that are there from the start, and again after a reset

    Attributes:
        delays: how long every answer is held back whose mapping says nothing else, the product's among them
        settings: that say so, in WireMock's JSON
        mappings: those that there are, in the order in which they are tried
        initial: the mappings that are there from the start
    """

    def __init__(self, initial: Iterable[StubMapping] = ()) -> None:
        self._lock = threading.RLock()
        self.initial = tuple(initial)
        self.reset()

    def reset(self) -> None:
        """Bring back the mappings that were there at the start, every scenario at its beginning, and no delay."""
        with self._lock:
            self.set_delays(Delays(), {})
            self.reset_mappings()

    def reset_mappings(self) -> None:
        """Bring back the mappings that were there at the start, and every scenario at its beginning."""
        self._begin(self.initial)

    def clear(self) -> None:
        """Have no mapping at all."""
        self._begin(())

    def _begin(self, mappings: Sequence[StubMapping]) -> None:
        with self._lock:
            self._by_id = {mapping.id: (added, mapping) for added, mapping in enumerate(mappings, start=1)}
            self._used: dict[str, int] = {}
            self._responded: set[str] = set()
            self._states: dict[str, str] = {}
            self._added = len(mappings)
            self._rank()

    def _rank(self) -> None:
        def place(entry: tuple[int, StubMapping]) -> tuple[int, bool, int]:
            added, mapping = entry
            # those that answer a number of times are a queue; of the others, the latest counts
            return mapping.priority, mapping.times is None, added if mapping.times is not None else -added

        entries = sorted(self._by_id.values(), key=place)
        # a scenario is forgotten with its last mapping
        scenarios = {mapping.scenario for _, mapping in entries}
        self._states = {name: state for name, state in self._states.items() if name in scenarios}
        self._responded &= self._by_id.keys()
        self._used = {one: used for one, used in self._used.items() if one in self._by_id}
        # in one step, for those who look meanwhile
        self.mappings = tuple(mapping for _, mapping in entries)

    def set_delays(self, delays: Delays, settings: dict[str, Any]) -> None:
        """Hold back every answer whose mapping says nothing else.

        Args:
            delays: how long
            settings: that say so, in WireMock's JSON
        """
        self.delays, self.settings = delays, settings

    @property
    def idle(self) -> list[StubMapping]:
        """The mappings that have answered no call yet, in the order in which they are tried."""
        return [mapping for mapping in self.mappings if mapping.id not in self._responded]

    def get(self, mapping_id: str) -> StubMapping | None:
        """Return the mapping with an id, None where there is none."""
        entry = self._by_id.get(mapping_id)
        return entry[1] if entry else None

    def add(self, mapping: StubMapping) -> None:
        """Add a mapping.

        Raises:
            ValueError: its id is taken, or there are too many
        """
        with self._lock:
            if mapping.id in self._by_id:
                raise ValueError(
                    f"id: there is a stub mapping {mapping.id} already; PUT /mappings/{mapping.id} changes it"
                )
            if len(self._by_id) >= _MOST_MAPPINGS:
                raise ValueError(f"there are {_MOST_MAPPINGS} stub mappings already, and no more are taken")
            self._added += 1
            self._by_id[mapping.id] = (self._added, mapping)
            self._rank()

    def replace(self, mapping: StubMapping) -> bool:
        """Put a mapping in the place of the one with its id, and return whether there is one."""
        with self._lock:
            if mapping.id not in self._by_id:
                return False
            self._by_id[mapping.id] = (self._by_id[mapping.id][0], mapping)
            self._used.pop(mapping.id, None)
            self._responded.discard(mapping.id)
            self._rank()
            return True

    def remove(self, mapping_id: str) -> bool:
        """Remove a mapping, and return whether there was one."""
        with self._lock:
            if self._by_id.pop(mapping_id, None) is None:
                return False
            self._rank()
            return True

    def take(self, request: Request) -> StubMapping | None:
        """Return the mapping that answers a request, and have its scenario go on; None where the product answers."""
        subject = Subject(request)
        for mapping in self.mappings:
            if self._waits(mapping) and _matches(mapping, subject) and self._taken(mapping):
                self._responded.add(mapping.id)
                return mapping
        return None

    def _waits(self, mapping: StubMapping) -> bool:
        if mapping.scenario is None or mapping.required_state is None:
            return True
        return self._states.get(mapping.scenario, STARTED) == mapping.required_state

    def _taken(self, mapping: StubMapping) -> bool:
        if mapping.times is None and mapping.new_state is None:
            return True
        with self._lock:
            # what another thread has changed meanwhile
            if self.get(mapping.id) is not mapping or not self._waits(mapping):
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
        """The scenarios that the mappings make up, in the order in which they were named first."""
        with self._lock:
            description: dict[str, list[StubMapping]] = {}
            for _, mapping in sorted(self._by_id.values(), key=lambda entry: entry[0]):
                if mapping.scenario is not None:
                    description.setdefault(mapping.scenario, []).append(mapping)
            return [
                Scenario(
                    name,
                    self._states.get(name, STARTED),
                    tuple(
                        dict.fromkeys(
                            state
                            for mapping in mappings
                            for state in (STARTED, mapping.required_state, mapping.new_state)
                            if state is not None
                        )
                    ),
                    tuple(mappings),
                )
                for name, mappings in description.items()
            ]

    def reset_scenarios(self) -> None:
        """Bring every scenario back to its beginning."""
        with self._lock:
            self._states.clear()

    def set_state(self, name: str, state: str) -> None:
        """Bring a scenario into a state.

        Raises:
            KeyError: there is no such scenario
            ValueError: no mapping of it names that state
        """
        with self._lock:
            scenario = next((one for one in self.scenarios if one.name == name), None)
            if scenario is None:
                raise KeyError(name)
            if state not in scenario.possible_states:
                known = ", ".join(map(repr, scenario.possible_states))
                raise ValueError(f"state: the scenario {name!r} has the states {known}, and not {state!r}")
            self._states[name] = state


def _matches(mapping: StubMapping, subject: Subject) -> bool:
    try:
        return mapping.pattern.matches(subject)
    except UndecidedError as exc:
        _log.warning("the stub mapping %s does not match: %s", printable(mapping.name or mapping.id), exc)
        return False
    except Exception:
        # a call must get an answer, and be recorded, whatever a test's pattern comes to
        named = printable(mapping.name or mapping.id)
        _log.exception("error while a request was matched against the stub mapping %s", named)
        return False
