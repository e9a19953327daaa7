"""Calls of the API that make the Firestore store send every query that it has."""

import itertools
from typing import Any

import pytest

from functions.config.settings import Settings
from functions.rules.limits import MAX_DOCUMENT_BYTES
from functions.store.firestore import erasure, queries
from functions.store.protocol import Store
from tests.support.api import SECOND, Api
from tests.support.project import LOCATION
from tests.support.streams import next_events, reading

FILTERS = (None, 'user_id="u"', 'labels.k="v" AND display_name="d"')
BOUNDS = (None, '> "2000-01-01T00:00:00Z"', '< "2100-01-01T00:00:00Z"', '= "2026-11-22T00:00:00Z"')
DIRECTIONS = ("", " desc")

QUERIES = {
    function: name
    for name, function in vars(queries).items()
    if getattr(function, "__module__", "") == queries.__name__ and not name.startswith("_")
}
"""Every function that makes a query, and its name."""


def converse_with_earlier_version(store: Store) -> None:
    """Lists sessions while those of version 4 are brought up to date."""
    settings = Settings(google_cloud_project="p", min_ttl="0s")
    api = Api(store, f"{LOCATION}/reasoningEngines/e", settings=settings)
    for number in range(2):
        _session(api, f"s{number}")
    _walk_sessions(api, f"{api.engine}/sessions")
    _walk_sessions(api, f"{LOCATION}/reasoningEngines/-/sessions")


def converse(store: Store) -> None:
    """Calls every method that reads, and those that read before they write."""
    settings = Settings(google_cloud_project="p", min_ttl="0s")
    api = Api(store, f"{LOCATION}/reasoningEngines/e", settings=settings)
    sessions = [_session(api, f"s{number}") for number in range(2)]
    _large_event(api, sessions[0])
    _walk_sessions(api, f"{api.engine}/sessions")
    _walk_sessions(api, f"{LOCATION}/reasoningEngines/-/sessions")
    _walk_events(api, sessions[0])
    _walk_runs(api, sessions[0])
    _watch(api, sessions[0])
    _fork_and_rewind(api, sessions[0])
    _change_events(api, sessions[0])
    _find_by_id(api)
    _replace_an_expired_session(api)
    _users(api)
    _export(api)
    _purge(api)
    _list_and_delete_engines(api)


def _session(api: Api, session_id: str) -> str:
    api.now += SECOND
    state = {"k": 1, "app:a": 1, "user:u": 1}
    name = api.create(session_id, displayName="d", labels={"k": "v"}, sessionState=state)
    for number in range(2):
        api.append(name, f"2026-01-01T00:00:0{number}Z", actions={"stateDelta": state})
    return name


def _large_event(api: Api, session: str) -> None:
    content = {"parts": [{"text": "x" * (MAX_DOCUMENT_BYTES + 1)}]}
    assert api.append(session, "2026-01-01T00:00:02Z", content=content).status == 200


def _walk_sessions(api: Api, path: str) -> None:
    for field, direction in itertools.product(("create_time", "update_time"), DIRECTIONS):
        for filter_, bound in itertools.product(FILTERS, BOUNDS):
            parts = [part for part in (filter_, bound and f"{field} {bound}") if part]
            query: dict[str, Any] = {"filter": " AND ".join(parts)} if parts else {}
            api.walk(path, "sessions", orderBy=field + direction, pageSize=1, **query)


def _walk_events(api: Api, session: str) -> None:
    bounds = [f"timestamp {bound}" for bound in BOUNDS if bound]
    one_run = [f'invocation_id="i" AND {bound}' for bound in bounds]
    filters = [None, 'author="user"', *bounds, 'invocation_id="i"', *one_run]
    for direction, filter_ in itertools.product(DIRECTIONS, filters):
        query: dict[str, Any] = {"filter": filter_} if filter_ else {}
        path = f"{session}/events"
        api.walk(path, "sessionEvents", orderBy="timestamp" + direction, pageSize=1, **query)


def _walk_runs(api: Api, session: str) -> None:
    bounds = [f"start_time {bound}" for bound in BOUNDS if bound]
    for filter_ in ("", 'invocation_id="i"', *bounds, f'invocation_id="i" AND {bounds[0]}'):
        api.walk(f"{session}/runs", "runs", filter=filter_)
    api.ok("GET", f"{session}/runs/i", pageSize=1)


def _watch(api: Api, session: str) -> None:
    for _ in range(80):
        api.append(session)
    with reading(api, session) as reader:
        first = next_events(api, reader, 80)[0]
    with reading(api, session, first) as reader:
        next_events(api, reader, 70)


def _fork_and_rewind(api: Api, session: str) -> None:
    for point in ({}, {"beforeInvocationId": "i"}):
        api.ok("POST", f"{session}:fork", point)
    api.ok("POST", f"{session}:rewind", {"beforeInvocationId": "i"})


def _change_events(api: Api, session: str) -> None:
    """Compacts events, which keeps their originals, and removes some, the newest last."""
    content = {"parts": [{"text": "hm", "thought": True}]}
    for number in range(7):
        time = f"2026-01-02T00:00:0{number}Z"
        api.append(session, time, invocationId=f"i{number}", content=content)
    api.ok("POST", f"{session}:compact", {"compaction": {"eventEditing": {"mode": "AUTO"}}})
    purge = {"filter": 'invocation_id="i6" AND timestamp > "2026-01-02T00:00:00Z"', "force": True}
    assert api.ok("POST", f"{session}/events:purge", purge)["purgeCount"] == 1
    *_, last = api.walk(f"{session}/events", "sessionEvents", view="ORIGINAL")
    api.ok("DELETE", last["name"])


def _find_by_id(api: Api) -> None:
    api.ok("DELETE", f"{LOCATION}/sessions/s0")


def _replace_an_expired_session(api: Api) -> None:
    api.append(api.create("brief", ttl="1s"))
    api.now += 2 * SECOND
    api.append(api.create("brief", ttl="1s"))


def _users(api: Api) -> None:
    api.create(user="other", sessionState={"user:a": 1})
    assert len(api.walk(f"{api.engine}/users", "users", pageSize=1)) == 2
    for engine in (api.engine, f"{LOCATION}/reasoningEngines/-"):
        api.create(user="other")
        for dry_run in ("true", "false"):
            path = f"{engine}/users/other:erase"
            assert api.ok("POST", path, dryRun=dry_run)["erasedSessions"]


def _export(api: Api) -> None:
    for engine in (api.engine, f"{LOCATION}/reasoningEngines/-"):
        assert b'"end"' in api.send("GET", f"{engine}:export").get_data()


def _purge(api: Api) -> None:
    for number in range(2):
        api.create(f"short{number}", ttl="1s")
    api.now += 2 * SECOND
    assert api.ok("POST", "sessions:purgeExpired", dryRun="true")["expiredSessions"]
    with pytest.MonkeyPatch.context() as patch:
        # With these limits two sessions are too many for one query.
        patch.setattr(erasure, "BATCH", 1)
        patch.setattr(erasure, "_FEW", 1)
        assert api.ok("POST", "sessions:purgeExpired")["purgedSessions"]


def _list_and_delete_engines(api: Api) -> None:
    parent = f"{LOCATION}/reasoningEngines"
    for _ in range(2):
        api.ok("POST", parent, {"displayName": "e"})
    engines = api.walk(parent, "reasoningEngines", pageSize=1)
    api.walk(parent, "reasoningEngines", pageSize=1, filter='display_name="e"')
    api.engine = engines[0]["name"]
    _session(api, "s")
    assert api.call("DELETE", api.engine).status == 400
    api.ok("DELETE", api.engine, force="true")
