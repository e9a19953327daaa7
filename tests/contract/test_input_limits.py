"""What a request may cost: each limit is a setting, and what passes it is a clear 400 or 413."""

import json
from dataclasses import replace
from typing import Any

import pytest
import slugify
from pydantic import ValidationError

from functions.calls import filters
from functions.messages.batch_append_events import BatchAppendEventsRequest
from functions.messages.session_event import SessionEvent
from functions.rules.event import EventRecord
from tests.support.api import Answer, Api


def limited(api: Api, **limits: int) -> Api:
    """The API under other limits."""
    return replace(api, settings=replace(api.settings, **limits))


def check_refused(answer: Answer, code: int, *words: str) -> None:
    """An error in the API's shape whose message has the words."""
    error = answer.json["error"]
    assert (answer.status, error["code"], error["status"]) == (code, code, "INVALID_ARGUMENT")
    for word in words:
        assert word in error["message"], error["message"]


def nested(levels: int) -> Any:
    """An event's rawEvent that makes its body so deep."""
    value: Any = 1
    for _ in range(levels - 2):
        value = {"k": value}
    return {"deep": value}


@pytest.mark.parametrize("excess", [1, 2, 100])
def test_a_body_over_the_limit_is_413_and_says_the_limit(api: Api, excess: int) -> None:
    """To the byte: the largest body is taken, one byte more is not."""
    few = limited(api, max_body_bytes=200)
    body = b'{"userId":"u"}'
    sessions = f"{api.engine}/sessions"
    check_refused(few.call("POST", sessions, body.ljust(200 + excess)), 413, "limit: 200 bytes")
    assert api.ok("GET", sessions) == {}
    assert few.call("POST", sessions, body.ljust(200)).status == 200


def test_nesting_is_limited(api: Api) -> None:
    """The deepest body is taken, one level more is 400 and stores nothing."""
    shallow, session = limited(api, max_json_depth=10), api.create()
    assert shallow.append(session, rawEvent=nested(10)).status == 200
    check_refused(shallow.append(session, rawEvent=nested(11)), 400, "limited to 10 levels")
    assert len(api.ok("GET", f"{session}/events")["sessionEvents"]) == 1


@pytest.mark.parametrize("depth", [300, 100_000, 4_000_000])
@pytest.mark.parametrize("mark", [b"[", b'{"k":'])
def test_no_nesting_is_too_deep_to_be_refused(api: Api, depth: int, mark: bytes) -> None:
    """400, however deep, closed or not."""
    body = (b'{"userId":"u","sessionState":' + mark * depth)[: 8 * 2**20]
    check_refused(api.call("POST", f"{api.engine}/sessions", body), 400)


@pytest.mark.parametrize(
    "many",
    [{"k": [0] * 60}, {f"k{number}": number for number in range(60)}, {"k": [{}] * 60}],
    ids=["items", "keys", "objects"],
)
def test_keys_and_list_items_are_limited(api: Api, many: Any) -> None:
    """What would take many times its own size in memory is 400 before it does."""
    few, session = limited(api, max_json_values=50), api.create()
    check_refused(few.append(session, rawEvent=many), 400, "limited to 50")
    assert api.append(session, rawEvent=many).status == 200


def test_commas_and_braces_in_text_are_not_counted(api: Api) -> None:
    """Text is text, whatever it looks like, quotes and backslashes included."""
    few, session = limited(api, max_json_values=50), api.create()
    text = 'a,b[{"\\",\\\\' * 100
    assert few.append(session, errorMessage=text).status == 200
    (event,) = api.ok("GET", f"{session}/events")["sessionEvents"]
    assert event["errorMessage"] == text


@pytest.mark.parametrize(
    "body",
    [
        b'"' + b'\\"' * 500_000,
        b'{"a":"' + b'\\"' * 500_000 + b"\\",
        b'"a' * 300_000,
        b"[" + b" " * 1_000_000,
        b"[ " * 500_000,
        b"{" + b", " * 500_000,
    ],
    ids=["escapes", "open escape", "quotes", "spaces", "brackets", "commas"],
)
def test_no_text_that_is_not_json_takes_long(api: Api, body: bytes) -> None:
    """A megabyte of anything is refused at once; time that grew with its square would be hours."""
    check_refused(api.call("POST", f"{api.engine}/sessions", body), 400)


def test_a_hundred_faults_are_named_and_no_more(api: Api) -> None:
    """No request gets an answer many times its size."""
    body = {"userId": "u", **{f"unknown{number}": 1 for number in range(5000)}}
    answer = api.call("POST", f"{api.engine}/sessions", body)
    check_refused(answer, 400, "unknown0", "unknown99")
    assert "unknown100" not in answer.text


def test_a_filter_has_a_length(api: Api) -> None:
    """The longest filter is taken, one character more is 400 and says both lengths."""
    short = limited(api, max_filter_length=20)
    sessions = f"{api.engine}/sessions"
    assert short.call("GET", sessions, filter='user_id="aaaaaaaaaa"').status == 200
    answer = short.call("GET", sessions, filter='user_id="aaaaaaaaaaa"')
    check_refused(answer, 400, "at most 20 characters, not 21")


@pytest.mark.parametrize("path", ["sessions", "sessions/s/events", "sessions/s/runs"])
def test_a_filter_compares_with_so_many_values(api: Api, path: str) -> None:
    """Spelled one by one or in one list, on every list: 400 for one too many, under a caret."""
    few = limited(api, max_filter_comparisons=3)
    api.create("s")
    field = "user_id" if path == "sessions" else "invocation_id"
    for text in (f"{field}=a OR {field}=b {field}=c", f"{field}=(a OR b OR c)"):
        assert few.call("GET", f"{api.engine}/{path}", filter=text).status == 200
        answer = few.call("GET", f"{api.engine}/{path}", filter=f"{text} -{field}=d")
        check_refused(answer, 400, "at most 3 values", "^")


def test_a_page_is_no_larger_than_the_setting(api: Api) -> None:
    """Whatever pageSize asks for; the rest comes with the next page."""
    small, session = limited(api, max_page_size=2), api.create()
    for _ in range(5):
        api.append(session)
    for query in ({}, {"pageSize": "5"}):
        page = small.ok("GET", f"{session}/events", **query)
        assert len(page["sessionEvents"]) == 2
        assert page["nextPageToken"]
    assert len(small.walk(f"{session}/events", "sessionEvents")) == 5


def test_a_page_without_a_size_is_as_large_as_the_setting_says(api: Api) -> None:
    """Of events and of runs; `pageSize` still says otherwise, and sessions end at 100."""
    some, session = limited(api, default_page_size=3), api.create()
    for number in range(5):
        api.append(session, invocationId=f"i{number % 4}")
    for path, field in (("events", "sessionEvents"), ("runs", "runs")):
        for query, count in (({}, 3), ({"pageSize": "0"}, 3), ({"pageSize": "4"}, 4)):
            assert len(some.ok("GET", f"{session}/{path}", **query)[field]) == count
    many = limited(api, default_page_size=1000)
    for _ in range(100):
        api.create()
    page = many.ok("GET", f"{api.engine}/sessions")
    assert len(page["sessions"]) == 100
    assert page["nextPageToken"]


@pytest.mark.parametrize("size", [129, 10_000])
def test_an_id_is_no_longer_than_documents_name(api: Api, size: int) -> None:
    """400 for a session's own id, and for every name with one that nobody can have."""
    answer = api.call("POST", f"{api.engine}/sessions", {"userId": "u"}, sessionId="s" * size)
    check_refused(answer, 400, "1 to 128")
    check_refused(api.call("GET", f"{api.engine}/sessions/{'s' * size}"), 400, "resource name")


WRONG = {
    "items": {"content": {"parts": [1] * 50_000}},
    "items of items": {"content": {"parts": [{"a": 1, "b": 1}] * 20_000}},
    "names": {f"unknown{number}": 1 for number in range(50_000)},
    "texts": {"eventMetadata": {"longRunningToolIds": [1] * 50_000}},
}


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG)
def test_a_body_full_of_faults_is_left_at_its_first_ones(
    api: Api, body: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred are named, and no more than the beginning of the body is looked at."""
    looked_at = []

    def validate(cls: type[SessionEvent], value: Any, **options: Any) -> Any:
        looked_at.append(json.dumps(value).count(":") + json.dumps(value).count(","))
        return super(SessionEvent, cls).model_validate(value, **options)

    monkeypatch.setattr(SessionEvent, "model_validate", classmethod(validate))
    answer = api.call("POST", f"{api.engine}/sessions/s:appendEvent", body)
    check_refused(answer, 400)
    (details,) = answer.json["error"]["details"]
    assert len(details["fieldViolations"]) == 100
    assert len(looked_at) == 1
    assert sum(looked_at) < 5_000


def test_a_batch_of_a_hundred_usual_events_is_validated_once(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only of a body of more than 4,096 keys and items are beginnings validated first."""
    looked_at = []

    def validate(cls: type[BatchAppendEventsRequest], value: Any, **options: Any) -> Any:
        looked_at.append(len(value["events"]))
        return super(BatchAppendEventsRequest, cls).model_validate(value, **options)

    monkeypatch.setattr(BatchAppendEventsRequest, "model_validate", classmethod(validate))
    event = {
        "author": "user",
        "invocationId": "i",
        "timestamp": "2026-01-01T00:00:00Z",
        "content": {"role": "model", "parts": [{"text": "All the world's a stage, " * 10}]},
        "actions": {"stateDelta": {"k": 1}},
        "eventMetadata": {"customMetadata": {"k": 1}},
    }
    path = f"{api.create()}:batchAppendEvents"
    assert api.call("POST", path, {"events": [event] * 100}).status == 200
    assert looked_at == [100]


def test_faults_far_into_a_body_are_named_or_counted(api: Api) -> None:
    """Behind a long faultless beginning: each by name, unless they are thousands."""
    parts: list[Any] = [{"text": "x"}] * 2_000
    path = f"{api.engine}/sessions/s:appendEvent"
    few = api.call("POST", path, {"content": {"parts": [*parts, 1, 2]}})
    check_refused(few, 400, "event.content.parts[2000]", "event.content.parts[2001]")
    many = api.call("POST", path, {"content": {"parts": [*parts, *[1] * 10_000]}})
    check_refused(many, 400, "'event': 10000 of its values are not allowed")


@pytest.mark.parametrize("good", [1_001, 16_001])
def test_a_body_full_of_faults_behind_a_good_beginning_is_left_at_its_first_ones(
    api: Api, good: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faults cost far more than values: the server builds some of them and not half a million."""
    built = []

    def validate(cls: type[SessionEvent], value: Any, **options: Any) -> Any:
        try:
            return super(SessionEvent, cls).model_validate(value, **options)
        except ValidationError as error:
            built.append(error.error_count())
            raise

    monkeypatch.setattr(SessionEvent, "model_validate", classmethod(validate))
    ids = [*["a"] * good, *[1] * (490_000 - good)]
    body = {"eventMetadata": {"longRunningToolIds": ids}}
    answer = api.call("POST", f"{api.engine}/sessions/s:appendEvent", body)
    check_refused(answer, 400, f"'event': at least {sum(built)} of its values are not allowed")
    assert sum(built) < 20 * good


def test_a_few_faults_at_both_ends_of_a_large_body_are_all_named(api: Api) -> None:
    """The look at the beginning hides nothing."""
    parts: list[Any] = [1, *[{"text": "x"}] * 2_000, 2]
    answer = api.call("POST", f"{api.engine}/sessions/s:appendEvent", {"content": {"parts": parts}})
    check_refused(answer, 400, "event.content.parts[0]", "event.content.parts[2001]")


def test_no_more_of_a_display_name_is_spelled_than_it_may_have(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is too long is refused by its length, however long spelling it would take."""
    spelled = []

    def count(text: str, **options: Any) -> str:
        spelled.append(len(text))
        return "slug"

    monkeypatch.setattr(slugify, "slugify", count)
    body = {"userId": "u", "displayName": "é" * 1_000_000}
    answer = api.call("POST", f"{api.engine}/sessions", body)
    check_refused(answer, 400, "session.display_name is limited to 1024 bytes")
    assert sum(spelled) <= 1024
    api.create(displayName="y" * 1024)
    assert spelled[-1] == 1024


PATTERNS = [
    ('display_name="{}"', 256),
    ('display_name="{}*"', 15),
    ('display_name!="*{}*"', 7),
    ('display_name:"{}"', 15),
    ('display_name:"*"', 256),
    ('user_id="*{}*"', 256),
    ("labels:a{}", 256),
]


@pytest.mark.parametrize(("pattern", "most"), PATTERNS, ids=[pattern for pattern, _ in PATTERNS])
def test_a_wildcard_counts_as_many_comparisons(api: Api, pattern: str, most: int) -> None:
    """To search through each name takes longer than to compare it: 16 of 256 for each search."""
    sessions = f"{api.engine}/sessions"
    for count, status in ((most, 200), (most + 1, 400)):
        text = " OR ".join(pattern.format(number) for number in range(count))
        answer = api.call("GET", sessions, filter=text)
        assert answer.status == status, answer.text
    assert "each wildcard counts as 16" in answer.json["error"]["message"]


def test_a_pattern_of_many_wildcards_counts_each(api: Api) -> None:
    """However few values they stand in."""
    answer = api.call("GET", f"{api.engine}/sessions", filter=f'display_name="{"*x" * 1000}"')
    check_refused(answer, 400, "a filter compares with at most 256 values")


def test_an_event_without_a_branch_is_not_read_to_find_its_branch(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only an event that may have a branch is parsed; a text that looks like one is none."""
    session = api.create()
    for fields in (
        {"errorMessage": "x" * 1000},
        {"eventMetadata": {"branch": "b"}},
        {"errorMessage": '"branch":"b"', "rawEvent": {"branch": "b"}},
    ):
        assert api.append(session, **fields).status == 200
    parsed = []
    members_of = filters.event_members

    def count(record: EventRecord) -> dict[str, Any]:
        parsed.append(record.id)
        return members_of(record)

    monkeypatch.setattr(filters, "event_members", count)
    found = api.ok("GET", f"{session}/events", filter="branch=b")["sessionEvents"]
    assert [event["eventMetadata"]["branch"] for event in found] == ["b"]
    assert len(parsed) == 2
    rest = api.ok("GET", f"{session}/events", filter='branch=""')["sessionEvents"]
    assert len(rest) == 2


def parts_of(count: int) -> list[Any]:
    """Parts in lists of one part's answer, so that no list is long."""
    answers = [{"functionResponse": {"name": "f", "parts": [{}] * 98}} for _ in range(count // 100)]
    return [*answers, *[{}] * (count % 100)]


def test_a_body_has_so_many_messages_and_no_more(api: Api) -> None:
    """However they are spread: the event, its content and 29,998 below it; one more is 400."""
    session = api.create()
    assert api.append(session, content={"parts": parts_of(29_998)}).status == 200
    answer = api.append(session, content={"parts": parts_of(29_999)})
    check_refused(answer, 400, "Messages are limited to 30000")
    assert len(api.ok("GET", f"{session}/events", view="FULL")["sessionEvents"]) == 1


def test_values_of_structs_are_no_messages(api: Api) -> None:
    """State and the like hold as many objects as their bytes allow."""
    state = {"list": [{}] * 100_000}
    session = api.create(sessionState=state)
    assert api.append(session, rawEvent=state).status == 200
    assert api.state(session) == state
