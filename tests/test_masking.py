"""Error responses and log lines contain no secret of a malformed admin request."""

import gc
import json
import logging
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mockcvp import MockCVP
from mockcvp.files import FileError
from mockcvp.messages import error_lines, member, quoted
from mockcvp.stubs.mapping_files import load
from mockcvp.stubs.pattern_schema import RequestPatternForm
from tests.log_lines import Lines

SECRET = "hunter2-7c1f"
ENCODED = b64encode(f"tester:{SECRET}".encode()).decode()
PATTERN: dict[str, Any] = {
    "method": "POST",
    "urlPath": "/cvp-config/version",
    "headers": {
        "Accept": {"contains": "json"},
        "Authorization": {"equalTo": f"Basic {ENCODED}"},
        "Cookie": {"or": [{"absent": True}, {"matches": f"sid={SECRET}"}]},
    },
    "queryParameters": {"password": {"doesNotMatch": SECRET}, "page": {"equalTo": "1"}},
    "basicAuthCredentials": {"username": "tester", "password": SECRET},
    "bodyPatterns": [
        {"matchesJsonPath": {"expression": "$.password", "equalTo": SECRET}},
        {"equalToXml": f"<login><password>{SECRET}</password></login>"},
        {"matches": f".*password={SECRET}.*"},
    ],
}
MAPPING: dict[str, Any] = {
    "name": "masked",
    "priority": 3,
    "request": PATTERN,
    "response": {
        "status": 200,
        "headers": {"Set-Cookie": [f"sid={SECRET}"], "X-One": "1"},
        "jsonBody": {"password": SECRET},
    },
    "metadata": {"password": SECRET},
}
BODIES: dict[str, dict[str, Any]] = {
    "mappings": MAPPING,
    "mappings/remove": MAPPING,
    "requests/count": PATTERN,
    "requests/find": PATTERN,
    "requests/remove": PATTERN,
    "near-misses/request-pattern": PATTERN,
    "cvp/tenants": {"username": "run-7", "password": SECRET},
}


def as_lines(value: Any) -> Any:
    """Return an object as header lines, and any other value as text."""
    return [f"{name}: {one}" for name, one in value.items()] if isinstance(value, dict) else str(value)


CHANGES: list[Callable[[Any], Any]] = [
    json.dumps,
    str,
    as_lines,
    lambda value: "; ".join(map(str, as_lines(value))) if isinstance(value, dict) else f"({value}",
    lambda value: [value],
    lambda value: list(value.items()) if isinstance(value, dict) else {"value": value},
    lambda value: {str(value): 1} if not isinstance(value, dict) else value | {"unknown": 1},
    lambda value: f"{value}\n",
    lambda value: {f"{name}s": one for name, one in value.items()} if isinstance(value, dict) else 5,
    lambda _: None,
]


def places(value: Any, *before: Any) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each value in a document, as a tuple of names and indexes."""
    yield before
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, one in steps:
        yield from places(one, *before, step)


def changed(value: Any, place: tuple[Any, ...], change: Callable[[Any], Any]) -> Any:
    if not place:
        return change(value)
    value[place[0]] = changed(value[place[0]], place[1:], change)
    return value


@st.composite
def malformed(draw: st.DrawFn) -> tuple[str, bytes]:
    path = draw(st.sampled_from(sorted(BODIES)))
    document = deepcopy(BODIES[path])
    for _ in range(draw(st.integers(1, 3))):
        # a later change may be inside an earlier one
        place = draw(st.sampled_from(sorted(places(document), key=str)))
        document = changed(document, place, draw(st.sampled_from(CHANGES)))
    text = json.dumps(document)
    return path, text[: draw(st.sampled_from([len(text)] * 9 + [len(text) // 2]))].encode()


@pytest.fixture(scope="module")
def control() -> Iterator[tuple[httpx.Client, Lines]]:
    handler, logger = Lines(), logging.getLogger("mockcvp")
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    with MockCVP() as cvp, cvp.client(base_url=cvp.admin_url, auth=None) as client:
        yield client, handler
    logger.removeHandler(handler)
    logger.setLevel(level)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(malformed())
def test_no_error_or_log_line_contains_a_secret(control: tuple[httpx.Client, Lines], case: tuple[str, bytes]) -> None:
    client, log = control
    log.lines.clear()
    path, body = case
    response = client.post(path, content=body)
    if response.is_success:
        # a stub mapping and a tenant's password are returned on purpose
        client.delete("mappings")
        client.post("reset")
        for name in client.get("cvp/tenants").json()["tenants"]:
            client.delete(f"cvp/tenants/{name}")
    shown = "\n".join([*log.lines, "" if response.is_success else response.text])
    assert response.status_code < 500, shown
    assert SECRET not in shown
    assert ENCODED not in shown


def test_a_password_of_the_wrong_type_is_not_quoted() -> None:
    for name in ("password", "admin_password"):
        given: dict[str, Any] = {name: 123_456}
        with pytest.raises(ValueError, match=f"^{name}: must be text$"):
            MockCVP(**given)


@pytest.mark.parametrize("text", ['{"password": "x"}', "Basic dXNlcjpwYXNz", "Cookie: a=b", "x" * 200_000])
def test_a_text_that_may_contain_a_secret_is_masked(text: str) -> None:
    assert quoted(text) == "'***'"
    assert member(text) == "***"


@pytest.mark.parametrize(
    ("path", "body", "problem"),
    [
        # curl's option -H has this header format
        ("mappings", {"request": {"headers": {f"Authorization: Basic {ENCODED}": {"x": 1}}}}, "request.headers.***: "),
        (
            "requests/count",
            {"bodyPatterns": [{"matches": f"(password={SECRET}"}]},
            "matches: not a valid regular expression",
        ),
        (
            "requests/count",
            {"bodyPatterns": [{"matchesJsonPath": f"$[?(@.password == '{SECRET}'"}]},
            "not a valid JSONPath",
        ),
        ("requests/count", {"bodyPatterns": [{"equalToXml": f"<password>{SECRET}"}]}, "not an XML document"),
        ("requests/count", f"-u tester:{SECRET}", "must be an object, not text"),
    ],
)
def test_a_value_that_may_contain_a_secret_is_not_quoted(
    control: tuple[httpx.Client, Lines], path: str, body: Any, problem: str
) -> None:
    client, log = control
    log.lines.clear()
    response = client.post(path, json=body)
    assert problem in response.json()["errors"][0]["title"]
    for shown in (response.text, *log.lines):
        assert SECRET not in shown
        assert ENCODED not in shown


def test_a_mapping_file_with_a_secret_is_not_quoted(tmp_path: Any) -> None:
    file = tmp_path / "mapping.json"
    for content in (
        {"request": {"headers": f"Authorization: Basic {ENCODED}"}},
        {"request": {"basicAuthCredentials": f"tester:{SECRET}"}},
        {"mappings": [{"request": {"headers": {"Authorization": f"Basic {ENCODED}"}}}]},
        {"mappings": [], f"password {SECRET}": 1},
    ):
        file.write_text(json.dumps(content))
        with pytest.raises(FileError) as exc:
            load(tmp_path)
        assert SECRET not in str(exc.value)
        assert ENCODED not in str(exc.value)
    file.write_text(f'{{"password {SECRET}": 1, "password {SECRET}": 2}}')
    with pytest.raises(FileError, match="not shown"):
        load(tmp_path)


def test_error_lines_take_linear_time() -> None:
    def seconds(number: int) -> float:
        document = {**PATTERN, "bodyPatterns": [{"unknown": 1}] * number}
        with pytest.raises(ValidationError) as exc:
            RequestPatternForm.model_validate(document)
        gc.collect()
        gc.disable()
        try:
            began = time.process_time()
            assert error_lines(exc.value, document)[-1] == f"and {number - 10} more"
            return time.process_time() - began
        finally:
            gc.enable()

    # The fastest runs are those that nothing else on the machine has slowed down.
    assert min(seconds(8_000) for _ in range(7)) / min(seconds(4_000) for _ in range(7)) < 2.5


def test_paths_and_names_without_a_secret_are_shown() -> None:
    with MockCVP() as cvp, cvp.client(base_url=cvp.admin_url, auth=None) as client:
        for request, problem in (
            ({"urlpath": "/a"}, "request: urlpath is not known here: is urlPath meant?"),
            ({"headers": {"Authorization": {"equalTo": 5}}}, "request.headers.Authorization.equalTo: must be text"),
            ({"basicAuthCredentials": {"username": "a"}}, "request.basicAuthCredentials.password: is missing"),
            ({"headers": {"Authorization": {}}}, "request.headers.Authorization: must have exactly one of"),
            ({"method": 5}, "request.method: must be text, not 5"),
        ):
            response = client.post("mappings", json={"request": request})
            assert response.json()["errors"][0]["title"].startswith(problem)
