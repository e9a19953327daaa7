"""Events larger than a document of Firestore; see docs/large-events.md."""

import base64
import random
from collections import Counter
from typing import Any

import pytest

from functions.messages.session_event import SessionEvent
from functions.rules.event import EventRecord
from functions.rules.event_rules import check_size, new_event
from functions.rules.limits import MAX_BATCH, MAX_EVENT_BYTES
from functions.store.firestore.appending import AppendCommit, KeyedEvent
from functions.store.firestore.event_documents import event_writes
from functions.store.firestore.protobuf import CommitRequest
from functions.store.firestore.rpc import Rpc
from functions.store.sqlite.store import SqliteStore
from tests.support.api import Api
from tests.support.store_documents import documents_below
from tests.support.streams import next_events, reading

MIB = 2**20


def largest(api: Api) -> int:
    """Bytes of an event that the store takes: the emulator refuses messages of more than 4 MiB."""
    return int((9 if isinstance(api.store, SqliteStore) else 3.9) * MIB)


def image(size: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """A content of an image, whose base64 has so many bytes, and its copy as ADK spells it."""
    data = random.Random(size).randbytes(size * 3 // 4)
    return (
        {
            "role": "user",
            "parts": [
                {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(data).decode()}}
            ],
        },
        {
            "parts": [
                {
                    "inlineData": {
                        "data": base64.urlsafe_b64encode(data).decode(),
                        "mimeType": "image/png",
                    }
                }
            ],
            "role": "user",
        },
    )


def events(api: Api, session: str, **query: Any) -> list[Any]:
    return api.walk(f"{session}/events", "sessionEvents", **query)


@pytest.fixture
def parts_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many parts each call reads that reads any."""
    counts: list[int] = []
    batch_get = Rpc.batch_get

    def counting(rpc: Rpc, names: Any, *args: Any, **options: Any) -> Any:
        parts = sum("/parts/" in name for name in names)
        if parts:
            counts.append(parts)
        return batch_get(rpc, names, *args, **options)

    monkeypatch.setattr(Rpc, "batch_get", counting)
    return counts


def test_an_event_with_a_large_image_comes_back_as_it_was_sent(api: Api) -> None:
    """An event and its copy in rawEvent count once, and a retry of it adds nothing."""
    session = api.create()
    content, copy = image(largest(api) - 5_000)
    raw = {"id": "e", "content": copy}
    for _ in range(2):
        assert api.append(session, content=content, rawEvent=raw).status == 200
    (event,) = events(api, session)
    assert (event["content"], event["rawEvent"]) == (content, raw)
    said = 'event_type="INPUT_MESSAGE"'
    full = {**event, "eventType": "INPUT_MESSAGE"}
    assert events(api, session, view="FULL", filter=said) == [full]
    assert api.ok("GET", f"{session}/runs/i")["sessionEvents"] == [event]
    assert api.ok("GET", f"{session}/runs")["runs"][0]["eventCount"] == 1


@pytest.mark.parametrize("text", ["x", "é", "€", "😀"])
@pytest.mark.parametrize("more", [0, 1])
def test_no_character_is_cut(api: Api, text: str, more: int) -> None:
    """A part ends before the character that it has no room for."""
    session = api.create()
    said = "x" * more + text * (2_200_000 // len(text.encode()))
    assert api.append(session, content={"parts": [{"text": said}]}).status == 200
    (event,) = events(api, session)
    assert event["content"]["parts"] == [{"text": said}]


def test_state_of_a_large_event_is_counted_twice(api: Api) -> None:
    """The event and the session both hold its stateDelta, in one commit."""
    session = api.create()
    delta = {"stateDelta": {"k": "x" * 900_000}}
    text = "y" * (MAX_EVENT_BYTES - 1_800_400)
    answer = api.append(session, content={"parts": [{"text": text + "y" * 1_000}]}, actions=delta)
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert str(MAX_EVENT_BYTES) in answer.json["error"]["message"]
    if isinstance(api.store, SqliteStore):
        assert api.append(session, content={"parts": [{"text": text}]}, actions=delta).status == 200
        assert api.state(session) == delta["stateDelta"]


def test_names_that_one_document_does_not_hold_are_refused(api: Api) -> None:
    """Author and invocationId are not in parts: lists look for them."""
    session = api.create()
    answer = api.append(session, author="a" * 600_000, invocationId="i" * 600_000)
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert api.append(session, author="a" * 600_000, invocationId="i" * 400_000).status == 200
    (event,) = events(api, session)
    assert len(event["author"]) == 600_000


def test_pages_of_large_events_end_by_their_bytes(api: Api, parts_read: list[int]) -> None:
    """A page reads the parts of its own events alone, in one call, and one of none reads none."""
    session = api.create()
    for number in range(5):
        text = "x" * (3_000_000 if number else 100)
        assert api.append(session, content={"parts": [{"text": text}]}).status == 200
    sizes, token = [], ""
    while not sizes or token:
        page = api.ok("GET", f"{session}/events", **({"pageToken": token} if token else {}))
        sizes.append(len(page["sessionEvents"]))
        token = page.get("nextPageToken", "")
    assert sizes == [3, 2]
    if not isinstance(api.store, SqliteStore):
        assert parts_read == [6, 6]
        parts_read.clear()
    first = api.ok("GET", f"{session}/events", pageSize=1)["sessionEvents"]
    assert len(first[0]["content"]["parts"][0]["text"]) == 100
    events(api, session, filter='author="nobody"')
    assert parts_read == []
    if not isinstance(api.store, SqliteStore):
        # A filter on the text reads each event's as it comes, and the page reads none again.
        events(api, session, filter='event_type="INPUT_MESSAGE"')
        assert parts_read == [3] * 5


def test_one_event_is_on_a_page_however_large_it_is(api: Api) -> None:
    """Both copies of its content are in the answer, which may so be larger than other pages."""
    session = api.create()
    size = largest(api) - 5_000
    content, copy = image(size)
    for _ in range(2):
        assert api.append(session, content=content, rawEvent={"content": copy}).status == 200
    first = api.call("GET", f"{session}/events")
    assert len(first.json["sessionEvents"]) == 1
    assert "nextPageToken" in first.json
    assert len(first.text) > 2 * size


def test_an_event_is_whole_although_its_session_goes_meanwhile(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts are read at the moment at which the event was found, and the session before them."""
    session = api.create()
    assert api.append(session, content={"parts": [{"text": "x" * 2_000_000}]}).status == 200
    batch_get = Rpc.batch_get

    def late(rpc: Rpc, names: Any, *args: Any, **options: Any) -> Any:
        if any("/parts/" in name for name in names):
            api.ok("DELETE", session)
        found = batch_get(rpc, names, *args, **options)()
        return lambda: found

    monkeypatch.setattr(Rpc, "batch_get", late)
    (event,) = api.ok("GET", f"{session}/events")["sessionEvents"]
    assert len(event["content"]["parts"][0]["text"]) == 2_000_000


def test_a_watch_sees_large_events_whole_and_in_order(api: Api) -> None:
    """Those that were there, and those that come, among small ones."""
    session = api.create()

    def append(number: int) -> None:
        text = "x" * (1_500_000 if number % 2 else 100)
        content = {"parts": [{"text": text}]}
        assert api.append(session, invocationId=f"i{number}", content=content).status == 200

    for number in range(3):
        append(number)
    with reading(api, session) as reader:
        seen = next_events(api, reader, 3)
        for number in range(3, 7):
            append(number)
        seen += next_events(api, reader, 4)
        assert [event.invocation_id for _, event in seen] == [f"i{number}" for number in range(7)]
        assert [len(event.text) > 1_000_000 for _, event in seen] == [False, True] * 3 + [False]
    with reading(api, session, seen[2]) as reader:
        again = next_events(api, reader, 4)
    assert [event.to_json(session) for _, event in again] == [
        event.to_json(session) for _, event in seen[3:]
    ]


def test_a_fork_has_large_events_whole_and_their_state(api: Api) -> None:
    """The whole session, and one up to a large event; a rewind knows its stateDelta, too."""
    session = api.create()
    content, copy = image(1_500_000)
    raw = {"content": copy, "usageMetadata": {"totalTokenCount": 7}}
    assert api.append(session, actions={"stateDelta": {"k": 1}}).status == 200
    delta = {"stateDelta": {"k": "x" * 50_000}}
    answer = api.append(session, invocationId="large", content=content, rawEvent=raw, actions=delta)
    assert answer.status == 200
    assert api.append(session, invocationId="last", actions={"stateDelta": {"k": 3}}).status == 200
    told = events(api, session)
    for body in ({}, {"throughEvent": told[1]["name"].rpartition("/")[2]}):
        fork = api.ok("POST", f"{session}:fork", body)["response"]["name"]
        copies = events(api, fork)
        assert [each["content"] for each in copies] == [e["content"] for e in told[: len(copies)]]
        assert copies[1]["rawEvent"] == raw
        assert api.ok("GET", fork, view="FULL")["usage"] == {"totalTokenCount": 7}
        assert api.state(fork)["k"] == (delta["stateDelta"]["k"] if body else 3)
    api.ok("POST", f"{session}:rewind", {"beforeInvocationId": "last"})
    assert api.state(session) == delta["stateDelta"]


def test_nothing_is_left_of_a_large_event_without_its_session(api: Api) -> None:
    """Its parts go with it."""
    session = api.create("s")
    assert api.append(session, content={"parts": [{"text": "x" * 2_000_000}]}).status == 200
    collections = ("sessions", "events", "parts")
    parts = 0 if isinstance(api.store, SqliteStore) else 2
    there = Counter(sessions=1, events=1, parts=parts)
    assert documents_below(api.store, api.engine, collections) == there
    api.ok("DELETE", session)
    assert documents_below(api.store, api.engine, collections) == Counter()


@pytest.mark.parametrize("text", ["x", "é", "😀"])
def test_every_document_of_the_largest_event_is_within_firestores_limits(text: str) -> None:
    """A document holds 1 MiB with its name; a string has a byte more than its UTF-8."""
    said = text * (MAX_EVENT_BYTES // len(text.encode()))
    event = EventRecord("e" * 24, 0, "a" * 1_000, "i" * 1_000, said)
    name = f"projects/{'p' * 30}/databases/{'d' * 63}/documents/projects/{'p' * 30}/locations/"
    name += f"{'l' * 30}/reasoningEngines/{'r' * 128}/sessions/{'s' * 128}/events/{event.id}"
    creation, *parts = event_writes(name, event, {"key": "k" * 42, "author": event.author})
    assert "".join(part.update.fields["text"].string_value for part in parts) == said
    for part in parts:
        value = len(part.update.fields["text"].string_value.encode()) + 1
        named = sum(len(segment) + 1 for segment in part.update.name.split("/")) + 16
        assert value + len("text") + 1 + named + 32 <= MIB
    assert creation.update.fields["parts"].integer_value == len(parts) <= 10


@pytest.mark.parametrize("count", [1, MAX_BATCH])
def test_the_largest_commit_is_within_what_firestore_takes(count: int) -> None:
    """10 MiB a request: events of all the bytes that may be, in a session of long names."""
    delta = {f"k{number}": "x" * 9_000 for number in range(50)}
    body = {
        "author": "a" * 100,
        "invocationId": "i" * 500,
        "timestamp": "2026-01-01T00:00:00Z",
        "rawEvent": {"id": "e"},
        "actions": {"stateDelta": delta if count == 1 else {"k": "x" * 5_000}},
    }
    text = "é" * ((MAX_EVENT_BYTES // count - (960_000 if count == 1 else 13_000)) // 2)
    events = []
    for number in range(count):
        fields = {**body, "content": {"parts": [{"text": f"{text}{number}"}]}}
        events.append(new_event(SessionEvent.read(fields, "event"), ""))
    check_size(events, "A batch")
    name = f"projects/{'p' * 30}/locations/{'l' * 30}/reasoningEngines/{'r' * 128}"
    session = f"projects/{'p' * 30}/databases/{'d' * 63}/documents/{name}/sessions/{'s' * 128}"
    keyed = [
        KeyedEvent(event, state, "k" * 42, event.former_id, number)
        for number, (event, state) in enumerate(events)
    ]
    commit = AppendCommit(session, keyed, ())
    writes = commit.writes(1, commit.state.session)
    size = CommitRequest(database="d" * 100, writes=writes).ByteSize()
    assert MAX_EVENT_BYTES * 0.9 < size < 10 * MIB - 200_000
    assert len(writes) < 500
