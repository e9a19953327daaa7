"""The purge of a session's events by a filter; see google.aip.dev/165."""

import threading
from dataclasses import replace
from typing import Any

import pytest

from tests.support.api import SECOND, Api
from tests.support.store_documents import documents_below
from tests.support.streams import name_of


def filled(api: Api, count: int, **fields: Any) -> str:
    """A session with so many events, of invocations `i0` and `i1` in turn."""
    session = api.create()
    for number in range(count):
        time = f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z"
        raw = {"id": f"e{number}"}
        answer = api.append(session, time, invocationId=f"i{number % 2}", rawEvent=raw, **fields)
        assert answer.status == 200, answer.text
    return session


def purge(api: Api, session: str, text: str = "*", request_id: str = "", **body: Any) -> Any:
    query = {"requestId": request_id} if request_id else {}
    return api.ok("POST", f"{session}/events:purge", {"filter": text, **body}, **query)


def names(api: Api, session: str) -> list[str]:
    return [event["name"] for event in api.walk(f"{session}/events", "sessionEvents")]


def test_a_purge_without_force_says_what_it_would_remove(api: Api) -> None:
    session = filled(api, 3)
    before = names(api, session), api.ok("GET", session)
    assert purge(api, session) == {"purgeCount": 3, "purgeSample": before[0]}
    assert purge(api, session, 'invocation_id="i1"') == {
        "purgeCount": 1,
        "purgeSample": before[0][1:2],
    }
    assert (names(api, session), api.ok("GET", session)) == before


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("*", []),
        ('invocation_id="i0"', [1, 3]),
        ('timestamp<"2026-01-01T00:00:02Z"', [2, 3]),
        ("event_type=INPUT_MESSAGE", [0, 1, 2, 3]),
        ('author="user" AND NOT invocation_id="i1"', [1, 3]),
        ('author="other"', [0, 1, 2, 3]),
    ],
)
def test_a_purge_removes_what_matches_and_nothing_else(
    api: Api, text: str, left: list[int]
) -> None:
    session = filled(api, 4)
    before = names(api, session)
    answer = purge(api, session, text, force=True)
    assert names(api, session) == [before[number] for number in left]
    gone = [name for number, name in enumerate(before) if number not in left]
    assert answer == {"purgeCount": len(gone), **({"purgeSample": gone} if gone else {})}


@pytest.mark.parametrize("body", [{}, {"filter": ""}, {"filter": "  ", "force": True}])
def test_a_purge_needs_a_filter(api: Api, body: dict[str, Any]) -> None:
    session = filled(api, 1)
    answer = api.call("POST", f"{session}/events:purge", body)
    assert answer.status == 400
    assert "filter" in answer.json["error"]["message"]
    assert len(names(api, session)) == 1


def test_a_bad_filter_says_where(api: Api) -> None:
    answer = api.call(
        "POST", f"{filled(api, 0)}/events:purge", {"filter": "author=", "force": True}
    )
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")


def test_a_purge_of_a_session_that_is_not_there_is_not_found(api: Api) -> None:
    session = api.create(ttl="86400s")
    api.now += 86400 * SECOND
    for name in (session, f"{api.engine}/sessions/none"):
        answer = api.call("POST", f"{name}/events:purge", {"filter": "*", "force": True})
        assert (answer.status, answer.json["error"]["message"]) == (
            404,
            f"Session {name} not found.",
        )


def test_a_purge_counts_down_and_moves_the_session_not_its_state(api: Api) -> None:
    session = filled(api, 5, actions={"stateDelta": {"k": 1}})
    before = api.ok("GET", session)
    purge(api, session, 'timestamp>"2026-01-01T00:00:02Z"', force=True)
    after = api.ok("GET", session)
    assert after["updateTime"] > before["updateTime"]
    assert after["sessionState"] == before["sessionState"]
    record = api.store.get_session(name_of(session), api.now)
    assert record.event_count == 3
    assert record.last_event_time is not None
    assert record.last_event_time // SECOND % 60 == 2


def test_the_retry_of_an_append_meets_a_purged_event(api: Api) -> None:
    session = filled(api, 1)
    purge(api, session, force=True)
    again = api.append(session, "2026-01-01T00:00:00Z", invocationId="i0", rawEvent={"id": "e0"})
    assert again.status == 200
    assert names(api, session) == []


def test_a_retry_with_its_request_id_removes_no_more(api: Api) -> None:
    """Events that came since stay, and the answer is that of the first."""
    session = filled(api, 2)
    first = purge(api, session, force=True, request_id="r")
    assert first["purgeCount"] == 2
    api.append(session, "2026-01-01T00:00:09Z")
    assert purge(api, session, force=True, request_id="r") == first
    assert len(names(api, session)) == 1
    assert purge(api, session, request_id="r")["purgeCount"] == 1
    assert purge(api, session, 'author="user"', force=True, request_id="r")["purgeCount"] == 1
    assert purge(api, session, force=True, request_id="other") == {"purgeCount": 0}


def test_what_a_purge_keeps_of_its_answer_is_no_event(api: Api) -> None:
    """No list, no count and no stream has it; it goes with its session."""
    session = filled(api, 1)
    purge(api, session, 'author="other"', force=True, request_id="r")
    assert len(names(api, session)) == 1
    assert purge(api, session)["purgeCount"] == 1
    api.ok("DELETE", session)
    assert documents_below(api.store, api.engine) == {}


def test_a_purge_that_runs_out_of_time_goes_on_with_the_next(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call removes a batch at least."""
    monkeypatch.setattr("functions.store.firestore.compacting._EVENTS", 2)
    monkeypatch.setattr("functions.store.sqlite.event_changes._ROWS", 2)
    session = filled(api, 5)
    api.settings = replace(api.settings, work_time_limit=1)
    counts = []
    for _ in range(10):
        answer = purge(api, session, force=True, request_id="r")
        counts.append(answer["purgeCount"])
        if "done" not in answer:
            break
        assert answer["done"] is False
    assert sum(counts) == 5
    assert counts[0] == 2
    assert names(api, session) == []


def test_a_sample_has_a_hundred_names(api: Api) -> None:
    session = filled(api, 101)
    answer = purge(api, session, force=True)
    assert (answer["purgeCount"], len(answer["purgeSample"])) == (101, 100)


def test_appends_during_a_purge_are_neither_lost_nor_miscounted(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The purge removes what matched when it began; each write counts what it did."""
    monkeypatch.setattr("functions.store.firestore.compacting._EVENTS", 3)
    monkeypatch.setattr("functions.store.sqlite.event_changes._ROWS", 3)
    session = filled(api, 12)

    def write() -> None:
        for number in range(6):
            answer = api.append(session, f"2026-01-02T00:00:{number:02}Z", author="later")
            answers.append(answer.status)

    answers: list[int] = []
    writer = threading.Thread(target=write)
    writer.start()
    removed = purge(api, session, 'author="user"', force=True)["purgeCount"]
    writer.join()
    assert (removed, answers) == (12, [200] * 6)
    left = api.walk(f"{session}/events", "sessionEvents")
    assert [event["author"] for event in left] == ["later"] * 6
    record = api.store.get_session(name_of(session), api.now)
    assert record.event_count == 6
    assert record.last_event_time is not None
    assert record.last_event_time // SECOND % 60 == 5
