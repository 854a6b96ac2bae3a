"""What reads texts of strangers, each reader as a function of one input; with atheris and without it.

A function returns where the reader did as documented, and raises whatever else the reader raised.
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


def _modules() -> Iterator[ModuleType]:
    """Load what is otherwise loaded when it is first needed, so that no input has to wait for it."""
    for package in (mockcvp.stubs, mockcvp.oamp):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            yield importlib.import_module(found.name)


_MODULES = tuple(_modules())


def xml_body(data: bytes) -> None:
    """Read a body in XML, and what it asks for."""
    _body(data, codecs.XML)


def json_body(data: bytes) -> None:
    """Read a body in JSON, and what it asks for."""
    _body(data, codecs.JSON)


def accept(data: bytes) -> None:
    """Read an `Accept`, and the same text as a `Content-Type`."""
    text = data.decode("latin-1")
    for read in (negotiation.negotiate, negotiation.body_codec):
        try:
            read(text)
        except OampError as exc:
            _check_encodable(exc)


def pattern(data: bytes) -> None:
    """Read a request pattern, as the control API does, and hold it against requests."""
    form = _pattern_form(data)
    if form is None:
        return
    for request, status in _REQUESTS:
        subject = Subject(request, Call(1, 0.0, 0.0, "127.0.0.1", request, Response(status, ())))
        try:
            matches = form.pattern.matches(subject)
            distance = form.pattern.distance(subject)
            differences = form.pattern.differences(subject)
        except UndecidedError:
            # the control API responds with 422, and does not go on with other requests
            return
        assert 0 <= distance <= 1, distance
        assert matches == (not differences), (matches, differences)
        assert not (matches and distance), distance
        json.dumps(differences, ensure_ascii=False).encode()


TARGETS: dict[str, Callable[[bytes], None]] = {"xml": xml_body, "json": json_body, "accept": accept, "pattern": pattern}


def most_seconds() -> float:
    """Return the processor time that no input may take: a few times that of the largest harmless body."""
    body = harmless()
    return MOST_TIMES * min(cpu_seconds(lambda: xml_body(body), _forget) for _ in range(5))


def seconds_of(target: Callable[[bytes], None], data: bytes, most: float) -> float:
    """Return the processor time that an input takes: the least of several runs, where the first takes too much."""
    least = cpu_seconds(lambda: target(data))
    for _ in range(4):
        if least > most:
            least = min(least, cpu_seconds(lambda: target(data), _forget))
    return least


def _forget() -> None:
    regex.purge()
    clear_caches()


@cache
def _charsets() -> list[str | None]:
    """Return each charset that a body may have, and none as often as any."""

    def known(name: str) -> bool:
        try:
            negotiation.body_codec(f"application/xml;charset={name}")
        except OampError:
            return False
        return True

    names = sorted(filter(known, {*aliases.values()}))
    return [*names, *[None] * len(names)]


def _body(data: bytes, form: codecs.Codec) -> None:
    if not data:
        return
    charsets = _charsets()
    # an input is a body as it stands; its length decides what is said of it
    for charset in (None, charsets[len(data) % len(charsets)]):
        try:
            request = synchronization.read_request(data, form, charset, DEFAULT_LIMITS)
            synchronization.requested_servers(request.data)
        except OampError as exc:
            _check_encodable(exc)


def _check_encodable(error: OampError) -> None:
    """Check that the response of an error can be encoded in each format."""
    str(error)
    for form in codecs.CODECS:
        codecs.encode(error.document, form)


def _pattern_form(data: bytes) -> RequestPatternForm | None:
    """Return the pattern that a control request holds; None where it is refused, as the control API does it."""

    async def receive() -> Message:
        return {"type": "http.request", "body": data}

    reading = bodies.body(ControlRequest({"type": "http"}, receive), RequestPatternForm)
    try:
        # nothing in it waits, and so it needs no loop
        reading.send(None)
    except StopIteration as exc:
        form: RequestPatternForm = exc.value
        return form
    except bodies.Unprocessable as exc:
        json.dumps(exc.titles, ensure_ascii=False)
        return None
    raise AssertionError("it waits for something")


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
