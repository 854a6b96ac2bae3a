"""Regular expressions: Java's syntax, and the limits for their size and time."""

import pytest
import regex

from mockcvp.stubs.matchers.java_regex import UndecidedError, compile_regex, fully_matches
from tests.costs import TWICE, clear_caches, growth, ratio


def clear() -> None:
    clear_caches()
    regex.purge()


@pytest.mark.parametrize(
    "expression",
    [
        "a{100001}",
        "a{0,100001}",
        "a{,100001}",
        "(?x)a{100 001}",
        "a{99999999999999999999}",
        "(?:a?b?c?d?){90000}",
        "(?:(?:a?b?){300}){300}",
        "((a|b?){5559}){4}",
        "(?x)(?:(?:(?:ab{300}) {300}) {20})",
        "(?-ix)(?:ab) {30000}",
        "((((a{50}){50}){50}){50})",
        "(?:a{300}){300}b{20000}",
        "(?:[a-z]){100000}",
        "(?:\\Qab\\E\\d){50000}",
    ],
)
def test_too_much_repetition_is_rejected_before_compilation(expression: str) -> None:
    def rejected() -> None:
        with pytest.raises(ValueError, match="repeats too much: written out, it is longer than 100000 characters"):
            compile_regex(expression)

    # a compiled expression would take the memory of a hundred thousand atoms
    assert ratio(rejected, lambda: compile_regex("a?" * 5_000), enough=1, before=clear) <= 1


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("a{100000}", "a" * 100_000),
        (".{0,65535}", "x" * 1000),
        ("(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", "00:1b:63:84:45:e6"),
        ("[a-z]{1,1000}(?:x|y){1,1000}", "abcxyx"),
        (r"\{100000}", "{100000}"),
        ("[{}100001]+", "{100001}"),
        (r"\Q(a{100001}\E", "(a{100001}"),
        ("a{2,}", "aaa"),
    ],
)
def test_usual_repetitions_are_accepted(expression: str, text: str) -> None:
    assert fully_matches(compile_regex(expression), text)


@pytest.mark.parametrize(
    "expression",
    ["(?#[)(?:(?:a{100}){100}){1000}", "(?x)#[\n(?:(?:a{100}){100}){1000}", "(?x)#[\n(?-x:#)(?:(?:a{100}){100}){1000}"],
)
def test_comments_are_rejected(expression: str) -> None:
    with pytest.raises(ValueError, match="comment"):
        compile_regex(expression)


def test_text_that_resembles_a_comment_is_accepted() -> None:
    assert fully_matches(compile_regex(r"\(?#[(?#]"), "(##")
    assert fully_matches(compile_regex("(?x) a b"), "ab")


def test_compilation_takes_linear_time_up_to_the_limit() -> None:
    with pytest.raises(ValueError, match="at most 10000 characters, and this one has 10001"):
        compile_regex("a" * 10_001)
    assert growth(lambda size: compile_regex("a?" * size), 2_500, before=clear) <= TWICE


def test_undecided_error_shows_the_expression() -> None:
    # without the time limit, the match would take minutes
    with pytest.raises(UndecidedError, match=r"the regular expression '\(a\*\)\(a\*\).* was stopped after 1 s"):
        fully_matches(compile_regex(r"(a*)(a*)(a*)(a*)\1\2\3\4c?"), "a" * 399)
