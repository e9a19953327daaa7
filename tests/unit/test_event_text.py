"""Stores keep one copy of a large `rawEvent.content`, and answer both to the letter."""

import base64
import random
from typing import Any

import pytest

from functions.messages.json_text import MAX_DEPTH
from functions.messages.session_event import SessionEvent
from functions.rules.event_rules import new_event
from functions.rules.event_text import LEAST_BYTES, shorter_text, whole_text

IMAGE = random.Random(1).randbytes(30_000)
STANDARD = base64.b64encode(IMAGE).decode()
URL_SAFE = base64.urlsafe_b64encode(IMAGE).decode()
LONG = 'é"\\\n\u2028😀' * 3_000
ROWS = [{"n": number, "": None, "x": {"y": [True, 1.5, 2**70]}} for number in range(1_000)]


def texts(content: Any, raw_content: Any, **fields: Any) -> tuple[str, str]:
    """The text of an event with these contents, and what a store keeps of it."""
    raw = {"id": "e", "content": raw_content, "more": 1}
    body = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z", **fields}
    message = SessionEvent.read({**body, "content": content, "rawEvent": raw}, "event", "keep")
    record, _ = new_event(message, "")
    return record.text, record.stored


@pytest.mark.parametrize(
    ("content", "raw"),
    [
        ({"parts": [{"text": LONG}], "role": "user"}, {"parts": [{"text": LONG}], "role": "user"}),
        (
            {"parts": [{"inline_data": {"data": STANDARD, "mime_type": "image/png"}}]},
            {"parts": [{"inlineData": {"data": URL_SAFE, "mimeType": "image/png"}}]},
        ),
        (
            {"role": "user", "parts": [{"inlineData": {"mimeType": "a/b", "data": URL_SAFE}}]},
            {"parts": [{"inline_data": {"data": URL_SAFE.rstrip("="), "mime_type": "a/b"}}]},
        ),
        (
            {"parts": [{"functionResponse": {"name": "f", "response": {"rows": ROWS}}}]},
            {"parts": [{"function_response": {"response": {"rows": ROWS}, "name": "f"}}]},
        ),
        (
            {"parts": [{"text": f"{LONG}{number}", "thought": True} for number in range(3)]},
            {"parts": [{"thought": True, "text": f"{LONG}{number}"} for number in range(3)]},
        ),
        (
            {"parts": [{"text": LONG, "thoughtSignature": STANDARD}]},
            {"parts": [{"thought_signature": URL_SAFE, "text": LONG, "partMetadata": {"a": 1}}]},
        ),
    ],
    ids=["the same", "as ADK", "no padding", "a tool's rows", "other order", "fields of its own"],
)
def test_a_second_copy_is_not_kept(content: Any, raw: Any) -> None:
    """Whatever the order and the spelling of its keys, and the alphabet of its base64."""
    text, stored = texts(content, raw)
    assert whole_text(stored) == text
    assert len(stored) < 0.52 * len(text) + 500


@pytest.mark.parametrize(
    ("content", "raw"),
    [
        ({"parts": [{"text": LONG}]}, {"parts": [{"text": LONG[1:]}]}),
        ({"parts": [{"text": LONG}]}, {"parts": LONG}),
        ({"parts": [{"text": LONG}]}, {"text": LONG}),
        ({"parts": [{"text": LONG}]}, [LONG]),
        ({"parts": [{"text": LONG}]}, LONG),
        (
            {"parts": [{"inlineData": {"data": STANDARD}}]},
            {"parts": [{"inlineData": {"data": ""}}]},
        ),
        ({}, {"parts": [{"text": LONG}]}),
        ({"parts": [{"functionCall": {"args": {"a": ROWS}}}]}, {"parts": [{"a": ROWS}, ROWS]}),
        (
            {"parts": [{"functionCall": {"args": {"a": 1, "b": LONG}}}]},
            {"parts": [{"functionCall": {"args": {"a": True, "b": LONG}}}]},
        ),
        (
            {"parts": [{"functionCall": {"args": {"a": 1, "b": LONG}}}]},
            {"parts": [{"functionCall": {"args": {"b": LONG, "a": 1.0}}}]},
        ),
        ({"parts": [{"text": LONG}, {"text": LONG}]}, {"parts": [{"text": LONG}]}),
        ({"parts": [{"text": LONG}]}, {"parts": [{"text": LONG}, {"text": LONG}]}),
    ],
    ids=[
        *("another text", "no parts", "no list", "a list", "a text", "no data", "no content"),
        *("elsewhere", "true for 1", "1.0 for 1, in other order", "a part less", "a part more"),
    ],
)
def test_another_content_comes_back_to_the_letter(content: Any, raw: Any) -> None:
    """Where the second copy does not follow from the first, it is kept as it is."""
    text, stored = texts(content, raw)
    assert whole_text(stored) == text
    assert len(stored) <= len(text)


def test_a_small_event_is_kept_as_it_is() -> None:
    """The server spends no time on events that take little space."""
    content = {"parts": [{"text": "x" * (LEAST_BYTES // 2 - 500)}]}
    text, stored = texts(content, content)
    assert stored is text


def test_deep_content_is_compared_to_a_depth_and_no_further() -> None:
    """A content may nest as deep as JSON may, and the comparison stays linear."""
    deep: Any = "x" * LEAST_BYTES
    for _ in range(MAX_DEPTH - 10):
        deep = {"a": deep}
    other = {"b": 1, **deep}
    parts = [{"functionCall": {"args": deep}}], [{"functionCall": {"args": other}}]
    text, stored = texts({"parts": parts[0]}, {"parts": parts[1]})
    assert whole_text(stored) == text


def test_a_text_that_begins_like_a_stored_one_cannot_be() -> None:
    """An event's text begins with a quotation mark, one without its copy with a bracket."""
    text, stored = texts({"parts": [{"text": LONG}]}, {"parts": [{"text": LONG}]})
    assert (text[0], stored[0]) == ('"', "[")
    assert shorter_text(text, '{"other":1}', {"parts": []}) == ""
