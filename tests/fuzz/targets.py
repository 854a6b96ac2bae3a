"""The parsers of untrusted input, each as a function of one input.

A function returns if the parser behaves as documented. It raises every undocumented exception of the parser.
"""

import importlib
import json
import pkgutil
from collections.abc import Callable, Iterator
from encodings.aliases import aliases
from functools import cache
from pathlib import Path
from types import ModuleType

import regex
from starlette.requests import Request as ControlRequest
from starlette.types import Message

import mockcvp.oamp
import mockcvp.stubs
from mockcvp.admin import bodies
from mockcvp.journal import Call
from mockcvp.oamp import codecs, negotiation, synchronization
from mockcvp.oamp.errors import OampError
from mockcvp.oamp.http import Request, Response
from mockcvp.oamp.limits import DEFAULT_LIMITS
from mockcvp.stubs.content import Subject
from mockcvp.stubs.matchers.java_regex import UndecidedError
from mockcvp.stubs.pattern_schema import RequestPatternForm
from tests.attacks.test_xml import MOST_TIMES, harmless
from tests.costs import clear_caches, cpu_seconds

CORPUS = Path(__file__).parent / "corpus"


def _import_modules() -> Iterator[ModuleType]:
    """Import all modules that are otherwise imported on demand, so that no input waits for an import."""
    for package in (mockcvp.stubs, mockcvp.oamp):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            yield importlib.import_module(found.name)


_MODULES = tuple(_import_modules())


def read_xml_body(data: bytes) -> None:
    """Read a body in XML, and the servers that it names."""
    _read_body(data, codecs.XML)


def read_json_body(data: bytes) -> None:
    """Read a body in JSON, and the servers that it names."""
    _read_body(data, codecs.JSON)


def read_accept(data: bytes) -> None:
    """Read a text as ``Accept``, and as ``Content-Type``."""
    text = data.decode("latin-1")
    for read in (negotiation.negotiate, negotiation.body_codec):
        try:
            read(text)
        except OampError as exc:
            _check_encodable(exc)


def match_pattern(data: bytes) -> None:
    """Read a request pattern like the control API, and match it against requests."""
    form = _read_pattern_form(data)
    if form is None:
        return
    for request, status in _REQUESTS:
        subject = Subject(request, Call(1, 0.0, 0.0, "127.0.0.1", request, Response(status, ())))
        try:
            matches = form.pattern.matches(subject)
            distance = form.pattern.distance(subject)
            differences = form.pattern.differences(subject)
        except UndecidedError:
            # The control API responds with 422, and matches no further requests.
            return
        assert 0 <= distance <= 1, distance
        assert matches == (not differences), (matches, differences)
        assert not (matches and distance), distance
        json.dumps(differences, ensure_ascii=False).encode()


TARGETS: dict[str, Callable[[bytes], None]] = {
    "xml": read_xml_body,
    "json": read_json_body,
    "accept": read_accept,
    "pattern": match_pattern,
}


def max_seconds() -> float:
    """Return the maximum CPU time of an input: a few times that of the largest harmless body."""
    body = harmless()
    return MOST_TIMES * min(cpu_seconds(lambda: read_xml_body(body), _clear_all_caches) for _ in range(5))


def measure(target: Callable[[bytes], None], data: bytes, max_allowed: float) -> float:
    """Return the CPU time of an input: the minimum of several runs, if the first one exceeds the maximum."""
    fastest = cpu_seconds(lambda: target(data))
    for _ in range(4):
        if fastest > max_allowed:
            fastest = min(fastest, cpu_seconds(lambda: target(data), _clear_all_caches))
    return fastest


def _clear_all_caches() -> None:
    regex.purge()
    clear_caches()


@cache
def _list_charsets() -> list[str | None]:
    """Return each charset that a body may have, and ``None`` just as often."""

    def is_known(name: str) -> bool:
        try:
            negotiation.body_codec(f"application/xml;charset={name}")
        except OampError:
            return False
        return True

    names = sorted(filter(is_known, {*aliases.values()}))
    return [*names, *[None] * len(names)]


def _read_body(data: bytes, codec: codecs.Codec) -> None:
    if not data:
        return
    charsets = _list_charsets()
    # The length of an input selects its charset, so that the whole input is the body.
    for charset in (None, charsets[len(data) % len(charsets)]):
        try:
            request = synchronization.read_request(data, codec, charset, DEFAULT_LIMITS)
            synchronization.requested_servers(request.data)
        except OampError as exc:
            _check_encodable(exc)


def _check_encodable(error: OampError) -> None:
    """Check that the response of an error can be encoded in each format."""
    str(error)
    for codec in codecs.CODECS:
        codecs.encode(error.document, codec)


def _read_pattern_form(data: bytes) -> RequestPatternForm | None:
    """Return the pattern of a control request, or None if the control API rejects it."""

    async def receive() -> Message:
        return {"type": "http.request", "body": data}

    reading = bodies.body(ControlRequest({"type": "http"}, receive), RequestPatternForm)
    try:
        # The coroutine never waits, so it needs no event loop.
        reading.send(None)
    except StopIteration as exc:
        form: RequestPatternForm = exc.value
        return form
    except bodies.Unprocessable as exc:
        json.dumps(exc.titles, ensure_ascii=False)
        return None
    raise AssertionError("the coroutine waits")


_JSON = (
    b'{"synchronize": {"servers": {"server": [{"refURL": "a", "sincetime": "0"}, "b", {"c": [1, 2.5, null, true]}]}}}'
)
_XML = b"<a:synchronize xmlns:a='urn:a' xmlns='urn:b'><servers b='c'>\n<server>d</server>e</servers></a:synchronize>"
_REQUESTS: list[tuple[Request, int]] = [
    (Request("GET", "/cvp-config/server", "/cvp-config/server?q=type:VXML&q=&a=%20%ff", ((b"accept", b"*/*"),)), 200),
    (
        Request(
            "POST",
            "/cvp-config/command/synchronize",
            "/cvp-config/command/synchronize",
            ((b"accept", b"a"), (b"accept", b"\xff"), (b"authorization", b"Basic d3NtYWRtaW46d3NtYWRtaW4=")),
            _JSON,
        ),
        202,
    ),
    (Request("POST", "/", "/", ((b"content-type", b"application/xml"),), _XML), 400),
    (Request("X", "/\ud800\udcff", "/%ff?" + "a=b&" * 20, (), b"\xff\x00" + b"aab" * 300), 404),
]
