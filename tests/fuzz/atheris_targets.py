"""Coverage-guided fuzzing of what reads texts of strangers.

python -m tests.fuzz.atheris_targets TARGET -runs=N [-max_total_time=S] [-max_len=N] CORPUS...
python -m tests.fuzz.atheris_targets TARGET -merge=1 TO FROM...

What is found does not end a run. At its end each kind of finding is printed, and then one line with the counts.
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

# it has no types, and is not everywhere
atheris: Any = importlib.import_module("atheris")

with atheris.instrument_imports(include=["mockcvp"]):
    from tests.fuzz import targets


class Run:
    """One run: what it has counted and found."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.target = targets.TARGETS[name]
        self.inputs = 0
        self.slowest: tuple[float, bytes] = (0.0, b"")
        self.found: dict[str, tuple[int, bytes]] = {}
        # what is made once, no input is to wait for
        self.target(b"{}")
        self.most = targets.most_seconds()

    def __call__(self, data: bytes) -> None:
        """Have one input read."""
        self.inputs += 1
        start = time.process_time()
        try:
            self.target(data)
        except Exception as exc:
            where = [frame for frame in traceback.extract_tb(exc.__traceback__) if "/tests/" not in frame.filename]
            last = f"{Path(where[-1].filename).name}:{where[-1].lineno}" if where else "targets.py"
            self._finds(f"{type(exc).__name__} at {last}: {str(exc)[:200] if not where else ''}", data)
            return
        seconds = time.process_time() - start
        if seconds > self.slowest[0]:
            # again, since it may have been the machine
            seconds = min(seconds, targets.seconds_of(self.target, data, self.most))
        if seconds > self.slowest[0]:
            self.slowest = seconds, data
        if seconds > self.most:
            self._finds("costs many times what the largest harmless body does", data)

    def _finds(self, kind: str, data: bytes) -> None:
        times, shortest = self.found.get(kind, (0, data))
        self.found[kind] = times + 1, min(shortest, data, key=len)

    def report(self) -> None:
        """Print what was found and counted."""
        for kind, (times, data) in self.found.items():
            print(f"FOUND {self.name}: {kind} ({times} times): {data!r}")  # noqa: T201 - it is a command
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


def _pieces(tree: Any, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Return each place in a tree: what holds something, and where in it."""
    for key, value in list(tree.items() if isinstance(tree, dict) else enumerate(tree)):
        found.append((tree, key))
        if isinstance(value, dict | list):
            _pieces(value, found)
    return found


def mutated_json(data: bytes, most: int, seed: int) -> bytes:
    """Return JSON that differs from some other in one place; or any bytes that differ, now and then."""
    # it makes inputs, and keeps no secrets
    dice = random.Random(seed)  # noqa: S311
    try:
        tree = json.loads(data)
        assert isinstance(tree, dict | list)
    except (ValueError, AssertionError, RecursionError):
        tree = None
    if tree is None or dice.random() < 0.3:
        mutated: bytes = atheris.Mutate(data, most)
        return mutated
    places = _pieces(tree, [])
    holders = [tree, *(value for holder, key in places if isinstance(value := holder[key], dict | list))]
    for _ in range(dice.randint(1, 3)):
        what = dice.random()
        holder, key = dice.choice(places) if places else (tree, None)
        if what < 0.4 or key is None:
            _put(dice.choice(holders), dice, _value(dice, places))
        elif key not in (holder if isinstance(holder, dict) else range(len(holder))):
            continue
        elif what < 0.6 and isinstance(holder[key], str):
            text = atheris.Mutate(holder[key].encode(errors="surrogatepass"), len(holder[key]) + 40)
            holder[key] = text.decode(errors="replace")
        elif what < 0.8:
            holder[key] = _value(dice, places)
        elif what < 0.9 and isinstance(holder, dict):
            holder[dice.choice(_NAMES)] = holder.pop(key)
        else:
            del holder[key]
    try:
        text = json.dumps(tree).encode()
    except (ValueError, RecursionError):
        # a piece came to lie within itself
        return data
    return text if len(text) <= most else data


def _put(holder: Any, dice: random.Random, value: Any) -> None:
    if isinstance(holder, dict):
        holder[dice.choice(_NAMES)] = value
    else:
        holder.append(value)


def _value(dice: random.Random, places: list[tuple[Any, Any]]) -> Any:
    kind = dice.random()
    if kind < 0.5:
        return dice.choice(_VALUES)
    if kind < 0.7 and places:
        holder, key = dice.choice(places)
        try:
            return json.loads(json.dumps(holder[key]))
        except (LookupError, ValueError, RecursionError):
            return None
    if kind < 0.8:
        return [_value(dice, places) for _ in range(dice.randint(0, 3))]
    return {dice.choice(_NAMES): _value(dice, places)}


def main(arguments: list[str]) -> None:
    """Fuzz one target; the arguments after its name are libFuzzer's."""
    name, *options = arguments
    run = Run(name)
    command = f"{name}-fuzzer"
    merges = "-merge=1" in options
    if merges:
        # libFuzzer starts itself anew, by the name that it has
        descriptor, command = tempfile.mkstemp(suffix=f"-{name}")
        with os.fdopen(descriptor, "w") as script:
            script.write(f'#!/bin/sh\nexec "{sys.executable}" -m tests.fuzz.atheris_targets {name} "$@"\n')
        Path(command).chmod(0o700)
    elif not any(option.startswith("-merge") for option in options):
        # libFuzzer ends by C's exit(), of which Python's own atexit knows nothing
        reported = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _: run.report())
        ctypes.CDLL(None).__cxa_atexit(reported, None, None)
    more: dict[str, Callable[..., bytes]] = {"custom_mutator": mutated_json} if name == "pattern" else {}
    atheris.Setup([command, *options], run, internal_libfuzzer=True, **more)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
