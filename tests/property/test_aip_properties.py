"""What holds for every input of the AIP building blocks."""

import re
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.aip.duration import MAX_DURATION, format_duration, parse_duration
from functions.aip.errors import InvalidArgument
from functions.aip.field_mask import parse_field_mask
from functions.aip.filtering import FieldType, FilterError, compile_filter
from functions.aip.filtering.parser import parse_filter
from functions.aip.ordering import OrderBy, parse_order_by
from functions.aip.page_token import InvalidPageToken, decode_page_token, encode_page_token
from functions.aip.timestamp import (
    MAX_TIMESTAMP,
    MIN_TIMESTAMP,
    format_timestamp,
    parse_timestamp,
)

timestamps = st.integers(MIN_TIMESTAMP, MAX_TIMESTAMP)


@given(timestamps)
def test_timestamps_round_trip(ns: int) -> None:
    assert parse_timestamp(format_timestamp(ns)) == ns


@given(timestamps, timestamps)
def test_timestamps_of_whole_seconds_sort_as_text(one: int, other: int) -> None:
    one, other = (ns - ns % 1_000_000_000 for ns in (one, other))
    assert (one < other) == (format_timestamp(one) < format_timestamp(other))


@given(st.integers(-MAX_DURATION, MAX_DURATION))
def test_durations_round_trip(ns: int) -> None:
    assert parse_duration(format_duration(ns)) == ns


# Text that comes close to each syntax finds more than text of any kind.
filter_pieces = r"""
    user_id labels time = != < : ( ) AND OR NOT - f( , . " ' \ * ! "b" 1970-01-01T00:00:00Z
"""
near_text = st.one_of(
    st.text(),
    st.text("0123456789-:.TZz+ s", max_size=40),
    st.text("ab.,` *_A\n", max_size=40),
    st.lists(st.sampled_from([*filter_pieces.split(), " ", "\n"])).map("".join),
)
FIELDS = {
    "user_id": FieldType.STRING,
    "time": FieldType.TIMESTAMP,
    "labels": FieldType.STRING_MAP,
    "authors": FieldType.STRING_LIST,
}
DEFAULT = OrderBy("time", descending=False)
PARSERS: dict[str, tuple[Callable[[str], object], type[Exception]]] = {
    "timestamp": (parse_timestamp, ValueError),
    "duration": (parse_duration, ValueError),
    "field mask": (parse_field_mask, InvalidArgument),
    "order": (lambda text: parse_order_by(text, ["time"], DEFAULT), InvalidArgument),
    "page token": (decode_page_token, InvalidPageToken),
    "syntax": (parse_filter, FilterError),
    "filter": (lambda text: compile_filter(text, FIELDS), FilterError),
}


@pytest.mark.parametrize("name", PARSERS)
@given(text=near_text)
def test_a_parser_accepts_or_raises_its_own_error(name: str, text: str) -> None:
    parse, refusal = PARSERS[name]
    with suppress(refusal):
        parse(text)


@given(near_text)
def test_a_filter_error_points_into_the_filter(text: str) -> None:
    try:
        compile_filter(text, FIELDS)
    except FilterError as error:
        column = re.search(r"column (\d+): ", error.message)
        assert column is not None
        assert 1 <= int(column[1]) <= len(text) + 1


cursors = st.lists(st.one_of(st.text(max_size=20), st.integers()), max_size=5)
scopes = st.lists(st.text(max_size=20), max_size=3)


@given(cursors, scopes, scopes)
def test_page_tokens_open_with_their_scope_only(
    cursor: list[str | int], scope: list[str], other: list[str]
) -> None:
    token = encode_page_token(cursor, *scope)
    assert decode_page_token(token, *scope) == cursor
    if other != scope:
        with pytest.raises(InvalidPageToken):
            decode_page_token(token, *other)


@given(cursors, st.data())
def test_a_page_token_with_a_character_changed_is_refused(
    cursor: list[str | int], data: st.DataObject
) -> None:
    token = encode_page_token(cursor, "scope")
    index = data.draw(st.integers(0, len(token) - 1))
    character = data.draw(st.characters().filter(lambda drawn: drawn != token[index]))
    with pytest.raises(InvalidPageToken):
        decode_page_token(token[:index] + character + token[index + 1 :], "scope")
