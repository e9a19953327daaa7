"""What each method asks of Firestore is what docs/cost.md says, call by call."""

import secrets
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from typing import Any

import pytest

from functions.config.settings import Settings
from functions.rules.limits import MAX_DOCUMENT_BYTES
from functions.store.opening import open_store
from tests.support.api import SECOND, Api
from tests.support.budget import BUDGET, COUNTS, counted, evaluate
from tests.support.project import LOCATION
from tests.support.summarizer import summarizing

Counting = Callable[[], AbstractContextManager[None]]
Scenario = Callable[..., None]


SCENARIOS: dict[tuple[str, str], tuple[Scenario, tuple[dict[str, int], ...]]] = {}


def row(method: str, case: str, *values: dict[str, int]) -> Callable[[Scenario], Scenario]:
    """Names the row that a scenario proves, and the values of n, m and k to prove it for."""

    def register(scenario: Scenario) -> Scenario:
        SCENARIOS[method, case] = (scenario, values or ({},))
        return scenario

    return register


def fill(api: Api, session: str, events: int) -> None:
    for number in range(events):
        assert api.append(session, invocationId=f"i{number}").status == 200


@row("create_session", "a user's first session, without state")
def create_first(api: Api, counting: Counting) -> None:
    with counting():
        api.create()


@row("create_session", "a later session, without state")
def create_later(api: Api, counting: Counting) -> None:
    api.create()
    with counting():
        api.create()


@row("create_session", "a later session, with state")
def create_with_state(api: Api, counting: Counting) -> None:
    api.create()
    with counting():
        api.create(sessionState={"a": 1})


@row("create_session", "first session, with state, app: and first user: state")
def create_with_shared_state(api: Api, counting: Counting) -> None:
    with counting():
        api.create(sessionState={"a": 1, "app:b": 1, "user:c": 1})


@row("get_session", "no user state in the engine")
def get_without_user_state(api: Api, counting: Counting) -> None:
    session = api.create(sessionState={"a": 1, "app:b": 1})
    with counting():
        api.ok("GET", session)


@row("get_session", "user state in the engine")
def get_with_user_state(api: Api, counting: Counting) -> None:
    api.create(user="another", sessionState={"user:c": 1})
    session = api.create()
    with counting():
        api.ok("GET", session)


@row("update_session", "a display name")
def update(api: Api, counting: Counting) -> None:
    session = api.create()
    with counting():
        api.ok("PATCH", session, {"displayName": "renamed"})


@row("update_session", "state")
def update_state(api: Api, counting: Counting) -> None:
    session = api.create(sessionState={"a": 1})
    with counting():
        api.ok("PATCH", session, {"sessionState": {"b": 2}})


@row("delete_session", "n events, fewer than 400", {"n": 0}, {"n": 5})
def delete(api: Api, counting: Counting, n: int) -> None:
    session = api.create()
    fill(api, session, n)
    with counting():
        api.ok("DELETE", session)


@row("fork_session", "all n events, fewer than 398, never patched", {"n": 0}, {"n": 5})
def fork(api: Api, counting: Counting, n: int) -> None:
    session = api.create()
    fill(api, session, n)
    with counting():
        assert api.ok("POST", f"{session}:fork", {})["done"]


@row(
    "fork_session",
    "n events before an invocation of k",
    *({"n": n, "k": k} for n, k in ((0, 1), (4, 3))),
)
def fork_before_an_invocation(api: Api, counting: Counting, n: int, k: int) -> None:
    session = behind(api, n, k)
    with counting():
        assert api.ok("POST", f"{session}:fork", {"beforeInvocationId": "last"})["done"]


@row("fork_session", "n events, through the last of them", {"n": 1}, {"n": 5})
def fork_through_an_event(api: Api, counting: Counting, n: int) -> None:
    session = api.create()
    fill(api, session, n)
    last = api.ok("GET", f"{session}/events", orderBy="timestamp desc")["sessionEvents"][0]
    with counting():
        assert api.ok("POST", f"{session}:fork", {"throughEvent": last["name"]})["done"]


@row("fork_session", "a retry of one that is complete")
def fork_again(api: Api, counting: Counting) -> None:
    session = api.create()
    api.ok("POST", f"{session}:fork", {"sessionId": "f"})
    with counting():
        assert api.ok("POST", f"{session}:fork", {"sessionId": "f"})["done"]


@row(
    "rewind_session",
    "before an invocation of k events, behind n events",
    *({"n": n, "k": k} for n, k in ((0, 1), (4, 3))),
)
def rewind(api: Api, counting: Counting, n: int, k: int) -> None:
    session = behind(api, n, k)
    with counting():
        api.ok("POST", f"{session}:rewind", {"beforeInvocationId": "last"})


def behind(api: Api, n: int, k: int) -> str:
    """A session of n events, and behind them k of the invocation `last`.

    They arrive in different milliseconds: Firestore says no more of the time of an arrival, so that
    a query may find events that came right after those it is for.
    """
    session = api.create()
    fill(api, session, n)
    for _ in range(k):
        assert api.append(session, invocationId="last").status == 200
        arrived = time.time_ns() // 10**6
        while time.time_ns() // 10**6 == arrived:
            pass
    return session


@row("list_sessions", "first page, the last one, of n", {"n": 0}, {"n": 4})
def list_all_sessions(api: Api, counting: Counting, n: int) -> None:
    for _ in range(n):
        api.create()
    with counting():
        assert len(api.ok("GET", f"{api.engine}/sessions").get("sessions", [])) == n


@row("list_sessions", "first page of n, more behind", {"n": 1}, {"n": 4})
def list_first_sessions(api: Api, counting: Counting, n: int) -> None:
    for _ in range(n + 2):
        api.create()
    with counting():
        assert api.ok("GET", f"{api.engine}/sessions", pageSize=n)["nextPageToken"]


@row(
    "list_sessions",
    "first page of n of one user, more behind, user state in the engine",
    {"n": 1},
    {"n": 4},
)
def list_sessions_of_a_user(api: Api, counting: Counting, n: int) -> None:
    for _ in range(n + 2):
        api.create(sessionState={"user:a": 1})
    with counting():
        assert api.ok("GET", f"{api.engine}/sessions", pageSize=n)["nextPageToken"]


@row(
    "list_sessions",
    "later page of n by update_time, more behind, m moved",
    *({"n": n, "m": m} for n, m in ((4, 0), (4, 1), (3, 3), (100, 5))),
)
def list_later_sessions(api: Api, counting: Counting, n: int, m: int) -> None:
    # Walks take part in real time, by Firestore's clock; what is a minute old stands still.
    api.now = time.time_ns() // 1000 * 1000 - 60 * SECOND
    sessions = [api.create(f"s{number:03}") for number in range(2 * n + 2)]
    api.now += 60 * SECOND
    query = {"pageSize": n, "orderBy": "update_time"}
    first = api.ok("GET", f"{api.engine}/sessions", **query)
    assert [session["name"] for session in first["sessions"]] == sessions[:n]
    api.now = max(api.now + 1000, time.time_ns() // 1000 * 1000)
    for session in sessions[:m]:
        assert api.append(session).status == 200
    with counting():
        token = first["nextPageToken"]
        later = api.ok("GET", f"{api.engine}/sessions", pageToken=token, **query)
    assert [session["name"] for session in later["sessions"]] == sessions[n : 2 * n]


@row(
    "list_sessions",
    "all engines, first page of n in k engines, more behind",
    *({"n": n, "k": k} for n, k in ((1, 1), (4, 2))),
)
def list_sessions_across_engines(api: Api, counting: Counting, n: int, k: int) -> None:
    page_across_engines(api, counting, n, k, {"app:a": 1})


@row(
    "list_sessions",
    "the same, a user in each engine, user state in all",
    *({"n": n, "k": k} for n, k in ((1, 1), (4, 2))),
)
def list_sessions_of_users_across_engines(api: Api, counting: Counting, n: int, k: int) -> None:
    page_across_engines(api, counting, n, k, {"user:a": 1})


@row(
    "list_sessions",
    "all engines, a page of 1, a user's last, behind k of the user in other locations",
    *({"k": k} for k in (0, 3, 10, 40)),
)
def list_sessions_behind_other_locations(api: Api, counting: Counting, k: int) -> None:
    locations = [f"{LOCATION}-{secrets.token_hex(4)}" for _ in range(2)]
    user = secrets.token_hex(8)
    for location, count in zip(locations, (1, k), strict=True):
        api.engine = f"{location}/reasoningEngines/1"
        for _ in range(count):
            api.create(user=user)
            api.now += SECOND
    query = {"pageSize": 1, "filter": f"user_id={user}"}
    with counting():
        page = api.ok("GET", f"{locations[0]}/reasoningEngines/-/sessions", **query)
    assert len(page["sessions"]) == 1
    assert "nextPageToken" not in page


def page_across_engines(
    api: Api, counting: Counting, n: int, k: int, state: dict[str, Any]
) -> None:
    location = f"projects/test-project/locations/budget-{secrets.token_hex(4)}"
    for number in range(n + 2):
        api.engine = f"{location}/reasoningEngines/{number % k}"
        api.create(sessionState=state)
    with counting():
        page = api.ok("GET", f"{location}/reasoningEngines/-/sessions", pageSize=n)
    assert page["nextPageToken"]
    assert len({session["name"].split("/")[5] for session in page["sessions"]}) == k


@row("append_event", "a small state delta, or none")
def append_plainly(api: Api, counting: Counting) -> None:
    session = api.create()
    with counting():
        assert api.append(session, actions={"stateDelta": {"a": 1, "temp:b": 1}}).status == 200


@row("append_event", "a session's state delta of more than 16 KiB")
def append_with_large_state(api: Api, counting: Counting) -> None:
    session = api.create()
    with counting():
        assert api.append(session, actions={"stateDelta": {"a": "x" * 17_000}}).status == 200


@row("append_event", "app: keys")
def append_with_app_keys(api: Api, counting: Counting) -> None:
    session = api.create()
    with counting():
        assert api.append(session, actions={"stateDelta": {"a": 1, "app:b": 1}}).status == 200


@row("append_event", "the engine's first user: keys")
def append_with_first_user_keys(api: Api, counting: Counting) -> None:
    session = api.create()
    with counting():
        assert api.append(session, actions={"stateDelta": {"a": 1, "user:b": 1}}).status == 200


@row("append_event", "later user: keys")
def append_with_later_user_keys(api: Api, counting: Counting) -> None:
    session = api.create(sessionState={"user:b": 1})
    with counting():
        assert api.append(session, actions={"stateDelta": {"a": 1, "user:b": 2}}).status == 200


@row("append_event", "a retry")
def append_again(api: Api, counting: Counting) -> None:
    session = api.create()
    fields: dict[str, Any] = {"rawEvent": {"id": "e"}, "actions": {"stateDelta": {"a": 1}}}
    assert api.append(session, **fields).status == 200
    with counting():
        assert api.append(session, **fields).status == 200


@row("append_event", "a large event, in k parts", {"k": 2}, {"k": 3})
def append_large_event(api: Api, counting: Counting, k: int) -> None:
    session = api.create()
    with counting():
        assert api.append(session, content=text_in_parts(k)).status == 200


def text_in_parts(count: int) -> dict[str, Any]:
    """A content that takes so many documents."""
    return {"parts": [{"text": "x" * (count * MAX_DOCUMENT_BYTES - 1_000)}]}


@row("append_event", "allowMissing, the session is there")
def append_where_a_session_is(api: Api, counting: Counting) -> None:
    append_or_create(api, counting, api.create())


@row("append_event", "allowMissing, a user's first session is missing")
def append_where_no_session_is(api: Api, counting: Counting) -> None:
    append_or_create(api, counting, f"{api.engine}/sessions/s")


@row("append_event", "allowMissing, a later session is missing")
def append_where_a_later_session_is_missing(api: Api, counting: Counting) -> None:
    api.create()
    append_or_create(api, counting, f"{api.engine}/sessions/s")


@row("append_event", "allowMissing, first session under an id of ours")
def append_to_a_session_of_its_own(api: Api, counting: Counting) -> None:
    append_or_create(api, counting, f"{api.engine}/sessions/-")


def append_or_create(api: Api, counting: Counting, session: str) -> None:
    query = "?allowMissing=true&userId=u"
    body = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
    with counting():
        api.ok("POST", f"{session}:appendEvent{query}", body)


def batch(n: int, **delta: Any) -> dict[str, Any]:
    """A body of so many events that may be sent again."""
    fields = {"author": "a", "timestamp": "2026-01-01T00:00:00Z", "actions": {"stateDelta": delta}}
    return {"events": [{**fields, "invocationId": f"i{number}"} for number in range(n)]}


@row("batch_append_events", "n events, small state deltas", {"n": 1}, {"n": 100})
def append_batch(api: Api, counting: Counting, n: int) -> None:
    session = api.create()
    with counting():
        api.ok("POST", f"{session}:batchAppendEvents", batch(n, a=1))


@row("batch_append_events", "n events, app: keys", {"n": 3})
def append_batch_with_app_keys(api: Api, counting: Counting, n: int) -> None:
    session = api.create()
    with counting():
        api.ok("POST", f"{session}:batchAppendEvents", batch(n, **{"app:a": 1}))


@row(
    "batch_append_events",
    "n events, k of which landed before",
    *({"n": n, "k": k} for n, k in ((2, 1), (10, 3))),
)
def append_rest_of_batch(api: Api, counting: Counting, n: int, k: int) -> None:
    session = api.create()
    api.ok("POST", f"{session}:batchAppendEvents", batch(k), requestId="r")
    with counting():
        api.ok("POST", f"{session}:batchAppendEvents", batch(n), requestId="r")


@row("batch_append_events", "a retry of n events", {"n": 2}, {"n": 10})
def append_batch_again(api: Api, counting: Counting, n: int) -> None:
    session = api.create()
    api.ok("POST", f"{session}:batchAppendEvents", batch(n), requestId="r")
    with counting():
        api.ok("POST", f"{session}:batchAppendEvents", batch(n), requestId="r")


@row("batch_append_events", "allowMissing, n events, the session is there", {"n": 3})
def append_or_create_batch(api: Api, counting: Counting, n: int) -> None:
    session = api.create()
    query = {"allowMissing": "true", "userId": "u"}
    with counting():
        api.ok("POST", f"{session}:batchAppendEvents", batch(n), **query)


@row("list_events", "the last page, of n", {"n": 0}, {"n": 5})
def list_all_events(api: Api, counting: Counting, n: int) -> None:
    session = api.create()
    fill(api, session, n)
    with counting():
        assert len(api.ok("GET", f"{session}/events").get("sessionEvents", [])) == n


@row("list_events", "a page of n, more behind", {"n": 1}, {"n": 5})
def list_first_events(api: Api, counting: Counting, n: int) -> None:
    session = api.create()
    fill(api, session, n + 2)
    with counting():
        assert api.ok("GET", f"{session}/events", pageSize=n)["nextPageToken"]


@row(
    "list_events",
    "a page of n, more behind, of which large ones have k parts together",
    {"n": 1, "k": 2},
    {"n": 4, "k": 4},
)
def list_large_events(api: Api, counting: Counting, n: int, k: int) -> None:
    session = api.create()
    for _ in range(k // 2):
        assert api.append(session, content=text_in_parts(2)).status == 200
    fill(api, session, n)
    with counting():
        assert api.ok("GET", f"{session}/events", pageSize=n)["nextPageToken"]


@row("list_events", "the last page, of n of one invocation among others", {"n": 1}, {"n": 5})
def list_events_of_an_invocation(api: Api, counting: Counting, n: int) -> None:
    session = runs_of(api, 3, n)
    with counting():
        found = api.ok("GET", f"{session}/events", filter='invocation_id="i1"')
    assert len(found["sessionEvents"]) == n


@row("list_events", "view=ORIGINAL, the last page, of n, all compacted", {"n": 1}, {"n": 5})
def list_original_events(api: Api, counting: Counting, n: int) -> None:
    session = thinking(api, n)
    compact(api, session, keep=0)
    with counting():
        found = api.ok("GET", f"{session}/events", view="ORIGINAL")
    assert len(found["sessionEvents"]) == n


@row("get_event", "any")
def get_event(api: Api, counting: Counting) -> None:
    first, _ = events_of(api, thinking(api, 2))
    with counting():
        api.ok("GET", first)


@row("get_event", "view=ORIGINAL, compacted")
def get_original_event(api: Api, counting: Counting) -> None:
    session = thinking(api, 2)
    compact(api, session, keep=0)
    first, _ = events_of(api, session)
    with counting():
        api.ok("GET", first, view="ORIGINAL")


@row("update_event", "not compacted")
def update_event(api: Api, counting: Counting) -> None:
    first, _ = events_of(api, thinking(api, 2))
    with counting():
        api.ok("PATCH", first, {"errorMessage": "changed"})


@row("update_event", "compacted")
def update_compacted_event(api: Api, counting: Counting) -> None:
    session = thinking(api, 2)
    compact(api, session, keep=0)
    first, _ = events_of(api, session)
    with counting():
        api.ok("PATCH", first, {"errorMessage": "changed"})


@row("delete_event", "not the newest")
def delete_event(api: Api, counting: Counting) -> None:
    first, _ = events_of(api, thinking(api, 2))
    with counting():
        api.ok("DELETE", first)


@row("delete_event", "the newest of n", {"n": 1}, {"n": 2}, {"n": 4})
def delete_newest_event(api: Api, counting: Counting, n: int) -> None:
    *_, last = events_of(api, thinking(api, n))
    with counting():
        api.ok("DELETE", last)


@row("delete_event", "compacted, not the newest")
def delete_compacted_event(api: Api, counting: Counting) -> None:
    session = thinking(api, 2)
    compact(api, session, keep=0)
    first, _ = events_of(api, session)
    with counting():
        api.ok("DELETE", first)


@row("purge_events", "without force, n events", {"n": 0}, {"n": 3})
def count_events(api: Api, counting: Counting, n: int) -> None:
    session = thinking(api, n)
    with counting():
        assert api.ok("POST", f"{session}/events:purge", {"filter": "*"})["purgeCount"] == n


@row("purge_events", "all n events, fewer than 100", {"n": 1}, {"n": 5})
def purge_all_events(api: Api, counting: Counting, n: int) -> None:
    session = thinking(api, n)
    with counting():
        api.ok("POST", f"{session}/events:purge", {"filter": "*", "force": True})


@row("purge_events", "n older events of more, with a requestId", {"n": 1}, {"n": 3})
def purge_older_events(api: Api, counting: Counting, n: int) -> None:
    session = thinking(api, n + 2)
    body = {"filter": f'timestamp < "2026-01-01T00:00:{n:02}Z"', "force": True}
    with counting():
        answer = api.ok("POST", f"{session}/events:purge", body, requestId="r")
    assert answer["purgeCount"] == n


@row(
    "compact_session",
    "event editing changes k of n events, fewer than 100",
    *({"n": n, "k": k} for n, k in ((1, 1), (7, 4))),
)
def compact_events(api: Api, counting: Counting, n: int, k: int) -> None:
    session = thinking(api, n)
    with counting():
        compact(api, session, keep=n - k)


@row("compact_session", "event editing changes nothing, n events", {"n": 1}, {"n": 5})
def compact_events_again(api: Api, counting: Counting, n: int) -> None:
    session = thinking(api, n)
    compact(api, session, keep=0)
    with counting():
        compact(api, session, keep=0)


@row("compact_session", "a summary of k of n events", {"n": 7, "k": 4})
def summarize_events(api: Api, counting: Counting, n: int, k: int) -> None:
    session = thinking(api, n)
    with summarizing() as summarizer:
        settings = {"summarizer_url": summarizer.url, "summarizer_target_bytes": 0}
        api.settings = replace(api.settings, **settings)
        with counting():
            compact(api, session, keep=n - k, kind="summarization")
    assert [len(body["events"]) for body in summarizer.asked] == [k]


def thinking(api: Api, count: int) -> str:
    """A session with so many events, a second and an invocation each, that compaction changes."""
    session = api.create()
    for number in range(count):
        content = {"parts": [{"text": "hm", "thought": True}, {"text": "hi"}]}
        time = f"2026-01-01T00:00:{number:02}Z"
        answer = api.append(session, time, invocationId=f"i{number}", content=content)
        assert answer.status == 200
    return session


def events_of(api: Api, session: str) -> list[str]:
    return [event["name"] for event in api.walk(f"{session}/events", "sessionEvents")]


def compact(api: Api, session: str, keep: int, kind: str = "eventEditing") -> None:
    api.settings = replace(api.settings, compact_keep_invocations=keep)
    api.ok("POST", f"{session}:compact", {"compaction": {kind: {"mode": "AUTO"}}})


@row(
    "list_runs",
    "the last page, of n runs of k events",
    *({"n": n, "k": k} for n, k in ((0, 0), (3, 2), (31, 2))),
)
def list_all_runs(api: Api, counting: Counting, n: int, k: int) -> None:
    session = runs_of(api, n, k)
    with counting():
        assert len(api.ok("GET", f"{session}/runs").get("runs", [])) == n


@row(
    "list_runs",
    "a page of n runs of k events, one run behind",
    *({"n": n, "k": k} for n, k in ((1, 3), (4, 2), (1, 10))),
)
def list_first_runs(api: Api, counting: Counting, n: int, k: int) -> None:
    session = runs_of(api, n + 1, k)
    with counting():
        assert api.ok("GET", f"{session}/runs", pageSize=n)["nextPageToken"]


@row(
    "list_runs",
    "a later page, the last one, of n runs of k events behind one",
    *({"n": n, "k": k} for n, k in ((1, 3), (4, 2))),
)
def list_later_runs(api: Api, counting: Counting, n: int, k: int) -> None:
    session = runs_of(api, n + 1, k)
    token = api.ok("GET", f"{session}/runs", pageSize=1)["nextPageToken"]
    with counting():
        assert len(api.ok("GET", f"{session}/runs", pageToken=token)["runs"]) == n


@row("get_run", "a run of n events on one page, among others", {"n": 1}, {"n": 5})
def get_run(api: Api, counting: Counting, n: int) -> None:
    session = runs_of(api, 2, n)
    with counting():
        assert len(api.ok("GET", f"{session}/runs/i1")["sessionEvents"]) == n


@row("get_run", "a later page, the last one, of a run of n events", {"n": 3})
def get_run_further(api: Api, counting: Counting, n: int) -> None:
    path = f"{runs_of(api, 2, n)}/runs/i1"
    token = api.ok("GET", path, pageSize=n - 1)["nextPageToken"]
    with counting():
        assert len(api.ok("GET", path, pageSize=n - 1, pageToken=token)["sessionEvents"]) == 1


def runs_of(api: Api, runs: int, events: int) -> str:
    """A session of so many runs, `i0` and so on, of so many events each."""
    session = api.create()
    for number in range(runs):
        for _ in range(events):
            assert api.append(session, invocationId=f"i{number}").status == 200
    return session


@row(
    "purge_expired_sessions",
    "k sessions of n events, fewer than 800 documents",
    *({"k": k, "n": n} for k, n in ((0, 0), (3, 0), (3, 5), (3, 130), (45, 1), (250, 1))),
)
def purge(api: Api, counting: Counting, k: int, n: int) -> None:
    # A purge by a clock that is far ahead: the next one begins at the start.
    api.store.purge(api.now + 7200 * SECOND, lambda: False)
    api.settings = replace(api.settings, min_ttl=0)
    for number in range(k):
        fill(api, api.create(f"s{number}", ttl="1s"), n)
    api.now += SECOND
    with counting():
        answer = api.ok("POST", "sessions:purgeExpired")
    assert answer == {"purgedSessions": k, "deletedEvents": k * n, "done": True}


@row("purge_expired_sessions", "nothing, behind k sessions purged before", {"k": 0}, {"k": 3})
def purge_again(api: Api, counting: Counting, k: int) -> None:
    api.store.purge(api.now + 7200 * SECOND, lambda: False)
    api.settings = replace(api.settings, min_ttl=0)
    for _ in range(k):
        api.create(ttl="1s")
    api.now += SECOND
    assert api.ok("POST", "sessions:purgeExpired")["purgedSessions"] == k
    with counting():
        assert api.ok("POST", "sessions:purgeExpired")["purgedSessions"] == 0


@row("get_app_state", "any")
def get_app_state(api: Api, counting: Counting) -> None:
    with counting():
        api.ok("GET", f"{api.engine}/state")


@row("update_app_state", "any")
def update_app_state(api: Api, counting: Counting) -> None:
    with counting():
        api.ok("PATCH", f"{api.engine}/state", {"state": {"a": 1}})


@row("get_user_state", "any")
def get_user_state(api: Api, counting: Counting) -> None:
    with counting():
        api.ok("GET", f"{api.engine}/users/u/state")


@row("update_user_state", "the engine's first user state")
def update_first_user_state(api: Api, counting: Counting) -> None:
    with counting():
        api.ok("PATCH", f"{api.engine}/users/u/state", {"state": {"a": 1}})


@row("update_user_state", "later user state")
def update_later_user_state(api: Api, counting: Counting) -> None:
    api.create(user="another", sessionState={"user:c": 1})
    with counting():
        api.ok("PATCH", f"{api.engine}/users/u/state", {"state": {"a": 1}})


@row("list_users", "the last page, of n", {"n": 0}, {"n": 3})
def list_users(api: Api, counting: Counting, n: int) -> None:
    for number in range(n):
        api.create(user=f"u{number}")
    with counting():
        assert len(api.ok("GET", f"{api.engine}/users").get("users", [])) == n


@row("erase_user", "nobody")
def erase_nobody(api: Api, counting: Counting) -> None:
    with counting():
        api.ok("POST", f"{api.engine}/users/u:erase")


@row(
    "erase_user",
    "k sessions of n events, fewer than 400 documents",
    *({"k": k, "n": n} for k, n in ((1, 0), (3, 0), (3, 5))),
)
def erase_user(api: Api, counting: Counting, k: int, n: int) -> None:
    for number in range(k):
        fill(api, api.create(f"s{number}"), n)
    with counting():
        erased = api.ok("POST", f"{api.engine}/users/u:erase")
    assert erased == {"erasedSessions": k, "erasedEvents": k * n, "done": True}


@row("erase_user", "a dry run, k sessions", {"k": 0}, {"k": 3})
def count_user(api: Api, counting: Counting, k: int) -> None:
    for _ in range(k):
        fill(api, api.create(), 2)
    with counting():
        api.ok("POST", f"{api.engine}/users/u:erase", dryRun="true")


@row(
    "export_sessions",
    "k sessions of n events, fewer than 5,000 documents, of one user",
    {"k": 1, "n": 0},
    {"k": 2, "n": 3},
)
def export_sessions(api: Api, counting: Counting, k: int, n: int) -> None:
    for _ in range(k):
        fill(api, api.create(), n)
    with counting():
        exported(api)


@row(
    "import_sessions",
    "k sessions of n events, fewer than 398 each, of one user",
    {"k": 1, "n": 1},
    {"k": 2, "n": 3},
)
def import_sessions(api: Api, counting: Counting, k: int, n: int) -> None:
    for _ in range(k):
        fill(api, api.create(), n)
    lines = exported(api)
    copy = replace(api, engine=f"{api.engine}0")
    with counting():
        answer = copy.ok("POST", f"{copy.engine}:import", lines)
    assert (answer["importedSessions"], answer["importedEvents"]) == (k, k * n)


@row(
    "import_sessions",
    "the same, all there",
    {"k": 1, "n": 1},
    {"k": 2, "n": 3},
)
def import_again(api: Api, counting: Counting, k: int, n: int) -> None:
    for _ in range(k):
        fill(api, api.create(), n)
    lines = exported(api)
    with counting():
        api.ok("POST", f"{api.engine}:import", lines)


def exported(api: Api) -> bytes:
    return api.send("GET", f"{api.engine}:export").get_data()


@row("create_reasoning_engine", "any")
def create_engine(api: Api, counting: Counting) -> None:
    with counting():
        new_engine(api)


@row("get_reasoning_engine", "any")
def get_engine(api: Api, counting: Counting) -> None:
    engine = new_engine(api)
    with counting():
        api.ok("GET", engine)


@row("list_reasoning_engines", "the last page, of n", {"n": 0}, {"n": 3})
def list_engines(api: Api, counting: Counting, n: int) -> None:
    location = f"projects/test-project/locations/budget-{secrets.token_hex(4)}"
    for _ in range(n):
        new_engine(api, location)
    with counting():
        found = api.ok("GET", f"{location}/reasoningEngines")
    assert len(found.get("reasoningEngines", [])) == n


@row("update_reasoning_engine", "a display name")
def update_engine(api: Api, counting: Counting) -> None:
    engine = new_engine(api)
    with counting():
        api.ok("PATCH", engine, {"displayName": "renamed"}, updateMask="displayName")


@row("delete_reasoning_engine", "without sessions and user state")
def delete_engine(api: Api, counting: Counting) -> None:
    engine = new_engine(api)
    with counting():
        api.ok("DELETE", engine)


@row(
    "delete_reasoning_engine",
    "with force, n sessions of one event, fewer than 200, of one user",
    {"n": 1},
    {"n": 3},
)
def delete_engine_with_sessions(api: Api, counting: Counting, n: int) -> None:
    api.engine = new_engine(api)
    for _ in range(n):
        fill(api, api.create(), 1)
    with counting():
        assert api.ok("DELETE", api.engine, force="true")["done"]


def new_engine(api: Api, location: str = "") -> str:
    parent = location or api.engine.partition("/reasoningEngines/")[0]
    created = api.ok("POST", f"{parent}/reasoningEngines", {"displayName": "e"})
    name: str = created["response"]["name"]
    return name


CASES = [
    pytest.param(key, values, id=", ".join((*key, *(f"{k}={v}" for k, v in values.items()))))
    for key, (_, choices) in SCENARIOS.items()
    for values in choices
]


@pytest.mark.parametrize("store_environment", ["firestore"], indirect=True, scope="module")
@pytest.mark.parametrize(("key", "values"), CASES)
def test_a_method_costs_what_the_page_says(
    api: Api, key: tuple[str, str], values: dict[str, int]
) -> None:
    """Round trips and billed documents are those of the row in docs/cost.md."""
    api.call("GET", api.engine)  # the process has read the version
    spent: Counter[str] = Counter()
    SCENARIOS[key][0](api, lambda: counted(spent), **values)
    said = {count: evaluate(formula, **values) for count, formula in BUDGET[key].items()}
    assert {count: spent[count] for count in COUNTS} == said


@pytest.mark.parametrize("store_environment", ["firestore"], indirect=True, scope="module")
def test_the_first_request_of_a_process_reads_the_version(
    api: Api, store_environment: dict[str, str]
) -> None:
    """One call and one read more, once; what the others cost is the table's."""
    session = api.create()
    costs = []
    with closing(open_store(Settings.from_environment(store_environment))) as api.store:
        for _ in range(3):
            spent: Counter[str] = Counter()
            with counted(spent):
                api.ok("GET", session)
            costs.append((spent["calls"], spent["reads"], spent["writes"]))
    assert costs == [(2, 3, 0), (1, 2, 0), (1, 2, 0)]


@pytest.mark.parametrize("store_environment", ["firestore"], indirect=True, scope="module")
def test_the_first_request_of_a_database_writes_the_version(
    api: Api, store_environment: dict[str, str]
) -> None:
    """Before all others it sees that there is nothing yet, and says which version begins here."""
    new = {"SESSIONS_STORE": f"firestore://budget-{secrets.token_hex(4)}"}
    spent: Counter[str] = Counter()
    with (
        closing(open_store(Settings.from_environment({**store_environment, **new}))) as api.store,
        counted(spent),
    ):
        api.ok("GET", f"{api.engine}/sessions")
    assert spent == {"calls": 2 + 4, "reads": 2 + 3, "writes": 1, "deletes": 0}


def test_every_row_of_the_page_is_proven() -> None:
    """No row without a scenario, and no scenario without a row."""
    assert set(BUDGET) == set(SCENARIOS)
