"""Properties of request patterns, for generated requests."""

import json
import re
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mockcvp.journal import Call
from mockcvp.oamp.http import Request, Response
from mockcvp.stubs.content import Content, Subject
from mockcvp.stubs.mapping import Stubs
from mockcvp.stubs.mapping_schema import parse_stub_mapping
from mockcvp.stubs.matchers import json_documents
from mockcvp.stubs.matchers.java_regex import UndecidedError
from mockcvp.stubs.matchers.operators import equal_to
from mockcvp.stubs.pattern_schema import RequestPatternForm

WORDS = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='<>&"#?%+=/{} '), min_size=1, max_size=12
)
NAMES = st.sampled_from(["accept", "content-type", "x-one", "x-two", "user-agent"])
PARAMETERS = st.sampled_from(["q", "a", "b-c", "limit"])
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1000, 1000)
    | st.text(max_size=8).filter(lambda text: "{json-unit" not in text),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(st.text(min_size=1, max_size=6), JSON_VALUES, min_size=1, max_size=4)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    segments = draw(st.lists(WORDS, min_size=1, max_size=4))
    query = "&".join(f"{name}={value}" for name, value in draw(st.dictionaries(PARAMETERS, WORDS, max_size=3)).items())
    path = "/" + "/".join(segments)
    headers = [
        (name.encode(), value.encode()) for name, value in draw(st.dictionaries(NAMES, WORDS, max_size=4)).items()
    ]
    if draw(st.booleans()):
        headers.append(
            (b"authorization", b"Basic " + b64encode(f"{draw(WORDS).replace(':', '')}:{draw(WORDS)}".encode()))
        )
    body = draw(st.sampled_from(["", "text", "json", "xml"]))
    content = {
        "": st.just(""),
        "text": WORDS,
        "json": DOCUMENTS.map(json.dumps),
        "xml": st.lists(WORDS, min_size=1, max_size=3).map(
            lambda texts: f"<a>{''.join(f'<b>{text}</b>' for text in texts)}</a>"
        ),
    }[body]
    method = draw(st.sampled_from(["GET", "POST", "PUT", "DELETE", "X-OWN"]))
    return Request(method, path, f"{path}?{query}" if query else path, tuple(headers), draw(content).encode())


def describe(request: Request, draw: st.DrawFn) -> dict[str, Any]:
    """Return a request pattern that describes a request completely, with randomly chosen operators."""
    subject = Subject(request)
    url = draw(st.sampled_from(["url", "urlPath", "urlPattern", "urlPathPattern", "urlPathTemplate"]))
    regular = "".join(f"\\x{ord(char):02x}" for char in (request.target if url == "urlPattern" else subject.path))
    expected = {"url": request.target, "urlPattern": regular, "urlPathPattern": regular}.get(url, subject.path)
    if url == "urlPathTemplate":
        assume("{" not in expected)
        expected = expected.rpartition("/")[0] + "/{last}"
    pattern: dict[str, Any] = {"method": request.method, url: expected}
    pattern["headers"] = {
        name.decode().title(): draw(
            st.sampled_from(
                [
                    {"equalTo": value.decode()},
                    {"equalTo": value.decode().swapcase(), "caseInsensitive": True},
                    {"contains": value.decode()[1:]},
                    {"or": [{"absent": True}, {"equalTo": value.decode()}]},
                ]
            )
        )
        for name, value in request.headers
    }
    names = [pair.partition("=")[::2] for pair in request.query.split("&")] if request.query else []
    pattern["queryParameters"] = {name: {"equalTo": value} for name, value in names}
    if request.body:
        text = request.body.decode()
        patterns: list[dict[str, Any]] = [
            {"equalTo": text},
            {"contains": text[: len(text) // 2 + 1]},
            {"not": {"absent": True}},
        ]
        if text.startswith("{"):
            patterns += [
                {"equalToJson": text},
                {"equalToJson": json.loads(text), "ignoreExtraElements": True},
                {"matchesJsonPath": "$"},
            ]
        elif text.startswith("<"):
            patterns += [{"equalToXml": text.replace("><", "> <")}, {"matchesXPath": "/a/b"}]
        pattern["bodyPatterns"] = draw(st.lists(st.sampled_from(patterns), min_size=1, max_size=3))
    else:
        pattern["bodyPatterns"] = [{"absent": True}]
    return pattern


CASES = st.composite(lambda draw: (request := draw(requests()), describe(request, draw)))()


@given(CASES)
def test_a_pattern_built_from_a_request_matches_it(case: tuple[Request, dict[str, Any]]) -> None:
    request, document = case
    pattern = RequestPatternForm.model_validate(document).pattern
    subject = Subject(request)
    assert pattern.differences(subject) == []
    assert pattern.matches(subject)
    assert pattern.distance(subject) == 0


@st.composite
def changes(draw: st.DrawFn) -> tuple[Request, dict[str, Any], str]:
    """Draw a request, a pattern that differs from it in one part, and the beginning of the difference."""
    request = draw(requests())
    document = describe(request, draw)
    changed = draw(st.sampled_from(["method", "url", "header", "query", "body", "credentials", "new header"]))
    # no strategy draws this text
    other = "~ another ~"
    if changed == "method":
        return request, document | {"method": "PATCH"}, "method was"
    if changed == "url":
        urls = {"url", "urlPath", "urlPattern", "urlPathPattern", "urlPathTemplate"}
        name = next(iter(document.keys() & urls))
        return request, document | {name: f"/{other}"}, "url was" if name in ("url", "urlPattern") else "path was"
    if changed == "header" and document["headers"]:
        name = draw(st.sampled_from(sorted(document["headers"])))
        return request, document | {"headers": document["headers"] | {name: {"equalTo": other}}}, f"header {name}"
    if changed == "query" and document["queryParameters"]:
        name = draw(st.sampled_from(sorted(document["queryParameters"])))
        parameters = document["queryParameters"] | {name: {"matches": other}}
        return request, document | {"queryParameters": parameters}, f"query parameter {name}"
    if changed == "credentials":
        return (
            request,
            document | {"basicAuthCredentials": {"username": other, "password": "x"}},
            "header Authorization",
        )
    if changed == "body":
        wrong = draw(
            st.sampled_from(
                [
                    *({"equalTo": other}, {"contains": other}, {"equalToJson": {other: 1}}, {"equalToXml": "<other/>"}),
                    *({"matchesJsonPath": f"$['{other}']"}, {"matchesXPath": "//other"}),
                ]
            )
        )
        return request, document | {"bodyPatterns": [*document["bodyPatterns"], wrong]}, "body"
    return request, document | {"headers": document["headers"] | {"X-Other": {"equalTo": other}}}, "header X-Other"


@given(changes())
def test_the_only_difference_names_the_changed_part(
    case: tuple[Request, dict[str, Any], str],
) -> None:
    request, document, named = case
    pattern = RequestPatternForm.model_validate(document).pattern
    subject = Subject(request)
    assert not pattern.matches(subject)
    assert 0 < pattern.distance(subject) <= 1
    differences = pattern.differences(subject)
    assert len(differences) == 1
    assert differences[0].startswith(named)


@given(DOCUMENTS, st.randoms())
def test_ignore_array_order_accepts_shuffled_json(document: dict[str, Any], random: Any) -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            names = list(value)
            random.shuffle(names)
            return {name: shuffled(value[name]) for name in names}
        if isinstance(value, list):
            items = [shuffled(item) for item in value]
            random.shuffle(items)
            return items
        return value

    assert json_documents.equal(document, shuffled(document), any_order=True, more=False)
    assert json_documents.equal(document, document, any_order=False, more=False)


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 2), max_size=3), max_size=5), st.randoms())
def test_ignoring_order_and_extras_finds_a_full_pairing(items: list[Any], random: Any) -> None:
    expected = [{name: value for name, value in item.items() if random.random() < 0.5} for item in items]
    random.shuffle(expected)
    assert json_documents.equal(expected, items, any_order=True, more=True)


@given(st.text("abc", max_size=12), st.text("abc", max_size=12))
def test_the_distance_of_texts_is_the_levenshtein_distance(one: str, other: str) -> None:
    row = list(range(len(other) + 1))
    for index, char in enumerate(one):
        before, row = row, [index + 1]
        for column, its in enumerate(other):
            row.append(min(before[column] + (char != its), before[column + 1] + 1, row[-1] + 1))
    longest = max(len(one), len(other))
    assert equal_to(one).distance(Content(text=other)) == (row[-1] / longest if longest else 0)


def test_a_jsonpath_filter_also_tests_a_single_object() -> None:
    find = json_documents.json_path("$.servers.server[?(@.sincetime == '0')].refURL")
    one = {"refURL": "a", "sincetime": "0"}
    assert find({"servers": {"server": one}}) == ["a"]
    assert find({"servers": {"server": [one, {"refURL": "b", "sincetime": "0"}]}}) == ["a", "b"]
    assert find({"servers": {"server": {"refURL": "a", "sincetime": "1"}}}) == []


ENDLESS, LONG = "(a|aa)+b", "a" * 3000
IN_JSON, IN_XML = {"expression": "$.sent", "matches": ENDLESS}, {"expression": "//sent/text()", "matches": ENDLESS}


@pytest.mark.parametrize("expression", ["(a|aa)+b", "(.*a){20}", "(a|aa)+[bc]"])
def test_endless_backtracking_raises_undecided_error(expression: str) -> None:
    pattern = RequestPatternForm.model_validate({"bodyPatterns": [{"matches": expression}]}).pattern
    with pytest.raises(UndecidedError, match=re.escape(repr(expression))):
        pattern.matches(Subject(Request("POST", "/", "/", (), b"a" * 3000 + b"!")))


@pytest.mark.parametrize(
    ("document", "body"),
    [
        ({"urlPattern": f"/.*\\?q={ENDLESS}"}, LONG),
        ({"urlPathPattern": f"/{ENDLESS}"}, LONG),
        ({"headers": {"x-sent": {"matches": ENDLESS}}}, LONG),
        ({"queryParameters": {"q": {"matches": ENDLESS}}}, LONG),
        ({"bodyPatterns": [{"doesNotMatch": ENDLESS}]}, LONG),
        ({"bodyPatterns": [{"not": {"matches": ENDLESS}}]}, LONG),
        ({"bodyPatterns": [{"not": {"not": {"matches": ENDLESS}}}]}, LONG),
        ({"bodyPatterns": [{"and": [{"contains": "a"}, {"matches": ENDLESS}]}]}, LONG),
        ({"bodyPatterns": [{"or": [{"matches": ENDLESS}, {"contains": "c"}]}]}, LONG),
        ({"bodyPatterns": [{"not": {"or": [{"contains": "c"}, {"matches": ENDLESS}]}}]}, LONG),
        ({"bodyPatterns": [{"matchesJsonPath": IN_JSON}]}, f'{{"sent": "{LONG}"}}'),
        ({"bodyPatterns": [{"not": {"matchesJsonPath": IN_JSON}}]}, f'{{"sent": "{LONG}"}}'),
        ({"bodyPatterns": [{"matchesJsonPath": f"$[?(@.sent =~ /{ENDLESS}/)]"}]}, f'{{"sent": "{LONG}"}}'),
        ({"bodyPatterns": [{"not": {"matchesJsonPath": f"$[?(@.sent =~ /{ENDLESS}/)]"}}]}, f'{{"sent": "{LONG}"}}'),
        ({"bodyPatterns": [{"matchesXPath": IN_XML}]}, f"<sent>{LONG}</sent>"),
        ({"bodyPatterns": [{"not": {"matchesXPath": IN_XML}}]}, f"<sent>{LONG}</sent>"),
    ],
)
def test_every_operator_propagates_undecided_error(document: dict[str, Any], body: str) -> None:
    pattern = RequestPatternForm.model_validate(document).pattern
    request = Request("POST", f"/{LONG}", f"/{LONG}?q={LONG}", ((b"x-sent", LONG.encode()),), body.encode())
    with pytest.raises(UndecidedError, match=re.escape(ENDLESS)):
        pattern.matches(Subject(request))
    subject = Subject(request)
    assert pattern.tolerant().distance(subject) > 0
    (difference,) = pattern.tolerant().differences(subject)
    assert ENDLESS in difference
    assert "was stopped" in difference


def test_undecided_error_hides_a_regex_for_credentials() -> None:
    pattern = RequestPatternForm.model_validate({"headers": {"Authorization": {"matches": f"secret{ENDLESS}"}}}).pattern
    request = Request("GET", "/", "/", ((b"authorization", f"secret{LONG}".encode()),))
    with pytest.raises(UndecidedError, match="header Authorization was stopped") as caught:
        pattern.matches(Subject(request))
    assert "secret" not in str(caught.value)


def test_undecided_error_masks_a_regex_with_a_password() -> None:
    assert "expression '***' was stopped" in str(UndecidedError("(a|aa)+password=hunter2"))


def test_a_jsonpath_regex_that_repeats_too_much_is_rejected() -> None:
    with pytest.raises(ValueError, match="repeats too much"):
        json_documents.json_path("$[?(@.a =~ /a{200000}/)]")


@pytest.mark.parametrize("function", ["match", "search"])
def test_jsonpath_match_and_search_are_rejected(function: str) -> None:
    with pytest.raises(ValueError, match="is not a valid JSONPath"):
        json_documents.json_path(f"$[?{function}(@.sent, '{ENDLESS}')]")


@given(requests())
def test_custom_matcher_is_rejected_in_a_stub_mapping(request: Request) -> None:
    document = {"customMatcher": {"name": "mockcvp", "parameters": {"status": 202}}}
    pattern = RequestPatternForm.model_validate(document).pattern
    call = Call(1, 0.0, 0.0, "", request, Response(202, ()))
    assert pattern.matches(Subject(request, call))
    assert pattern.differences(Subject(request, Call(1, 0.0, 0.0, "", request, None))) == ["status was none, not 202"]
    with pytest.raises(ValueError, match="customMatcher"):
        parse_stub_mapping({"request": document})


@given(st.lists(st.tuples(st.integers(1, 3), st.sampled_from([None, 1, 2])), max_size=8), st.integers(0, 12))
def test_mappings_are_ordered_by_priority_times_and_age(added: list[tuple[int, int | None]], calls: int) -> None:
    stubs, remaining = Stubs(), []
    for index, (priority, times) in enumerate(added):
        parameters = {} if times is None else {"transformers": ["mockcvp"], "transformerParameters": {"times": times}}
        status = 200 + index
        stubs.add(parse_stub_mapping({"priority": priority, "response": {"status": status, **parameters}}))
        remaining.append([priority, times is None, -index if times is None else index, times, status])
    remaining.sort()
    for _ in range(calls):
        served = stubs.serve_for(Request("GET", "/", "/", ()))
        assert (served.response.status if served else None) == (remaining[0][4] if remaining else None)
        if remaining and remaining[0][3] is not None:
            remaining[0][3] -= 1
            if not remaining[0][3]:
                del remaining[0]
