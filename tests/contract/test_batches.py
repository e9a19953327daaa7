"""Several events in one request: all of them, or none; see docs/batch-append.md."""

import json
import threading
from dataclasses import replace
from typing import Any

import pytest

from functions.config.settings import Settings
from functions.rules.limits import MAX_BATCH, MAX_EVENT_BYTES
from functions.store.firestore.rpc import Rpc
from tests.support.api import SECOND, Answer, Api
from tests.support.roles import caller
from tests.support.streams import next_events, reading

TIME = "2026-01-01T00:00:00Z"


def event(name: str, **fields: Any) -> dict[str, Any]:
    """An event of the invocation `name`, whose rawEvent.id is that, too."""
    return {
        "author": "a",
        "invocationId": name,
        "timestamp": TIME,
        "rawEvent": {"id": name},
        **fields,
    }


def setting(name: str, **delta: Any) -> dict[str, Any]:
    """An event that sets keys of the state."""
    return event(name, actions={"stateDelta": delta})


def send(api: Api, session: str, *events: Any, **query: Any) -> Answer:
    return api.call("POST", f"{session}:batchAppendEvents", {"events": events}, **query)


def names(api: Api, session: str, **query: Any) -> list[str]:
    """The invocations of the session's events, in the order of lists."""
    events = api.walk(f"{session}/events", "sessionEvents", **query)
    return [each["invocationId"] for each in events]


def version(api: Api, session: str) -> str:
    return api.send("GET", session).headers["ETag"]


def test_a_batch_appends_its_events_in_their_order(api: Api) -> None:
    """Where timestamps are equal the order given decides, and state is merged in it."""
    session = api.create(sessionState={"kept": 1})
    batch = [setting(f"i{number}", n=number, **{f"k{number}": number}) for number in range(20)]
    answer = send(api, session, *batch)
    assert (answer.status, answer.json) == (200, {})
    assert names(api, session) == [f"i{number}" for number in range(20)]
    assert names(api, session, orderBy="timestamp desc", pageSize=7) == [
        f"i{number}" for number in reversed(range(20))
    ]
    assert api.state(session) == {"kept": 1, "n": 19, **{f"k{n}": n for n in range(20)}}
    full = api.ok("GET", session, view="FULL")
    assert full["eventCount"] == 20


def test_a_batch_is_ordered_by_timestamps_first(api: Api) -> None:
    """As events of several appends are; state is merged in the order given all the same."""
    session = api.create()
    late, early = (
        setting("late", k=1),
        {**setting("early", k=2), "timestamp": "2025-01-01T00:00:00Z"},
    )
    assert send(api, session, late, early).status == 200
    assert names(api, session) == ["early", "late"]
    assert api.state(session) == {"k": 2}


def test_a_batch_moves_the_session_once(api: Api) -> None:
    """Its updateTime and its etag; the answer has the new etag."""
    session = api.create()
    before = api.ok("GET", session)
    api.now += SECOND
    response = api.send(
        "POST", f"{session}:batchAppendEvents", {"events": [event("a"), event("b")]}
    )
    assert api.ok("GET", session)["updateTime"] > before["updateTime"]
    assert version(api, session).startswith(response.headers["ETag"].rstrip('"'))


def test_scopes_of_state_take_what_a_batch_sets(api: Api) -> None:
    """app: and user: keys are shared, temp: keys stay in their events."""
    session, other = api.create(), api.create()
    deltas = {"app:a": 1, "user:b": 1, "temp:c": 1}, {"app:a": 2, "user:d": 2, "own": 2}
    assert send(api, session, setting("x", **deltas[0]), setting("y", **deltas[1])).status == 200
    shared = {"app:a": 2, "user:b": 1, "user:d": 2}
    assert api.state(session) == {**shared, "own": 2}
    assert api.state(other) == shared


@pytest.mark.parametrize("how", ["rawEvent.id", "requestId"])
def test_a_batch_that_is_sent_again_changes_nothing(api: Api, how: str) -> None:
    """No second event, no second merge of state, updateTime unmoved, and 200."""
    session = api.create()
    batch = [setting("a", k=1, **{"app:k": 1}), setting("b", k=2)]
    query = {}
    if how == "requestId":
        batch = [{**each, "rawEvent": {}} for each in batch]
        query = {"requestId": "r"}
    assert send(api, session, *batch, **query).status == 200
    assert send(api, session, setting("c", k=3, **{"app:k": 3})).status == 200
    before = api.ok("GET", session)
    api.now += SECOND
    assert send(api, session, *batch, **query).json == {}
    assert api.ok("GET", session) == before
    assert names(api, session) == ["a", "b", "c"]


def test_events_that_landed_before_count_as_done(api: Api) -> None:
    """The rest is added behind them, and only the rest merges its state."""
    session = api.create()
    one, two, three = (setting(name, k=name, **{name: 1}) for name in ("one", "two", "three"))
    assert api.call("POST", f"{session}:appendEvent", two).status == 200
    assert api.append(session, actions={"stateDelta": {"k": "later", "two": 2}}).status == 200
    assert send(api, session, one, two, three).status == 200
    assert names(api, session) == ["two", "i", "one", "three"]
    assert api.state(session) == {"k": "three", "one": 1, "two": 2, "three": 1}
    assert send(api, session, two, three, one).status == 200
    assert len(names(api, session)) == 4


def test_what_a_batch_added_a_lone_append_meets(api: Api) -> None:
    """An event has the same id, whichever way it comes."""
    session = api.create()
    assert send(api, session, event("a"), event("b")).status == 200
    assert api.call("POST", f"{session}:appendEvent", event("b")).status == 200
    assert names(api, session) == ["a", "b"]


def test_an_event_that_stands_twice_is_added_once(api: Api) -> None:
    """One of the same id and content; the same id with another content is another event."""
    session = api.create()
    twice, other = setting("a", k=1), setting("a", k=2)
    assert send(api, session, twice, event("b"), twice, other).status == 200
    assert names(api, session) == ["a", "b", "a"]
    assert api.state(session) == {"k": 2}


def test_events_without_an_id_are_all_added(api: Api) -> None:
    """Only an id makes a second one of the same event."""
    session = api.create()
    alike = {"author": "a", "invocationId": "i", "timestamp": TIME}
    for _ in range(2):
        assert send(api, session, alike, alike).status == 200
    assert names(api, session) == ["i"] * 4


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"author": "a"}, "events[1].invocation_id"),
        ({**event("x"), "content": {"parts": [{"nonsense": 1}]}}, "'events[1].content.parts[0]'"),
        ({**event("x"), "author": 3}, "'events[1].author'"),
        ({**event("x"), "content": {"parts": [{"text": "x" * MAX_EVENT_BYTES}]}}, "events[1] is"),
        (None, "'events[1]'"),
    ],
    ids=["missing fields", "an unknown field", "a wrong type", "too large", "null"],
)
def test_one_wrong_event_refuses_the_batch_and_is_named(api: Api, wrong: Any, said: str) -> None:
    """All or none: 400 INVALID_ARGUMENT naming the event by its place."""
    session = api.create()
    answer = send(api, session, setting("a", k=1), wrong)
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert said in answer.json["error"]["message"], answer.text[:1_000]
    assert names(api, session) == []
    assert api.state(session) is None


def test_all_missing_fields_of_all_events_are_named_at_once(api: Api) -> None:
    answer = send(api, api.create(), {"author": "a", "timestamp": TIME}, {"invocationId": "i"})
    fields = [fault["field"] for fault in answer.json["error"]["details"][0]["fieldViolations"]]
    assert fields == ["events[0].invocation_id", "events[1].author", "events[1].timestamp"]


@pytest.mark.parametrize("body", [None, {}, {"events": []}, {"events": None}], ids=str)
def test_a_batch_has_an_event_at_least(api: Api, body: Any) -> None:
    answer = api.call("POST", f"{api.create()}:batchAppendEvents", body)
    assert answer.status == 400
    assert "1.Field: events; Message: Required" in answer.json["error"]["message"]


def test_a_batch_has_a_hundred_events_at_most(api: Api) -> None:
    """400 naming the limit and the number sent."""
    session = api.create()
    answer = send(api, session, *(event(f"i{number}") for number in range(MAX_BATCH + 1)))
    assert answer.status == 400
    assert "100" in answer.json["error"]["message"]
    assert "101" in answer.json["error"]["message"]
    events = [event(f"i{number}") for number in range(MAX_BATCH)]
    assert send(api, session, *events).status == 200
    assert names(api, session) == [f"i{number}" for number in range(MAX_BATCH)]


def test_a_batch_is_as_large_as_one_event_may_be(api: Api) -> None:
    """400 naming limit and size, and nothing is stored."""
    session = api.create()
    text = {"parts": [{"text": "x" * (MAX_EVENT_BYTES // 10)}]}
    answer = send(api, session, *(event(f"i{number}", content=text) for number in range(10)))
    assert answer.status == 400
    assert f"A batch is limited to {MAX_EVENT_BYTES} bytes" in answer.json["error"]["message"]
    assert names(api, session) == []


def test_a_batch_may_mix_large_events_with_small_ones(api: Api) -> None:
    session = api.create()
    texts = ["a", "b" * 1_800_000, "c", "d" * 1_800_000]
    batch = [
        event(f"i{number}", content={"parts": [{"text": text}]})
        for number, text in enumerate(texts)
    ]
    assert send(api, session, *batch).status == 200
    events = api.walk(f"{session}/events", "sessionEvents")
    assert [each["content"]["parts"][0]["text"] for each in events] == texts
    assert send(api, session, *batch).status == 200
    assert len(names(api, session)) == 4


def test_a_batch_for_a_missing_session_is_not_found(api: Api) -> None:
    """404, also for an expired session; validation comes first."""
    missing = f"{api.engine}/sessions/missing"
    assert send(api, missing, event("a")).status == 404
    assert send(api, missing, {}).status == 400
    api.settings = replace(api.settings, min_ttl=0)
    expired = api.create(ttl="1s")
    assert send(api, expired, event("a"), event("b")).status == 200
    api.now += SECOND
    assert send(api, expired, event("a"), event("b")).status == 404
    assert send(api, expired, event("a"), event("c")).status == 404


def test_a_batch_creates_the_session_that_it_misses(api: Api) -> None:
    """With allowMissing, for userId; the answer is the session, as get has it."""
    query = {"allowMissing": "true", "userId": "u", "requestId": "r"}
    batch = [setting("a", k=1, **{"app:a": 1}), setting("b", k=2)]
    path = f"{api.engine}/sessions/s"
    for _ in range(2):
        answer = send(api, path, *batch, **query)
        assert answer.json == {"session": api.ok("GET", path)}
    assert answer.json["session"]["sessionState"] == {"k": 2, "app:a": 1}
    assert send(api, path, *batch, setting("c", k=3), **query).status == 200
    assert names(api, path) == ["a", "b", "c"]
    assert api.ok("GET", path, view="FULL")["eventCount"] == 3
    chosen = [send(api, f"{api.engine}/sessions/-", *batch, **query) for _ in range(2)]
    assert chosen[0].json == chosen[1].json
    assert len(api.walk(f"{api.engine}/sessions", "sessions")) == 2
    assert send(api, path, *batch, **{**query, "userId": "v"}).status == 400


def test_a_batch_is_checked_against_the_etag_that_it_expects(api: Api) -> None:
    """Any new event: 409 for another etag, and nothing is done; all landed: 200 whatever it is."""
    session = api.create()
    first = version(api, session)
    assert send(api, session, event("a"), event("b"), etag=first).status == 200
    assert send(api, session, event("b"), event("a"), etag=first).status == 200
    answer = send(api, session, event("a"), setting("c", k=1), etag=first)
    assert (answer.status, answer.json["error"]["status"]) == (409, "ABORTED")
    assert "The session has changed" in answer.json["error"]["message"]
    assert names(api, session) == ["a", "b"]
    assert send(api, session, event("a"), event("c"), etag=version(api, session)).status == 200
    assert names(api, session) == ["a", "b", "c"]
    assert send(api, session, event("d"), etag="nonsense").status == 409
    query = {"allowMissing": "true", "userId": "u"}
    assert send(api, session, event("d"), etag=first, **query).status == 409
    assert send(api, session, event("a"), etag=first, **query).status == 200


def test_writers_of_batches_lose_nothing(api: Api) -> None:
    """Batches that overlap, side by side: each event once, each batch in its order."""
    session = api.create()
    shared = [event(f"shared{number}") for number in range(5)]
    answers: list[int] = []

    def write(writer: int) -> None:
        for turn in range(4):
            own = [event(f"w{writer}-{turn}-{number}") for number in range(3)]
            while (answer := send(api, session, *own, *shared)).status in (409, 503):
                pass
            answers.append(answer.status)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 16
    found = names(api, session)
    assert len(found) == len(set(found)) == 4 * 4 * 3 + 5
    for writer in range(4):
        mine = [name for name in found if name.startswith(f"w{writer}-")]
        assert mine == sorted(mine)


def test_a_watch_sees_a_batch_in_its_order_and_resumes_within(api: Api) -> None:
    """Each event of one commit has a position of its own."""
    session = api.create()
    with reading(api, session) as reader:
        for number in (0, 1, 2):
            names_of = [f"i{number}-{place:02}" for place in range((10, 70, 100)[number])]
            assert send(api, session, *map(event, names_of)).status == 200
            seen = next_events(api, reader, len(names_of))
            assert [record.invocation_id for _, record in seen] == names_of
    for place in (0, 49, 98):
        with reading(api, session, seen[place]) as reader:
            rest = next_events(api, reader, 99 - place)
        assert [record.invocation_id for _, record in rest] == names_of[place + 1 :]


def test_the_role_user_appends_batches_to_its_own_sessions(api: Api) -> None:
    """What is not its own is not found, and app: keys are refused."""
    session = api.create(user="user-bob")
    owner, other = caller(api, "user-bob"), caller(api, "user-ada")
    assert send(owner, session, event("a"), event("b")).status == 200
    assert send(other, session, event("c"), event("d")).status == 404
    assert send(owner, session, event("c"), setting("d", **{"app:a": 1})).status == 403
    assert names(api, session) == ["a", "b"]


def test_a_batch_whose_answer_was_lost_lands_once(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Firestore's client sends such a commit again, which meets its own events."""
    session = api.create()
    commit = Rpc.commit

    def twice(rpc: Rpc, writes: Any) -> Any:
        monkeypatch.setattr(Rpc, "commit", commit)
        commit(rpc, writes)
        return commit(rpc, writes)

    monkeypatch.setattr(Rpc, "commit", twice)
    assert send(api, session, setting("a", k=1), event("b")).status == 200
    assert names(api, session) == ["a", "b"]


def test_a_state_that_a_batch_makes_too_large_is_refused(api: Api) -> None:
    """Nothing is stored; deltas that fit one by one may not fit together."""
    session = api.create()
    deltas = [setting(f"i{number}", **{f"k{number}": "x" * 300_000}) for number in range(4)]
    answer = send(api, session, *deltas)
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert names(api, session) == []
    assert send(api, session, *deltas[:3]).status == 200
    same = [setting(f"j{number}", k="x" * 50_000) for number in range(4)]
    assert send(api, session, *same).status == 200


def test_fields_of_adk_are_kept_as_the_settings_say(api: Api) -> None:
    """UNKNOWN_FIELDS holds for each event of a batch."""
    session = api.create()
    batch = [event("a"), event("b", nonsense=1)]
    assert send(api, session, *batch).status == 400
    api.settings = Settings(google_cloud_project="test-project", unknown_fields="keep")
    assert send(api, session, *batch).status == 200
    kept = api.walk(f"{session}/events", "sessionEvents")[1]
    assert json.loads(json.dumps(kept))["nonsense"] == 1
