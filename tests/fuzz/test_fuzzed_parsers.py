"""Each parser under inputs that come close to valid ones; `make fuzz` looks for more of them."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.inputs import bounded, texts
from tests.fuzz.parsers import PARSERS, check_bytes
from tests.fuzz.seeds import SEEDS

CALLS_PER_CHARACTER = 60
"""Of functions, Python's own included, that any check may take, and of all its readings."""

CALLS_AT_LEAST = 20_000
"""That a check may take whatever its input."""


@pytest.mark.parametrize("name", PARSERS)
def test_seeds_are_taken_or_refused_as_promised(name: str) -> None:
    for seed in SEEDS[name]:
        PARSERS[name](seed)


@pytest.mark.parametrize("name", PARSERS)
@bounded(150)
@given(data=st.data())
def test_any_text_is_taken_or_refused_as_promised(name: str, data: st.DataObject) -> None:
    PARSERS[name](data.draw(texts(name)))


@pytest.mark.parametrize("name", PARSERS)
@bounded(40)
@given(data=st.data())
def test_any_bytes_are_taken_or_refused_as_promised(name: str, data: st.DataObject) -> None:
    text = data.draw(texts(name)).encode()
    place = data.draw(st.integers(0, len(text)))
    check_bytes(name, text[:place] + data.draw(st.binary(max_size=4)) + text[place:])


@pytest.mark.parametrize("name", PARSERS)
@bounded(25)
@given(data=st.data())
def test_work_grows_no_faster_than_the_text(name: str, data: st.DataObject) -> None:
    """What is repeated a thousand times costs each time about the same."""
    piece = data.draw(texts(name))[:20] or "a"
    head, tail = data.draw(st.sampled_from(SEEDS[name])), data.draw(st.text(max_size=3))
    text = f"{head[: data.draw(st.integers(0, 30))]}{piece * (6000 // len(piece))}{tail}"
    assert calls_of(PARSERS[name], text) < CALLS_AT_LEAST + CALLS_PER_CHARACTER * len(text)


def calls_of(check: Callable[[str], None], text: str) -> int:
    """How many functions are called; the same for the same text, unlike seconds."""
    calls = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        check(text)
    finally:
        sys.setprofile(before)
    return calls
