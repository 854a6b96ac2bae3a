import itertools
import re

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mockcvp.oamp import codecs
from mockcvp.oamp.errors import OampError
from mockcvp.oamp.negotiation import body_codec, negotiate
from tests.server_process import JSON, SYNCHRONIZE, XML

ERROR_BODY = "<synchronize><servers><sincetime>0</sincetime></servers></synchronize>"


@pytest.mark.parametrize(
    ("accept", "status", "media_type"),
    [
        (None, 400, XML),
        ("text/html", 406, XML),
        ("image/png, text/plain;q=0.9", 406, XML),
        ("", 406, XML),
        ("application/json;q=0, application/xml;q=0", 406, XML),
        ("*/*;q=0", 406, XML),
        ("*/*", 400, XML),
        ("application/*", 400, XML),
        ("application/xml", 400, XML),
        ("text/xml", 400, XML),
        ("text/*", 400, XML),
        ("application/json", 400, JSON),
        ("APPLICATION/JSON", 400, JSON),
        ("application/json;charset=UTF-8", 400, JSON),
        ('application/json;profile="a,b;q=0"', 400, JSON),
        # The highest q wins.
        ("application/xml;q=0.4, application/json;q=0.5", 400, JSON),
        ("application/json;q=0.4, application/xml;q=0.5", 400, XML),
        ("application/json ; q=1.0 , application/xml ; q=0.999", 400, JSON),
        # The most specific range decides the q of a type.
        ("*/*;q=1, application/xml;q=0.1", 400, JSON),
        ("application/*, application/xml;q=0.5", 400, JSON),
        ("application/json;q=0.1, */*;q=0.2", 400, XML),
        # q=0 excludes a type.
        ("application/xml;q=0, */*", 400, JSON),
        ("application/json;q=0, */*;q=0.1", 400, XML),
        # With equal q, the first type wins.
        ("application/json, application/xml", 400, JSON),
        ("application/xml, application/json", 400, XML),
        ("application/json, */*", 400, JSON),
        ("text/plain, application/json, text/xml", 400, JSON),
        # Java's HttpURLConnection, Jersey 1 and browsers send these values by default.
        ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", 400, XML),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", 400, XML),
        # Members that are not media ranges are ignored.
        ("application/json;q=2, application/xml;q=0.1", 400, XML),
        ("json, application/json", 400, JSON),
        (",,application/json,", 400, JSON),
        ("*/json", 406, XML),
    ],
)
def test_accept_selects_the_format_of_a_response(
    client: httpx.Client, accept: str | None, status: int, media_type: str
) -> None:
    headers = {"Content-Type": XML} | ({} if accept is None else {"Accept": accept})
    response = client.post(SYNCHRONIZE, content=ERROR_BODY, headers=headers)
    assert response.status_code == status
    assert response.headers["content-type"] == {XML: "application/xml;charset=utf-8", JSON: JSON}[media_type]
    assert response.text.startswith({XML: "<?xml", JSON: "{"}[media_type])


def test_several_accept_headers_are_combined(client: httpx.Client) -> None:
    headers = [("Accept", "application/xml;q=0.1"), ("Accept", JSON), ("Content-Type", XML)]
    assert client.post(SYNCHRONIZE, content=ERROR_BODY, headers=headers).headers["content-type"] == JSON


@pytest.mark.parametrize(
    ("content_type", "codec", "charset"),
    [
        ("application/xml", codecs.XML, None),
        ("text/xml; charset=ISO-8859-1", codecs.XML, "ISO-8859-1"),
        ("Application/JSON", codecs.JSON, None),
        ('application/json;charset="utf-8"', codecs.JSON, "utf-8"),
        ("application/json;charset=", codecs.JSON, None),
    ],
)
def test_content_type_selects_the_format_and_charset_of_a_body(
    content_type: str, codec: codecs.Codec, charset: str | None
) -> None:
    assert body_codec(content_type) == (codec, charset)


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/*",
        "json",
        "application/json;charset=klingon",
        "application/json;charset=zlib",
        "application/json;charset=punycode",
        "application/json;charset=unicode_escape",
    ],
)
def test_a_body_of_an_unsupported_type_gets_415(client: httpx.Client, content_type: str | None) -> None:
    headers = {"Accept": JSON} | ({} if content_type is None else {"Content-Type": content_type})
    response = client.post(SYNCHRONIZE, content="{}", headers=headers)
    assert response.status_code == 415
    assert response.json()["apiErrors"]["apiError"]["errorType"] == "invalid.contentType"


@pytest.mark.parametrize(("encoding", "status"), [("gzip", 415), ("identity", 202)])
def test_a_compressed_body_gets_415(client: httpx.Client, encoding: str, status: int) -> None:
    headers = {"Accept": JSON, "Content-Type": XML, "Content-Encoding": encoding}
    response = client.post(SYNCHRONIZE, content="<synchronize/>", headers=headers)
    assert response.status_code == status
    assert status == 202 or "Content-Encoding" in response.headers["x-mockcvp-reason"]


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/json;charset=klingon"])
def test_the_content_type_without_a_body_is_ignored(client: httpx.Client, content_type: str | None) -> None:
    headers = {"Accept": JSON} | ({} if content_type is None else {"Content-Type": content_type})
    assert client.post(SYNCHRONIZE, headers=headers).status_code == 202


def negotiate_by_rfc_9110(accept: str) -> codecs.Codec | None:
    """Return the format for well-formed ranges by RFC 9110, section 12.5.1; with equal q, the first type wins."""

    def quality(offered: str) -> tuple[float, int]:
        matching = []
        for place, member in enumerate(re.split(r"\s*,\s*", accept)):
            media, *parameters = re.split(r"\s*;\s*", member)
            q = next((float(parameter[2:]) for parameter in parameters if parameter.startswith("q=")), 1.0)
            if media in (offered, "*/*", offered.split("/")[0] + "/*"):
                others = [parameter for parameter in parameters if not parameter.startswith("q=")]
                precedence = (media != "*/*", media == offered, len(others))
                matching.append((precedence, q, -place))
        return max(matching)[1:] if matching else (0.0, 0)

    qualities = {codec: quality("/".join(codec.media_types[0])) for codec in codecs.CODECS}
    best = max(qualities.values())
    if best[0] == 0:
        return None
    return codecs.XML if qualities[codecs.XML] == best else codecs.JSON


MEDIA = ["application/xml", "application/json", "application/*", "*/*", "image/png", "image/*"]
QUALITIES = ["", ";q=0", ";q=0.0", ";q=0.001", ";q=0.5", ";q=1", " ; q=0.7", ";level=1;q=0.3"]
ranges = st.builds("".join, st.tuples(st.sampled_from(MEDIA), st.sampled_from(QUALITIES)))


@given(st.lists(ranges, min_size=1, max_size=6, unique=True).map(", ".join))
@example("*/*;q=0.5, application/json;q=0.5")
@example("application/json;q=1, application/xml, application/json")
def test_negotiation_follows_rfc_9110(accept: str) -> None:
    try:
        chosen = negotiate(accept)
    except OampError as exc:
        assert exc.status == 406
        chosen = None
    assert chosen == negotiate_by_rfc_9110(accept)


def test_the_order_of_ranges_with_different_q_is_ignored() -> None:
    for order in itertools.permutations(["application/xml;q=0.2", "application/json;q=0.3", "*/*;q=0.1"]):
        assert negotiate(", ".join(order)) is codecs.JSON


@given(st.text(st.characters(max_codepoint=255)))
def test_any_accept_header_is_accepted_or_rejected(accept: str) -> None:
    try:
        assert negotiate(accept) in codecs.CODECS
    except OampError as exc:
        assert exc.errors[0].type.name == "invalid.acceptHeader"


@given(st.text(st.characters(max_codepoint=255)))
def test_any_content_type_is_accepted_or_rejected(content_type: str) -> None:
    try:
        codec, charset = body_codec(content_type)
    except OampError as exc:
        assert exc.errors[0].type.name == "invalid.contentType"
    else:
        assert codec in codecs.CODECS
        assert charset is None or b"".decode(charset) == ""
