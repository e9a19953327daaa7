"""Every method as every role, what it may and what it may not do."""

from typing import Any, NamedTuple

import flask
import pytest
from werkzeug.test import EnvironBuilder

from functions.aip.page_token import encode_page_token
from functions.api.endpoint import Endpoint
from functions.api.routes import METHODS
from functions.store.guarded import GuardedStore
from functions.store.protocol import Store
from tests.support.api import Answer, Api
from tests.support.roles import caller
from tests.support.streams import next_events, reading

EVENT = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}

CALLERS = {
    "admin": "of every engine",
    "agent": "of the engine",
    "viewer": "of the engine",
    "user-bob": "whose the session is",
    "user-ada": "whose it is not",
    "stranger": "without any role",
}


class Row(NamedTuple):
    """A call, and its answer to the CALLERS in their order."""

    verb: str
    path: str
    answers: tuple[int, ...]
    body: Any = None
    query: dict[str, str] = {}


READS = (200, 200, 200, 200, 404, 404)
WRITES = (200, 200, 403, 200, 404, 404)
OF_BOB = (200, 200, 403, 200, 403, 404)
"""Of a user that is named, not found: that the caller is another one hides nothing."""
ADMINISTERS = (200, 403, 403, 403, 403, 404)
TELLS_NOTHING = (200,) * 6
"""Lists hold what the caller may see; what is said of operations stands in their ids."""

MATRIX = {
    "create_session": Row(
        "POST", "{engine}/sessions", (200, 200, 403, 200, 403, 404), {"userId": "user-bob"}
    ),
    "get_session": Row("GET", "{session}", READS),
    "list_sessions": Row("GET", "{engine}/sessions", TELLS_NOTHING),
    "update_session": Row("PATCH", "{session}", WRITES, {"displayName": "changed"}),
    "delete_session": Row("DELETE", "{session}", WRITES),
    "fork_session": Row("POST", "{session}:fork", WRITES, {}),
    "rewind_session": Row("POST", "{session}:rewind", WRITES, {"beforeInvocationId": "i"}),
    "compact_session": Row(
        "POST", "{session}:compact", WRITES, {"compaction": {"eventEditing": {"mode": "AUTO"}}}
    ),
    "export_sessions": Row("GET", "{engine}:export", TELLS_NOTHING),
    "import_sessions": Row("POST", "{engine}:import", (200, 200, 403, 403, 403, 404), {"end": {}}),
    "append_event": Row("POST", "{session}:appendEvent", WRITES, EVENT),
    "get_event": Row("GET", "{event}", READS),
    "update_event": Row("PATCH", "{event}", WRITES, {"errorMessage": "changed"}),
    "delete_event": Row("DELETE", "{event}", WRITES),
    "purge_events": Row("POST", "{session}/events:purge", WRITES, {"filter": "*", "force": True}),
    "batch_append_events": Row(
        "POST", "{session}:batchAppendEvents", WRITES, {"events": [EVENT, EVENT]}
    ),
    "list_events": Row("GET", "{session}/events", READS),
    "list_runs": Row("GET", "{session}/runs", READS),
    "get_run": Row("GET", "{session}/runs/i", READS),
    "watch_events": Row("GET", "{session}/events:watch", READS),
    "list_users": Row("GET", "{engine}/users", TELLS_NOTHING),
    "erase_user": Row("POST", "{user}:erase", OF_BOB),
    "get_user_state": Row("GET", "{user}/state", (200, 200, 200, 200, 403, 200)),
    "update_user_state": Row("PATCH", "{user}/state", OF_BOB, {"state": {"changed": 1}}),
    "get_app_state": Row("GET", "{engine}/state", TELLS_NOTHING),
    "update_app_state": Row(
        "PATCH", "{engine}/state", (200, 200, 403, 403, 403, 404), {"state": {"changed": 1}}
    ),
    "create_reasoning_engine": Row(
        "POST", "{location}/reasoningEngines", (200, 403, 403, 403, 403, 403), {"displayName": "e"}
    ),
    "get_reasoning_engine": Row("GET", "{engine}", (200, 200, 200, 200, 200, 404)),
    "list_reasoning_engines": Row("GET", "{location}/reasoningEngines", TELLS_NOTHING),
    "update_reasoning_engine": Row("PATCH", "{engine}", ADMINISTERS, {"displayName": "changed"}),
    "delete_reasoning_engine": Row("DELETE", "{engine}", ADMINISTERS, None, {"force": "true"}),
    "get_location": Row("GET", "{location}", TELLS_NOTHING),
    "list_locations": Row("GET", "{project}/locations", TELLS_NOTHING),
    "get_operation": Row("GET", "{operation}", READS),
    "wait_operation": Row("POST", "{operation}:wait", READS),
    "list_operations": Row("GET", "{session}/operations", TELLS_NOTHING),
    "delete_operation": Row("DELETE", "{operation}", TELLS_NOTHING),
    "cancel_operation": Row("POST", "{operation}:cancel", TELLS_NOTHING),
    "purge_expired_sessions": Row("POST", "sessions:purgeExpired", (200, 403, 403, 403, 403, 403)),
}


class Scene(NamedTuple):
    """An engine with one session of user-bob's, and what made the session."""

    api: Api
    names: dict[str, str]

    def call(self, name: str, row: Row) -> Answer:
        someone = caller(self.api, name, watch_time_limit="0.001s")
        path = row.path.format(**self.names)
        if row.path.endswith((":watch", ":export")):
            return opened(someone, path)
        return someone.call(row.verb, path, row.body, **row.query)

    def contents(self) -> list[str]:
        """All that a call could change."""
        paths = ("{engine}", "{engine}/sessions", "{session}", "{session}/events")
        paths += ("{engine}/users", "{engine}/state", "{user}/state")
        return [self.api.call("GET", path.format(**self.names)).text for path in paths]


def opened(someone: Api, path: str) -> Answer:
    """The answer of a stream, to its end; that of one that is refused is JSON."""
    endpoint = Endpoint(METHODS, someone.settings, lambda: someone.store, lambda: someone.now)
    builder = EnvironBuilder(path=f"/v1beta1/{path}", headers=someone.headers)
    answer = endpoint(flask.Request(builder.get_environ()))
    text = answer.get_data(as_text=True)
    answer.close()
    return Answer(answer.status_code, text, answer.get_json(silent=True))


@pytest.fixture
def scene(api: Api) -> Scene:
    location = api.engine.partition("/reasoningEngines/")[0]
    made = api.ok("POST", f"{location}/reasoningEngines", {"displayName": "e"})
    engine = made["response"]["name"]
    api.engine = engine
    body = {"userId": "user-bob"}
    operation = api.ok("POST", f"{engine}/sessions", body, sessionId="the-session")
    session = operation["response"]["name"]
    api.ok("POST", f"{session}:appendEvent", EVENT)
    (event,) = api.ok("GET", f"{session}/events")["sessionEvents"]
    user = f"{engine}/users/user-bob"
    names = {"location": location, "engine": engine, "session": session, "user": user}
    names["event"] = event["name"]
    names["project"] = location.partition("/locations/")[0]
    return Scene(api, {**names, "operation": operation["name"]})


def test_every_method_has_a_row() -> None:
    assert set(MATRIX) == set(METHODS)


def test_every_method_of_a_store_is_guarded() -> None:
    """What the guard does not define itself would go around it."""
    methods = {name for name in vars(Store) if not name.startswith("_")}
    assert methods == {name for name in dir(GuardedStore) if not name.startswith("_")}


@pytest.mark.parametrize("name", CALLERS)
@pytest.mark.parametrize("method", MATRIX)
def test_a_caller_may_do_what_its_role_allows_and_nothing_else(
    scene: Scene, method: str, name: str
) -> None:
    row = MATRIX[method]
    expected = row.answers[list(CALLERS).index(name)]
    before = scene.contents()
    answer = scene.call(name, row)
    assert answer.status == expected, answer.text
    if expected != 200:
        error = answer.json["error"]
        assert error["status"] == {403: "PERMISSION_DENIED", 404: "NOT_FOUND"}[expected]
        assert scene.contents() == before


HIDDEN = [
    (method, name)
    for method, row in MATRIX.items()
    for name, answer in zip(CALLERS, row.answers, strict=True)
    if answer == 404 and "{operation}" not in row.path
]


@pytest.mark.parametrize(("method", "name"), HIDDEN)
def test_what_a_caller_may_not_see_is_missing_in_the_same_words(
    scene: Scene, method: str, name: str
) -> None:
    row = MATRIX[method]
    missing = {**scene.names}
    if "{session}" in row.path:
        missing["session"] = missing["session"].replace("the-session", "no-session")
    else:
        missing["engine"] += "0"
    hidden = scene.call(name, row).text
    unknown = Scene(scene.api, missing).call(name, row).text
    assert hidden == unknown.replace("no-session", "the-session").replace(
        missing["engine"], scene.names["engine"]
    )


@pytest.mark.parametrize("name", ["user-ada", "stranger"])
def test_a_position_tells_nothing_of_a_session_that_a_caller_may_not_see(
    scene: Scene, name: str
) -> None:
    """The stream ends as that of a session that never was."""
    hidden = scene.names["session"]
    missing = hidden.replace("the-session", "no-session")
    with reading(scene.api, hidden) as reader:
        ((cursor, _),) = next_events(scene.api, reader, 1)
    told = []
    for session in (hidden, missing):
        token = encode_page_token(cursor, "watch", session)
        path = f"{session}/events:watch?pageToken={token}"
        answer = opened(caller(scene.api, name), path)
        assert answer.status == 200
        told.append(answer.text.replace(session, "SESSION"))
    assert told[0] == told[1]
    assert "event: deleted" in told[0]


def test_an_operation_of_a_hidden_session_is_as_unknown_as_any(scene: Scene) -> None:
    path = scene.names["operation"]
    made_up = caller(scene.api, "user-ada").call("GET", f"{path}x").json["error"]
    hidden = caller(scene.api, "user-ada").call("GET", path).json["error"]
    assert hidden["message"] == made_up["message"].replace(f"{path}x", path)
