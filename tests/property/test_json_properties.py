"""Plain JSON is written as pydantic writes it, byte for byte."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from functions.aip.errors import InvalidArgument
from functions.messages.json_text import write_json, write_plain

TEXT = st.text(max_size=20)
SURROGATES = st.text(st.characters(categories=["Cs"]), min_size=1, max_size=3)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(TEXT, below, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_plain_values_are_the_same_bytes(value: Any) -> None:
    assert write_plain(value).encode() == to_json(value)


@pytest.mark.parametrize("code", [*range(0x300), 0x2028, 0x2029, 0xFEFF, 0xFFFF, 0x10FFFF])
def test_every_character_that_has_an_escape_has_the_same(code: int) -> None:
    assert write_plain(chr(code)).encode() == to_json(chr(code)) == write_json(chr(code)).encode()


@given(TEXT, SURROGATES, TEXT)
def test_text_that_utf_8_cannot_carry_is_refused(before: str, broken: str, after: str) -> None:
    for write in (write_plain, write_json):
        for value in (before + broken + after, {"k": broken}, {broken: "v"}):
            with pytest.raises(InvalidArgument):
                write(value)
