"""The comparison of output with the output that a page shows."""

import pytest

from tests.docs.output import begins_with, difference, line_matches, lines_of, matches, missing_line


@pytest.mark.parametrize(
    ("shown", "actual", "expected"),
    [
        ("202 Accepted", "202 Accepted", True),
        ("202 Accepted", "202 Accepted ", False),
        ("202", "202 Accepted", False),
        ("… 202", "2026-11-24T16:41:21.123+01:00 202", True),
        ("… 202", " 202", True),
        ("… 202", "202", False),
        ("a…c", "ac", True),
        ("a…c…e", "abcde", True),
        ("a…c…e", "abcd", False),
        ("a.c", "abc", False),
        ("[…]", "[1, 2]", True),
    ],
)
def test_an_ellipsis_in_a_line_matches_any_text(shown: str, actual: str, expected: bool) -> None:
    assert line_matches(shown, actual) is expected


@pytest.mark.parametrize(
    ("shown", "actual", "expected"),
    [
        ([], [], True),
        ([], ["a"], False),
        (["a", "b"], ["a", "b"], True),
        (["a", "b"], ["a"], False),
        (["a"], ["a", "b"], False),
        (["b", "a"], ["a", "b"], False),
        (["…"], [], True),
        (["…"], ["a", "b"], True),
        (["a", "…"], ["a", "b", "c"], True),
        (["…", "c"], ["a", "b", "c"], True),
        (["…", "b"], ["a", "b", "c"], False),
        (["a", "…", "d"], ["a", "d"], True),
        (["a", "…", "d", "…"], ["a", "b", "d", "e"], True),
        (["…", "b", "…", "b"], ["a", "b", "c"], False),
        (["…", "b", "c"], ["b", "b", "c"], True),
        (["a", "  …", "c"], ["a", "b", "c"], True),
        (["…", "a"], ["b"], False),
    ],
)
def test_a_line_with_only_an_ellipsis_matches_any_lines(shown: list[str], actual: list[str], expected: bool) -> None:
    assert matches(shown, actual) is expected


def test_the_beginning_may_be_followed_by_other_lines() -> None:
    assert begins_with(["a", "b…"], ["a", "bc", "d"])
    assert not begins_with(["b"], ["a", "b"])
    assert not begins_with(["a", "b"], ["a"])


def test_a_missing_line_is_the_first_out_of_order() -> None:
    log = ["1 GET", "2 POST", "3 GET"]
    assert missing_line(["… GET", "… GET"], log) is None
    assert missing_line(["… POST", "…", "", "… POST"], log) == "… POST"
    assert missing_line(["3 GET", "2 POST"], log) == "2 POST"


def test_white_space_at_line_ends_does_not_count() -> None:
    assert lines_of("HTTP/1.1 202 Accepted\r\n\r\n  a \n\n") == ["HTTP/1.1 202 Accepted", "", "  a"]


def test_the_difference_shows_both_sides() -> None:
    assert difference(["a", "b"], ["a", "c"]).splitlines()[3:] == [" a", "-b", "+c"]
