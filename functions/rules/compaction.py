"""Compaction: older events become smaller, or a summary stands for them.

Google's schema leaves the rules open; docs/compaction.md has them in the words of users. The rules
read events from the newest to the oldest, since the newest invocations stay as they are.

An event that holds a summary is a compaction, as ADK's EventCompaction describes it:
`rawEvent.actions.compaction` with the first and the last timestamp of the events for which the
summary stands, in seconds, and the summary.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.aip.errors import InvalidArgument
from functions.messages.json_text import read_json, utf8_size, write_json
from functions.rules.event import EventRecord
from functions.rules.event_text import with_text
from functions.rules.event_type import USER, event_members
from functions.rules.limits import MAX_EVENT_BYTES

_MICROSECOND = 1_000
_SECOND = 10**6
"""In microseconds."""

_EFFECTS = (
    *("functionCall", "functionResponse", "executableCode", "codeExecutionResult"),
    *("function_call", "function_response", "executable_code", "code_execution_result"),
)
"""Data of parts that the next call of a model may need, even from a part that is a thought."""

_RESPONSES = ("functionResponse", "function_response")


@dataclass(frozen=True, slots=True)
class Range:
    """The timestamps of the first and the last event of several, in microseconds.

    ADK knows the times of events in microseconds, and decides by them which events a summary
    replaces.
    """

    start: int
    end: int


def edited(event: EventRecord, most_bytes: int) -> EventRecord | None:
    """Returns a smaller event for later turns; None if nothing changes.

    - The response of a tool becomes `{"compacted": true, "bytes": n}` if it and the media beside it
      have more than `most_bytes` of JSON.
    - Parts that are thoughts go, unless they hold a call, a response or code.

    The same happens in the rawEvent. All else stays, such as the signatures of calls. A compaction
    stays as it is, and so does an event that with its original exceeds MAX_EVENT_BYTES.
    """
    may_change = '"thought":true' in event.text or (
        len(event.text) > most_bytes and any(f'"{name}"' in event.text for name in _RESPONSES)
    )
    if not may_change or compacted_range(event) is not None:
        return None
    members = event_members(event)
    contents = members, members.get("rawEvent")
    changes = [_edit(holder, most_bytes) for holder in contents if isinstance(holder, dict)]
    if not any(changes):
        return None
    raw = members.get("rawEvent", {})
    content, text = write_json(members.get("content", {})), write_json(members)[1:]
    smaller = with_text(event, text, content, raw.get("content"))
    # One commit writes both.
    together = utf8_size(event.stored) + utf8_size(smaller.stored)
    return smaller if together <= MAX_EVENT_BYTES else None


def compacted_range(event: EventRecord) -> Range | None:
    """Returns the range that a compaction stands for; None for any other event."""
    if '"compaction"' not in event.text:
        return None
    raw = event_members(event).get("rawEvent")
    actions = raw.get("actions") if isinstance(raw, dict) else None
    compaction = actions.get("compaction") if isinstance(actions, dict) else None
    if not isinstance(compaction, dict):
        return None
    start = compaction.get("startTimestamp", compaction.get("start_timestamp"))
    end = compaction.get("endTimestamp", compaction.get("end_timestamp"))
    if not (isinstance(start, (int, float)) and isinstance(end, (int, float))):
        return None
    return Range(round(start * _SECOND), round(end * _SECOND))


class OlderEvents:
    """The events before the last `keep` invocations, met from the newest event to the oldest.

    The last invocations are those whose last events are the newest. Compactions belong to none.
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._kept: set[str] = set()
        self._first_kept: int | None = None
        self._compactions: list[Range] = []
        self._measured: list[tuple[int, int]] = []

    def has(self, event: EventRecord) -> bool:
        """Whether the next event is one of them."""
        covered = compacted_range(event)
        if covered is not None:
            self._compactions.append(covered)
            return False
        if len(self._kept) < self._keep:
            self._kept.add(event.invocation_id)
        if event.invocation_id not in self._kept:
            return True
        time = event.timestamp // _MICROSECOND
        self._first_kept = time if self._first_kept is None else min(time, self._first_kept)
        return False

    def measure(self, event: EventRecord) -> None:
        """Adds one of them, as it is after event editing, to what `unsummarized` looks at."""
        self._measured.append((event.timestamp // _MICROSECOND, event.size()))

    def unsummarized(self, most_bytes: int) -> Range | None:
        """Returns the range that a summary shall replace; None if `most_bytes` hold its events.

        A summary replaces every event of its range, and every summary of a range within it. So the
        range ends before the first event of the last invocations, and lies between the ranges of
        earlier compactions: of several such ranges it is the one with the most bytes.
        """
        ends = sorted({each.end for each in self._compactions})
        gaps: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        for time, size in self._measured:
            is_before = self._first_kept is None or time < self._first_kept
            if is_before and not any(each.start <= time <= each.end for each in self._compactions):
                gaps[bisect_left(ends, time)].append((time, size))
        found = [(sum(size for _, size in gap), gap) for gap in gaps.values()]
        if sum(size for size, _ in found) <= most_bytes or not found:
            return None
        _, largest = max(found)
        times = [time for time, _ in largest]
        return Range(min(times), max(times))


def summary_event(summary: Mapping[str, Any], covered: Range, now: int) -> EventRecord:
    """Returns the compaction that ADK's own summarizer would append: by the user, without content.

    `summary` is the JSON of a Content; its role becomes `model`. `now` is in nanoseconds. Raises
    InvalidArgument for what is no Content, or none with parts, and TooLarge.
    """
    # Only a compaction with a summary waits for these imports.
    from functions.messages.content import Content
    from functions.messages.session_event import SessionEvent
    from functions.rules.event_rules import new_event

    content = Content.read({**summary, "role": "model"}, "content", "strict")
    if not content.parts:
        raise InvalidArgument("content.parts is empty.")
    name = f"compaction-{covered.start}-{covered.end}"
    raw_event = {
        "id": name,
        "invocationId": name,
        "author": USER,
        "timestamp": now / 10**9,
        "actions": {
            "compaction": {
                "startTimestamp": covered.start / _SECOND,
                "endTimestamp": covered.end / _SECOND,
                "compactedContent": read_json(content.write().encode()),
            }
        },
    }
    message = SessionEvent(author=USER, invocation_id=name, raw_event=raw_event)
    message.timestamp = now
    return new_event(message, "")[0]


def _edit(holder: dict[str, Any], most_bytes: int) -> bool:
    """Edits the content of an event or of its rawEvent, and tells whether it changed."""
    content = holder.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    if not isinstance(content, dict) or not isinstance(parts, list):
        return False
    kept = [part for part in parts if not _is_thought(part)]
    masked = [_mask(part, most_bytes) for part in kept]
    if len(kept) < len(parts):
        content["parts"] = kept
        if not kept:
            # As the server writes a Content without parts.
            del content["parts"]
    return len(kept) < len(parts) or any(masked)


def _is_thought(part: object) -> bool:
    return isinstance(part, dict) and part.get("thought") is True and not part.keys() & {*_EFFECTS}


def _mask(part: object, most_bytes: int) -> bool:
    """Replaces a tool's response that is too large, and tells whether it did."""
    if not isinstance(part, dict):
        return False
    answer = next((part[name] for name in _RESPONSES if isinstance(part.get(name), dict)), None)
    if answer is None or _is_masked(answer):
        return False
    large = {name: answer[name] for name in ("response", "parts") if answer.get(name)}
    size = sum(utf8_size(write_json(value)) for value in large.values())
    if size <= most_bytes:
        return False
    answer.pop("parts", None)
    answer["response"] = {"compacted": True, "bytes": size}
    return True


def _is_masked(answer: Mapping[str, Any]) -> bool:
    """Whether a response was replaced before: however few bytes are allowed, it stays."""
    response = answer.get("response")
    is_mask = isinstance(response, dict) and response.keys() == {"compacted", "bytes"}
    return is_mask and not answer.get("parts")
