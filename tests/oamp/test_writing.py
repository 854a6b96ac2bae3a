from typing import Any
from xml.etree.ElementTree import Element, SubElement

from hypothesis import given
from hypothesis import strategies as st

from mockcvp.oamp.negotiation import Form
from mockcvp.oamp.writing import Listing, write, write_list

entries = st.lists(st.dictionaries(st.sampled_from(["refURL", "hostname", "x"]), st.text(), min_size=1), max_size=5)


def entry(fields: Any) -> Element:
    element = Element("server")
    for name, text in fields.items():
        SubElement(element, name).text = text
    return element


@given(entries, st.sampled_from(list(Form)))
def test_a_list_in_parts_is_the_same_document(items: list[dict[str, str]], form: Form) -> None:
    tree = Element("results")
    SubElement(tree, "servers").extend(map(entry, items))
    parts = write_list(Listing("results", "servers", "server", items, entry), form)
    assert b"".join(parts) == write(tree, form)
