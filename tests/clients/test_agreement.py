"""Equal requests to WireMock and to the mock server must get equal responses, except for known differences."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from mockcvp import MockCVP
from tests.clients.wiremock_jar import WHY_NOT, WireMock

pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)

PATH = "/cvp-config/command/synchronize"
DOCUMENT = (
    '{"a":{"b":1,"c":"x","n":null,"t":true},"l":[1,2,3],"o":[{"k":"v","n":5},{"k":"w"}],'
    '"e":[],"s":"","f":1.0,"deep":{"b":2},"one":{"k":"v"}}'
)
SERVERS = (
    '<?xml version="1.0"?>\n<synchronize xmlns:q="urn:q">\n <servers a="1" b="2">\n'
    "  <server><refURL>r1</refURL><sincetime>0</sincetime></server>\n"
    " <server><refURL>r2</refURL><sincetime>5</sincetime></server></servers>"
    "<q:z>t</q:z><empty/><!-- c --></synchronize>"
)
CALLS: dict[str, dict[str, Any]] = {
    "plain": {
        "method": "POST",
        "url": f"{PATH}?a=1&a=2&b=x%20y&plus=x+y&empty=",
        "headers": {"Accept": "application/json", "X-M": "abcd", "X-T": "1, 2"},
        "content": '{"a":1}',
    },
    "json": {"method": "POST", "url": PATH, "headers": {"Content-Type": "application/json"}, "content": DOCUMENT},
    "numbers": {
        "method": "POST",
        "url": PATH,
        "headers": {"Content-Type": "application/json"},
        "content": '{"servers":{"server":[{"refURL":"a","sincetime":"0"},{"refURL":"b","sincetime":5}]}}',
    },
    "array": {"method": "POST", "url": PATH, "headers": {"Content-Type": "application/json"}, "content": "[1,1,2]"},
    "xml": {"method": "POST", "url": PATH, "headers": {"Content-Type": "application/xml"}, "content": SERVERS},
    "default-namespace": {"method": "POST", "url": PATH, "content": '<r xmlns="urn:d"><a>1</a></r>'},
    "doctype": {"method": "POST", "url": PATH, "content": '<!DOCTYPE r [<!ENTITY e "v">]><r>&e;</r>'},
    "text": {"method": "POST", "url": PATH, "content": "not json"},
    "lines": {"method": "POST", "url": PATH, "content": "a\nb\n"},
    "empty": {"method": "POST", "url": PATH},
}


def in_body(*patterns: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"method": "POST", "bodyPatterns": [pattern]} for pattern in patterns]


def paths(member: str, operators: dict[str, Any]) -> list[dict[str, Any]]:
    return in_body(*({member: {"expression": e, **one}} for e, several in operators.items() for one in several))


PATTERNS: dict[str, list[dict[str, Any]]] = {
    "plain": [
        {},
        {"method": "ANY"},
        {"method": "POST"},
        {"method": "GET"},
        {"method": "post"},
        {"method": "FOO"},
        *({"url": url} for url in (PATH, f"{PATH}?a=1&a=2&b=x%20y&plus=x+y&empty=", "/x")),
        *({"urlPath": path} for path in (PATH, f"{PATH}/", f"{PATH}x")),
        *(
            {"urlPattern": regex}
            for regex in ("/cvp.*", PATH, "cvp", r"/cvp-config/command/[a-z]+\?.*", "/CVP.*", "(?i)/CVP.*")
        ),
        *(
            {"urlPathPattern": regex}
            for regex in ("/cvp-config/command/[a-z]+", "/cvp-config/[a-z]+", r"/\Qcvp-config\E/.*")
        ),
        *(
            {"urlPathTemplate": path}
            for path in ("/cvp-config/{a}/{b}", "/cvp-config/{a}", "/cvp-config/command/{b}", PATH)
        ),
        *(
            {"headers": {name: operators}}
            for name, operators in [
                ("X-M", {"equalTo": "abcd"}),
                ("x-m", {"equalTo": "abcd"}),
                ("X-M", {"equalTo": "ABCD"}),
                ("X-M", {"equalTo": "ABCD", "caseInsensitive": True}),
                ("X-M", {"equalTo": "abcd", "caseInsensitive": False}),
                ("X-N", {"equalTo": "abcd"}),
                ("X-N", {"absent": True}),
                ("X-M", {"absent": True}),
                ("X-M", {"contains": "bc"}),
                ("X-M", {"contains": "bd"}),
                ("X-M", {"doesNotContain": "bc"}),
                ("X-M", {"doesNotContain": "bd"}),
                ("X-N", {"doesNotContain": "bc"}),
                ("X-N", {"doesNotMatch": "bc"}),
                ("X-N", {"matches": ".*"}),
                ("X-N", {"contains": ""}),
                ("X-N", {"not": {"contains": "a"}}),
                ("X-M", {"matches": "ab"}),
                ("X-M", {"matches": "ab.."}),
                ("X-M", {"matches": "[a-z&&[^xyz]]+"}),
                ("X-M", {"matches": r"\p{Lower}+"}),
                ("X-M", {"matches": "(?<name>a)b.*"}),
                ("X-M", {"doesNotMatch": "ab.."}),
                ("X-M", {"doesNotMatch": "ab"}),
                ("X-M", {"and": [{"contains": "a"}, {"contains": "z"}]}),
                ("X-M", {"and": [{"contains": "a"}, {"contains": "b"}]}),
                ("X-M", {"or": [{"contains": "y"}, {"contains": "z"}]}),
                ("X-M", {"or": [{"contains": "y"}, {"contains": "a"}]}),
                ("X-M", {"or": [{"absent": True}, {"equalTo": "abcd"}]}),
                ("X-M", {"not": {"contains": "a"}}),
                ("X-M", {"not": {"equalTo": "abce"}}),
                ("X-T", {"equalTo": "1"}),
                ("X-T", {"equalTo": "1, 2"}),
            ]
        ),
        {"headers": {"X-M": {"equalTo": "abcd"}, "X-N": {"equalTo": "zz"}}},
        {"headers": {"X-M": {"equalTo": "abcd"}, "X-T": {"contains": "2"}}},
        {"headers": {}},
        *(
            {"queryParameters": {name: operators}}
            for name, operators in [
                ("a", {"equalTo": "1"}),
                ("a", {"equalTo": "2"}),
                ("a", {"equalTo": "3"}),
                ("b", {"equalTo": "x y"}),
                ("plus", {"equalTo": "x y"}),
                ("empty", {"equalTo": ""}),
                ("empty", {"absent": True}),
                ("c", {"absent": True}),
                ("a", {"absent": True}),
                ("a", {"doesNotMatch": "1"}),
                ("a", {"doesNotContain": "1"}),
                ("A", {"equalTo": "1"}),
            ]
        ),
        {"basicAuthCredentials": {"username": "wsmadmin", "password": "wsmadmin"}},
        {"basicAuthCredentials": {"username": "wsmadmin", "password": "wrong"}},
        {
            "basicAuthCredentials": {"username": "wsmadmin", "password": "wsmadmin"},
            "headers": {"X-M": {"contains": "z"}},
        },
        *in_body({"equalTo": '{"a":1}'}, {"equalTo": '{"a":2}'}, {"equalToJson": '{ "a" : 1 }'}),
        {"bodyPatterns": [{"contains": "a"}, {"contains": "z"}]},
        {"bodyPatterns": []},
        {"method": "POST", "url": "/x", "headers": {"X": {"equalTo": "y"}}, "bodyPatterns": [{"equalTo": "z"}]},
    ],
    "json": in_body(
        *({"equalToJson": text} for text in (DOCUMENT, '{"l":[1,2,3]}', "[1]", '{"zzz":1}')),
        {"equalToJson": json.loads(DOCUMENT)},
        *(
            {"equalToJson": text, "ignoreExtraElements": True}
            for text in (
                *(
                    '{"l":[1,2,3]}',
                    '{"l":[3,2,1]}',
                    '{"l":[1,2]}',
                    '{"l":[1,3]}',
                    '{"l":[1,2,4]}',
                    '{"f":1}',
                    '{"l":[]}',
                ),
                *('{"a":{"b":"1"}}', '{"a":{"b":1.0}}', '{"a":{"t":1}}', '{"a":{"n":null}}', '{"a":{"zz":null}}', "{}"),
                *(
                    '{"o":[{"k":"v"}]}',
                    '{"o":[{"k":"w"}]}',
                    '{"a":{"b":2,"c":"x"}}',
                    '{"e":[]}',
                    '{"e":null}',
                    "[]",
                    '{"s":""}',
                ),
            )
        ),
        *(
            {"equalToJson": text, "ignoreExtraElements": True, "ignoreArrayOrder": True}
            for text in (
                *('{"l":[3,2,1]}', '{"l":[3,1]}', '{"l":[3,4]}', '{"o":[{"k":"w"},{"k":"v"}]}'),
                '{"o":[{"k":"w"},{"k":"w"}]}',
            )
        ),
        *(
            {"matchesJsonPath": path}
            for path in (
                *(
                    "$",
                    "$.a",
                    "$.a.b",
                    "$.a.n",
                    "$.a.t",
                    "$.e",
                    "$.s",
                    "$.zz",
                    "$.e[*]",
                    "$..k",
                    "$..zz",
                    "$.*",
                    "$.l[9]",
                ),
                *("$.o[?(@.k == 'v')]", "$.o[?(@.k == 'z')]", "$.o[?(@.k =~ /V/i)]", "$.o[?(@.n)]", "$.o[?(!@.n)]"),
                *(
                    "$.o[?(@.n > 4 && @.k == 'v')]",
                    "$.o[?(@.n > 5 || @.k == 'w')]",
                    "$.o[-1].k",
                    "$.l[0,1]",
                    "$.l[0:2]",
                ),
                *("$['a']['b']", "$.l.length()", "a.b", "$.o[?(@.k in ['v'])]", "$.o[?(@.k != 'v')]", "$.l[?(@ == 2)]"),
                *(
                    "$.l[?(@ > 7)]",
                    "$.a[?(@.b == 1)]",
                    "$..[?(@.b == 1)]",
                    "$.one[?(@.k == 'v')]",
                    "$.one[?(@.k == 'w')]",
                ),
                *("$[?(@.b == 1)]", "$.one[?(@.k == 'v')].k", "$.a['b','c']", "$.a['zz','b']"),
            )
        ),
        {"absent": True},
        {"matches": ".*deep.*"},
        {"contains": "deep"},
        {"and": [{"contains": "l"}, {"matchesJsonPath": "$.a"}]},
        {"or": [{"contains": "zzz"}, {"matchesJsonPath": "$.a"}]},
        {"not": {"matchesJsonPath": "$.zz"}},
        {"not": {"matchesJsonPath": "$.a"}},
        {"matchesXPath": "//a"},
        {"equalToXml": "<a/>"},
    )
    + paths(
        "matchesJsonPath",
        {
            "$.a.b": [
                {"equalTo": "1"},
                {"equalTo": "2"},
                {"and": [{"equalTo": "1"}, {"contains": "1"}]},
                {"equalToJson": "1"},
            ],
            "$.a.n": [{"equalTo": "null"}, {"absent": True}],
            "$.a.t": [{"equalTo": "true"}],
            "$.a": [{"absent": True}, {"matchesJsonPath": "$.b"}],
            "$.f": [{"equalTo": "1.0"}, {"equalTo": "1"}],
            "$.o": [{"equalToJson": '[{"k":"v","n":5},{"k":"w"}]'}, {"equalToJson": '[{"k":"w"},{"k":"v","n":5}]'}],
            "$.deep": [{"equalToJson": '{"b":2}'}],
            "$.l": [{"equalTo": "[1,2,3]"}, {"contains": "2"}, {"equalTo": "2"}, {"matchesJsonPath": "$[0]"}],
            "$.l[*]": [{"equalTo": "2"}],
            "$..k": [
                {"equalTo": "v"},
                {"equalTo": "w"},
                {"contains": "w"},
                {"matches": ".*w.*"},
                {"equalToJson": '["v","w","v"]'},
            ],
            "$..zz": [{"absent": True}, {"equalTo": "[]"}],
            "$.s": [{"equalTo": ""}],
            "$.zz": [
                *({"absent": True}, {"equalTo": ""}, {"doesNotContain": "x"}, {"doesNotMatch": "x"}),
                {"not": {"equalTo": "1"}},
            ],
            "$.o[?(@.k == 'v')].n": [{"equalTo": "5"}],
            "$.o[?(@.k == 'v')].k": [{"equalTo": "v"}],
            "$.l.length()": [{"equalTo": "3"}],
        },
    ),
    "numbers": in_body(
        *(
            {"matchesJsonPath": f"$..server[?(@.sincetime {condition})]"}
            for condition in (
                "== 0",
                "== '0'",
                "== '5'",
                "== 5",
                "== 7",
                "== '7'",
                "!= 0",
                "!= '5'",
                "> 4",
                "== 'x'",
                "== true",
            )
        )
    ),
    "array": in_body(
        {"equalToJson": "[1,2,2]", "ignoreArrayOrder": True},
        {"equalToJson": "[2,1,1]", "ignoreArrayOrder": True},
        {"equalToJson": "[2,1,1]", "ignoreArrayOrder": False},
        {"equalToJson": "[1,2]", "ignoreArrayOrder": True},
        {"equalToJson": "[1,1]", "ignoreExtraElements": True},
        {"equalToJson": "[]", "ignoreExtraElements": True},
        {"matchesJsonPath": "$[2]"},
        {"matchesJsonPath": "$[?(@ == 2)]"},
    ),
    "xml": in_body(
        *(
            {"matchesXPath": path}
            for path in (
                *("/synchronize", "//refURL", "//zz", "//refURL/text()", "//servers/@a", "//empty", "//empty/text()"),
                *("count(//server)", "count(//server) = 2", "count(//server) = 3", "string(//refURL)", "string(//zz)"),
                *("//server[refURL='r2']/sincetime[text()='5']", "//server[refURL='r1']/sincetime[text()='5']", "//z"),
                *("//*[local-name()='z']", "//comment()", "boolean(//zz)", "/servers", "//server[3]"),
            )
        ),
        *({"matchesXPath": "//q:z", "xPathNamespaces": {"q": uri}} for uri in ("urn:q", "urn:other")),
        {"matchesXPath": "//x:z", "xPathNamespaces": {"x": "urn:q"}},
        {"matchesXPath": {"expression": "//q:z/text()", "equalTo": "t"}, "xPathNamespaces": {"q": "urn:q"}},
        {"equalToXml": SERVERS},
        {"equalToXml": SERVERS.replace("\n", "")},
        {"equalToXml": SERVERS.replace(' a="1" b="2"', ' b="2" a="1"')},
        {"equalToXml": SERVERS.replace("r1", "r9")},
        {"equalToXml": SERVERS.replace("<!-- c -->", "")},
        {"equalToXml": SERVERS.replace("<empty/>", "<empty></empty>")},
        {"equalToXml": SERVERS.replace("<empty/>", "<empty> </empty>")},
        {"equalToXml": SERVERS.replace("q:z", "x:z").replace("xmlns:q", "xmlns:x")},
        {"equalToXml": SERVERS.replace("urn:q", "urn:p")},
        {
            "equalToXml": SERVERS.replace(
                "<refURL>r1</refURL><sincetime>0</sincetime>", "<sincetime>0</sincetime><refURL>r1</refURL>"
            )
        },
        {"equalToXml": SERVERS.replace("r1", "rt").replace("r2", "r1").replace("rt", "r2")},
        {"equalToXml": SERVERS.replace(' b="2"', "")},
        {"equalToXml": SERVERS.replace("<empty/>", "")},
        {"equalToXml": SERVERS.replace("<empty/>", "<empty/><more/>")},
        {"equalToXml": SERVERS.replace("r1", " r1 ")},
        {"equalToXml": SERVERS.replace("r1", "r 1")},
        {"equalToXml": SERVERS.replace("r1", "<![CDATA[r1]]>")},
        {"equalToXml": "<a/>"},
        {"equalToXml": "<synchronize/>"},
        {"matchesJsonPath": "$.a"},
    )
    + paths(
        "matchesXPath",
        {
            "//refURL/text()": [
                *(
                    {"equalTo": "r1"},
                    {"equalTo": "r2"},
                    {"equalTo": "r3"},
                    {"not": {"equalTo": "r1"}},
                    {"doesNotMatch": "r1"},
                ),
            ],
            "//refURL": [
                *({"equalTo": "r1"}, {"contains": "r1"}, {"equalToXml": "<refURL>r1</refURL>"}, {"absent": True}),
                {"equalToXml": "<refURL>r3</refURL>"},
            ],
            "//servers/@a": [{"equalTo": "1"}, {"equalTo": "2"}],
            "count(//server)": [{"equalTo": "2"}, {"equalTo": "2.0"}],
            "string(//refURL)": [{"equalTo": "r1"}],
            "//zz": [{"equalTo": ""}, {"doesNotContain": "x"}, {"matches": ".*"}, {"absent": True}],
            "//empty": [{"equalTo": ""}],
            "//server": [{"matchesXPath": "//refURL"}],
        },
    ),
    "default-namespace": in_body(
        {"matchesXPath": "//a"},
        {"matchesXPath": "/r/a"},
        {"matchesXPath": "/r/b"},
        {"matchesXPath": "//d:a", "xPathNamespaces": {"d": "urn:d"}},
        {"matchesXPath": "//*[local-name()='a']"},
        {"equalToXml": "<r><a>1</a></r>"},
        {"equalToXml": '<x:r xmlns:x="urn:d"><x:a>1</x:a></x:r>'},
        {"equalToXml": '<r xmlns="urn:d"><a>1</a></r>'},
    ),
    "doctype": in_body({"matchesXPath": "//r[.='v']"}, {"equalToXml": "<r>v</r>"}),
    "text": in_body(
        {"matchesJsonPath": "$.a"},
        {"matchesJsonPath": "$"},
        {"matchesJsonPath": {"expression": "$.a", "absent": True}},
        {"not": {"matchesJsonPath": "$.a"}},
        {"equalToJson": "{}"},
        {"matchesXPath": "//a"},
        {"equalToXml": "<a/>"},
        {"equalTo": "not json"},
    ),
    "lines": in_body(
        *({"matches": regex} for regex in ("a.b.", "a\\nb\\n", "(?s)a.b.", "a\\sb$", "^a\nb\n$", "a.b")),
        {"contains": "\nb"},
    ),
    "empty": in_body(
        *(
            {"absent": True},
            {"equalTo": ""},
            {"contains": ""},
            {"doesNotContain": "x"},
            {"matches": ".*"},
            {"matches": ""},
        ),
        *({"not": {"contains": "x"}}, {"doesNotMatch": "x"}, {"matchesJsonPath": "$"}, {"equalToJson": "{}"}),
        {"matchesJsonPath": {"expression": "$.a", "absent": True}},
    ),
}

RESULT = "an XPath whose result is not a node set: in WireMock every result matches, in mockcvp a true result matches"
DOCTYPE = "a document with a document type is not XML in mockcvp, since the OAMP rejects it too"
CDATA = "in WireMock's equalToXml, a CDATA section differs from the same text"
# Each call and pattern has WireMock's count, mockcvp's count, and the reason for the difference.
DIFFERENCES: dict[tuple[str, str], tuple[int, int, str]] = {
    ("xml", '{"matchesXPath": "count(//server) = 3"}'): (1, 0, RESULT),
    ("xml", '{"matchesXPath": "string(//zz)"}'): (1, 0, RESULT),
    ("xml", '{"matchesXPath": "boolean(//zz)"}'): (1, 0, RESULT),
    ("xml", '{"matchesXPath": {"expression": "//zz", "absent": true}}'): (
        *(0, 1),
        "absent, if a path selects nothing: WireMock supports it for JSONPath only, mockcvp for XPath too",
    ),
    ("xml", json.dumps({"equalToXml": SERVERS.replace("r1", "<![CDATA[r1]]>")})): (0, 1, CDATA),
    ("doctype", '{"matchesXPath": "//r[.=\'v\']"}'): (1, 0, DOCTYPE),
    ("doctype", '{"equalToXml": "<r>v</r>"}'): (1, 0, DOCTYPE),
    ("text", '{"matchesJsonPath": "$"}'): (1, 0, "in WireMock, text that is not JSON is a JSON string"),
}


def key(call: str, pattern: dict[str, Any]) -> tuple[str, str]:
    return call, json.dumps(pattern.get("bodyPatterns", [pattern])[0] if pattern.get("bodyPatterns") else pattern)


CASES = [(call, pattern) for call, patterns in PATTERNS.items() for pattern in patterns]


class Peer:
    """WireMock or the mock server."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def admin(self, method: str, path: str, content: Any = None) -> httpx.Response:
        return self.client.request(method, f"/__admin/{path}", json=content)

    def result(self, method: str, path: str, content: Any = None) -> Any:
        response = self.admin(method, path, content)
        assert response.is_success, response.text
        return response.json() if response.content else {}

    def call(self, **call: Any) -> httpx.Response:
        return self.client.request(**call, auth=("wsmadmin", "wsmadmin"))

    def counts(self) -> list[int]:
        counted = []
        for name, call in CALLS.items():
            self.admin("DELETE", "requests")
            self.call(**call)
            counted += [self.result("POST", "requests/count", pattern)["count"] for pattern in PATTERNS[name]]
        return counted


@pytest.fixture(scope="module")
def wiremock() -> Iterator[Peer]:
    with WireMock() as running, running.client() as client:
        yield Peer(client)


@pytest.fixture(scope="module")
def mockcvp() -> Iterator[Peer]:
    with MockCVP() as running, running.client(base_url=running.url.removesuffix("/cvp-config"), auth=None) as client:
        yield Peer(client)


def test_every_pattern_has_the_same_count(wiremock: Peer, mockcvp: Peer) -> None:
    found = {
        key(call, pattern): (theirs, ours)
        for (call, pattern), theirs, ours in zip(CASES, wiremock.counts(), mockcvp.counts(), strict=True)
        if theirs != ours
    }
    assert found == {case: (theirs, ours) for case, (theirs, ours, _) in DIFFERENCES.items()}


def near_misses(peer: Peer) -> list[Any]:
    """Near misses of request patterns: their order and distances."""
    peer.result("POST", "reset")
    for url in (
        "/a",
        "/cvp-config/servers",
        "/cvp-config/serverz?q=type:VXML",
        "/zzzzzzzzzzzzzzz",
        "/cvp-config/serve",
    ):
        peer.call(method="GET", url=url, headers={"X-M": url})
    for content in ('{"a": 1}', '{"a": 2, "b": 3, "c": 4}', "something else"):
        peer.call(method="POST", url="/cvp-config/elsewhere", content=content)
    results = []
    for pattern in [
        {"url": "/cvp-config/server"},
        {"urlPath": "/cvp-config/serverz", "method": "POST"},
        {"method": "POST"},
        {"method": "PUT"},
        {"urlPathTemplate": "/cvp-config/{id}/x"},
        {"urlPattern": "/nothing/.*"},
        {"headers": {"X-M": {"equalTo": "/zzzz"}}, "method": "GET"},
        {"headers": {"X-M": {"contains": "zz"}, "X-N": {"equalTo": "1"}}},
        {"method": "POST", "bodyPatterns": [{"equalTo": '{"a": 3}'}]},
        {"method": "POST", "bodyPatterns": [{"equalToJson": '{"a": 3}'}]},
        {"method": "POST", "bodyPatterns": [{"matchesJsonPath": "$.b"}]},
        {"method": "POST", "bodyPatterns": [{"matchesJsonPath": {"expression": "$.a", "equalTo": "1"}}]},
        {"method": "POST", "bodyPatterns": [{"and": [{"contains": "a"}, {"contains": "zz"}]}, {"contains": "some"}]},
        {"queryParameters": {"q": {"equalTo": "type:VXML"}}},
        {"queryParameters": {"q": {"equalTo": "type:MEDIA"}}},
    ]:
        nearest = peer.result("POST", "near-misses/request-pattern", pattern)["nearMisses"]
        # The distance between JSON documents is not documented, so only the order is compared.
        distances = [round(one["matchResult"]["distance"], 6) for one in nearest if "equalToJson" not in str(pattern)]
        results.append((pattern, [(one["request"]["url"], one["request"]["body"]) for one in nearest], distances))
    return results


def unmatched(peer: Peer) -> list[Any]:
    """Unmatched requests and their near misses."""
    peer.result("POST", "reset")
    for path, status in (("/cvp-config/serve", 200), ("/zzzzzzzzzz", 201), ("/cvp-config/elsewhere", 299), ("/a", 204)):
        peer.result("POST", "mappings", {"request": {"url": path, "method": "GET"}, "response": {"status": status}})
    for method, url in (
        ("GET", "/cvp-config/serve"),
        ("GET", "/cvp-config/servers/"),
        ("POST", "/a"),
        ("GET", "/zzz"),
        ("GET", "/a"),
    ):
        peer.call(method=method, url=url)
    served = peer.result("GET", "requests")
    return [
        [
            (one["request"]["url"], one["wasMatched"], one["response"]["status"])
            for one in served["requests"]
            if one["wasMatched"]
        ],
        [(one["request"]["url"], one["wasMatched"]) for one in served["requests"]],
        served["meta"],
        [one["url"] for one in peer.result("GET", "requests/unmatched")["requests"]],
        [one["request"]["url"] for one in peer.result("GET", "requests?unmatched=true&limit=2")["requests"]],
        len(peer.result("GET", "requests?limit=0")["requests"]),
        len(peer.result("GET", "requests?since=2200-01-01T00:00:00Z")["requests"]),
        len(peer.result("GET", "requests?since=2020-01-01T00:00:00Z")["requests"]),
        [one["url"] for one in peer.result("POST", "requests/find", {"method": "GET"})["requests"]],
        [
            (one["request"]["url"], one["stubMapping"]["request"]["url"], round(one["matchResult"]["distance"], 6))
            for one in peer.result("GET", "requests/unmatched/near-misses")["nearMisses"]
        ],
    ]


def removal(peer: Peer) -> list[Any]:
    """The journal after the removal of calls."""
    peer.result("POST", "reset")
    for url in ("/a", "/b", "/a", "/c"):
        peer.call(method="GET", url=url)
    one = peer.result("GET", "requests")["requests"][0]
    results = [peer.result("GET", f"requests/{one['id']}")["request"]["url"]]
    peer.result("DELETE", f"requests/{one['id']}")
    removed = peer.result("POST", "requests/remove", {"url": "/a"})["serveEvents"]
    results.append([served["request"]["url"] for served in removed])
    results.append([served["request"]["url"] for served in peer.result("GET", "requests")["requests"]])
    nobody = "00000000-0000-0000-0000-000000000000"
    results += [
        peer.admin("GET", f"requests/{nobody}").status_code,
        peer.admin("DELETE", f"requests/{nobody}").status_code,
    ]
    results += [peer.admin("GET", f"requests/{one['id']}").status_code, peer.admin("GET", "requests/xyz").status_code]
    peer.result("DELETE", "requests")
    return [*results, peer.result("GET", "requests")]


def mappings(peer: Peer) -> list[Any]:
    """Adding, replacing, removing and matching stub mappings."""
    peer.result("POST", "reset")
    results: list[Any] = []

    def add(**mapping: Any) -> Any:
        response = peer.admin("POST", "mappings", mapping)
        results.append(response.status_code)
        return response.json()

    def get(url: str = "/p", **options: Any) -> None:
        response = peer.call(**({"method": "GET", "url": url} | options))
        headers = {name: response.headers.get_list(name) for name in ("x-a", "matched-stub-id", "content-type")}
        # A status without a standard reason phrase has a different one in each server.
        reason = response.reason_phrase if response.status_code == 251 else None
        results.append((response.status_code, reason, response.text, headers))

    ids = [f"00000000-0000-0000-0000-00000000000{digit}" for digit in range(1, 9)]
    add(id=ids[0], request={"urlPath": "/p"}, response={"status": 250, "body": "one", "headers": {"X-A": ["1", "2"]}})
    get()
    add(
        id=ids[1],
        request={"urlPath": "/p"},
        response={"status": 251, "statusMessage": "Own Reason", "jsonBody": {"é": [1]}},
    )
    get()
    add(id=ids[2], priority=9, request={"urlPath": "/p"}, response={"status": 252})
    get()
    add(
        id=ids[3],
        priority=1,
        request={"urlPath": "/p", "headers": {"X-Q": {"equalTo": "1"}}},
        response={"base64Body": "AQI="},
    )
    get()
    get(headers={"X-Q": "1"})
    get("/p?q=1")
    add(id=ids[0], request={}, response={})
    results[-1:] = [peer.admin("POST", "mappings", {"id": ids[0]}).status_code]
    results.append(
        peer.result("PUT", f"mappings/{ids[1]}", {"request": {"urlPath": "/p"}, "response": {"status": 260}})
    )
    get()
    results.append(peer.result("GET", f"mappings/{ids[1]}"))
    results += [
        peer.admin("PUT", f"mappings/{ids[7]}", {}).status_code,
        peer.admin("GET", f"mappings/{ids[7]}").status_code,
    ]
    peer.result("DELETE", f"mappings/{ids[1]}")
    get()
    results += [peer.admin("DELETE", f"mappings/{ids[1]}").status_code, peer.admin("GET", "mappings/xyz").status_code]
    listed = peer.result("GET", "mappings")
    results += [[one["id"] for one in listed["mappings"]], listed["meta"]]
    results.append([one["id"] for one in peer.result("GET", "mappings?limit=1&offset=1")["mappings"]])
    peer.result("POST", "mappings/remove", {"id": ids[3], "request": {}, "response": {}})
    get(headers={"X-Q": "1"})
    peer.result("DELETE", "mappings")
    results.append(peer.result("GET", "mappings"))
    add(name="named", metadata={"a": 1}, persistent=False, request={"method": "GET"}, response={"status": 202})
    results.append(
        {
            name: value
            for name, value in peer.result("GET", "mappings")["mappings"][0].items()
            if name not in ("id", "uuid")
        }
    )
    peer.result("POST", "mappings/reset")
    results.append(peer.result("GET", "mappings")["meta"])
    return results


def scenarios(peer: Peer) -> list[Any]:
    """Scenario states."""
    peer.result("POST", "reset")
    results: list[Any] = [peer.result("GET", "scenarios")]
    for number, (required, new, status) in enumerate(
        (("Started", "two", 201), ("two", "three", 202), (None, None, 203), ("three", "Started", 204))
    ):
        mapping = {"id": f"00000000-0000-0000-0000-00000000000{number}", "scenarioName": "s", "request": {"url": "/s"}}
        states = {"requiredScenarioState": required, "newScenarioState": new}
        states = {name: state for name, state in states.items() if state}
        peer.result(
            "POST", "mappings", mapping | states | {"priority": 9 - bool(required), "response": {"status": status}}
        )

    def state() -> str:
        found: str = peer.result("GET", "scenarios")["scenarios"][0]["state"]
        return found

    one = peer.result("GET", "scenarios")["scenarios"][0]
    results.append(
        [one["name"], one["state"], sorted(one["possibleStates"]), sorted(mapping["id"] for mapping in one["mappings"])]
    )
    results += [(peer.call(method="GET", url="/s").status_code, state()) for _ in range(5)]
    bodies = ({"state": "two"}, {"state": "nowhere"}, {"x": "two"})
    results += [(peer.admin("PUT", "scenarios/s/state", content).status_code, state()) for content in bodies]
    results.append((peer.client.put("/__admin/scenarios/s/state").status_code, state()))
    results.append(peer.admin("PUT", "scenarios/nobody/state", {"state": "two"}).status_code)
    peer.result("PUT", "scenarios/s/state", {"state": "three"})
    peer.result("POST", "scenarios/reset")
    results.append(state())
    peer.result("PUT", "scenarios/s/state", {"state": "three"})
    peer.result("POST", "reset")
    return [*results, peer.result("GET", "scenarios")]


def errors(peer: Peer) -> list[Any]:
    """The status codes of error responses."""
    peer.result("POST", "reset")
    invalid = [
        ("requests/count", {"urlx": "/s"}),
        ("requests/count", {"headers": {"X": {}}}),
        ("requests/count", {"headers": {"X": "y"}}),
        ("requests/count", {"headers": {"X": {"equalTo": 5}}}),
        ("requests/count", {"bodyPatterns": [{"matches": "["}]}),
        ("requests/count", {"bodyPatterns": {"equalTo": "x"}}),
        ("requests/count", {"bodyPatterns": [{"equalToJson": "{"}]}),
        ("requests/count", {"bodyPatterns": [{"equalToXml": "<a"}]}),
        ("requests/count", {"bodyPatterns": [{"and": []}]}),
        ("requests/count", {"bodyPatterns": [{"matchesJsonPath": {"expression": "$.a"}}]}),
        ("requests/count", {"urlPattern": "["}),
        ("requests/count", {"method": 5}),
        ("mappings", {"response": {"status": "x"}}),
        ("mappings", {"response": {"fault": "X"}}),
        ("mappings", {"response": {"delayDistribution": {"type": "x"}}}),
        ("mappings", {"priority": "x"}),
        ("mappings", {"id": "x"}),
        ("settings", {"foo": 5}),
    ]
    statuses = [(path, content, peer.admin("POST", path, content).status_code) for path, content in invalid]
    statuses.append(("mappings", "no JSON", peer.client.post("/__admin/mappings", content="{").status_code))
    statuses += [
        (path, None, peer.admin("GET", path).status_code) for path in ("nowhere", "requests/xyz", "mappings/xyz")
    ]
    return [*statuses, peer.result("GET", "mappings")["meta"]]


def settings(peer: Peer) -> list[Any]:
    """Global settings; other tests measure the delays."""
    peer.result("POST", "reset")
    results = []
    for content in ({"fixedDelay": 5}, {"delayDistribution": {"type": "uniform", "lower": 1, "upper": 2}}, {}):
        peer.result("POST", "settings", content)
        results.append(
            {
                name: value
                for name, value in peer.result("GET", "settings")["settings"].items()
                if name != "proxyPassThrough"
            }
        )
    return results


@pytest.mark.parametrize("conversation", [near_misses, unmatched, removal, mappings, scenarios, errors, settings])
def test_every_conversation_has_the_same_results(
    wiremock: Peer, mockcvp: Peer, conversation: Callable[[Peer], list[Any]]
) -> None:
    theirs, ours = conversation(wiremock), conversation(mockcvp)
    for one, other in zip(theirs, ours, strict=True):
        assert other == one
