"""Real servers over real HTTP: which target serves what, and that every answer is JSON."""

import itertools
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.http import send
from tests.support.servers import serving

ENGINE = "/v1beta1/projects/test-project/locations/us-central1/reasoningEngines/1"
SESSION = f"{ENGINE}/sessions/s"
LOCATION = ENGINE.partition("/reasoningEngines")[0]
EVENT = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}

ROUTES: list[tuple[str, str, str, Any]] = [
    ("create_session", "POST", f"{ENGINE}/sessions", {"userId": "u"}),
    ("get_session", "GET", SESSION, None),
    ("list_sessions", "GET", f"{ENGINE}/sessions", None),
    ("update_session", "PATCH", SESSION, {"displayName": "x"}),
    ("delete_session", "DELETE", SESSION, None),
    ("append_event", "POST", f"{SESSION}:appendEvent", EVENT),
    ("batch_append_events", "POST", f"{SESSION}:batchAppendEvents", {"events": [EVENT]}),
    ("list_events", "GET", f"{SESSION}/events", None),
    ("list_runs", "GET", f"{SESSION}/runs", None),
    ("get_run", "GET", f"{SESSION}/runs/i", None),
    ("list_users", "GET", f"{ENGINE}/users", None),
    ("erase_user", "POST", f"{ENGINE}/users/u:erase", None),
    ("get_user_state", "GET", f"{ENGINE}/users/u/state", None),
    ("update_user_state", "PATCH", f"{ENGINE}/users/u/state", {}),
    ("get_app_state", "GET", f"{ENGINE}/state", None),
    ("update_app_state", "PATCH", f"{ENGINE}/state", {}),
    ("create_reasoning_engine", "POST", f"{LOCATION}/reasoningEngines", None),
    ("get_reasoning_engine", "GET", ENGINE, None),
    ("list_reasoning_engines", "GET", f"{LOCATION}/reasoningEngines", None),
    ("update_reasoning_engine", "PATCH", ENGINE, {}),
    ("delete_reasoning_engine", "DELETE", ENGINE, None),
    ("get_operation", "GET", f"{LOCATION}/operations/x", None),
    ("list_operations", "GET", f"{LOCATION}/operations", None),
    ("delete_operation", "DELETE", f"{LOCATION}/operations/x", None),
    ("cancel_operation", "POST", f"{LOCATION}/operations/x:cancel", {}),
    ("wait_operation", "POST", f"{LOCATION}/operations/x:wait", {}),
]
"""One route of each method; on an empty store those of single resources answer 404 of their own."""


def call(url: str, verb: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Status and parsed JSON of a call; fails where the answer is not the API's JSON."""
    answer = send(url, verb, path, body, {"Accept": "*/*"})
    assert answer.headers["Content-Type"] == "application/json; charset=UTF-8", answer.body
    return answer.status, answer.json


@pytest.fixture(scope="module")
def all_targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The URL of each lone target, and of sessions_api, all on one empty SQLite file."""
    path = tmp_path_factory.mktemp("targets") / "sessions.db"
    environment = {"SESSIONS_STORE": f"sqlite:///{path}", "WORKERS": "1", "THREADS": "2"}
    names = [method for method, *_ in ROUTES] + ["sessions_api"]
    servers = {name: serving(name, environment) for name in names}
    with ThreadPoolExecutor(len(names)) as pool:
        started = pool.map(lambda server: server.__enter__(), servers.values())
        try:
            yield dict(zip(names, started, strict=True))
        finally:
            list(pool.map(lambda server: server.__exit__(None, None, None), servers.values()))


@pytest.mark.parametrize("target", [method for method, *_ in ROUTES])
def test_a_lone_target_serves_its_own_routes_only(all_targets: dict[str, str], target: str) -> None:
    """Each target serves only its own routes and answers 404 in JSON to the others."""
    for method, verb, path, body in ROUTES:
        status, answer = call(all_targets[target], verb, path, body)
        unrouted = {"code": 404, "message": f"There is no path {path}.", "status": "NOT_FOUND"}
        refused = answer == {"error": unrouted}
        assert refused == (method != target), f"{target}: {verb} {path}: {status} {answer}"


def test_the_router_serves_every_route(all_targets: dict[str, str]) -> None:
    """`sessions_api` serves the whole table on one host."""
    for _, verb, path, body in ROUTES:
        status, answer = call(all_targets["sessions_api"], verb, path, body)
        assert status != 405
        assert "There is no path" not in json.dumps(answer)


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("get_session", "/"),
        *itertools.product(
            ("sessions_api", "get_session"),
            ("/favicon.ico", "/robots.txt", "/nonsense", "//", "/v1beta1", "/%2e%2e/x", "/a%00"),
        ),
    ],
)
def test_a_path_that_nobody_serves_is_not_found_in_json(
    all_targets: dict[str, str], target: str, path: str
) -> None:
    """404 in the API's shape, where the framework would answer HTML."""
    status, answer = call(all_targets[target], "GET", path)
    assert status == 404
    assert answer["error"].keys() == {"code", "message", "status"}
    assert (answer["error"]["code"], answer["error"]["status"]) == (404, "NOT_FOUND")


def test_a_lone_target_answers_what_it_is_for(all_targets: dict[str, str]) -> None:
    """Lone targets on one store see each other's sessions."""
    body = {"userId": "u"}
    path = f"{ENGINE}9/sessions"
    assert call(all_targets["create_session"], "POST", f"{path}?sessionId=t", body)[0] == 200
    assert call(all_targets["append_event"], "POST", f"{path}/t:appendEvent", EVENT) == (200, {})
    status, found = call(all_targets["list_events"], "GET", f"{path}/t/events")
    assert (status, len(found["sessionEvents"])) == (200, 1)
    assert call(all_targets["get_session"], "GET", f"{path}/t")[0] == 200
    assert call(all_targets["delete_session"], "DELETE", f"{path}/t")[0] == 200
    assert call(all_targets["get_session"], "GET", f"{path}/t")[0] == 404


def test_a_server_makes_the_folder_of_its_file(tmp_path: Path) -> None:
    """SQLite's file is made with its folder."""
    store = {"SESSIONS_STORE": f"sqlite:///{tmp_path}/new/folder/sessions.db"}
    with serving("sessions_api", store) as url:
        assert call(url, "POST", f"{ENGINE}/sessions", {"userId": "u"})[0] == 200
