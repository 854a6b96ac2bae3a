"""Hostile XML: what it is answered with, what it costs, and that it reaches nothing but its own answer."""

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

MOST = Settings()
LIMIT = MOST.max_body_bytes
MIB = 1024**2
MOST_TIMES = 3
"""How many times the processor time of the largest harmless body a hostile one may take."""
START, END = b"<synchronize>", b"</synchronize>"
HEADERS = (
    (b"accept", XML.encode()),
    (b"content-type", XML.encode()),
    (b"authorization", b"Basic d3NtYWRtaW46d3NtYWRtaW4="),
)

SYNTAX = frozenset({"400 processing.xmlSyntaxError"})
# well-formed, and within every documented limit; a further limit may refuse it
FITS = frozenset({"202", "400 processing.xmlSyntaxError", "413 invalid.requestSize"})
TAKEN = frozenset({"202"})
# what its fields are refused with
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
    """A body, and what it may be answered with.

    Attributes:
        name: what it is
        body: makes it
        answers: any of these, as status and error
        why: where it is not refused as no XML, the reason
        loud: where its answer is longer than a few lines, the reason
    """

    name: str
    body: Callable[[], bytes]
    responses: frozenset[str] = SYNTAX
    why: str = ""
    loud: str = ""


def filled(start: bytes, unit: bytes, end: bytes) -> bytes:
    """As many units as fit into a body."""
    return start + unit * ((LIMIT - len(start) - len(end)) // len(unit)) + end


def numbered(start: bytes, unit: bytes, end: bytes, most: int = LIMIT) -> bytes:
    """As many units as fit into a body, or so many; each with a number of its own."""
    units, room, number = [], LIMIT - len(start) - len(end), 0
    while number < most and room >= len(one := unit % number):
        units.append(one)
        room -= len(one)
        number += 1
    return start + b"".join(units) + end


def doctype(subset: str, content: str = "") -> bytes:
    return f'<?xml version="1.0"?><!DOCTYPE synchronize {subset}><synchronize>{content}</synchronize>'.encode()


def laughs() -> bytes:
    entities = ['<!ENTITY l0 "lol">', *(f'<!ENTITY l{level} "{f"&l{level - 1};" * 10}">' for level in range(1, 10))]
    return doctype(f"[{''.join(entities)}]", "&l9;")


def declared(encoding: str, content: bytes = b"<synchronize/>") -> bytes:
    return f'<?xml version="1.0" encoding="{encoding}"?>'.encode() + content


def nested(levels: int) -> bytes:
    """The root is the first level."""
    return START + b"<a>" * (levels - 1) + b"</a>" * (levels - 1) + END


def namespaced(uri: int, attributes: int = 0, elements: int = 0) -> bytes:
    """A namespace as long as this, on so many attributes and elements."""
    start = b"<synchronize xmlns:a='" + b"u" * uri + b"'"
    on_attributes = b"".join(b" a:b%x=''" % number for number in range(attributes))
    on_elements = b"".join(b"<a:b%x/>" % number for number in range(elements))
    return start + on_attributes + b">" + on_elements + END


ENTITIES = [
    Attack("billion laughs", laughs),
    Attack("quadratic blow-up", lambda: doctype(f'[<!ENTITY a "{"a" * 500_000}">]', "&a;" * 500_000)),
    Attack("recursive entities", lambda: doctype('[<!ENTITY a "&b;"><!ENTITY b "&a;">]', "&a;")),
    Attack("recursive parameter entities", lambda: doctype('[<!ENTITY % a "&#37;b;"><!ENTITY % b "&#37;a;">%a;]')),
    Attack("an entity in an attribute", lambda: doctype('[<!ENTITY a "a">]', '<a b="&a;"/>')),
    Attack("an undeclared entity", lambda: START + b"&a;" + END),
    Attack("a document type without entities", lambda: doctype("")),
    Attack("an empty internal subset", lambda: doctype("[]")),
    Attack("an attribute by default", lambda: doctype("[<!ATTLIST synchronize a CDATA 'a'>]")),
    Attack("a document type in UTF-16", lambda: doctype("[]").decode().encode("utf-16")),
    Attack("comments without end in a document type", lambda: filled(b"<!DOCTYPE synchronize [", b"<!---->", b"")),
    Attack("a document type with an endless name", lambda: filled(b"<!DOCTYPE ", b"s", b"")),
    Attack("an endless entity", lambda: filled(b"<!DOCTYPE s [<!ENTITY a '", b"a", b"")),
]
NESTING = [
    Attack("200,000 levels", lambda: nested(200_000)),
    Attack("200,000 levels without an end", lambda: b"<a>" * 200_000),
    Attack("500,000 levels of the same", lambda: filled(b"", b"<a>", b"")),
    Attack("one level too deep", lambda: nested(MOST.max_depth + 1)),
    Attack("as deep as may be", lambda: nested(MOST.max_depth), TAKEN, "within --max-depth"),
]
FLOODS = [
    Attack("attributes as many as fit", lambda: numbered(b"<synchronize", b" a%x=''", b"/>")),
    Attack("one attribute again and again", lambda: filled(b"<synchronize", b" a=''", b"/>")),
    Attack("a million attributes", lambda: b"<synchronize" + b" a" * 1_000_000 + b"/>"),
    Attack("elements as many as fit", lambda: filled(START, b"<a/>", END)),
    Attack("servers as many as fit", lambda: filled(START + b"<servers>", b"<server/>", b"</servers>" + END)),
    Attack("names as many as fit", lambda: numbered(START, b"<a%x/>", END)),
    Attack(
        "elements as many as may be",
        lambda: START + b"<a/>" * (MOST.max_elements - 1) + END,
        FITS,
        "within --max-elements",
    ),
    Attack("one element too many", lambda: START + b"<a/>" * MOST.max_elements + END),
    Attack(
        "a name of 1 MiB", lambda: START + b"<" + b"a" * MIB + b"/>" + END, FITS, "names have no limit but the body's"
    ),
    Attack("a root's name of 1 MiB", lambda: b"<" + b"a" * MIB + b"/>"),
    Attack("an attribute's name of 1 MiB", lambda: START + b"<a " + b"a" * MIB + b"=''/>" + END, FITS, "as above"),
    Attack(
        "an attribute's value as long as fits",
        lambda: filled(START + b"<a b='", b"v", b"'/>" + END),
        FITS,
        "it is ignored",
    ),
    Attack(
        "an attribute's value of references", lambda: filled(START + b"<a b='", b"&lt;", b"'/>" + END), FITS, "as above"
    ),
    Attack("an attribute without end", lambda: filled(START + b"<a b='", b"v", b"")),
    Attack("a tag without end", lambda: filled(b"<", b"a", b"")),
    Attack("nothing but open brackets", lambda: b"<" * LIMIT),
    Attack("instructions as many as fit", lambda: filled(START, b"<?a b?>", END), FITS, "they mean nothing"),
    Attack("ten thousand instructions", lambda: START + b"<?a b?>" * 10_000 + END, FITS, "they mean nothing"),
    Attack("comments as many as fit", lambda: filled(START, b"<!---->", END), FITS, "they mean nothing"),
    Attack("ten thousand comments", lambda: START + b"<!---->" * 10_000 + END, FITS, "they mean nothing"),
    Attack("a comment as long as fits", lambda: filled(START + b"<!--", b"-x", b"-->" + END), FITS, "it means nothing"),
    Attack("a comment without end", lambda: filled(START + b"<!--", b"-x", b"")),
    Attack(
        "CDATA sections as many as fit",
        lambda: filled(START, b"<![CDATA[x]]>\n", END),
        FITS,
        "CDATA is text",
    ),
    Attack(
        "a CDATA section as long as fits",
        lambda: filled(START + b"<![CDATA[", b"]", b"]]>" + END),
        FITS,
        "CDATA is text",
    ),
    Attack("a CDATA section without end", lambda: filled(START + b"<![CDATA[", b"]", b"")),
    Attack("characters by number", lambda: filled(START, b"&#65;", END), FITS, "the text of synchronize is ignored"),
    Attack("ends of lines", lambda: filled(START, b"\n", END), FITS, "white space"),
    Attack("carriage returns", lambda: filled(START, b"\r", END), FITS, "white space"),
]
NAMESPACES = [
    Attack(
        "namespaces as many as fit",
        lambda: numbered(b"<synchronize", b" xmlns:a%x='u'", b"/>"),
        FITS,
        "declarations are counted as no attributes",
    ),
    Attack("a namespace for each element", lambda: numbered(START, b"<a xmlns:b%x='u'/>", END)),
    Attack(
        "a namespace as long as fits", lambda: filled(b"<synchronize xmlns:a='", b"u", b"'/>"), FITS, "it is not used"
    ),
    Attack(
        "a long namespace on attributes",
        lambda: namespaced(MIB // 4, attributes=200),
        FITS,
        "the contract has no namespaces: what is in one is ignored",
    ),
    Attack(
        "a long namespace on elements",
        lambda: namespaced(MIB // 4, elements=400),
        FITS,
        "as above",
    ),
    Attack(
        "a long namespace behind many blanks",
        lambda: namespaced(MIB // 4, elements=400).replace(b"xmlns:a=", b"xmlns:a" + b" " * 21 + b"= "),
        SYNTAX,
    ),
    Attack(
        "a long namespace with a long prefix",
        lambda: (
            namespaced(MIB // 4, elements=400)
            .replace(b"a:", b"a" * 300 + b":")
            .replace(b":a=", b":" + b"a" * 300 + b"=")
        ),
        SYNTAX,
    ),
    Attack(
        "a long namespace behind a value with brackets",
        lambda: namespaced(MIB // 4, attributes=200).replace(b"<synchronize ", b"<synchronize x='>>' y='\">' "),
        SYNTAX,
    ),
    Attack("a namespace that is too long", lambda: namespaced(257, elements=1)),
    Attack("a long tag with a namespace", lambda: namespaced(256, attributes=600)),
    Attack("a namespace as long as may be", lambda: namespaced(256, elements=1), TAKEN, "it means nothing"),
    Attack(
        "a long namespace in a comment and in text",
        lambda: START + b"<!--<a xmlns='" + b"u" * 3000 + b"'>--><![CDATA[xmlns='" + b"u" * 5000 + b"']]>" + END,
        TAKEN,
        "neither is one",
    ),
    Attack(
        "many names of a namespace as long as may be",
        lambda: namespaced(256, elements=9_998),
        FITS,
        "within --max-elements",
    ),
    Attack("nothing but declarations of namespaces", lambda: filled(START, b"xmlns:", END), FITS, "it is text"),
    Attack("a root in a namespace", lambda: b'<synchronize xmlns="urn:other"/>'),
    Attack("an undeclared prefix", lambda: START + b"<a:b/>" + END),
    Attack("xml bound to another namespace", lambda: b"<synchronize xmlns:xml='urn:other'/>"),
]
ENCODINGS = [
    Attack("ASCII said to be UTF-16", lambda: declared("UTF-16")),
    Attack("UTF-7", lambda: declared("UTF-7", b"+ADw-synchronize/+AD4-")),
    Attack("said to be UTF-7", lambda: declared("UTF-7")),
    Attack("an unknown encoding", lambda: declared("x-none")),
    Attack(
        "an unknown encoding with a long name",
        lambda: declared("x" * MIB),
    ),
    Attack("an encoding of Python's that is no encoding of text", lambda: declared("hex")),
    Attack("an encoding that is a path", lambda: declared("../../etc/passwd")),
    Attack("an encoding that is a module", lambda: declared("antigravity")),
    Attack("invalid UTF-8", lambda: START + b"\xff\xfe" + END),
    Attack("overlong UTF-8", lambda: START + b"\xc0\xbc" + END),
    Attack("half of a surrogate pair in UTF-8", lambda: START + b"\xed\xa0\x80" + END),
    Attack("invalid UTF-8 at the very end", lambda: filled(START, b"a", b"\xff" + END)),
    Attack("a NUL", lambda: START + b"\0" + END),
    Attack("nothing but NULs", lambda: b"\0" * LIMIT),
    Attack("a NUL by number", lambda: START + b"&#0;" + END),
    Attack("a character that is none, by number", lambda: START + b"&#x110000;" + END),
    Attack("the byte order mark of UTF-16 before ASCII", lambda: b"\xff\xfe<synchronize/>"),
    Attack(
        "the byte order mark of UTF-8, said to be UTF-16",
        lambda: b"\xef\xbb\xbf" + declared("UTF-16"),
        TAKEN,
        "the mark tells more than what is said",
    ),
    Attack("UTF-32", lambda: "<synchronize/>".encode("utf-32")),
    Attack("EBCDIC", lambda: declared("cp037").decode().encode("cp037")),
    Attack("UTF-16", lambda: declared("UTF-16").decode().encode("utf-16"), TAKEN, "XML has every parser read it"),
]
FORMS = [
    Attack("truncated in its content", lambda: START + b"<servers>"),
    Attack("truncated in a tag", lambda: b"<synchronize"),
    Attack("two roots", lambda: b"<synchronize/><synchronize/>"),
    Attack("another root", lambda: b"<servers/>"),
    Attack("text after the root", lambda: b"<synchronize/>x"),
    Attack("a declaration that comes late", lambda: b" " + declared("UTF-8")),
    Attack("an unknown version", lambda: b'<?xml version="9.9"?><synchronize'),
    Attack("white space alone", lambda: b" " * LIMIT),
    Attack("crossed tags", lambda: START + b"<a><b></a></b>" + END),
    Attack(
        "XInclude",
        lambda: (
            b'<synchronize xmlns:xi="http://www.w3.org/2001/XInclude">'
            b'<xi:include href="file:///etc/passwd" parse="text"/></synchronize>'
        ),
        FITS,
        "nothing is included: to the product it is an unknown element, which the contract ignores",
    ),
    Attack(
        "a stylesheet", lambda: b'<?xml-stylesheet href="file:///etc/passwd"?><synchronize/>', TAKEN, "it means nothing"
    ),
    Attack(
        "a faulty server as often as may be",
        lambda: START + b"<servers>" + b"<server/>" * MOST.max_servers + b"</servers>" + END,
        FIELDS,
        "well-formed: its fields are at fault",
        loud="each server gets an error of its own, as the contract has it: all faults are told",
    ),
]
TABLE = [*ENTITIES, *NESTING, *FLOODS, *NAMESPACES, *ENCODINGS, *FORMS]


ROWS = pytest.mark.parametrize("attack", [pytest.param(attack, id=attack.name) for attack in TABLE])


def responded(body: bytes) -> Response:
    """Return the response of a new mock server."""
    oamp = MockState(MOST).oamp
    path = f"/cvp-config/{SYNCHRONIZE}"
    return dispatcher.respond(oamp, Request("POST", path, path, HEADERS, body))


def harmless() -> bytes:
    """Return a body that names as many servers as a body may, each by the reference that OAMP gives it."""
    server = "<server><refURL>https://localhost/cvp-config/server/s{:07}</refURL><sincetime>0</sincetime></server>"
    servers = "".join(map(server.format, range(MOST.max_servers)))
    return f"<synchronize><servers>{servers}</servers></synchronize>".encode()


def reported(status: int, response: str) -> str:
    found = re.search(r"<errorType>(.*?)</errorType>", response)
    return f"{status} {found[1]}" if found else str(status)


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    # a journal that keeps bodies would grow, as it should
    with ServerProcess(tmp_path_factory.mktemp("certs"), "--journal-max-calls", "0") as server:
        yield server


@pytest.fixture(scope="module")
def caller(attacked: ServerProcess) -> Iterator[httpx.Client]:
    with attacked.client(headers={"Accept": XML, "Content-Type": XML}, timeout=PATIENCE) as client:
        yield client


def test_every_body_of_the_table_is_within_the_limit_so_that_the_parser_sees_it() -> None:
    for attack in TABLE:
        assert len(attack.body()) <= LIMIT, attack.name


def test_a_row_that_is_not_refused_as_no_xml_says_why() -> None:
    assert [attack.name for attack in TABLE if attack.responses != SYNTAX and not attack.why] == []


@ROWS
def test_hostile_xml_costs_little_more_than_harmless_xml(attack: Attack) -> None:
    body, usual = attack.body(), harmless()
    response = responded(body)
    assert reported(response.status, response.body.decode()) in attack.responses
    assert responded(usual).status == 202
    costs = ratio(lambda: responded(body), lambda: responded(usual), enough=MOST_TIMES, before=clear_caches)
    assert costs <= MOST_TIMES


@ROWS
def test_hostile_xml_gets_the_documented_answer(attacked: ServerProcess, caller: httpx.Client, attack: Attack) -> None:
    response = caller.post(SYNCHRONIZE, content=attack.body())
    assert reported(response.status_code, response.text) in attack.responses
    # and nobody else pays for it
    assert caller.post(SYNCHRONIZE, content=b"<synchronize/>").status_code == 202
    assert attacked.process.poll() is None


@ROWS
def test_hostile_xml_gets_a_short_answer_and_a_short_line_in_the_log(
    attacked: ServerProcess, caller: httpx.Client, attack: Attack
) -> None:
    attacked.forget_lines()
    response = caller.post(SYNCHRONIZE, content=attack.body())
    line = attacked.line(f"{response.status_code} POST")
    # of what is ignored, it tells five names, 200 characters of each
    assert len(line) < 1500
    assert len(response.content) < (1_000_000 if attack.loud else 4096)
    assert line.isprintable()


def resident(process: int, what: str = "VmRSS") -> int:
    """Return the memory that a process takes, or the most that it took, in MiB."""
    found = re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    assert found
    return int(found[1]) // 1024


def swell(server: ServerProcess, client: httpx.Client, attacks: list[Attack]) -> None:
    for attack in attacks:
        assert client.post(SYNCHRONIZE, content=attack.body()).status_code < 500
    assert server.process.poll() is None


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is read from /proc: run it on Linux")
def test_hostile_xml_leaves_memory_as_it_was(attacked: ServerProcess, caller: httpx.Client) -> None:
    attacks = [attack for attack in TABLE if not attack.loud]
    swell(attacked, caller, attacks)
    before = resident(attacked.process.pid)
    swell(attacked, caller, attacks)
    assert resident(attacked.process.pid) - before < 16


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is read from /proc: run it on Linux")
@pytest.mark.parametrize(
    "attack",
    [
        pytest.param(attack, id=attack.name)
        for attack in TABLE
        if attack in NAMESPACES or attack.name.endswith("as many as fit")
    ],
)
def test_hostile_xml_takes_a_few_times_its_own_size_for_as_long_as_it_is_read(tmp_path: Path, attack: Attack) -> None:
    assert cost(tmp_path, attack.body()) < 64


def cost(directory: Path, body: bytes, most: int = 2048) -> int:
    """Return what a body takes at most in a process of its own, in MiB; that process may have no more than so many."""
    file = directory / "body"
    file.write_bytes(body)
    program = (
        "import resource, sys, pathlib\n"
        f"resource.setrlimit(resource.RLIMIT_AS, ({most} * 2**20,) * 2)\n"
        "from tests.attacks.test_xml import responded, resident\n"
        "import os\n"
        "body = pathlib.Path(sys.argv[1]).read_bytes()\n"
        "responded(b'<synchronize/>')\n"
        "before = resident(os.getpid())\n"
        "response = responded(body)\n"
        "assert response.status < 500, response\n"
        "print(resident(os.getpid(), 'VmHWM') - before)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(file)], capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    return int(ended.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is read from /proc: run it on Linux")
@pytest.mark.parametrize(("attributes", "elements"), [(MOST.max_elements - 2, 0), (0, MOST.max_elements - 1)])
def test_a_body_within_the_limits_cannot_take_all_memory(tmp_path: Path, attributes: int, elements: int) -> None:
    body = namespaced(MIB, attributes, elements)
    assert len(body) <= LIMIT
    # without the bound, it would be a hundred gigabytes
    assert cost(tmp_path, body, most=1024) < 64


def outside(secret: Path, port: int) -> list[bytes]:
    """Bodies that want what is outside of them: a file, and what listens on a port."""
    file, web = secret.as_uri(), f"http://127.0.0.1:{port}/x"
    return [
        body
        for uri in (file, web)
        for body in (
            doctype(f'[<!ENTITY a SYSTEM "{uri}">]', "&a;"),
            doctype(f'[<!ENTITY a PUBLIC "a" "{uri}">]', "&a;"),
            doctype(f'[<!ENTITY a SYSTEM "{uri}">]', "<servers><server>&a;</server></servers>"),
            doctype(f'[<!ENTITY % a SYSTEM "{uri}"> %a;]'),
            doctype(f'[<!ENTITY % a PUBLIC "a" "{uri}"> %a;]'),
            doctype(f'[<!NOTATION n SYSTEM "{uri}"><!ENTITY a SYSTEM "{uri}" NDATA n>]', '<a b="a"/>'),
            doctype(f'SYSTEM "{uri}"'),
            doctype(f'PUBLIC "-//a//b" "{uri}"'),
            f'<synchronize xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="{uri}" parse="text"/></synchronize>'.encode(),
            f'<synchronize xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="{uri}"/>'.encode(),
            f'<?xml-stylesheet type="text/xsl" href="{uri}"?><synchronize/>'.encode(),
        )
    ]


def test_xml_reaches_no_file_and_no_other_host(attacked: ServerProcess, caller: httpx.Client, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("cobalt-heron-4711")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        attacked.forget_lines()
        for body in outside(secret, listener.getsockname()[1]):
            response = caller.post(SYNCHRONIZE, content=body)
            assert reported(response.status_code, response.text) in (SYNTAX if b"DOCTYPE" in body else TAKEN), body
            assert "cobalt" not in response.text
            assert "cobalt" not in attacked.line(f"{response.status_code} POST")
        # whoever connected while a body was read is in the queue already
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not on this machine: apt-get install strace")
def test_xml_has_no_file_opened(attacked: ServerProcess, caller: httpx.Client, tmp_path: Path) -> None:
    secret, calls = tmp_path / "secret.txt", tmp_path / "calls"
    secret.write_text("cobalt-heron-4711")
    caller.post(SYNCHRONIZE, content=outside(secret, 9)[0])
    command = ["strace", "-f", "-e", "trace=file,connect", "-o", str(calls), "-p", str(attacked.process.pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr
        said = strace.stderr.readline()
        if "attached" not in said:
            strace.kill()
            pytest.skip("strace may not attach to a process here: run it as root, or with CAP_SYS_PTRACE")
        for body in outside(secret, 9):
            caller.post(SYNCHRONIZE, content=body)
        strace.send_signal(signal.SIGINT)
    seen = calls.read_text()
    assert "secret.txt" not in seen
    assert "open" not in seen
    assert "connect(" not in seen
