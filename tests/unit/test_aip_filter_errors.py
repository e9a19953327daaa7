"""Where a filter breaks the grammar of AIP-160, and how the error shows it."""

import pytest

from functions.aip.errors import InvalidArgument
from functions.aip.filtering import FilterError
from functions.aip.filtering.parser import parse_filter

REFUSED = {
    "a=": 'column 3: expected a value after "=".',
    "user_id=  ": 'column 9: expected a value after "=".',
    "a=AND": 'column 3: expected a value after "=", not "AND".',
    "a==b": 'column 3: expected a value after "=", not "=".',
    "a=b=c": 'column 4: expected AND, OR or the end after "b", not "=".',
    "AND a": 'column 1: expected a field or "(", not "AND".',
    "a AND": 'column 6: expected a field or "(" after "AND".',
    "a OR OR b": 'column 6: expected a field or "(" after "OR", not "OR".',
    "NOT NOT a": 'column 5: expected a field or "(" after "NOT", not "NOT".',
    "--a": 'column 2: expected a field or "(" after "-", not "-".',
    "()": 'column 2: expected a field or "(" after "(", not ")".',
    "(a": 'column 3: expected ")" after "a".',
    "a)": 'column 2: expected AND, OR or the end after "a", not ")".',
    "a,b": 'column 2: expected AND, OR or the end after "a", not ",".',
    "a.=b": 'column 3: expected a name after ".", not "=".',
    ".5": 'column 1: expected a field or "(", not ".".',
    "f(": 'column 3: expected a value after "(".',
    "f(a b)": 'column 5: expected "," or ")" after "a", not "b".',
    'é = "b': "column 5: this string has no closing quote.",
    "a=O'Brien": "column 4: this string has no closing quote.",
    r'a="b\"': "column 3: this string has no closing quote.",
    r'a="\ud800"': "column 3: half a surrogate pair is not text.",
    "a=b\ud800": "column 3: half a surrogate pair is not text.",
    "(" * 51 + "a" + ")" * 51: "column 51: parentheses may be nested at most 50 deep.",
    "f(" * 51: "column 102: parentheses may be nested at most 50 deep.",
    "a=" + "b" * 8191: "column 8193: a filter has at most 8192 characters.",
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_refusal_says_where_and_what_was_expected(text: str) -> None:
    with pytest.raises(FilterError) as error:
        parse_filter(text)
    assert error.value.message.startswith(f"Invalid filter at {REFUSED[text]}\n")


DRAWN = {
    "user_id=": "user_id=\n        ^",
    'a "b\n" )': 'a "b " )\n       ^',
    "a\n  AND = b": "a   AND = b\n        ^",
    "(" + "a" * 99: "a" * 60 + "\n" + " " * 60 + "^",
    "a=" + "b" * 28 + ")" + "c" * 99: "a=" + "b" * 28 + ")" + "c" * 29 + "\n" + " " * 30 + "^",
}


@pytest.mark.parametrize("text", DRAWN)
def test_a_caret_points_into_a_window_of_60_characters(text: str) -> None:
    with pytest.raises(FilterError) as error:
        parse_filter(text)
    assert error.value.message.split("\n", 1)[1] == DRAWN[text]


@pytest.mark.parametrize("text", ["(" * 50 + "a" + ")" * 50, "a=" + "b" * 8190, "a " * 4096])
def test_a_filter_may_reach_its_limits(text: str) -> None:
    assert parse_filter(text) is not None


def test_a_filter_error_is_an_invalid_argument() -> None:
    assert issubclass(FilterError, InvalidArgument)
