"""Error responses and log lines quote no secret of a generated, malformed admin request."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mockcvp import MockCVP
from mockcvp.files import FileError
from mockcvp.stubs.mapping_files import load
from tests.log_lines import Lines

SECRET = "Xq7vZk93Lw5tRb"
RUNS = [SECRET[start : start + 6] for start in range(len(SECRET) - 5)]
OPERATORS = [
    "equalTo",
    "contains",
    "matches",
    "doesNotMatch",
    "equalToJson",
    "equalToXml",
    "matchesJsonPath",
    "matchesXPath",
    "absent",
    "and",
    "not",
    "equalsTo",
    "expression",
    "xPathNamespaces",
    "username",
    "password",
    SECRET,
]
TEXTS = [
    SECRET,
    f"Basic {SECRET}",
    f"[{SECRET}",
    f"(?#{SECRET})",
    f"$[?(@.x == '{SECRET}'",
    f"{SECRET}(1)",
    f"<{SECRET}",
    f"\u2603{SECRET}",
    f"\n{SECRET}\ud800",
    "x" * 60 + SECRET * 3,
]
LEAVES = st.sampled_from(TEXTS)
SHAPES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=2)
        | st.dictionaries(st.sampled_from(OPERATORS), inner, min_size=1, max_size=2)
    ),
    max_leaves=4,
)
HEADERS = st.sampled_from(
    ["Authorization", "authorization", "PROXY-AUTHORIZATION", "Proxy-Authorization", "Cookie", "set-cookie"]
)
MEMBERS = HEADERS | st.sampled_from(["password", "basicAuthCredentials", "basicAuth", "Password"])


def malformed(content: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for the content, or for the content in a wrong type."""
    return (
        content
        | content.map(lambda given: [given])
        | content.map(json.dumps)
        | content.map(repr)
        | content.map(lambda given: {"headers": given})
    )


def as_member(name: str, content: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return content.map(lambda given: {name: given})


PATTERNS = malformed(
    as_member("headers", malformed(st.dictionaries(HEADERS, SHAPES, min_size=1, max_size=2)))
    | as_member("basicAuthCredentials", SHAPES)
    | st.dictionaries(MEMBERS, SHAPES, min_size=1, max_size=2)
)
MAPPINGS = malformed(
    as_member("request", PATTERNS)
    | as_member("response", malformed(as_member("headers", malformed(st.dictionaries(HEADERS, SHAPES, min_size=1)))))
    | st.dictionaries(MEMBERS, SHAPES, min_size=1, max_size=2)
)
TENANTS = (
    st.lists(SHAPES, min_size=1)
    | LEAVES
    | st.fixed_dictionaries({}, optional={"username": SHAPES | st.integers(), "password": SHAPES, "passwort": SHAPES})
)
SETTINGS = malformed(st.dictionaries(MEMBERS, SHAPES, min_size=1)) | as_member(
    "delayDistribution", st.dictionaries(MEMBERS, SHAPES, min_size=1)
)
REQUESTS = (
    st.tuples(st.just("mappings"), MAPPINGS)
    | st.tuples(st.just("requests/count"), PATTERNS)
    | st.tuples(st.just("near-misses/request-pattern"), PATTERNS)
    | st.tuples(st.just("cvp/tenants"), TENANTS)
    | st.tuples(st.just("settings"), SETTINGS)
)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[httpx.Client, list[str]]]:
    collected = Lines()
    logger = logging.getLogger("mockcvp")
    level = logger.level
    logger.addHandler(collected)
    logger.setLevel(logging.DEBUG)
    with MockCVP() as cvp, cvp.client(base_url=cvp.admin_url, auth=None, timeout=60) as admin:
        yield admin, collected.lines
    logger.removeHandler(collected)
    logger.setLevel(level)


def quotes_secret(text: str) -> bool:
    return any(run in text for run in RUNS)


@given(REQUESTS)
@example(("mappings", {"request": {"headers": {"Authorization": f"Basic {SECRET}"}}}))
@example(("mappings", {"request": {"basicAuthCredentials": f"user:{SECRET}"}}))
@example(("mappings", {"request": {"url": 5, "basicAuthCredentials": {"password": [SECRET]}}}))
@example(("mappings", {"request": {"headers": {"Authorization": {"matches": f"[{SECRET}"}}}}))
@example(("mappings", {"response": {"headers": {"Set-Cookie": f"\u2603{SECRET}"}}}))
@example(("cvp/tenants", {"username": 5, "password": [SECRET]}))
@example(("cvp/tenants", {"username": [SECRET]}))
@example(("cvp/tenants", {"username": f"/{SECRET}"}))
@example(("cvp/tenants", {"username": SECRET}))
@example(("cvp/tenants", [SECRET]))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_error_quotes_a_secret(served: tuple[httpx.Client, list[str]], sent: tuple[str, Any]) -> None:
    admin, lines = served
    lines.clear()
    path, content = sent
    response = admin.post(path, content=json.dumps(content))
    logged = list(lines)
    # the log shows the path of the deletion, which contains the name of the tenant
    if path == "cvp/tenants" and response.status_code == 201:
        admin.delete(f"cvp/tenants/{response.json()['username']}")
    # a successful response contains the mapping or the tenant that the client sent
    if response.status_code >= 400:
        assert logged, response.text
        assert response.status_code == 422
        assert not quotes_secret(response.text)
    assert not any(map(quotes_secret, logged))


def test_errors_of_other_members_are_shown(served: tuple[httpx.Client, list[str]]) -> None:
    mapping = {
        "priority": "high",
        "request": {"urlPath": "version", "headers": {"Authorization": {"equalTo": f"Basic {SECRET}"}}},
    }
    assert [error["title"] for error in served[0].post("mappings", json=mapping).json()["errors"]] == [
        "priority: must be a whole number, not 'high'",
        "request: urlPath must begin with '/', as /cvp-config/version, not 'version'",
    ]


def test_a_malformed_mapping_file_is_not_quoted(tmp_path: Path) -> None:
    mapping = {"request": {"headers": {"Authorization": {"matches": f"[{SECRET}"}}, "basicAuthCredentials": SECRET}}
    (tmp_path / "a.json").write_text(json.dumps(mapping))
    with pytest.raises(FileError, match=r"request\.basicAuthCredentials: must be an object") as exc:
        load(tmp_path)
    assert not quotes_secret(str(exc.value))


def test_python_errors_quote_no_secret_of_a_pattern() -> None:
    with MockCVP() as cvp:
        wanted: dict[str, Any] = {"headers": {"Authorization": {"equalTo": f"Basic {SECRET}"}}}
        with pytest.raises(AssertionError, match="wanted: a call with request=…") as exc:
            cvp.assert_called(request=wanted)
        assert not quotes_secret(str(exc.value))
        with pytest.raises(ValueError, match="Authorization: must be an object") as pattern_exc:
            cvp.assert_called(request={"headers": {"Authorization": SECRET}})
        assert not quotes_secret(str(pattern_exc.value))


def test_an_invalid_password_setting_is_not_quoted() -> None:
    with pytest.raises(ValueError, match="admin_password") as exc:
        MockCVP(admin_username="a", admin_password=[SECRET])  # type: ignore[arg-type] # an invalid value
    assert not quotes_secret(str(exc.value))
