"""The rules of compaction on single events: what goes, what stays, and which events are older."""

import json
from typing import Any

import pytest

from functions.aip.errors import InvalidArgument
from functions.messages.json_text import write_json
from functions.rules.compaction import OlderEvents, Range, compacted_range, edited, summary_event
from functions.rules.event import EventRecord
from functions.rules.limits import MAX_EVENT_BYTES

SECOND = 10**9
LARGE = {"rows": "x" * 100}
MASK = {"compacted": True, "bytes": 111}
CALL = {"functionCall": {"id": "c", "name": "f", "args": {"x": 1}}, "thoughtSignature": "AQI="}
THOUGHT = {"text": "hm", "thought": True}
TEXT = {"text": "hi", "thoughtSignature": "AQI="}
MEDIA = [{"inlineData": {"mimeType": "image/png", "data": "A" * 100}}]


def response(value: Any, **fields: Any) -> dict[str, Any]:
    return {"functionResponse": {"id": "c", "name": "f", "response": value, **fields}}


def record(time: float = 0, invocation: str = "i", **members: Any) -> EventRecord:
    fields = {"author": "a", "content": {}, "invocationId": invocation, "actions": {}, **members}
    text = write_json(fields)[1:]
    return EventRecord("e", round(time * SECOND), "a", invocation, text)


def after(*parts: dict[str, Any], most: int = 60) -> list[dict[str, Any]] | None:
    """The parts of an event with these parts after its compaction, None for no change."""
    changed = edited(record(content={"role": "model", "parts": list(parts)}), most)
    if changed is None:
        return None
    content: dict[str, Any] = json.loads("{" + changed.text)["content"]
    return content.get("parts", [])


EDITS: list[tuple[str, list[dict[str, Any]], list[dict[str, Any]] | None]] = [
    ("a large response", [response(LARGE)], [response(MASK)]),
    ("a small response", [response({"ok": True})], None),
    ("a response that was compacted before", [response({"compacted": True, "bytes": 9})], None),
    (
        "media beside a response",
        [response({}, parts=MEDIA)],
        [response({"compacted": True, "bytes": 151})],
    ),
    ("a thought", [THOUGHT, TEXT], [TEXT]),
    ("nothing but a thought", [THOUGHT], []),
    ("a call and its signature", [CALL, THOUGHT], [CALL]),
    ("a call that is a thought", [{**CALL, "thought": True}], None),
    ("words", [TEXT], None),
    ("large words", [{"text": "x" * 1000}], None),
    ("a call with large arguments", [{"functionCall": {"name": "f", "args": LARGE}}], None),
    ("several", [THOUGHT, response(LARGE), response({})], [response(MASK), response({})]),
]


@pytest.mark.parametrize(
    ("parts", "expected"), [case[1:] for case in EDITS], ids=[case[0] for case in EDITS]
)
def test_editing_takes_thoughts_and_large_responses_alone(
    parts: list[dict[str, Any]], expected: list[dict[str, Any]] | None
) -> None:
    assert after(*parts) == expected


@pytest.mark.parametrize("parts", [case[1] for case in EDITS], ids=[case[0] for case in EDITS])
@pytest.mark.parametrize("most", [0, 60])
def test_a_second_run_changes_nothing(parts: list[dict[str, Any]], most: int) -> None:
    """However few bytes a response may have."""
    once = edited(record(content={"parts": parts}), most)
    assert once is None or edited(once, most) is None


def test_the_raw_event_is_edited_alike_in_either_spelling() -> None:
    raw = {"content": {"parts": [THOUGHT, {"function_response": {"response": LARGE}}]}}
    changed = edited(record(content={"parts": [THOUGHT, response(LARGE)]}, rawEvent=raw), 60)
    assert changed is not None
    members = json.loads("{" + changed.text)
    assert members["content"]["parts"] == [response(MASK)]
    assert members["rawEvent"]["content"]["parts"] == [{"function_response": {"response": MASK}}]


def test_all_that_is_no_content_stays() -> None:
    """The id, the place, the author, the actions, the metadata, and the rest of the rawEvent."""
    members = {
        "actions": {"stateDelta": {"a": LARGE}},
        "eventMetadata": {"customMetadata": LARGE},
        "rawEvent": {"id": "r", "usageMetadata": {"totalTokenCount": 1}, "state": LARGE},
    }
    before = record(3, "j", content={"parts": [THOUGHT, TEXT]}, **members)
    changed = edited(before, 60)
    assert changed is not None
    place = changed.id, changed.timestamp, changed.author, changed.invocation_id
    assert place == ("e", 3 * SECOND, "a", "j")
    was = json.loads("{" + before.text)
    assert json.loads("{" + changed.text) == {**was, "content": {"parts": [TEXT]}}


def test_an_event_that_one_commit_cannot_hold_twice_stays() -> None:
    words = {"text": "x" * (MAX_EVENT_BYTES // 2)}
    assert after(THOUGHT, words) is None
    assert after(THOUGHT, response({"rows": "x" * (MAX_EVENT_BYTES // 2)})) is not None


def test_a_compaction_stays_as_it_is() -> None:
    summary = summary_event({"parts": [{"text": "s"}]}, Range(1, 2), 0)
    with_thought = record(
        rawEvent=json.loads("{" + summary.text)["rawEvent"], content={"parts": [THOUGHT]}
    )
    assert edited(with_thought, 60) is None


def older(*events: EventRecord, keep: int = 1) -> tuple[list[float], OlderEvents]:
    """The times of the older ones of events in their order."""
    walk = OlderEvents(keep)
    found = [event for event in reversed(events) if walk.has(event)]
    for event in found:
        walk.measure(event)
    return [event.timestamp / SECOND for event in reversed(found)], walk


def test_the_last_invocations_are_kept() -> None:
    events = [record(time, invocation) for time, invocation in enumerate("aabbcc")]
    assert older(*events, keep=0)[0] == [0, 1, 2, 3, 4, 5]
    assert older(*events, keep=1)[0] == [0, 1, 2, 3]
    assert older(*events, keep=2)[0] == [0, 1]
    assert older(*events, keep=3)[0] == []


def test_an_invocation_that_goes_on_is_kept_as_a_whole() -> None:
    """Its last event decides, and its first events are kept with it."""
    events = [record(time, invocation) for time, invocation in enumerate("abba")]
    assert older(*events)[0] == [1, 2]


def compaction(time: float, start: float, end: float) -> EventRecord:
    covered = Range(round(start * 10**6), round(end * 10**6))
    return summary_event({"parts": [{"text": "s"}]}, covered, round(time * SECOND))


def test_a_compaction_is_no_invocation() -> None:
    """Else a second run would keep one invocation less."""
    events = [
        *(record(time, invocation) for time, invocation in enumerate("aabb")),
        compaction(9, 0, 1),
    ]
    assert older(*events)[0] == [0, 1]


def test_a_summary_covers_what_stands_before_the_first_event_that_is_kept() -> None:
    """ADK hides every event of the range, whatever its invocation."""
    events = [record(time, invocation) for time, invocation in enumerate("abbcabaa", 1)]
    times, walk = older(*events)
    assert times == [2, 3, 4, 6]
    assert walk.unsummarized(0) is None
    times, walk = older(*events, keep=0)
    assert walk.unsummarized(0) == Range(1 * 10**6, 8 * 10**6)


def test_a_summary_is_asked_for_more_than_the_target() -> None:
    events = [record(time, invocation) for time, invocation in enumerate("aab")]
    size = sum(event.size() for event in events[:2])
    _, walk = older(*events)
    assert walk.unsummarized(size) is None
    assert walk.unsummarized(size - 1) == Range(0, 10**6)


def test_a_summary_lies_between_those_of_before() -> None:
    """It would replace a summary within its range."""
    events = [record(time, str(time)) for time in range(9)]
    before = compaction(9, 2, 3)
    _, walk = older(*events, before)
    assert walk.unsummarized(0) == Range(4 * 10**6, 7 * 10**6)
    _, walk = older(*events, before, compaction(10, 4, 7))
    assert walk.unsummarized(0) == Range(0, 10**6)
    _, walk = older(*events, before, compaction(10, 4, 7), compaction(11, 0, 1))
    assert walk.unsummarized(0) is None


def test_events_of_the_microsecond_of_a_kept_one_are_not_covered() -> None:
    """ADK knows no shorter time."""
    events = [record(1, "a"), record(2, "a"), record(2 + 1e-9, "b")]
    _, walk = older(*events)
    assert walk.unsummarized(0) == Range(10**6, 10**6)


def test_a_range_is_read_in_either_spelling() -> None:
    def spelled(*names: str) -> Range | None:
        ranges = dict(zip(names, (1.5, 2), strict=True))
        return compacted_range(record(rawEvent={"actions": {"compaction": ranges}}))

    assert spelled("startTimestamp", "endTimestamp") == Range(1_500_000, 2_000_000)
    assert spelled("start_timestamp", "end_timestamp") == Range(1_500_000, 2_000_000)
    assert spelled("start", "end") is None
    assert compacted_range(record(content={"parts": [{"text": '"compaction"'}]})) is None
    assert compacted_range(record(rawEvent={"actions": {"compaction": "none"}})) is None


@pytest.mark.parametrize(
    "content", [{}, {"parts": []}, {"parts": [{"txt": "s"}]}, {"parts": "s"}, {"text": "s"}]
)
def test_what_is_no_content_is_no_summary(content: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        summary_event(content, Range(0, 1), 0)
