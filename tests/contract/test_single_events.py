"""Events one by one: read, changed, removed; what of them stays and what goes."""

import secrets
from typing import Any

import pytest

from functions.store.firestore.rpc import Rpc
from tests.support.api import SECOND, Answer, Api
from tests.support.store_contents import mentions
from tests.support.store_documents import documents_below
from tests.support.streams import name_of, next_events, reading

CONTENT = {"parts": [{"text": "hello"}]}
USAGE = {"promptTokenCount": 3, "totalTokenCount": 5}


def append(api: Api, session: str, number: int = 0, **fields: Any) -> str:
    """Appends an event and returns its name."""
    time = f"2026-01-01T00:00:{number:02}Z"
    raw = {"id": f"e{number}", "usageMetadata": USAGE, **fields.pop("rawEvent", {})}
    answer = api.append(session, time, invocationId=f"i{number}", rawEvent=raw, **fields)
    assert answer.status == 200, answer.text
    named = {event["timestamp"]: event["name"] for event in events(api, session)}
    return named[time]


def events(api: Api, session: str, **query: Any) -> list[dict[str, Any]]:
    return api.walk(f"{session}/events", "sessionEvents", **query)


def told(api: Api, session: str) -> tuple[int | None, dict[str, int], int | None]:
    """What the session counts: its events, their tokens, and the second of the newest."""
    record = api.store.get_session(name_of(session), api.now)
    last = record.last_event_time
    return record.event_count, record.usage.named(), last and last // SECOND % 60


def refused(answer: Answer, status: int, fragment: str) -> None:
    assert answer.status == status, answer.text
    assert fragment in answer.json["error"]["message"]


def test_an_event_is_read_as_lists_have_it(api: Api) -> None:
    session = api.create()
    name = append(api, session, content=CONTENT)
    (listed,) = events(api, session)
    assert api.ok("GET", name) == listed
    assert api.ok("GET", name, view="FULL") == {**listed, "eventType": "INPUT_MESSAGE"}
    assert api.ok("GET", name, view="ORIGINAL") == listed


def test_an_event_that_is_not_there_is_not_found(api: Api) -> None:
    """Nor is one of a session that is not there, whose name the answer has."""
    session = api.create()
    missing = f"{session}/events/none"
    for verb in ("GET", "PATCH", "DELETE"):
        refused(api.call(verb, missing), 404, f"SessionEvent {missing} not found.")
        gone = f"{api.engine}/sessions/gone"
        refused(api.call(verb, f"{gone}/events/e"), 404, f"Session {gone} not found.")
        refused(
            api.call(verb, f"{session}/events/a%20b"), 400, "Invalid SessionEvent resource name"
        )


def test_an_event_of_an_expired_session_is_not_found(api: Api) -> None:
    session = api.create(ttl="86400s")
    name = append(api, session)
    api.now += 86400 * SECOND
    for verb in ("GET", "PATCH", "DELETE"):
        refused(api.call(verb, name), 404, f"Session {session} not found.")


def test_an_update_changes_what_its_mask_names(api: Api) -> None:
    """Fields that the body has besides are ignored, named ones that it lacks are cleared."""
    session = api.create()
    name = append(api, session, content=CONTENT, errorMessage="no", eventMetadata={"branch": "b"})
    before = api.ok("GET", name)
    body = {"content": {"parts": [{"text": "bye"}]}, "error_message": "yes", "author": "other"}
    after = api.ok("PATCH", name, body, updateMask="content,eventMetadata")
    assert after == api.ok("GET", name)
    expected = {**before, "content": body["content"]}
    del expected["eventMetadata"]
    assert after == expected
    assert api.ok("PATCH", name, {}, updateMask="content")["content"] == {}


def test_an_update_without_a_mask_changes_what_the_body_has(api: Api) -> None:
    """The body may be the whole event as it was read."""
    session = api.create()
    name = append(api, session, content=CONTENT, actions={"stateDelta": {"a": 1}})
    event = api.ok("GET", name)
    event["content"] = {"parts": [{"text": "bye"}]}
    event["rawEvent"] = {"id": "other", "nested": [[1]]}
    assert api.ok("PATCH", name, event) == event
    assert events(api, session) == [event]


@pytest.mark.parametrize(
    ("mask", "fragment"),
    [
        ("author", "updateMask names an immutable field: 'author'."),
        ("content,invocationId", "updateMask names an immutable field: 'invocationId'."),
        ("actions", "immutable field: 'actions'"),
        ("timestamp", "immutable field: 'timestamp'"),
        ("errorCode", "immutable field: 'errorCode'"),
        ("name", "immutable field: 'name'"),
        ("text", "updateMask names an unknown field: 'text'."),
        ("rawEvent.id", "updateMask can name whole fields only: 'rawEvent.id'."),
    ],
)
def test_an_update_of_another_field_is_refused(api: Api, mask: str, fragment: str) -> None:
    name = append(api, api.create())
    refused(api.call("PATCH", name, {"content": CONTENT}, updateMask=mask), 400, fragment)


@pytest.mark.parametrize(
    "change",
    [
        {"author": "other"},
        {"invocationId": "other"},
        {"timestamp": "2026-01-01T00:00:01Z"},
        {"actions": {"stateDelta": {"a": 2}}},
        {"errorCode": "E"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_body_that_changes_an_immutable_field_is_refused(
    api: Api, change: dict[str, Any]
) -> None:
    name = append(api, api.create(), actions={"stateDelta": {"a": 1}})
    before = api.ok("GET", name)
    answer = api.call("PATCH", name, {**before, **change, "content": CONTENT})
    refused(answer, 400, "is immutable.")
    assert api.ok("GET", name) == before


def test_every_change_moves_the_session_and_a_repeated_one_does_not(api: Api) -> None:
    """A change and a removal move its updateTime and its version, and never its state."""
    session = api.create(sessionState={"k": 0})
    name = append(api, session, actions={"stateDelta": {"k": 1}})
    seen = [api.store.get_session(name_of(session), api.now)]
    body = {"content": CONTENT}
    for verb, query in (("PATCH", {"updateMask": "content"}), ("PATCH", {}), ("DELETE", {})):
        api.ok(verb, name, body if verb == "PATCH" else None, **query)
        seen.append(api.store.get_session(name_of(session), api.now))
    times = [each.update_time for each in seen]
    assert times[0] < times[1] == times[2] < times[3]
    versions = [each.version for each in seen]
    assert versions[0] != versions[1] == versions[2] != versions[3]
    assert {each.state for each in seen} == {'"k":1'}


def test_a_removed_event_is_gone_for_every_reader(api: Api) -> None:
    session = api.create()
    names = [append(api, session, number) for number in range(3)]
    assert api.ok("DELETE", names[1]) == {}
    assert [event["name"] for event in events(api, session)] == [names[0], names[2]]
    assert [event["name"] for event in events(api, session, orderBy="timestamp desc")] == [
        names[2],
        names[0],
    ]
    assert events(api, session, filter='invocation_id="i1"') == []
    runs = api.walk(f"{session}/runs", "runs")
    assert [run["invocationId"] for run in runs] == ["i0", "i2"]
    refused(api.call("GET", f"{session}/runs/i1"), 404, "not found")
    for verb in ("GET", "PATCH", "DELETE"):
        refused(api.call(verb, names[1]), 404, f"SessionEvent {names[1]} not found.")


def test_a_page_token_survives_the_removal_of_its_event(api: Api) -> None:
    session = api.create()
    names = [append(api, session, number) for number in range(4)]
    page = api.ok("GET", f"{session}/events", pageSize=2)
    for name in names[1:3]:
        api.ok("DELETE", name)
    rest = api.ok("GET", f"{session}/events", pageSize=2, pageToken=page["nextPageToken"])
    assert [event["name"] for event in rest["sessionEvents"]] == names[3:]


@pytest.mark.parametrize("change", ["PATCH", "DELETE"])
def test_the_retry_of_an_append_meets_its_event_whatever_became_of_it(
    api: Api, change: str
) -> None:
    """No second event, no second merge of state."""
    session = api.create()
    fields: dict[str, Any] = {"content": CONTENT, "actions": {"stateDelta": {"k": 1}}}
    name = append(api, session, **fields)
    api.ok("PATCH", session, {"sessionState": {"k": 2}}, updateMask="sessionState")
    api.ok(change, name, {"rawEvent": {}, "errorMessage": "x"} if change == "PATCH" else None)
    before = api.ok("GET", session), events(api, session)
    again = {"rawEvent": {"id": "e0", "usageMetadata": USAGE}, **fields}
    assert api.append(session, "2026-01-01T00:00:00Z", invocationId="i0", **again).status == 200
    assert (api.ok("GET", session), events(api, session)) == before


def test_what_stays_of_a_removed_event_goes_with_its_session(api: Api) -> None:
    session = api.create()
    api.ok("DELETE", append(api, session, content=CONTENT, actions={"stateDelta": {"k": 1}}))
    api.ok("DELETE", session)
    collections = ("sessions", "events", "originals", "parts", "changes")
    assert documents_below(api.store, api.engine, collections) == {}


def test_counts_follow_the_events_that_are_left(api: Api) -> None:
    session = api.create()
    names = [append(api, session, number) for number in range(3)]
    assert told(api, session) == (3, {"promptTokenCount": 9, "totalTokenCount": 15}, 2)
    api.ok("DELETE", names[0])
    assert told(api, session) == (2, {"promptTokenCount": 6, "totalTokenCount": 10}, 2)
    api.ok("DELETE", names[2])
    assert told(api, session) == (1, {"promptTokenCount": 3, "totalTokenCount": 5}, 1)
    api.ok("DELETE", names[1])
    assert told(api, session) == (0, {"promptTokenCount": 0, "totalTokenCount": 0}, None)
    append(api, session, 4)
    assert told(api, session) == (1, {"promptTokenCount": 3, "totalTokenCount": 5}, 4)


def test_usage_follows_the_change_of_an_event(api: Api) -> None:
    session = api.create()
    name = append(api, session)
    append(api, session, 1)
    usage = {"promptTokenCount": 1, "candidatesTokenCount": 7}
    api.ok("PATCH", name, {"rawEvent": {"usageMetadata": usage}}, updateMask="rawEvent")
    usage = {"promptTokenCount": 4, "candidatesTokenCount": 7, "totalTokenCount": 5}
    assert told(api, session) == (2, usage, 1)


def test_a_stream_skips_events_that_were_removed(api: Api) -> None:
    """Those of before, and those that are removed while it follows the session."""
    session = api.create()
    names = [append(api, session, number) for number in range(3)]
    api.ok("DELETE", names[0])
    with reading(api, session) as reader:
        seen = [event for _, event in next_events(api, reader, 2)]
        assert [f"{session}/events/{event.id}" for event in seen] == names[1:]
        api.ok("DELETE", names[1])
        names.append(append(api, session, 3))
        ((_, event),) = next_events(api, reader, 1)
        assert f"{session}/events/{event.id}" == names[3]
    with reading(api, session) as late:
        seen = [event for _, event in next_events(api, late, 2)]
        assert [f"{session}/events/{event.id}" for event in seen] == names[2:]


def test_a_stream_of_the_same_listener_does_not_tell_what_was_removed(api: Api) -> None:
    """Streams of one process share a listener, which saw the event before its removal."""
    session = api.create()
    names = [append(api, session, number) for number in range(3)]
    with reading(api, session) as first:
        next_events(api, first, 3)
        api.ok("DELETE", names[1])
        api.ok("PATCH", names[2], {"errorMessage": "changed"})
        names.append(append(api, session, 3))
        next_events(api, first, 1)
        with reading(api, session) as second:
            seen = [event for _, event in next_events(api, second, 3)]
    assert [f"{session}/events/{event.id}" for event in seen] == [names[0], *names[2:]]
    assert '"errorMessage":"changed"' in seen[1].text


def test_a_large_event_is_changed_and_removed_with_all_its_parts(api: Api) -> None:
    session = api.create()
    name = append(api, session, content={"parts": [{"text": "x" * 1_500_000}]})
    large = {"parts": [{"text": "y" * 1_200_000}]}
    assert api.ok("PATCH", name, {"content": large})["content"] == large
    assert api.ok("GET", name)["content"] == large
    assert api.ok("PATCH", name, {"content": CONTENT})["content"] == CONTENT
    assert documents_below(api.store, api.engine, ("parts",)) == {}
    assert api.ok("PATCH", name, {"content": large})["content"] == large
    api.ok("DELETE", name)
    assert documents_below(api.store, api.engine, ("parts",)) == {}


@pytest.mark.parametrize("store_environment", ["firestore"], indirect=True, scope="module")
def test_an_event_with_a_large_temp_delta_is_removed(api: Api) -> None:
    """Nothing of it stays but the keys of the session's own state, which a fork still needs."""
    session = api.create()
    word = secrets.token_hex(8)
    delta = {"temp:page": word * 80_000, "app:a": word, "user:u": word, "own": 1}
    name = append(api, session, 1, actions={"stateDelta": delta})
    api.ok("PATCH", session, {"sessionState": {"own": 2}}, updateMask="sessionState.own")
    kept = append(api, session, 2)
    api.ok("DELETE", name)
    fork = api.ok("POST", f"{session}:fork", {"throughEvent": kept})["response"]
    assert fork["sessionState"] == {"app:a": word, "own": 2, "user:u": word}
    api.ok("PATCH", f"{api.engine}/state", {"state": {}}, updateMask="state")
    api.ok("PATCH", f"{api.engine}/users/u/state", {"state": {}}, updateMask="state")
    assert [place for place in mentions(api.store, word) if ".db" not in place] == []


def test_a_removal_whose_answer_is_lost_is_done(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit that gRPC sends again finds the event gone."""
    session = api.create()
    name = append(api, session)
    commit = Rpc.commit

    def twice(rpc: Rpc, writes: Any) -> Any:
        commit(rpc, writes)
        return commit(rpc, writes)

    monkeypatch.setattr(Rpc, "commit", twice)
    assert api.ok("DELETE", name) == {}
    assert events(api, session) == []
