"""Forks: a new session with the events and the state of another one, up to a point.

See docs/fork-and-rewind.md.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from functions.messages.session import Session
from functions.rules.fork import Point
from functions.rules.fork_rules import new_fork
from functions.rules.names import SessionName
from functions.store.firestore import erasure as firestore_erasure
from functions.store.firestore import forking as firestore_forking
from functions.store.sqlite import SqliteStore
from functions.store.sqlite import erasing as sqlite_erasing
from functions.store.sqlite import forking as sqlite_forking
from tests.support.api import SECOND, Answer, Api
from tests.support.roles import caller
from tests.support.store_documents import documents_below

LATER, EARLIER = "2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"


def fork(api: Api, source: str, **body: Any) -> Any:
    """The session of a fork that is done."""
    operation = api.ok("POST", f"{source}:fork", body)
    assert operation["done"] is True
    return operation["response"]


def events(api: Api, session: str) -> list[Any]:
    """The events of a session, their names without it."""
    found = api.walk(f"{session}/events", "sessionEvents")
    return [{**event, "name": event["name"].removeprefix(session)} for event in found]


def add(api: Api, session: str, invocation: str, delta: Any = None, **fields: Any) -> None:
    """Appends an event; its rawEvent.id is its invocation and time."""
    actions = {} if delta is None else {"actions": {"stateDelta": delta}}
    answer = api.append(session, invocationId=invocation, **{**actions, **fields})
    assert answer.status == 200, answer.text


def ids(found: list[Any]) -> list[str]:
    return [event["name"].rpartition("/")[2] for event in found]


def named(found: list[Any]) -> list[str]:
    return [event["invocationId"] for event in found]


@pytest.fixture
def small_chunks(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call copies three events."""
    api.settings = replace(api.settings, work_time_limit=0)
    monkeypatch.setattr(sqlite_forking, "ROWS", 3)
    monkeypatch.setattr(firestore_forking, "WRITES", 3)


def test_a_fork_has_the_events_of_its_source_as_they_are(api: Api) -> None:
    """Ids, times, contents and the order of equal times come along; the source stays as it is."""
    source = api.create(sessionState={"a": 1})
    for number in range(5):
        time = LATER if number % 2 else EARLIER
        content = {"role": "user", "parts": [{"text": str(number)}]}
        add(api, source, f"i{number}", {f"k{number}": number}, time=time, content=content)
    before = api.ok("GET", source), events(api, source)
    forked = fork(api, source)["name"]
    assert events(api, forked) == before[1]
    assert api.state(forked) == api.state(source)
    assert (api.ok("GET", source), events(api, source)) == before


def test_a_fork_and_its_source_go_their_own_ways(api: Api) -> None:
    """What happens to one of them does nothing to the other."""
    source = api.create(sessionState={"a": 1})
    add(api, source, "i")
    forked = fork(api, source)["name"]
    add(api, source, "of the source", {"a": 2})
    add(api, forked, "of the fork", {"a": 3})
    assert named(events(api, source)) == ["i", "of the source"]
    assert named(events(api, forked)) == ["i", "of the fork"]
    assert (api.state(source), api.state(forked)) == ({"a": 2}, {"a": 3})
    api.ok("DELETE", source)
    assert named(events(api, forked)) == ["i", "of the fork"]


def test_an_event_that_a_fork_has_is_not_added_again(api: Api) -> None:
    """A client that sends it to the fork meets it there."""
    source = api.create()
    add(api, source, "i", {"a": 1}, rawEvent={"id": "e"})
    forked = fork(api, source)["name"]
    add(api, forked, "i", {"a": 1}, rawEvent={"id": "e"})
    assert len(events(api, forked)) == 1


def test_a_large_event_is_forked_whole(api: Api) -> None:
    """One that the store keeps in parts, and one whose content it keeps once."""
    source = api.create()
    parts = [{"inlineData": {"mimeType": "image/png", "data": "QUJD" * 600_000}}]
    content = {"role": "user", "parts": parts}
    for invocation in ("i1", "i2"):
        raw = {"id": invocation, "content": content}
        add(api, source, invocation, {"a": invocation}, content=content, rawEvent=raw)
    before = events(api, source)
    forked = fork(api, source)["name"]
    part = fork(api, source, beforeInvocationId="i2")
    api.ok("DELETE", source)
    assert events(api, forked) == before
    assert events(api, part["name"]) == before[:1]
    assert part["sessionState"] == {"a": "i1"}


def test_a_point_is_a_place_in_the_order_of_arrival(api: Api) -> None:
    """Times say nothing about it: an event that arrived later with an earlier time is behind it."""
    source = api.create()
    add(api, source, "first", {"a": 1}, time=LATER)
    add(api, source, "second", {"b": 1}, time=EARLIER)
    add(api, source, "first", {"c": 1}, time=EARLIER)
    first = next(event for event in events(api, source) if event["timestamp"] == LATER)
    through = fork(api, source, throughEvent=ids([first])[0])["name"]
    assert named(events(api, through)) == ["first"]
    assert api.state(through) == {"a": 1}
    before = fork(api, source, beforeInvocationId="second")["name"]
    assert named(events(api, before)) == ["first"]
    assert api.state(before) == {"a": 1}
    nothing = fork(api, source, beforeInvocationId="first")["name"]
    assert events(api, nothing) == []


def test_an_event_may_be_given_by_its_name(api: Api) -> None:
    """Full or short, whatever the request's path has; a name of another session is refused."""
    source = api.create("the-source")
    add(api, source, "i")
    short = source.partition("/locations/")[2].partition("/")[2]
    (event,) = ids(events(api, source))
    assert len(events(api, fork(api, source, throughEvent=f"{source}/events/{event}")["name"])) == 1
    for path in (source, short):
        operation = api.ok("POST", f"{path}:fork", {"throughEvent": f"{short}/events/{event}"})
        assert len(events(api, operation["response"]["name"])) == 1
    for bad in (f"{api.create()}/events/{event}", "a/b", f"{source}/events/"):
        answer = api.call("POST", f"{source}:fork", {"throughEvent": bad})
        assert answer.status == 400
        assert "request.through_event" in answer.text


def test_state_at_a_point_is_what_it_was_then(api: Api) -> None:
    """Creation, patches of all kinds and events, in the order in which they came."""
    source = api.create(sessionState={"created": 1, "kept": None, "user:u": 1})
    states = [api.state(source)]

    def patched(state: Any, mask: str) -> None:
        api.ok("PATCH", source, {"sessionState": state}, updateMask=mask)

    add(api, source, "i0", {"a": 0, "temp:t": 1, "app:shared": 1})
    states.append(api.state(source))
    patched({"b": 1}, "sessionState.b")
    add(api, source, "i1", {"a": 1})
    states.append(api.state(source))
    patched({}, "sessionState.a")
    add(api, source, "i2", {"n": None, "deep": [[1], {"": 2**60}]})
    states.append(api.state(source))
    patched({"only": 1}, "sessionState")
    add(api, source, "i3")
    states.append(api.state(source))
    patched({"at the end": 1}, "sessionState")
    shared = {"app:shared": 1, "user:u": 1}
    for number, event in enumerate(ids(events(api, source))):
        through = fork(api, source, throughEvent=event)["name"]
        assert api.state(through) == {**states[number + 1], **shared}
    then = api.state(fork(api, source, beforeInvocationId="i0")["name"])
    assert then == {**states[0], **shared}
    then = api.state(fork(api, source, beforeInvocationId="i3")["name"])
    assert then == {"only": 1, **shared}
    assert api.state(fork(api, source)["name"]) == {"at the end": 1, **shared}


def test_a_session_without_state_is_forked_without_state(api: Api) -> None:
    """No state and an empty state stay apart, as get_session tells them apart."""
    for state in ({}, {"sessionState": {}}):
        source = api.create(**state)
        add(api, source, "i")
        for point in ({}, {"beforeInvocationId": "i"}):
            forked = fork(api, source, **point)
            assert ("sessionState" in forked) == bool(state)


def test_a_fork_of_a_fork_knows_the_whole_history(api: Api) -> None:
    """State at any point of a fork is what it was at that point of its source."""
    source = api.create(sessionState={"a": 0})
    add(api, source, "i1", {"a": 1})
    api.ok("PATCH", source, {"sessionState": {"b": 1}}, updateMask="sessionState")
    add(api, source, "i2", {"a": 2})
    forked = fork(api, source)["name"]
    add(api, forked, "i3", {"a": 3})
    first, second, _ = ids(events(api, forked))
    assert api.state(fork(api, forked, beforeInvocationId="i1")["name"]) == {"a": 0}
    assert api.state(fork(api, forked, throughEvent=first)["name"]) == {"a": 1}
    assert api.state(fork(api, forked, beforeInvocationId="i2")["name"]) == {"b": 1}
    half = fork(api, forked, throughEvent=second)["name"]
    assert api.state(half) == {"b": 1, "a": 2}
    assert api.state(fork(api, half, beforeInvocationId="i1")["name"]) == {"a": 0}


def test_a_fork_has_what_deleted_events_did_to_state(api: Api) -> None:
    """The events are gone from it, and no request to it meets them; their deltas still count."""
    source = api.create(sessionState={"a": 0})
    add(api, source, "i1", {"a": 1, "b": 1, "temp:t": 1}, rawEvent={"id": "1"})
    add(api, source, "i2", {"b": 2})
    add(api, source, "i3", {"c": 3})
    api.ok("POST", f"{source}:rewind", {"beforeInvocationId": "i3"})
    first, _, _, rewind = events(api, source)
    for event in (first, rewind):
        api.ok("DELETE", f"{source}{event['name']}")
    add(api, source, "i4", {"d": 4})
    forked = fork(api, source)["name"]
    for session in (source, forked):
        assert named(events(api, session)) == ["i2", "i3", "i4"]
        assert api.ok("GET", session, view="FULL")["eventCount"] == 3
        assert api.state(fork(api, session, beforeInvocationId="i2")["name"]) == {"a": 1, "b": 1}
        assert api.state(fork(api, session, beforeInvocationId="i4")["name"]) == {"a": 1, "b": 2}
        assert api.call("POST", f"{session}:fork", {"beforeInvocationId": "i1"}).status == 404
        gone = first["name"].rpartition("/")[2]
        assert api.call("POST", f"{session}:fork", {"throughEvent": gone}).status == 404


def test_a_fork_has_changed_events_as_they_are(api: Api) -> None:
    """An update and a compaction come along; originals stay with the source."""
    source = api.create()
    add(api, source, "i", {"a": 1})
    (event,) = ids(events(api, source))
    content = {"parts": [{"text": "changed"}]}
    api.ok("PATCH", f"{source}/events/{event}", {"content": content}, updateMask="content")
    parts = [{"functionResponse": {"name": "f", "response": {"text": "x" * 6_000}}}]
    for number in range(7):
        add(api, source, f"j{number}", content={"role": "user", "parts": parts})
    editing = {"compaction": {"eventEditing": {"mode": "AUTO"}}}
    assert api.ok("POST", f"{source}:compact", editing)["done"]
    forked = fork(api, source)["name"]
    assert events(api, forked) == events(api, source)
    assert events(api, forked)[0]["content"] == content
    texts = [api.ok("GET", f"{forked}/events", view=view) for view in ("ORIGINAL", "FULL")]
    original, edited = ([event["content"] for event in found["sessionEvents"]] for found in texts)
    assert original == edited
    api.ok("DELETE", source)
    assert len(events(api, forked)) == 8


@pytest.mark.usefixtures("small_chunks")
def test_a_fork_has_no_event_of_before_a_change_beside_one_of_after_it(api: Api) -> None:
    """Events that somebody changes or deletes meanwhile are all as they were, or all as they are.

    Firestore shows them as they were at the beginning, and SQLite begins again.
    """
    source, go_on = begun(api)
    before = events(api, source)
    api.ok("DELETE", f"{source}{before[0]['name']}")
    content = {"parts": [{"text": "changed"}]}
    api.ok("PATCH", f"{source}{before[-1]['name']}", {"content": content}, updateMask="content")
    forked = finished(go_on)
    is_sqlite = isinstance(api.store, SqliteStore)
    assert events(api, forked["name"]) == (events(api, source) if is_sqlite else before)
    assert api.ok("GET", forked["name"], view="FULL")["eventCount"] == (19 if is_sqlite else 20)


def test_a_fork_takes_what_its_source_has_unless_the_body_says_otherwise(api: Api) -> None:
    """Name, labels, user and the end of its life; it is created now."""
    source = api.create(user="ada", displayName="the source", labels={"l": "1"}, ttl="172800s")
    told = api.ok("GET", source)
    api.now += SECOND
    same = fork(api, source)
    now = same["createTime"]
    assert now == same["updateTime"] > told["createTime"]
    assert {**same, **dict.fromkeys(("name", "createTime", "updateTime", "@type"))} == {
        **told,
        **dict.fromkeys(("name", "createTime", "updateTime", "@type")),
    }
    session = {"displayName": "", "labels": {"m": "2"}, "userId": "bob", "ttl": "259200s"}
    other = fork(api, source, sessionId="other", session=session)
    assert other["name"] == f"{api.engine}/sessions/other"
    assert "displayName" not in other
    assert (other["labels"], other["userId"]) == ({"m": "2"}, "bob")
    assert other["expireTime"] > told["expireTime"]
    assert api.ok("GET", source) == told


def test_a_fork_counts_its_own_events(api: Api) -> None:
    """And tells where it comes from: its source, and the last event that it has of it."""
    source = api.create()
    usage = {"promptTokenCount": 3, "totalTokenCount": 5}
    add(api, source, "i0", rawEvent={"usageMetadata": usage}, time=LATER)
    add(api, source, "i1", rawEvent={"usageMetadata": usage})
    last, first = ids(events(api, source))
    whole = api.ok("GET", fork(api, source)["name"], view="FULL")
    assert (whole["eventCount"], whole["lastEventTime"]) == (2, LATER)
    assert whole["usage"] == {"promptTokenCount": 6, "totalTokenCount": 10}
    assert whole["forkedFrom"] == {"session": source, "event": f"{source}/events/{last}"}
    part = api.ok("GET", fork(api, source, throughEvent=first)["name"], view="FULL")
    assert (part["eventCount"], part["usage"]) == (1, usage)
    empty = api.ok("GET", fork(api, source, beforeInvocationId="i0")["name"], view="FULL")
    assert (empty["eventCount"], empty["forkedFrom"]) == (0, {"session": source})
    assert "lastEventTime" not in empty


def test_a_fork_sent_again_answers_its_session(api: Api) -> None:
    """The same request meets its session by sessionId or requestId, another request does not."""
    source = api.create()
    add(api, source, "i")
    body = {"sessionId": "chosen", "session": {"displayName": "d"}}
    first = fork(api, source, **body)
    add(api, source, "j")
    assert fork(api, source, **body) == first
    answer = api.call("POST", f"{source}:fork", {**body, "beforeInvocationId": "i"})
    assert answer.status == 400
    assert "already exists" in answer.text
    answers = [api.ok("POST", f"{source}:fork?requestId=r", {})["response"] for _ in range(2)]
    assert answers[0] == answers[1]
    assert fork(api, source)["name"] != fork(api, source)["name"]
    taken = api.call("POST", f"{source}:fork", {"sessionId": "chosen", "session": {}})
    assert taken.status == 400
    api.create("another")
    assert api.call("POST", f"{source}:fork", {"sessionId": "another"}).status == 400


def test_a_fork_sent_again_outlives_its_source(api: Api) -> None:
    """An answer that was lost is found, whatever became of the source."""
    source = api.create()
    first = fork(api, source, sessionId="f")
    api.ok("DELETE", source)
    assert fork(api, source, sessionId="f") == first
    assert api.call("POST", f"{source}:fork", {"sessionId": "g"}).status == 404


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"throughEvent": "none"}, 404, "Event"),
        ({"beforeInvocationId": "none"}, 404, "has no event of invocation 'none'"),
        ({"throughEvent": "e", "beforeInvocationId": "i"}, 400, "already set"),
        ({"session": {"sessionState": {}}}, 400, "session.session_state"),
        ({"session": {"labels": {"A": "b"}}}, 400, "session.labels"),
        ({"session": {"ttl": "1s"}}, 400, "session.ttl"),
        ({"session": {"odd": 1}}, 400, "odd"),
        ({"sessionId": "a b"}, 400, "session_id"),
    ],
    ids=str,
)
def test_a_fork_that_cannot_be_leaves_nothing(
    api: Api, body: dict[str, Any], status: int, words: str
) -> None:
    """The name is free afterwards."""
    source = api.create()
    answer = api.call("POST", f"{source}:fork", {"sessionId": "f", **body})
    assert answer.status == status
    assert words in answer.text
    assert documents_below(api.store, api.engine) == {"sessions": 1}
    assert api.create("f")


def test_what_is_gone_is_not_forked(api: Api) -> None:
    """A deleted and an expired session, and one that never was."""
    api.settings = replace(api.settings, min_ttl=0)
    deleted, expired = api.create(), api.create(ttl="1s")
    api.ok("DELETE", deleted)
    api.now += SECOND
    for source in (deleted, expired, f"{api.engine}/sessions/none"):
        answer = api.call("POST", f"{source}:fork", {})
        assert answer.status == 404
        assert f"Session {source} not found." in answer.text


def begun(api: Api, count: int = 20) -> tuple[str, Callable[[], Any]]:
    """A session of so many events, and a call that goes on with its fork `f`."""
    source = api.create("source", sessionState={"a": 1})
    for number in range(count):
        add(api, source, f"i{number}", {"a": number})

    def go_on() -> Any:
        return api.ok("POST", f"{source}:fork", {"sessionId": "f"})

    assert go_on()["done"] is False
    return source, go_on


def finished(go_on: Callable[[], Any], calls: int = 50) -> Any:
    """The session, after so many calls at most."""
    for _ in range(calls):
        operation = go_on()
        if operation["done"]:
            return operation["response"]
    raise AssertionError("the fork does not end")


@pytest.mark.usefixtures("small_chunks")
def test_a_fork_is_there_whole_or_not_at_all(api: Api) -> None:
    """Until it is complete, no method finds it, its name is taken, and its operation says so."""
    source, go_on = begun(api)
    name = f"{api.engine}/sessions/f"
    operation = go_on()
    assert "response" not in operation
    for verb, path, body in (
        ("GET", name, None),
        ("GET", f"{name}/events", None),
        ("GET", f"{name}/runs", None),
        ("PATCH", name, {"displayName": "d"}),
        ("DELETE", name, None),
        ("POST", f"{name}:fork", {}),
    ):
        assert api.call(verb, path, body).status == 404
    assert [each["name"] for each in api.walk(f"{api.engine}/sessions", "sessions")] == [source]
    everywhere = f"{api.engine.rpartition('/')[0]}/-/sessions"
    assert name not in {each["name"] for each in api.walk(everywhere, "sessions")}
    taken = api.call("POST", f"{api.engine}/sessions", {"userId": "u"}, sessionId="f")
    assert (taken.status, "already exists" in taken.text) == (400, True)
    path = f"{name}:appendEvent?allowMissing=true&userId=u"
    event = {"author": "a", "invocationId": "i", "timestamp": EARLIER}
    assert api.call("POST", path, event).status == 400
    assert api.ok("GET", operation["name"]) == operation
    session = finished(go_on)
    done = api.ok("GET", operation["name"])
    assert done["done"] is True
    assert done["response"]["name"] == session["name"] == name
    assert events(api, name) == events(api, source)
    assert api.state(name) == api.state(source)


@pytest.mark.usefixtures("small_chunks")
def test_a_fork_shows_its_source_as_it_was_at_the_beginning(api: Api) -> None:
    """What is appended and patched meanwhile does not come along."""
    source, go_on = begun(api)
    before, state = events(api, source), api.state(source)
    add(api, source, "meanwhile", {"b": 1})
    go_on()
    api.ok("PATCH", source, {"sessionState": {"c": 1}, "displayName": "d"})
    forked = finished(go_on)
    assert events(api, forked["name"]) == before
    assert forked["sessionState"] == state
    assert "displayName" not in forked


@pytest.mark.usefixtures("small_chunks")
def test_an_import_leaves_a_session_alone_that_a_fork_still_fills(api: Api) -> None:
    """It is a conflict, and the fork ends as it would have."""
    source, go_on = begun(api)
    line = json.dumps({"session": {"name": "sessions/f", "userId": "u"}})
    answer = api.ok("POST", f"{api.engine}:import", line.encode())
    assert (answer["importedSessions"], answer["conflicts"]) == (0, [f"{api.engine}/sessions/f"])
    assert events(api, finished(go_on)["name"]) == events(api, source)


@pytest.mark.usefixtures("small_chunks")
def test_a_part_of_a_session_is_forked_in_several_calls(api: Api) -> None:
    """State at the point is folded call by call."""
    source = api.create(sessionState={"a": 1, "first": 1})
    for number in range(20):
        add(api, source, f"i{number}", {"a": number, f"k{number % 4}": number})
        if number == 10:
            api.ok("PATCH", source, {"sessionState": {"p": 1}}, updateMask="sessionState")
            api.ok("PATCH", source, {"sessionState": {}}, updateMask="sessionState.p")
    body = {"sessionId": "f", "beforeInvocationId": "i17"}
    session = finished(lambda: api.ok("POST", f"{source}:fork", body))
    assert session["sessionState"] == {"a": 16, "k3": 15, "k0": 16, "k1": 13, "k2": 14}
    assert named(events(api, session["name"])) == [f"i{number}" for number in range(17)]


@pytest.mark.usefixtures("small_chunks")
def test_an_append_that_meets_an_incomplete_fork_leaves_no_trace(api: Api) -> None:
    """The append finds no session, and the fork has nothing of it."""
    source, go_on = begun(api)
    name = f"{api.engine}/sessions/f"
    stray = api.append(name, invocationId="stray", actions={"stateDelta": {"stray": 1}})
    assert stray.status == 404
    session = finished(go_on)
    assert events(api, name) == events(api, source)
    assert session["sessionState"] == {"a": 19}
    counts = api.ok("GET", name, view="FULL")
    assert counts["eventCount"] == 20


@pytest.mark.usefixtures("small_chunks")
def test_a_fork_ends_with_its_source(api: Api) -> None:
    """Where the source is deleted meanwhile, the fork is not found, and nothing of it is left."""
    source, _ = begun(api)
    api.ok("DELETE", source)
    answer = api.call("POST", f"{source}:fork", {"sessionId": "f"})
    assert (answer.status, f"Session {source} not found." in answer.text) == (404, True)
    api.now += 3600 * SECOND
    purge(api)
    assert not documents_below(api.store, api.engine)


@pytest.mark.usefixtures("small_chunks")
def test_the_purge_takes_an_abandoned_fork_after_its_lease(api: Api) -> None:
    """Not before: a client may still go on with it. Afterwards the name is free."""
    source, go_on = begun(api)
    before = documents_below(api.store, api.engine)
    assert before["sessions"] == 2
    purge(api)
    assert documents_below(api.store, api.engine) == before
    go_on()
    api.now += 600 * SECOND
    purge(api)
    assert documents_below(api.store, api.engine) == {"sessions": 1, "events": 20}
    api.create("f")
    answer = api.call("POST", f"{source}:fork", {"sessionId": "f"})
    assert (answer.status, "already exists" in answer.text) == (400, True)


@pytest.mark.usefixtures("small_chunks")
def test_a_name_is_free_after_the_lease(api: Api) -> None:
    """A create, and another fork, need not wait for the purge."""
    source, _ = begun(api)
    other = {"sessionId": "f", "beforeInvocationId": "i5"}
    assert api.call("POST", f"{source}:fork", other).status == 400
    api.now += 600 * SECOND
    session = finished(lambda: api.ok("POST", f"{source}:fork", other))
    assert len(events(api, session["name"])) == 5
    answer = api.call("POST", f"{source}:fork", {"sessionId": "f"})
    assert answer.status == 400


@pytest.mark.usefixtures("small_chunks")
def test_a_created_session_wins_over_a_fork_whose_lease_is_over(api: Api) -> None:
    """The fork that goes on afterwards says that the name is taken, and changes nothing."""
    _, go_on = begun(api)
    api.now += 600 * SECOND
    created = api.ok("GET", api.create("f", user="another"))
    with pytest.raises(AssertionError, match="already exists"):
        finished(go_on)
    assert api.ok("GET", created["name"]) == created
    assert events(api, created["name"]) == []


@pytest.mark.usefixtures("small_chunks")
def test_two_calls_on_one_fork_make_one_session(api: Api) -> None:
    """The later call goes on with the work, and the earlier one stops."""
    source, go_on = begun(api)
    calls = []

    def is_time_up() -> bool:
        if not calls:
            calls.append(go_on())
        return False

    name = SessionName(api.engine, "source")
    limits = {"min_ttl": 0, "time_limit": 0, "require_engine": False}
    asked = new_fork(name, "f", Point(), Session(), api.now, **limits)
    assert api.store.fork_session(asked, api.now, is_time_up) is None
    assert calls[0]["done"] is False
    session = finished(go_on)
    assert events(api, session["name"]) == events(api, source)


@pytest.mark.usefixtures("small_chunks")
def test_deleting_the_engine_takes_its_incomplete_forks(api: Api) -> None:
    """Nothing of them is left, and the fork does not come back."""
    location = api.engine.partition("/reasoningEngines/")[0]
    api.engine = api.ok("POST", f"{location}/reasoningEngines", {})["response"]["name"]
    source, _ = begun(api)
    api.settings = replace(api.settings, work_time_limit=20 * SECOND)
    assert api.ok("DELETE", api.engine, force="true")["done"] is True
    assert not documents_below(api.store, api.engine)
    assert api.call("POST", f"{source}:fork", {"sessionId": "f"}).status == 404


@pytest.mark.usefixtures("small_chunks")
def test_an_erased_user_has_no_incomplete_fork(api: Api) -> None:
    """Neither as the user of the source, nor as the user of the fork."""
    source = api.create("source", user="ada")
    for number in range(12):
        add(api, source, f"i{number}")
    mine, theirs = {"sessionId": "f"}, {"sessionId": "g", "session": {"userId": "bob"}}
    for body in (mine, theirs):
        assert api.ok("POST", f"{source}:fork", body)["done"] is False
    api.settings = replace(api.settings, work_time_limit=20 * SECOND)
    assert api.ok("POST", f"{api.engine}/users/bob:erase")["done"]
    assert documents_below(api.store, api.engine)["sessions"] == 2
    theirs_again = fork(api, source, **theirs)
    assert len(events(api, theirs_again["name"])) == 12
    assert api.ok("POST", f"{api.engine}/users/ada:erase")["done"]
    assert api.call("POST", f"{source}:fork", mine).status == 404
    assert documents_below(api.store, api.engine) == {"sessions": 1, "events": 12}


@pytest.mark.usefixtures("small_chunks")
def test_a_fork_whose_user_is_erased_meanwhile_begins_again(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy that the erasure takes away is never shown, and the new one is whole and stays."""
    monkeypatch.setattr(sqlite_erasing, "ROWS", 3)
    monkeypatch.setattr(firestore_erasure, "BATCH", 3)
    source = api.create("source", user="ada")
    for number in range(12):
        add(api, source, f"i{number}", {f"k{number}": number})
    erasures = []

    def is_time_up() -> bool:
        if not erasures:
            erasures.append(api.ok("POST", f"{api.engine}/users/bob:erase"))
        return False

    limits = {"min_ttl": 0, "time_limit": 0, "require_engine": False}
    asked = new_fork(
        SessionName(api.engine, "source"), "f", Point(), Session(user_id="bob"), api.now, **limits
    )
    forked = api.store.fork_session(asked, api.now, is_time_up)
    assert [erasure["done"] for erasure in erasures] == [False]
    assert forked is not None
    purge(api)
    assert events(api, str(forked.name)) == events(api, source)
    assert api.state(str(forked.name)) == api.state(source)
    assert documents_below(api.store, api.engine) == {"sessions": 2, "events": 24}


def test_roles_fork_what_they_may(api: Api) -> None:
    """A user forks own sessions to itself; agents and admins fork to anybody; viewers do not."""
    source = api.create(user="user-bob")
    answers: dict[str, list[Answer]] = {}
    for name in ("admin", "agent", "viewer", "user-bob", "user-ada", "stranger"):
        someone = caller(api, name)
        answers[name] = [
            someone.call("POST", f"{source}:fork", {"session": session})
            for session in ({}, {"userId": "user-bob"}, {"userId": "user-ada"})
        ]
    statuses = {name: [each.status for each in found] for name, found in answers.items()}
    assert statuses == {
        "admin": [200] * 3,
        "agent": [200] * 3,
        "viewer": [403] * 3,
        "user-bob": [200, 200, 403],
        "user-ada": [404] * 3,
        "stranger": [404] * 3,
    }
    assert answers["agent"][2].json["response"]["userId"] == "user-ada"


@pytest.mark.usefixtures("small_chunks")
def test_an_incomplete_fork_is_told_to_its_user_alone(api: Api) -> None:
    """The operation of another user's fork is not found, before and after its end."""
    source = api.create("source", user="user-bob")
    for _ in range(8):
        add(api, source, "i")
    bob, ada = caller(api, "user-bob"), caller(api, "user-ada")
    bob.settings = replace(bob.settings, work_time_limit=0)
    operation = bob.ok("POST", f"{source}:fork", {"sessionId": "f"})
    assert operation["done"] is False
    assert bob.ok("GET", operation["name"]) == operation
    assert ada.call("GET", operation["name"]).status == 404
    finished(lambda: bob.ok("POST", f"{source}:fork", {"sessionId": "f"}))
    assert ada.call("GET", operation["name"]).status == 404


def purge(api: Api) -> None:
    while not api.ok("POST", "sessions:purgeExpired")["done"]:
        pass
