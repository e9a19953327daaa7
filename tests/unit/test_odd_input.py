"""Rules that fuzzing found broken; see tests/fuzz."""

from typing import Any

import pytest

from functions.aip import field_mask
from functions.aip.errors import InvalidArgument
from functions.messages.json_text import MAX_DEPTH, read_json
from functions.messages.session import Session
from functions.messages.session_event import SessionEvent


@pytest.mark.parametrize("text", ["x", "\\ud83d\\ude00", "\\ud83d"])
def test_a_body_that_is_too_deep_is_told_so_whatever_its_strings(text: str) -> None:
    depth = MAX_DEPTH + 100
    body = "[" * depth + f'"{text}"' + "]" * depth
    with pytest.raises(InvalidArgument, match=f"limited to {MAX_DEPTH} levels"):
        read_json(body.encode())


@pytest.mark.parametrize(
    ("sent", "written"), [("1e1", "10"), ("-2.0", "-2"), ("0.5", "0.5"), ("1e300", "1e+300")]
)
def test_a_number_in_text_is_written_as_the_number_is(sent: str, written: str) -> None:
    for value in (sent, read_json(sent.encode())):
        support = {"confidenceScores": [value]}
        metadata = {"groundingMetadata": {"groundingSupports": [support]}}
        event = SessionEvent.read({"eventMetadata": metadata}, "event")
        assert f'"confidenceScores":[{written}]' in event.write()


@pytest.mark.parametrize(
    "seconds", ["1_0", " 1", "1 ", "+1", "١", "１", "0x1", "1.0", "", "-", 1.5]
)
@pytest.mark.parametrize("field", ["seconds", "nanos"])
def test_the_parts_of_a_timestamp_are_plain_digits(field: str, seconds: Any) -> None:
    assert Session.read({"expireTime": {field: "10"}}, "session").expire_time
    with pytest.raises(InvalidArgument, match="expire_time"):
        Session.read({"expireTime": {field: seconds}}, "session")


def test_a_name_that_no_field_has_is_not_remembered() -> None:
    """Callers make up names as long as a body, and the process lives on."""
    before = field_mask._snake_case.cache_info().misses
    assert field_mask.snake_case("aB" * 1000) == "a_b" * 1000
    assert field_mask._snake_case.cache_info().misses == before


def test_a_number_out_of_range_is_quoted_in_short() -> None:
    with pytest.raises(InvalidArgument, match="out of range: 111") as refusal:
        read_json(b"1" * 100_000 + b".0")
    assert len(refusal.value.message) < 200
