import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockcvp.oamp import codecs, examples
from mockcvp.oamp.charset import WHITE_SPACE
from mockcvp.oamp.codecs import Codec, Listing, encode, encode_list
from mockcvp.oamp.limits import DEFAULT_LIMITS
from mockcvp.oamp.models import ServerEntries, ServerEntry, ServerList
from tests.test_fixtures import SAMPLES

entries = st.builds(
    ServerEntry, refURL=st.text(), hostname=st.text(), ipaddr=st.text(), type=st.sampled_from(["VXML", "MEDIA", "CALL"])
)


@given(st.lists(entries, max_size=5), st.sampled_from(codecs.CODECS))
def test_a_list_encoded_in_parts_equals_the_whole_document(servers: list[ServerEntry], codec: Codec) -> None:
    parts = encode_list(Listing(ServerList, servers, lambda server: server), codec)
    assert b"".join(parts) == encode(ServerList(servers=ServerEntries(server=tuple(servers))), codec)


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"))
texts = st.one_of(texts, st.sampled_from(["a\rb", "a\r\nb", "a\tb", "<&>\"'", "]]>"]))
# The decoder trims white space around a text.
trimmed = texts.map(lambda text: text.strip(WHITE_SPACE))


@given(
    st.lists(st.builds(ServerEntry, refURL=trimmed, hostname=trimmed, ipaddr=trimmed, type=st.just("RPT")), max_size=4),
    st.sampled_from(codecs.CODECS),
)
def test_decoding_restores_an_encoded_document(servers: list[ServerEntry], codec: Codec) -> None:
    document = ServerList(servers=ServerEntries(server=tuple(servers)))
    data, ignored = codec.decode(encode(document, codec), None, ServerList, DEFAULT_LIMITS)
    assert (ServerList.model_validate(data), ignored) == (document, [])


@pytest.mark.parametrize("name", examples.SYNCHRONIZE)
def test_each_openapi_example_equals_a_fixture(name: str) -> None:
    ((codec, content),) = examples.SYNCHRONIZE[name].items()
    sample = next(path.read_text() for path in SAMPLES if path.stem == name)
    assert content == (sample if codec is codecs.XML else json.loads(sample))
