"""Coverage-guided fuzzing of the parsers of untrusted input.

python -m tests.fuzz.atheris_targets TARGET -runs=N [-max_total_time=S] [-max_len=N] CORPUS...
python -m tests.fuzz.atheris_targets TARGET -merge=1 TO FROM...

A finding does not end a run. At its end, the command prints each kind of finding, and a line with the counts.
"""

import ctypes
import importlib
import json
import os
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

# atheris has no types, and is not installed everywhere.
atheris: Any = importlib.import_module("atheris")

with atheris.instrument_imports(include=["mockcvp"]):
    from tests.fuzz import targets


class Run:
    """One run of the fuzzer, with its counts and findings."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.target = targets.TARGETS[name]
        self.inputs = 0
        self.slowest: tuple[float, bytes] = (0.0, b"")
        self.found: dict[str, tuple[int, bytes]] = {}
        # The first input fills caches, which must not count as a cost of a later input.
        self.target(b"{}")
        self.max_seconds = targets.max_seconds()

    def __call__(self, data: bytes) -> None:
        """Run the target with one input."""
        self.inputs += 1
        start = time.process_time()
        try:
            self.target(data)
        except Exception as exc:
            where = [frame for frame in traceback.extract_tb(exc.__traceback__) if "/tests/" not in frame.filename]
            last = f"{Path(where[-1].filename).name}:{where[-1].lineno}" if where else "targets.py"
            self._add_finding(f"{type(exc).__name__} at {last}: {str(exc)[:200] if not where else ''}", data)
            return
        seconds = time.process_time() - start
        if seconds > self.slowest[0]:
            # Another process may have slowed down the first run.
            seconds = min(seconds, targets.measure(self.target, data, self.max_seconds))
        if seconds > self.slowest[0]:
            self.slowest = seconds, data
        if seconds > self.max_seconds:
            self._add_finding("takes many times as long as the largest harmless body", data)

    def _add_finding(self, kind: str, data: bytes) -> None:
        count, shortest = self.found.get(kind, (0, data))
        self.found[kind] = count + 1, min(shortest, data, key=len)

    def report(self) -> None:
        """Print the findings and the counts."""
        for kind, (count, data) in self.found.items():
            print(f"FOUND {self.name}: {kind} ({count} times): {data!r}")  # noqa: T201 - the output of this command
        seconds, data = self.slowest
        print(  # noqa: T201
            f"DONE {self.name}: {self.inputs} inputs, {len(self.found)} findings, "
            f"slowest {seconds * 1000:.1f} ms: {data[:2000]!r}",
            flush=True,
        )
        if self.found:
            os._exit(1)


_NAMES = [
    "method",
    "url",
    "urlPath",
    "urlPattern",
    "urlPathPattern",
    "urlPathTemplate",
    "headers",
    "queryParameters",
    "basicAuthCredentials",
    "username",
    "password",
    "bodyPatterns",
    "customMatcher",
    "name",
    "parameters",
    "status",
    "synchronized",
    "refURL",
    "sincetime",
    "equalTo",
    "caseInsensitive",
    "contains",
    "doesNotContain",
    "matches",
    "doesNotMatch",
    "absent",
    "equalToJson",
    "ignoreArrayOrder",
    "ignoreExtraElements",
    "matchesJsonPath",
    "equalToXml",
    "matchesXPath",
    "xPathNamespaces",
    "and",
    "or",
    "not",
    "expression",
    "accept",
    "q",
    "a",
]
_VALUES: list[Any] = [
    "ANY",
    "mockcvp",
    "/cvp-config/server",
    "/{a}/{b}",
    "(a|b)*",
    "[a-z&&[^b]]+",
    "((a|b?){9}){9}",
    "\\Qa\\E.*",
    "$..server[?(@.refURL == 'a')]",
    "$.synchronize.servers.server[0:2:1]",
    "$..*",
    "//*[local-name()='server']/text()",
    "count(//server) > 1",
    "string(/*)",
    "<a b='c'>${xmlunit.ignore}<d/></a>",
    "${json-unit.any-string}",
    '{"a": [1, 2]}',
    "",
    "\x00",
    "\ud800",
    "urn:a",
    True,
    None,
    0,
    -1,
    10**20,
    1e308,
]


def _list_places(tree: Any, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Return each place in a tree, as a container and a key or an index."""
    for key, value in list(tree.items() if isinstance(tree, dict) else enumerate(tree)):
        found.append((tree, key))
        if isinstance(value, dict | list):
            _list_places(value, found)
    return found


def mutate_json(data: bytes, max_size: int, seed: int) -> bytes:
    """Return JSON with up to three changes, or, in some cases, bytes that libFuzzer has changed."""
    # The random numbers are not for cryptography.
    rng = random.Random(seed)  # noqa: S311 - no secret
    try:
        tree = json.loads(data)
        assert isinstance(tree, dict | list)
    except (ValueError, AssertionError, RecursionError):
        tree = None
    if tree is None or rng.random() < 0.3:
        mutated: bytes = atheris.Mutate(data, max_size)
        return mutated
    places = _list_places(tree, [])
    containers = [tree, *(value for container, key in places if isinstance(value := container[key], dict | list))]
    for _ in range(rng.randint(1, 3)):
        action = rng.random()
        container, key = rng.choice(places) if places else (tree, None)
        if action < 0.4 or key is None:
            _put(rng.choice(containers), rng, _draw_value(rng, places))
        elif key not in (container if isinstance(container, dict) else range(len(container))):
            continue
        elif action < 0.6 and isinstance(container[key], str):
            text = atheris.Mutate(container[key].encode(errors="surrogatepass"), len(container[key]) + 40)
            container[key] = text.decode(errors="replace")
        elif action < 0.8:
            container[key] = _draw_value(rng, places)
        elif action < 0.9 and isinstance(container, dict):
            container[rng.choice(_NAMES)] = container.pop(key)
        else:
            del container[key]
    try:
        text = json.dumps(tree).encode()
    except (ValueError, RecursionError):
        # A change may have put a container into itself.
        return data
    return text if len(text) <= max_size else data


def _put(container: Any, rng: random.Random, value: Any) -> None:
    if isinstance(container, dict):
        container[rng.choice(_NAMES)] = value
    else:
        container.append(value)


def _draw_value(rng: random.Random, places: list[tuple[Any, Any]]) -> Any:
    kind = rng.random()
    if kind < 0.5:
        return rng.choice(_VALUES)
    if kind < 0.7 and places:
        container, key = rng.choice(places)
        try:
            return json.loads(json.dumps(container[key]))
        except (LookupError, ValueError, RecursionError):
            return None
    if kind < 0.8:
        return [_draw_value(rng, places) for _ in range(rng.randint(0, 3))]
    return {rng.choice(_NAMES): _draw_value(rng, places)}


def main(arguments: list[str]) -> None:
    """Fuzz one target; the arguments after its name are libFuzzer's."""
    name, *options = arguments
    run = Run(name)
    command = f"{name}-fuzzer"
    is_merge = "-merge=1" in options
    if is_merge:
        # For a merge, libFuzzer starts its command again, in another process.
        descriptor, command = tempfile.mkstemp(suffix=f"-{name}")
        with os.fdopen(descriptor, "w") as script:
            script.write(f'#!/bin/sh\nexec "{sys.executable}" -m tests.fuzz.atheris_targets {name} "$@"\n')
        Path(command).chmod(0o700)
    elif not any(option.startswith("-merge") for option in options):
        # libFuzzer ends with C's exit(), which does not call the functions of Python's atexit.
        report = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _: run.report())
        ctypes.CDLL(None).__cxa_atexit(report, None, None)
    more: dict[str, Callable[..., bytes]] = {"custom_mutator": mutate_json} if name == "pattern" else {}
    atheris.Setup([command, *options], run, internal_libfuzzer=True, **more)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
