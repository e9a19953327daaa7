"""Etags of sessions, and requests that hold for one of them; see docs/optimistic-concurrency.md."""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import flask
import pytest

from functions.store.firestore.rpc import Rpc
from tests.support.api import SECOND, Api
from tests.support.budget import counted
from tests.support.roles import caller

EVENT = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
Call = Callable[..., flask.Response]


def etag_of(answer: flask.Response) -> str:
    """The etag of an answer that must have one, without quotes."""
    assert answer.status_code in (200, 304), answer.get_data(as_text=True)
    etag = answer.headers["ETag"]
    assert etag[0] == etag[-1] == '"'
    return str(etag[1:-1])


def etag(api: Api, session: str) -> str:
    """The etag of a session, as get answers it."""
    return etag_of(api.send("GET", session))


def version(api: Api, session: str) -> str:
    """The part of the etag that is the session's own."""
    return etag(api, session).partition(".")[0]


def update(api: Api, session: str, **options: Any) -> flask.Response:
    return api.send("PATCH", session, {"displayName": "d"}, **options)


def delete(api: Api, session: str, **options: Any) -> flask.Response:
    return api.send("DELETE", session, **options)


def append(api: Api, session: str, **options: Any) -> flask.Response:
    return api.send("POST", f"{session}:appendEvent", EVENT, **options)


def append_with_large_state(api: Api, session: str, **options: Any) -> flask.Response:
    event = {**EVENT, "actions": {"stateDelta": {"large": "x" * 20_000, "app:a": 1}}}
    return api.send("POST", f"{session}:appendEvent", event, **options)


def append_or_create(api: Api, session: str, **options: Any) -> flask.Response:
    query = {"allowMissing": "true", "userId": "u"}
    return api.send("POST", f"{session}:appendEvent", EVENT, **{**query, **options})


WRITES = (update, delete, append, append_with_large_state, append_or_create)
APPENDS = WRITES[2:]


@pytest.fixture
def on_firestore(store_environment: dict[str, str]) -> None:
    """For what is of Firestore alone."""
    if "FIRESTORE_EMULATOR_HOST" not in store_environment:
        pytest.skip("of Firestore")


def test_every_answer_that_is_one_session_has_its_etag(api: Api) -> None:
    """The operation of create, too; it is the etag of the full view and of the next get."""
    body = {"userId": "u", "sessionState": {"a": 1, "app:b": 2, "user:c": 3}}
    created = api.send("POST", f"{api.engine}/sessions", body, sessionId="s")
    session = f"{api.engine}/sessions/s"
    assert etag_of(created) == etag(api, session)
    assert etag_of(update(api, session)) == etag(api, session)
    assert etag_of(append_or_create(api, session)) == etag(api, session)
    assert etag_of(append_or_create(api, f"{session}2")) == etag(api, f"{session}2")
    full = api.ok("GET", session, view="FULL")
    assert full["etag"] == etag(api, session)
    listed = api.ok("GET", f"{api.engine}/sessions", view="FULL")["sessions"]
    assert {each["name"]: each["etag"] for each in listed} == {
        name: etag(api, name) for name in (session, f"{session}2")
    }


def test_an_append_answers_the_sessions_part_of_the_etag(api: Api) -> None:
    """It reads no shared state; a retry answers the etag as it is now."""
    session = api.create(sessionState={"app:a": 1})
    answer = append(api, session, requestId="r")
    assert answer.get_data(as_text=True) == "{}"
    assert etag_of(answer) == version(api, session)
    update(api, session)
    assert etag_of(append(api, session, requestId="r")) == version(api, session)


def test_answers_that_are_no_session_have_no_etag(api: Api) -> None:
    """Lists, events, deletes and errors."""
    session = api.create()
    for verb, path in (
        ("GET", f"{api.engine}/sessions"),
        ("GET", f"{session}/events"),
        ("GET", f"{session}0"),
        ("DELETE", session),
    ):
        assert "ETag" not in api.send(verb, path).headers, path


def test_every_write_to_a_session_moves_its_etag(api: Api) -> None:
    """Also one that changes nothing but updateTime, and within one microsecond of the clock."""
    session = api.create()
    seen = [version(api, session)]
    for write in (append, update, update, append_or_create, append_with_large_state):
        write(api, session)
        seen.append(version(api, session))
    assert len(set(seen)) == len(seen)


def test_what_changes_nothing_leaves_the_etag(api: Api) -> None:
    """Reads, a retry, refused writes, and writes to other sessions."""
    session, other = api.create(), api.create(user="another")
    append(api, session, requestId="r")
    before = etag(api, session)
    api.now += SECOND
    append(api, session, requestId="r")
    append(api, other)
    api.call("PATCH", session, {"labels": {"Wrong": "x"}})
    api.call("POST", f"{session}:appendEvent", {})
    api.ok("GET", f"{session}/events")
    assert etag(api, session) == before


@pytest.mark.parametrize("key", ["app:k", "user:k"])
def test_shared_state_moves_the_second_part_alone(api: Api, key: str) -> None:
    """A session of the same user shows another state, and has not been written to."""
    session, other = api.create(), api.create()
    before = etag(api, session)
    event = {**EVENT, "actions": {"stateDelta": {key: 1}}}
    api.ok("POST", f"{other}:appendEvent", event)
    after = etag(api, session)
    assert after != before
    assert after.partition(".")[0] == before.partition(".")[0]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("spelling", ['"{}"', "{}", 'W/"{}"', "version"])
@pytest.mark.parametrize("place", ["header", "parameter"])
def test_a_write_that_expects_the_current_etag_is_done(
    api: Api, write: Call, spelling: str, place: str
) -> None:
    """Whole or the session's part alone, with quotes or without, in either place."""
    session = api.create(sessionState={"app:x": 1})
    expected = version(api, session) if spelling == "version" else etag(api, session)
    text = expected if spelling == "version" else spelling.format(expected)
    sent = {"headers": {"If-Match": text}} if place == "header" else {"etag": text}
    assert write(api, session, **sent).status_code == 200
    if write is delete:
        assert api.call("GET", session).status == 404
    else:
        assert version(api, session) != expected.partition(".")[0]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("place", ["header", "parameter"])
def test_a_write_that_expects_another_etag_does_nothing(api: Api, write: Call, place: str) -> None:
    """409 ABORTED names both; sending it again does not help, so there is no Retry-After."""
    session = api.create(sessionState={"a": 1})
    old = etag(api, session)
    append(api, session)
    before = [api.ok("GET", session, view="FULL"), api.ok("GET", f"{session}/events")]
    sent = {"headers": {"If-Match": f'"{old}"'}} if place == "header" else {"etag": old}
    answer = write(api, session, **sent)
    assert answer.status_code == 409
    error = answer.json["error"]
    assert error["status"] == "ABORTED"
    assert error["message"] == (
        f"The session has changed: {session} has the etag {version(api, session)}, "
        f"and not {old.partition('.')[0]}."
    )
    assert "Retry-After" not in answer.headers
    assert [api.ok("GET", session, view="FULL"), api.ok("GET", f"{session}/events")] == before


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("expected", ["x", "0", "-1", "1", "3e8", "1-1", "f" * 15, "ff" * 200, "é"])
def test_an_etag_that_never_was_is_not_the_current_one(
    api: Api, write: Call, expected: str
) -> None:
    """Whatever the text: 409."""
    assert write(api, api.create(), etag=expected).status_code == 409


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("any_of", ["*", "", " "])
def test_a_write_that_expects_no_etag_is_done(api: Api, write: Call, any_of: str) -> None:
    """`*` is any, and an empty one is none."""
    assert write(api, api.create(), headers={"If-Match": any_of}, etag=any_of).status_code == 200


@pytest.mark.parametrize("write", WRITES)
def test_a_write_that_expects_several_etags_is_refused(api: Api, write: Call) -> None:
    """Also where the header and the parameter differ."""
    session = api.create()
    current = etag(api, session)
    for sent in (
        {"headers": {"If-Match": f'"{current}", "other"'}},
        {"headers": {"If-Match": f'"{current}"'}, "etag": "other"},
    ):
        assert write(api, session, **sent).status_code == 400
    both = {"headers": {"If-Match": f'"{current}"'}, "etag": current}
    assert write(api, session, **both).status_code == 200


@pytest.mark.parametrize("write", WRITES)
def test_a_session_that_is_not_there_is_404_whatever_the_etag(api: Api, write: Call) -> None:
    """Deleted or expired; an append with allowMissing creates none."""
    api.settings = replace(api.settings, min_ttl=0)
    deleted, over = api.create(), api.create(ttl="1s")
    api.ok("DELETE", deleted)
    expected = etag(api, over)
    api.now += 2 * SECOND
    for session in (deleted, over):
        answer = write(api, session, etag=expected)
        assert answer.status_code == 404
        assert answer.json["error"]["message"] == f"Session {session} not found."
        assert api.call("GET", session).status == 404


@pytest.mark.parametrize("write", WRITES)
def test_a_successor_of_the_same_name_has_another_etag(api: Api, write: Call) -> None:
    """What is expected of a session that was deleted does not hold for the next one."""
    session = api.create("s")
    expected = etag(api, session)
    api.ok("DELETE", session)
    api.create("s")
    assert write(api, session, etag=expected).status_code == 409


@pytest.mark.parametrize("write", APPENDS)
def test_a_retry_of_what_has_landed_is_done_before_its_etag_is_looked_at(
    api: Api, write: Call
) -> None:
    """The client sends what it sent, its etag included, and learns that it landed."""
    session = api.create()
    expected = etag(api, session)
    for _ in range(3):
        assert write(api, session, etag=expected, requestId="r").status_code == 200
        update(api, session)
    assert api.ok("GET", session, view="FULL")["eventCount"] == 1


def test_a_retry_by_the_id_of_its_event_is_done_too(api: Api) -> None:
    """`rawEvent.id`, as ADK sends it."""
    session = api.create()
    expected = etag(api, session)
    event = {**EVENT, "rawEvent": {"id": "e"}}
    for _ in range(2):
        api.ok("POST", f"{session}:appendEvent", event, etag=expected)
    assert api.call("POST", f"{session}:appendEvent", EVENT, etag=expected).status == 409


def test_a_get_of_what_the_client_has_is_304_without_a_body(api: Api) -> None:
    """One of several etags may match; `*` matches every session that is there."""
    session = api.create(sessionState={"app:a": 1})
    current = etag(api, session)
    for sent in (f'"{current}"', f'W/"{current}"', f'"other", "{current}"', "*"):
        answer = api.send("GET", session, headers={"If-None-Match": sent}, view="FULL")
        assert answer.status_code == 304
        assert answer.get_data() == b""
        assert etag_of(answer) == current
        assert "Content-Type" not in answer.headers
    assert api.send("GET", f"{session}0", headers={"If-None-Match": "*"}).status_code == 404


@pytest.mark.parametrize("key", ["a", "app:k", "user:k"])
def test_a_get_of_what_has_changed_is_whole(api: Api, key: str) -> None:
    """An event or a change of shared state; the session's part alone never matches."""
    session = api.create()
    current = etag(api, session)
    other = session if key == "a" else api.create()
    event = {**EVENT, "actions": {"stateDelta": {key: 1}}}
    api.ok("POST", f"{other}:appendEvent", event)
    for sent in (current, current.partition(".")[0]):
        answer = api.send("GET", session, headers={"If-None-Match": f'"{sent}"'})
        assert answer.status_code == 200
        assert answer.json["sessionState"] == {key: 1}


@pytest.mark.parametrize("write", WRITES)
def test_who_may_not_see_a_session_learns_no_etag_of_it(api: Api, write: Call) -> None:
    """Of another user's session, and of one that is not there: the same answer."""
    session = api.create(user="user-bob")
    ada = caller(api, "user-ada")
    query = {"userId": "user-ada"} if write is append_or_create else {}
    answer = write(ada, session, etag="x", **query)
    assert "etag" not in answer.get_data(as_text=True)
    assert answer.status_code in (400, 403, 404)
    assert api.ok("GET", session, view="FULL")["eventCount"] == 0


@contextlib.contextmanager
def answers_are_lost() -> Iterator[None]:
    """Each commit is applied, and gRPC sends it again, since no answer came."""
    commit = Rpc.commit

    def commit_twice(rpc: Rpc, writes: Any) -> Any:
        commit(rpc, writes)
        return commit(rpc, writes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rpc, "commit", commit_twice)
        yield


@pytest.mark.usefixtures("on_firestore")
@pytest.mark.parametrize("write", WRITES)
def test_a_write_knows_its_own_lost_answer(api: Api, write: Call) -> None:
    """It moved the etag itself: it is done, and done once."""
    session = api.create()
    expected = etag(api, session)
    query = {"requestId": "r"} if write in APPENDS else {}
    with answers_are_lost():
        assert write(api, session, etag=expected, **query).status_code == 200
    if write is delete:
        assert api.call("GET", session).status == 404
    else:
        assert api.ok("GET", session, view="FULL")["eventCount"] == (write in APPENDS)


@pytest.mark.usefixtures("on_firestore")
def test_the_check_costs_firestore_nothing_where_it_holds(api: Api) -> None:
    """It is a condition of the one commit. Where it fails, the event and the session are read."""
    session = api.create()
    current = etag(api, session)
    costs = []
    for status in (200, 409):
        spent: Counter[str] = Counter()
        with counted(spent):
            assert append(api, session, etag=current).status_code == status
        costs.append({name: spent[name] for name in ("calls", "reads", "writes")})
    assert costs == [{"calls": 1, "reads": 0, "writes": 2}, {"calls": 2, "reads": 2, "writes": 0}]
