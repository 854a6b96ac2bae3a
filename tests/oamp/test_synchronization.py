import json
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockcvp.oamp import codecs
from mockcvp.oamp.errors import OampError
from mockcvp.oamp.limits import DEFAULT_LIMITS
from mockcvp.oamp.references import RequestedServer, server_id
from mockcvp.oamp.synchronization import EVERY_SERVER, SyncUpRequest, read_request, requested_servers
from tests.costs import TWICE, clear_caches, growth
from tests.server_process import JSON, SYNCHRONIZE, XML

ERROR_TYPES = {
    "sincetime": "invalidInput.invalidSinceTime",
    "refURL": "invalidInput.requiredInputfieldMissing",
    "twice": "invalidInput.duplicateServerRef",
    "xml": "processing.xmlSyntaxError",
    "json": "processing.jsonSyntaxError",
}


def read(body: bytes, codec: codecs.Codec, charset: str | None = None) -> SyncUpRequest:
    return read_request(body, codec, charset, DEFAULT_LIMITS)


def interpret(body: str | bytes, codec: codecs.Codec, charset: str | None = None) -> list[tuple[str, int]] | list[str]:
    """Return the references and sincetimes of a body, or the types of its errors."""
    try:
        request = read(body.encode() if isinstance(body, str) else body, codec, charset)
        return [(server.ref_url, server.sincetime) for server in requested_servers(request.data)]
    except OampError as exc:
        return [error.type.name for error in exc.errors]


def interpret_xml(inside_servers: str) -> list[tuple[str, int]] | list[str]:
    return interpret(f"<synchronize><servers>{inside_servers}</servers></synchronize>", codecs.XML)


def interpret_json(server: Any) -> list[tuple[str, int]] | list[str]:
    return interpret(json.dumps({"synchronize": {"servers": {"server": server}}}), codecs.JSON)


@pytest.mark.parametrize(
    ("inside_servers", "expected"),
    [
        # In the long form, the fields of a server are elements.
        ("<server><refURL>a</refURL><sincetime>0</sincetime></server>", [("a", 0)]),
        ("<server><sincetime>7</sincetime><refURL>a</refURL></server>", [("a", 7)]),
        ("<server><refURL>a</refURL></server>", [("a", 0)]),
        ("<server>\n  <refURL>\t a \n</refURL> <sincetime> 7 </sincetime>\n</server>", [("a", 7)]),
        ("<server><refURL>a</refURL></server><server><refURL>b</refURL></server>", [("a", 0), ("b", 0)]),
        # In the short form, a sincetime belongs to the server before it.
        ("<server>a</server><sincetime>7</sincetime>", [("a", 7)]),
        ("<server>a</server><server>b</server><sincetime>7</sincetime>", [("a", 0), ("b", 7)]),
        ("<server> a </server><sincetime> 7 </sincetime><server>b</server>", [("a", 7), ("b", 0)]),
        # One body can have both forms.
        ("<server>a</server><sincetime>7</sincetime><server><refURL>b</refURL></server>", [("a", 7), ("b", 0)]),
        ("<server><refURL>a</refURL></server><sincetime>7</sincetime>", [("a", 7)]),
        # Unknown elements and comments are ignored, and a CDATA section is text.
        ("<server><type>VXML</type><refURL>a</refURL></server><x/>", [("a", 0)]),
        ("<server>a<!-- first --></server><!-- no --><sincetime>7</sincetime>", [("a", 7)]),
        ("<server><![CDATA[a&b]]></server>", [("a&b", 0)]),
        # The first of two equal fields counts.
        ("<server><refURL>a</refURL><refURL>b</refURL></server>", [("a", 0)]),
        # These servers have errors.
        ("<sincetime>0</sincetime>", ["sincetime"]),
        ("<sincetime>0</sincetime><server>a</server>", ["sincetime"]),
        ("<server><sincetime>0</sincetime></server>", ["refURL"]),
        ("<server><refURL/></server>", ["refURL"]),
        ("<server><refURL> \n </refURL></server>", ["refURL"]),
        ("<server/>", ["refURL"]),
        ("<server>a<sincetime>0</sincetime></server>", ["refURL"]),
        ("<server>a</server><server>a</server>", ["twice"]),
        ("<server>a</server><server>a</server><server>a</server>", ["twice", "twice"]),
        ("<server>a</server><server>a</server><server/>", ["twice", "refURL"]),
        ("<server>https://x/server/%ff</server><server>https://x/server/%fe</server>", None),
        (
            "<server>https://x/cvp-config/server/a</server><server>http://y:1/server/a/</server><server>a</server>",
            ["twice", "twice"],
        ),
        # All errors are reported, in the order of the body.
        (
            "<sincetime>1</sincetime><server>a</server><sincetime>x</sincetime><server/><sincetime>-1</sincetime>"
            "<server>a</server>",
            ["sincetime", "sincetime", "refURL", "sincetime", "twice"],
        ),
    ],
)
def test_xml_servers_are_read_in_the_long_and_short_form(inside_servers: str, expected: list[Any] | None) -> None:
    if expected is None:
        # The ids differ, although neither is UTF-8.
        assert len(interpret_xml(inside_servers)) == 2
        assert ERROR_TYPES["twice"] not in interpret_xml(inside_servers)
    else:
        assert interpret_xml(inside_servers) == [ERROR_TYPES.get(item, item) for item in expected]


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ({"refURL": "a", "sincetime": "0"}, [("a", 0)]),
        ({"sincetime": "7", "refURL": " a "}, [("a", 7)]),
        ("a", [("a", 0)]),
        (["a", {"refURL": "b", "sincetime": "7"}], [("a", 0), ("b", 7)]),
        ([], []),
        (None, []),
        # Numbers can replace strings, and one-element arrays can replace objects.
        ({"refURL": "a", "sincetime": 7}, [("a", 7)]),
        ({"refURL": 5}, [("5", 0)]),
        ([{"refURL": "a", "sincetime": "7"}], [("a", 7)]),
        ({"refURL": "a", "sincetime": None}, [("a", 0)]),
        # An entry of the server list has more fields.
        ({"hostname": "h", "ipaddr": "1.2.3.4", "refURL": "a", "type": "MEDIA", "x": [[{}]]}, [("a", 0)]),
        # These servers have errors.
        ({}, ["refURL"]),
        ([None], ["refURL"]),
        ("", ["refURL"]),
        ({"refURL": None}, ["refURL"]),
        ({"refURL": "a", "sincetime": ""}, ["sincetime"]),
        ({"refURL": "a", "sincetime": True}, ["sincetime"]),
        ({"refURL": "a", "sincetime": 1.0}, ["sincetime"]),
        (["a", "a"], ["twice"]),
        (["a", {"refURL": "b", "sincetime": -1}, {}, "a"], ["sincetime", "refURL", "twice"]),
        # These members have a wrong type.
        ({"refURL": {"href": "a"}}, ["json"]),
        ({"refURL": ["a", "b"]}, ["json"]),
        ({"refURL": ["a"]}, ["json"]),
        ({"refURL": []}, ["json"]),
        ({"refURL": "a", "sincetime": []}, ["json"]),
        ({"refURL": "a", "sincetime": {}}, ["json"]),
        ({"refURL": "a", "sincetime": ["7"]}, ["json"]),
        # Half of a surrogate pair is not a character.
        ({"refURL": "\ud800"}, ["json"]),
        ({"refURL": "a", "\udfff": "x"}, ["json"]),
        ({"refURL": "a", "sincetime": ["1", "2"]}, ["json"]),
        ([["a"]], ["json"]),
    ],
)
def test_json_servers_are_read_in_every_documented_form(server: Any, expected: list[Any]) -> None:
    assert interpret_json(server) == [ERROR_TYPES.get(item, item) for item in expected]


@pytest.mark.parametrize(
    ("servers", "expected"),
    [
        (["a", "b"], [("a", 0), ("b", 0)]),
        (["a"], [("a", 0)]),
        ([5, " b "], [("5", 0), ("b", 0)]),
        (["a", "a"], ["twice"]),
        (["a", ""], ["refURL"]),
        (["a", {"refURL": "b"}], ["json"]),
        (["a", None], ["json"]),
        (["a", ["b"]], ["json"]),
        ("a", ["json"]),
    ],
)
def test_json_servers_can_be_an_array_of_references(servers: Any, expected: list[Any]) -> None:
    found = interpret(json.dumps({"synchronize": {"servers": servers}}), codecs.JSON)
    assert found == [ERROR_TYPES.get(item, item) for item in expected]


@pytest.mark.parametrize(
    "body",
    [
        {"synchronize": None},
        {"synchronize": ""},
        {"synchronize": {}},
        {"synchronize": [{}]},
        {"synchronize": {"servers": None}},
        {"synchronize": {"servers": {}}},
        {"synchronize": {"servers": []}},
        {"synchronize": {"servers": [{"server": []}]}},
    ],
)
def test_json_without_a_server_means_every_server(client: httpx.Client, body: Any) -> None:
    assert interpret(json.dumps(body), codecs.JSON) == []
    assert client.post(SYNCHRONIZE, json=body, headers={"Accept": JSON}).status_code == 202


@pytest.mark.parametrize(
    "body",
    [
        "<synchronize/>",
        "<synchronize></synchronize>",
        "<synchronize> <servers/> </synchronize>",
        "<synchronize><servers>\n</servers></synchronize>",
        "<synchronize><other/></synchronize>",
    ],
)
def test_xml_without_a_server_means_every_server(client: httpx.Client, body: str) -> None:
    assert interpret(body, codecs.XML) == []
    assert client.post(SYNCHRONIZE, content=body, headers={"Accept": XML, "Content-Type": XML}).status_code == 202


def test_an_empty_body_means_every_server(client: httpx.Client) -> None:
    assert client.post(SYNCHRONIZE, headers={"Accept": XML}).status_code == 202
    assert EVERY_SERVER.requested == requested_servers(EVERY_SERVER.data) == ()


def test_a_sincetime_beside_json_servers_belongs_to_the_last() -> None:
    # The members of a JSON object have no order.
    for servers in ({"server": ["a", "b"], "sincetime": "7"}, {"sincetime": "7", "server": ["a", "b"]}):
        body = {"synchronize": {"servers": servers}}
        assert interpret(json.dumps(body), codecs.JSON) == [("a", 0), ("b", 7)]


@pytest.mark.parametrize(
    ("codec", "body", "names"),
    [
        (codecs.JSON, '{"synchronize": {"server": "a"}}', ["synchronize/server"]),
        (codecs.XML, "<synchronize><server>a</server></synchronize>", ["synchronize/server"]),
        (codecs.JSON, '{"synchronize": {"servers": {"Server": []}}}', ["servers/Server"]),
        (
            codecs.JSON,
            '{"synchronize": {"servers": {"server": [{"refURL": "a", "sinceTime": 1}]}}}',
            ["server/sinceTime"],
        ),
        (
            codecs.XML,
            "<synchronize><servers><server><refURL>a</refURL><x/><x/></server></servers></synchronize>",
            ["server/x"],
        ),
        (codecs.XML, "<synchronize><servers/><servers/></synchronize>", ["a second synchronize/servers"]),
        (
            codecs.XML,
            "<synchronize><servers><server><refURL>a</refURL><refURL>b</refURL></server></servers></synchronize>",
            ["a second server/refURL"],
        ),
        (codecs.JSON, '{"synchronize": {"servers": {"server": {"refURL": "a", "hostname": "h", "type": "VXML"}}}}', []),
    ],
)
def test_ignored_fields_are_reported_by_name(
    client: httpx.Client, codec: codecs.Codec, body: str, names: list[str]
) -> None:
    assert list(read(body.encode(), codec).ignored) == names
    headers = {"Accept": XML, "Content-Type": "/".join(codec.media_types[0])}
    assert client.post(SYNCHRONIZE, content=body, headers=headers).status_code == 202


SINCETIMES = [
    ("0", 0),
    ("00", 0),
    ("007", 7),
    ("1366847000", 1366847000),
    ("9223372036854775807", 2**63 - 1),
    ("0" * 5000 + "1", 1),
    ("9223372036854775808", None),
    ("9" * 5000, None),
    ("-1", None),
    ("-0", None),
    ("+1", None),
    ("1.0", None),
    ("1e3", None),
    ("1_000", None),
    ("0x10", None),
    ("", None),
    ("now", None),
    ("1 2", None),
    # Only ASCII digits and the white space of XML are valid.
    ("\u0661", None),
    ("\u00b2", None),
    ("1\u00a0", None),
]


@pytest.mark.parametrize(("sent", "value"), SINCETIMES)
def test_sincetime_is_a_non_negative_64_bit_integer(sent: str, value: int | None) -> None:
    expected = [("a", value)] if value is not None else [ERROR_TYPES["sincetime"]]
    assert interpret_xml(f"<server><refURL>a</refURL><sincetime>{sent}</sincetime></server>") == expected
    assert interpret_json({"refURL": "a", "sincetime": sent}) == expected


@pytest.mark.parametrize("number", ["-1", "1.5", "1e3", "-0", "9223372036854775808", "9" * 5000])
def test_an_invalid_json_number_is_rejected_as_sincetime(number: str) -> None:
    body = '{"synchronize": {"servers": {"server": {"refURL": "a", "sincetime": NUMBER}}}}'.replace("NUMBER", number)
    assert interpret(body, codecs.JSON) == [ERROR_TYPES["sincetime"]]


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("https://10.78.26.124:8111/cvp-config/server/c351883d", "c351883d"),
        ("http://other/cvp-config/server/c351883d/", "c351883d"),
        ("/cvp-config/server/c351883d?x=/y#z", "c351883d"),
        ("https://h/cvp-config/server/a%20b", "a b"),
        ("https://h/server/a/server/b", "b"),
        ("ref-url of server", "ref-url of server"),
        ("c351883d", "c351883d"),
        ("server/c351883d", "server/c351883d"),
        ("https://h/cvp-config/server/", "https://h/cvp-config/server/"),
    ],
)
def test_the_last_path_segment_of_a_reference_is_the_server_id(reference: str, expected: str) -> None:
    assert server_id(reference) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b" ",
        b"null",
        b"[]",
        b'"synchronize"',
        b"{}",
        b'{"Synchronize": {}}',
        b'{"synchronize": {}, "other": 1}',
        b'{"synchronize": {}, "synchronize": {}}',
        b'{"synchronize": {"servers": {"server": "a", "server": "b"}}}',
        b'{"synchronize": NaN}',
        b'{"synchronize": Infinity}',
        b'{"synchronize": "now"}',
        b'{"synchronize": 0}',
        b'{"synchronize": {"servers": "a"}}',
        b'{"synchronize": {"servers": {"server": "\xff"}}}',
        b'{"synchronize": {"servers": [{}, {}]}}',
        b'{"synchronize": {}} x',
        b"{'synchronize': {}}",
        '{"synchronize": {}}'.encode("utf-16"),
        b"[" * 100_000,
        b'{"synchronize":' * 100_000,
    ],
)
def test_undocumented_json_is_a_syntax_error(body: bytes) -> None:
    assert interpret(body, codecs.JSON) == [ERROR_TYPES["json"]]


@pytest.mark.parametrize(
    "body",
    [
        "<synchronize>",
        " ",
        "synchronize",
        "<servers/>",
        "<Synchronize/>",
        '<synchronize xmlns="urn:x"/>',
        "<!DOCTYPE synchronize><synchronize/>",
        '<!DOCTYPE synchronize SYSTEM "http://127.0.0.1:1/x.dtd"><synchronize/>',
        '<!DOCTYPE synchronize [<!ENTITY e "v">]><synchronize>&e;</synchronize>',
        "<synchronize>&nbsp;</synchronize>",
        "<synchronize/><synchronize/>",
        '<?xml version="1.0" encoding="klingon"?><synchronize/>',
        '<?xml version="1.0" encoding="utf-7"?><synchronize/>',
        '<?xml version="1.0" encoding="big5"?><synchronize/>',
        "<synchronize>\x00</synchronize>",
        "<synchronize>\ufffe</synchronize>",
    ],
)
def test_xml_other_than_synchronize_is_a_syntax_error(body: str) -> None:
    assert interpret(body, codecs.XML) == [ERROR_TYPES["xml"]]


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        (codecs.XML, "<synchronize><servers><server>é</server></servers></synchronize>"),
        (codecs.JSON, '{"synchronize": {"servers": {"server": "é"}}}'),
    ],
)
@pytest.mark.parametrize(
    ("charset", "encoding"),
    [(None, "utf-8"), (None, "utf-8-sig"), ("UTF-8", "utf-8-sig"), ("iso-8859-1", "latin-1"), ("UTF-16", "utf-16")],
)
def test_a_body_is_decoded_with_its_charset(codec: codecs.Codec, text: str, charset: str | None, encoding: str) -> None:
    assert interpret(text.encode(encoding), codec, charset) == [("é", 0)]


def test_xml_without_a_charset_has_its_declared_encoding() -> None:
    text = '<?xml version="1.0" encoding="ISO-8859-1"?><synchronize><servers><server>é</server></servers></synchronize>'
    assert interpret(text.encode("latin-1"), codecs.XML) == [("é", 0)]
    # By RFC 7303, the charset of the Content-Type takes precedence.
    assert interpret(text.encode(), codecs.XML, "utf-8") == [("é", 0)]


def test_a_body_invalid_in_its_charset_is_a_syntax_error() -> None:
    assert interpret(b"<synchronize>\xff</synchronize>", codecs.XML, "utf-8") == [ERROR_TYPES["xml"]]
    assert interpret(b'{"synchronize": "\xff"}', codecs.JSON, "us-ascii") == [ERROR_TYPES["json"]]


xml_text = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"))
times = st.one_of(st.integers(0, 2**63).map(str), st.sampled_from(["", " 5 ", "-1", "x"]), st.none())
requests = st.lists(st.tuples(st.one_of(st.none(), xml_text), times), max_size=5)


@given(requests)
def test_equal_requests_in_json_and_xml_have_equal_results(request: list[tuple[str | None, str | None]]) -> None:
    root = Element("synchronize")
    container = SubElement(root, "servers")
    array = []
    for ref_url, sincetime in request:
        element, entry = SubElement(container, "server"), {}
        for name, value in (("refURL", ref_url), ("sincetime", sincetime)):
            if value is not None:
                SubElement(element, name).text = value
                entry[name] = value
        array.append(entry)
    body = {"synchronize": {"servers": {"server": array}}}
    assert interpret(tostring(root), codecs.XML) == interpret(json.dumps(body), codecs.JSON)


@given(st.binary(), st.sampled_from(codecs.CODECS), st.sampled_from([None, "utf-8", "utf-16", "latin-1", "cp037"]))
def test_any_bytes_are_accepted_or_rejected(body: bytes, codec: codecs.Codec, charset: str | None) -> None:
    assert isinstance(interpret(body, codec, charset), list)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["synchronize", "servers", "server", "refURL", "sincetime", "x"]), inner),
    ),
)


@given(json_values)
def test_any_json_is_accepted_or_rejected(value: Any) -> None:
    for body in (value, {"synchronize": value}, {"synchronize": {"servers": {"server": value}}}):
        assert isinstance(interpret(json.dumps(body), codecs.JSON), list)


def test_a_duplicate_member_takes_linear_time() -> None:
    bodies = {
        size: "{" + ", ".join(f'"{number}": 0' for number in range(size)) + f', "{size - 1}": 0}}'
        for size in (4_000, 8_000)
    }

    def read(size: int) -> None:
        assert interpret(bodies[size], codecs.JSON) == [ERROR_TYPES["json"]]

    assert growth(read, 4_000, before=clear_caches) <= TWICE


def test_a_sync_up_with_a_sincetime_is_incremental() -> None:
    assert RequestedServer(ref_url="https://h/server/a").full
    assert not RequestedServer(ref_url="a", sincetime=1).full
    assert RequestedServer(ref_url="https://h/server/a").server_id == "a"
