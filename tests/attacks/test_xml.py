"""Hostile XML: the responses, and the CPU time, the memory and the files that it uses."""

import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from mockcvp.oamp.http import Request, Response
from mockcvp.oamp.routes import dispatcher
from mockcvp.settings import Settings
from mockcvp.state import MockState
from tests.costs import clear_caches, ratio
from tests.server_process import PATIENCE, SYNCHRONIZE, XML, ServerProcess

SETTINGS = Settings()
LIMIT = SETTINGS.max_body_bytes
MIB = 1024**2
MOST_TIMES = 3
"""The maximum ratio of the CPU times of a hostile body and of the largest valid body."""
START, END = b"<synchronize>", b"</synchronize>"
HEADERS = (
    (b"accept", XML.encode()),
    (b"content-type", XML.encode()),
    (b"authorization", b"Basic d3NtYWRtaW46d3NtYWRtaW4="),
)

SYNTAX = frozenset({"400 processing.xmlSyntaxError"})
# The body is well-formed and within the documented limits, but another limit may reject it.
FITS = frozenset({"202", "400 processing.xmlSyntaxError", "413 invalid.requestSize"})
ACCEPTED = frozenset({"202"})
# The errors of the body's fields.
FIELDS = frozenset(
    {
        "400 invalidInput.requiredInputfieldMissing",
        "400 invalidInput.invalidSinceTime",
        "400 invalidInput.invalidServerRef",
        "413 invalid.requestSize",
    }
)


@dataclass(frozen=True)
class Attack:
    """A hostile body, and its possible responses.

    Attributes:
        name: the description of the body
        body: returns the body
        responses: the possible responses, as status and error type
        reason: why the response is not a syntax error, if it is not
        length_reason: why the response is longer than a few lines, if it is
    """

    name: str
    body: Callable[[], bytes]
    responses: frozenset[str] = SYNTAX
    reason: str = ""
    length_reason: str = ""


def fill(start: bytes, unit: bytes, end: bytes) -> bytes:
    """Return a body with as many copies of the unit as fit."""
    return start + unit * ((LIMIT - len(start) - len(end)) // len(unit)) + end


def fill_numbered(start: bytes, unit: bytes, end: bytes, most: int = LIMIT) -> bytes:
    """Return a body with as many units as fit, but at most this many, each with a different number."""
    units, remaining, number = [], LIMIT - len(start) - len(end), 0
    while number < most and remaining >= len(one := unit % number):
        units.append(one)
        remaining -= len(one)
        number += 1
    return start + b"".join(units) + end


def build_doctype(subset: str, content: str = "") -> bytes:
    return f'<?xml version="1.0"?><!DOCTYPE synchronize {subset}><synchronize>{content}</synchronize>'.encode()


def build_laughs() -> bytes:
    entities = ['<!ENTITY l0 "lol">', *(f'<!ENTITY l{level} "{f"&l{level - 1};" * 10}">' for level in range(1, 10))]
    return build_doctype(f"[{''.join(entities)}]", "&l9;")


def declare_encoding(encoding: str, content: bytes = b"<synchronize/>") -> bytes:
    return f'<?xml version="1.0" encoding="{encoding}"?>'.encode() + content


def nest(levels: int) -> bytes:
    """Return a body with this many levels of elements, including the root."""
    return START + b"<a>" * (levels - 1) + b"</a>" * (levels - 1) + END


def build_namespace(uri: int, attributes: int = 0, elements: int = 0) -> bytes:
    """Return a body with this many attributes and elements in a namespace of this length."""
    start = b"<synchronize xmlns:a='" + b"u" * uri + b"'"
    on_attributes = b"".join(b" a:b%x=''" % number for number in range(attributes))
    on_elements = b"".join(b"<a:b%x/>" % number for number in range(elements))
    return start + on_attributes + b">" + on_elements + END


ENTITIES = [
    Attack("billion laughs", build_laughs),
    Attack("quadratic blow-up", lambda: build_doctype(f'[<!ENTITY a "{"a" * 500_000}">]', "&a;" * 500_000)),
    Attack("recursive entities", lambda: build_doctype('[<!ENTITY a "&b;"><!ENTITY b "&a;">]', "&a;")),
    Attack(
        "recursive parameter entities", lambda: build_doctype('[<!ENTITY % a "&#37;b;"><!ENTITY % b "&#37;a;">%a;]')
    ),
    Attack("an entity in an attribute", lambda: build_doctype('[<!ENTITY a "a">]', '<a b="&a;"/>')),
    Attack("an undeclared entity", lambda: START + b"&a;" + END),
    Attack("a document type without entities", lambda: build_doctype("")),
    Attack("an empty internal subset", lambda: build_doctype("[]")),
    Attack("a default attribute", lambda: build_doctype("[<!ATTLIST synchronize a CDATA 'a'>]")),
    Attack("a document type in UTF-16", lambda: build_doctype("[]").decode().encode("utf-16")),
    Attack("endless comments in a document type", lambda: fill(b"<!DOCTYPE synchronize [", b"<!---->", b"")),
    Attack("a document type with an endless name", lambda: fill(b"<!DOCTYPE ", b"s", b"")),
    Attack("an endless entity", lambda: fill(b"<!DOCTYPE s [<!ENTITY a '", b"a", b"")),
]
NESTING = [
    Attack("200,000 levels", lambda: nest(200_000)),
    Attack("200,000 unclosed levels", lambda: b"<a>" * 200_000),
    Attack("unclosed levels up to the limit", lambda: fill(b"", b"<a>", b"")),
    Attack("one level too deep", lambda: nest(SETTINGS.max_depth + 1)),
    Attack("the maximum depth", lambda: nest(SETTINGS.max_depth), ACCEPTED, "within --max-depth"),
]
FLOODS = [
    Attack("attributes as many as fit", lambda: fill_numbered(b"<synchronize", b" a%x=''", b"/>")),
    Attack("one attribute repeatedly", lambda: fill(b"<synchronize", b" a=''", b"/>")),
    Attack("a million attributes", lambda: b"<synchronize" + b" a" * 1_000_000 + b"/>"),
    Attack("elements as many as fit", lambda: fill(START, b"<a/>", END)),
    Attack("servers as many as fit", lambda: fill(START + b"<servers>", b"<server/>", b"</servers>" + END)),
    Attack("names as many as fit", lambda: fill_numbered(START, b"<a%x/>", END)),
    Attack(
        "the maximum number of elements",
        lambda: START + b"<a/>" * (SETTINGS.max_elements - 1) + END,
        FITS,
        "within --max-elements",
    ),
    Attack("one element too many", lambda: START + b"<a/>" * SETTINGS.max_elements + END),
    Attack(
        "a name of 1 MiB",
        lambda: START + b"<" + b"a" * MIB + b"/>" + END,
        FITS,
        "only the limit of the body applies to names",
    ),
    Attack("a root name of 1 MiB", lambda: b"<" + b"a" * MIB + b"/>"),
    Attack(
        "an attribute name of 1 MiB",
        lambda: START + b"<a " + b"a" * MIB + b"=''/>" + END,
        FITS,
        "only the limit of the body applies to names",
    ),
    Attack(
        "an attribute value as long as fits",
        lambda: fill(START + b"<a b='", b"v", b"'/>" + END),
        FITS,
        "the attribute is ignored",
    ),
    Attack(
        "an attribute value of references",
        lambda: fill(START + b"<a b='", b"&lt;", b"'/>" + END),
        FITS,
        "the attribute is ignored",
    ),
    Attack("an unterminated attribute", lambda: fill(START + b"<a b='", b"v", b"")),
    Attack("an unterminated tag", lambda: fill(b"<", b"a", b"")),
    Attack("only opening brackets", lambda: b"<" * LIMIT),
    Attack(
        "instructions as many as fit", lambda: fill(START, b"<?a b?>", END), FITS, "processing instructions are ignored"
    ),
    Attack(
        "ten thousand instructions",
        lambda: START + b"<?a b?>" * 10_000 + END,
        FITS,
        "processing instructions are ignored",
    ),
    Attack("comments as many as fit", lambda: fill(START, b"<!---->", END), FITS, "comments are ignored"),
    Attack("ten thousand comments", lambda: START + b"<!---->" * 10_000 + END, FITS, "comments are ignored"),
    Attack(
        "a comment as long as fits", lambda: fill(START + b"<!--", b"-x", b"-->" + END), FITS, "comments are ignored"
    ),
    Attack("an unterminated comment", lambda: fill(START + b"<!--", b"-x", b"")),
    Attack(
        "CDATA sections as many as fit",
        lambda: fill(START, b"<![CDATA[x]]>\n", END),
        FITS,
        "CDATA is text",
    ),
    Attack(
        "a CDATA section as long as fits",
        lambda: fill(START + b"<![CDATA[", b"]", b"]]>" + END),
        FITS,
        "CDATA is text",
    ),
    Attack("an unterminated CDATA section", lambda: fill(START + b"<![CDATA[", b"]", b"")),
    Attack("character references", lambda: fill(START, b"&#65;", END), FITS, "the text of synchronize is ignored"),
    Attack("line breaks", lambda: fill(START, b"\n", END), FITS, "white space"),
    Attack("carriage returns", lambda: fill(START, b"\r", END), FITS, "white space"),
]
NAMESPACES = [
    Attack(
        "namespaces as many as fit",
        lambda: fill_numbered(b"<synchronize", b" xmlns:a%x='u'", b"/>"),
        FITS,
        "declarations are not counted as attributes",
    ),
    Attack("a namespace for each element", lambda: fill_numbered(START, b"<a xmlns:b%x='u'/>", END)),
    Attack(
        "a namespace as long as fits",
        lambda: fill(b"<synchronize xmlns:a='", b"u", b"'/>"),
        FITS,
        "no name uses the namespace",
    ),
    Attack(
        "a long namespace on attributes",
        lambda: build_namespace(MIB // 4, attributes=200),
        FITS,
        "names in a namespace are ignored",
    ),
    Attack(
        "a long namespace on elements",
        lambda: build_namespace(MIB // 4, elements=400),
        FITS,
        "names in a namespace are ignored",
    ),
    Attack(
        "a long namespace after many spaces",
        lambda: build_namespace(MIB // 4, elements=400).replace(b"xmlns:a=", b"xmlns:a" + b" " * 21 + b"= "),
        SYNTAX,
    ),
    Attack(
        "a long namespace with a long prefix",
        lambda: (
            build_namespace(MIB // 4, elements=400)
            .replace(b"a:", b"a" * 300 + b":")
            .replace(b":a=", b":" + b"a" * 300 + b"=")
        ),
        SYNTAX,
    ),
    Attack(
        "a long namespace after a value with brackets",
        lambda: build_namespace(MIB // 4, attributes=200).replace(b"<synchronize ", b"<synchronize x='>>' y='\">' "),
        SYNTAX,
    ),
    Attack("a namespace that is too long", lambda: build_namespace(257, elements=1)),
    Attack("a long tag with a namespace", lambda: build_namespace(256, attributes=600)),
    Attack(
        "a namespace of the maximum length",
        lambda: build_namespace(256, elements=1),
        ACCEPTED,
        "names in a namespace are ignored",
    ),
    Attack(
        "a long namespace in a comment and in text",
        lambda: START + b"<!--<a xmlns='" + b"u" * 3000 + b"'>--><![CDATA[xmlns='" + b"u" * 5000 + b"']]>" + END,
        ACCEPTED,
        "neither is a declaration of a namespace",
    ),
    Attack(
        "many names in a namespace of the maximum length",
        lambda: build_namespace(256, elements=9_998),
        FITS,
        "within --max-elements",
    ),
    Attack(
        "text that resembles declarations of namespaces",
        lambda: fill(START, b"xmlns:", END),
        FITS,
        "text declares no namespace",
    ),
    Attack("a root in a namespace", lambda: b'<synchronize xmlns="urn:other"/>'),
    Attack("an undeclared prefix", lambda: START + b"<a:b/>" + END),
    Attack("xml bound to another namespace", lambda: b"<synchronize xmlns:xml='urn:other'/>"),
]
ENCODINGS = [
    Attack("ASCII declared as UTF-16", lambda: declare_encoding("UTF-16")),
    Attack("UTF-7", lambda: declare_encoding("UTF-7", b"+ADw-synchronize/+AD4-")),
    Attack("ASCII declared as UTF-7", lambda: declare_encoding("UTF-7")),
    Attack("an unknown encoding", lambda: declare_encoding("x-none")),
    Attack(
        "an unknown encoding with a long name",
        lambda: declare_encoding("x" * MIB),
    ),
    Attack("a codec of Python that is not a text encoding", lambda: declare_encoding("hex")),
    Attack("a path as the encoding", lambda: declare_encoding("../../etc/passwd")),
    Attack("a Python module as the encoding", lambda: declare_encoding("antigravity")),
    Attack("invalid UTF-8", lambda: START + b"\xff\xfe" + END),
    Attack("overlong UTF-8", lambda: START + b"\xc0\xbc" + END),
    Attack("half of a surrogate pair in UTF-8", lambda: START + b"\xed\xa0\x80" + END),
    Attack("invalid UTF-8 at the very end", lambda: fill(START, b"a", b"\xff" + END)),
    Attack("a NUL", lambda: START + b"\0" + END),
    Attack("only NULs", lambda: b"\0" * LIMIT),
    Attack("a character reference to NUL", lambda: START + b"&#0;" + END),
    Attack("a character reference beyond Unicode", lambda: START + b"&#x110000;" + END),
    Attack("the byte order mark of UTF-16 before ASCII", lambda: b"\xff\xfe<synchronize/>"),
    Attack(
        "the byte order mark of UTF-8, declared as UTF-16",
        lambda: b"\xef\xbb\xbf" + declare_encoding("UTF-16"),
        ACCEPTED,
        "the byte order mark overrides the declaration",
    ),
    Attack("UTF-32", lambda: "<synchronize/>".encode("utf-32")),
    Attack("EBCDIC", lambda: declare_encoding("cp037").decode().encode("cp037")),
    Attack(
        "UTF-16",
        lambda: declare_encoding("UTF-16").decode().encode("utf-16"),
        ACCEPTED,
        "the XML specification requires support for UTF-16",
    ),
]
DOCUMENTS = [
    Attack("truncated in its content", lambda: START + b"<servers>"),
    Attack("truncated in a tag", lambda: b"<synchronize"),
    Attack("two roots", lambda: b"<synchronize/><synchronize/>"),
    Attack("another root", lambda: b"<servers/>"),
    Attack("text after the root", lambda: b"<synchronize/>x"),
    Attack("an XML declaration after a space", lambda: b" " + declare_encoding("UTF-8")),
    Attack("an unknown version", lambda: b'<?xml version="9.9"?><synchronize'),
    Attack("only white space", lambda: b" " * LIMIT),
    Attack("crossed tags", lambda: START + b"<a><b></a></b>" + END),
    Attack(
        "XInclude",
        lambda: (
            b'<synchronize xmlns:xi="http://www.w3.org/2001/XInclude">'
            b'<xi:include href="file:///etc/passwd" parse="text"/></synchronize>'
        ),
        FITS,
        "unknown elements are ignored, and nothing is included",
    ),
    Attack(
        "a stylesheet",
        lambda: b'<?xml-stylesheet href="file:///etc/passwd"?><synchronize/>',
        ACCEPTED,
        "processing instructions are ignored",
    ),
    Attack(
        "the maximum number of invalid servers",
        lambda: START + b"<servers>" + b"<server/>" * SETTINGS.max_servers + b"</servers>" + END,
        FIELDS,
        "the body is well-formed, but its fields have errors",
        length_reason="the response has one error for each server, as documented",
    ),
]
TABLE = [*ENTITIES, *NESTING, *FLOODS, *NAMESPACES, *ENCODINGS, *DOCUMENTS]


ROWS = pytest.mark.parametrize("attack", [pytest.param(attack, id=attack.name) for attack in TABLE])


def respond(body: bytes) -> Response:
    """Return the response of a new mock server."""
    oamp = MockState(SETTINGS).oamp
    path = f"/cvp-config/{SYNCHRONIZE}"
    return dispatcher.respond(oamp, Request("POST", path, path, HEADERS, body))


def harmless() -> bytes:
    """Return a valid body with the maximum number of servers, each with the reference that OAMP gives it."""
    server = "<server><refURL>https://localhost/cvp-config/server/s{:07}</refURL><sincetime>0</sincetime></server>"
    servers = "".join(map(server.format, range(SETTINGS.max_servers)))
    return f"<synchronize><servers>{servers}</servers></synchronize>".encode()


def describe(status: int, response: str) -> str:
    """Return the status and the error type, if there is one."""
    found = re.search(r"<errorType>(.*?)</errorType>", response)
    return f"{status} {found[1]}" if found else str(status)


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    # A journal that stores bodies uses more memory with each request.
    with ServerProcess(tmp_path_factory.mktemp("certs"), "--journal-max-calls", "0") as server:
        yield server


@pytest.fixture(scope="module")
def client(attacked: ServerProcess) -> Iterator[httpx.Client]:
    with attacked.client(headers={"Accept": XML, "Content-Type": XML}, timeout=PATIENCE) as client:
        yield client


def test_every_body_of_the_table_is_within_the_size_limit() -> None:
    for attack in TABLE:
        assert len(attack.body()) <= LIMIT, attack.name


def test_every_row_without_a_syntax_error_has_a_reason() -> None:
    assert [attack.name for attack in TABLE if attack.responses != SYNTAX and not attack.reason] == []


@ROWS
def test_hostile_xml_uses_little_more_cpu_time_than_valid_xml(attack: Attack) -> None:
    body, valid = attack.body(), harmless()
    response = respond(body)
    assert describe(response.status, response.body.decode()) in attack.responses
    assert respond(valid).status == 202
    cost = ratio(lambda: respond(body), lambda: respond(valid), enough=MOST_TIMES, before=clear_caches)
    assert cost <= MOST_TIMES


@ROWS
def test_hostile_xml_gets_the_documented_response(
    attacked: ServerProcess, client: httpx.Client, attack: Attack
) -> None:
    response = client.post(SYNCHRONIZE, content=attack.body())
    assert describe(response.status_code, response.text) in attack.responses
    # The server still accepts other requests.
    assert client.post(SYNCHRONIZE, content=b"<synchronize/>").status_code == 202
    assert attacked.process.poll() is None


@ROWS
def test_hostile_xml_gets_a_short_response_and_log_line(
    attacked: ServerProcess, client: httpx.Client, attack: Attack
) -> None:
    attacked.forget_lines()
    response = client.post(SYNCHRONIZE, content=attack.body())
    line = attacked.line(f"{response.status_code} POST")
    # The line has at most five ignored names, and 200 characters of each.
    assert len(line) < 1500
    assert len(response.content) < (1_000_000 if attack.length_reason else 4096)
    assert line.isprintable()


def measure_memory(process: int, field: str = "VmRSS") -> int:
    """Return the resident memory of a process, or another value of its status, in MiB."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    assert found
    return int(found[1]) // 1024


def send_all(server: ServerProcess, client: httpx.Client, attacks: list[Attack]) -> None:
    for attack in attacks:
        assert client.post(SYNCHRONIZE, content=attack.body()).status_code < 500
    assert server.process.poll() is None


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is read from /proc: run it on Linux")
def test_hostile_xml_does_not_leak_memory(attacked: ServerProcess, client: httpx.Client) -> None:
    attacks = [attack for attack in TABLE if not attack.length_reason]
    send_all(attacked, client, attacks)
    before = measure_memory(attacked.process.pid)
    send_all(attacked, client, attacks)
    assert measure_memory(attacked.process.pid) - before < 16


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is read from /proc: run it on Linux")
@pytest.mark.parametrize(
    "attack",
    [
        pytest.param(attack, id=attack.name)
        for attack in TABLE
        if attack in NAMESPACES or attack.name.endswith("as many as fit")
    ],
)
def test_hostile_xml_uses_limited_memory_while_it_is_parsed(tmp_path: Path, attack: Attack) -> None:
    assert measure_peak_memory(tmp_path, attack.body()) < 64


def measure_peak_memory(directory: Path, body: bytes, limit: int = 2048) -> int:
    """Return the peak memory that a body uses in a separate process with limited memory, in MiB."""
    file = directory / "body"
    file.write_bytes(body)
    program = (
        "import resource, sys, pathlib\n"
        f"resource.setrlimit(resource.RLIMIT_AS, ({limit} * 2**20,) * 2)\n"
        "from tests.attacks.test_xml import measure_memory, respond\n"
        "import os\n"
        "body = pathlib.Path(sys.argv[1]).read_bytes()\n"
        "respond(b'<synchronize/>')\n"
        "before = measure_memory(os.getpid())\n"
        "response = respond(body)\n"
        "assert response.status < 500, response\n"
        "print(measure_memory(os.getpid(), 'VmHWM') - before)\n"
    )
    completed = subprocess.run(
        [sys.executable, "-c", program, str(file)], capture_output=True, text=True, timeout=300, check=False
    )
    assert completed.returncode == 0, completed.stderr[-2000:]
    return int(completed.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is read from /proc: run it on Linux")
@pytest.mark.parametrize(("attributes", "elements"), [(SETTINGS.max_elements - 2, 0), (0, SETTINGS.max_elements - 1)])
def test_a_body_within_the_limits_uses_limited_memory(tmp_path: Path, attributes: int, elements: int) -> None:
    body = build_namespace(MIB, attributes, elements)
    assert len(body) <= LIMIT
    # Without a limit, this body would use 100 GB.
    assert measure_peak_memory(tmp_path, body, limit=1024) < 64


def build_external_references(secret: Path, port: int) -> list[bytes]:
    """Return bodies that refer to a file and to a server on a port."""
    file, web = secret.as_uri(), f"http://127.0.0.1:{port}/x"
    return [
        body
        for uri in (file, web)
        for body in (
            build_doctype(f'[<!ENTITY a SYSTEM "{uri}">]', "&a;"),
            build_doctype(f'[<!ENTITY a PUBLIC "a" "{uri}">]', "&a;"),
            build_doctype(f'[<!ENTITY a SYSTEM "{uri}">]', "<servers><server>&a;</server></servers>"),
            build_doctype(f'[<!ENTITY % a SYSTEM "{uri}"> %a;]'),
            build_doctype(f'[<!ENTITY % a PUBLIC "a" "{uri}"> %a;]'),
            build_doctype(f'[<!NOTATION n SYSTEM "{uri}"><!ENTITY a SYSTEM "{uri}" NDATA n>]', '<a b="a"/>'),
            build_doctype(f'SYSTEM "{uri}"'),
            build_doctype(f'PUBLIC "-//a//b" "{uri}"'),
            f'<synchronize xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="{uri}" parse="text"/></synchronize>'.encode(),
            f'<synchronize xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="{uri}"/>'.encode(),
            f'<?xml-stylesheet type="text/xsl" href="{uri}"?><synchronize/>'.encode(),
        )
    ]


def test_xml_cannot_read_files_or_connect_to_hosts(
    attacked: ServerProcess, client: httpx.Client, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("cobalt-heron-4711")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        attacked.forget_lines()
        for body in build_external_references(secret, listener.getsockname()[1]):
            response = client.post(SYNCHRONIZE, content=body)
            assert describe(response.status_code, response.text) in (SYNTAX if b"DOCTYPE" in body else ACCEPTED), body
            assert "cobalt" not in response.text
            assert "cobalt" not in attacked.line(f"{response.status_code} POST")
        # A connection that the parser opened would already be in the queue.
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not on this machine: apt-get install strace")
def test_parsing_xml_opens_no_file_and_no_connection(
    attacked: ServerProcess, client: httpx.Client, tmp_path: Path
) -> None:
    secret, calls = tmp_path / "secret.txt", tmp_path / "calls"
    secret.write_text("cobalt-heron-4711")
    client.post(SYNCHRONIZE, content=build_external_references(secret, 9)[0])
    command = ["strace", "-f", "-e", "trace=file,connect", "-o", str(calls), "-p", str(attacked.process.pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr
        output = strace.stderr.readline()
        if "attached" not in output:
            strace.kill()
            pytest.skip("strace may not attach to a process here: run it as root, or with CAP_SYS_PTRACE")
        for body in build_external_references(secret, 9):
            client.post(SYNCHRONIZE, content=body)
        strace.send_signal(signal.SIGINT)
    traced = calls.read_text()
    assert "secret.txt" not in traced
    assert "open" not in traced
    assert "connect(" not in traced
