"""Every method under odd requests: each answer is a success or an error of the caller's, in JSON.

They come the way that the server hands them on, as bytes in Latin-1, so that no client tidies them.
"""

import itertools
import json
import secrets
from typing import Any
from urllib.parse import quote

import flask
import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder

from functions.api.endpoint import Endpoint
from functions.api.routes import METHODS, ROUTES
from functions.config.settings import Settings
from functions.store.protocol import Store
from tests.fuzz.inputs import bodies, bounded, json_values, texts
from tests.fuzz.seeds import SEEDS
from tests.support.api import Api

EVENT = {"author": "user", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
TEXTS = st.one_of([texts(name) for name in SEEDS])

# An emulator that outlives the run has seen the locations of the last one.
_locations = itertools.count(secrets.randbelow(10**9) * 10**4)


@pytest.fixture
def api(store: Store) -> Api:
    """The API over an engine with a session of two events."""
    settings = Settings(google_cloud_project="test-project", min_ttl="0s")
    location = f"projects/test-project/locations/f{next(_locations)}"
    made = Api(store, location, settings=settings)
    made.engine = made.ok("POST", f"{location}/reasoningEngines", {})["response"]["name"]
    session = made.create("s", labels={"k": "v"}, displayName="d", sessionState={"k": 1})
    for _ in range(2):
        made.append(session, rawEvent={"id": secrets.token_hex(4)})
    return made


def send(
    api: Api,
    verb: str,
    path: str,
    query: str = "",
    body: bytes = b"",
    headers: dict[str, str] | None = None,
) -> Any:
    """The JSON of an answer, None for an error; `path` is not quoted, `query` is."""
    environ = EnvironBuilder(method=verb, data=body, headers=headers).get_environ()
    environ["RAW_URI"] = quote(path, safe="/:")
    environ["QUERY_STRING"] = query.encode().decode("latin-1")
    endpoint = Endpoint(METHODS, api.settings, lambda: api.store, lambda: api.now)
    answer = endpoint(flask.Request(environ))
    assert answer.content_type == "application/json; charset=UTF-8"
    told = json.loads(answer.get_data())
    assert isinstance(told, dict)
    if answer.status_code == 200:
        assert "error" not in told
        return told
    error = told.pop("error")
    assert told == {}
    assert answer.status_code in (400, 401, 403, 404, 405, 409, 413, 429), error
    assert error["code"] == answer.status_code
    assert error["message"]
    assert error["status"].isupper()
    assert error.keys() <= {"code", "message", "status", "details"}
    return None


LISTS = {
    "{engine}/sessions": ("filter", "orderBy", "pageToken", "pageSize"),
    "{location}/reasoningEngines/-/sessions": ("filter", "orderBy", "pageToken", "pageSize"),
    "{engine}/sessions/s/events": ("filter", "orderBy", "pageToken", "pageSize", "view"),
    "{engine}/sessions/s/runs": ("filter", "pageToken", "pageSize"),
    "{engine}/sessions/s/runs/i": ("pageToken", "pageSize", "view"),
    "{engine}/sessions/none/events:watch": ("filter", "pageToken", "view"),
    "{location}/reasoningEngines": ("filter", "pageToken", "pageSize"),
    "{engine}/sessions/s/operations": ("filter", "pageToken"),
}
KINDS = {"filter": "filter", "orderBy": "order", "pageToken": "page_token"}


@bounded(200)
@given(data=st.data())
def test_a_list_takes_any_parameters(api: Api, data: st.DataObject) -> None:
    """And its pages hold what they hold without a limit."""
    path, names = data.draw(st.sampled_from(list(LISTS.items())))
    path = f"/v1beta1/{located(api, path)}"
    query = {}
    for name in data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=2)):
        fitting = texts(KINDS.get(name, "duration"))
        query[name] = data.draw(st.one_of(fitting, fitting, TEXTS))
    told = send(api, "GET", path, quoted(query))
    if told and "nextPageToken" in told:
        assert send(api, "GET", path, quoted({**query, "pageToken": told["nextPageToken"]}))


@bounded(100)
@given(data=st.data())
def test_any_path_is_answered(api: Api, data: st.DataObject) -> None:
    """With odd segments, and with odd text anywhere in it."""
    route = data.draw(st.sampled_from(ROUTES))
    if route.method in ("purge_expired_sessions", "delete_reasoning_engine"):
        return
    odd = data.draw(TEXTS)
    path = route.template.replace("{", "").replace("}", "").partition("=")[2] or route.template
    for segment in [api.engine.split("/")[1], api.engine.split("/")[3], "1", odd]:
        path = path.replace("*", data.draw(st.sampled_from([segment, odd, "none"])), 1)
    path = path.replace("*", odd)
    start = data.draw(st.integers(0, len(path)))
    cut = data.draw(st.sampled_from([path, path, path[:start] + odd, path[:start] + path[start:]]))
    send(api, route.verb, f"/{data.draw(st.sampled_from(route.versions))}/{cut}", body=b"{}")


@bounded(150)
@given(data=st.data())
def test_what_is_created_can_be_read(api: Api, data: st.DataObject) -> None:
    seeds = [seed for seed in SEEDS["messages"] if "user" in seed]
    body = data.draw(st.one_of(bodies(seeds), texts("messages"), texts("json")))
    sessions = f"/v1beta1/{api.engine}/sessions"
    made = send(api, "POST", sessions, quoted(id_of(data)), body.encode())
    if made:
        assert send(api, "GET", f"/v1/{made['response']['name']}")
        assert send(api, "GET", f"/v1/{made['name']}") is not None
        send(api, "DELETE", f"/v1/{made['response']['name']}")


@bounded(150)
@given(data=st.data())
def test_what_is_appended_can_be_read(api: Api, data: st.DataObject) -> None:
    """As an event of every view, as a run, and as state."""
    seeds = [seed for seed in SEEDS["messages"] if "author" in seed]
    body = data.draw(st.one_of(bodies(seeds), bodies(seeds), texts("messages"), texts("json")))
    session = f"/v1beta1/{api.engine}/sessions/s"
    query = {"requestId": data.draw(TEXTS)} if data.draw(st.booleans()) else {}
    if send(api, "POST", f"{session}:appendEvent", quoted(query), body.encode()) is None:
        return
    full = send(api, "GET", f"{session}/events", "view=FULL&%24alt=json%3Benum-encoding%3Dint")
    assert all(event["eventType"] for event in full["sessionEvents"])
    for run in send(api, "GET", f"{session}/runs")["runs"]:
        assert send(api, "GET", f"/v1/{run['name']}")
    assert send(api, "GET", session)


@bounded(150)
@given(data=st.data())
def test_what_is_updated_can_be_read(api: Api, data: st.DataObject) -> None:
    session = f"/v1beta1/{api.engine}/sessions/s"
    body = data.draw(st.one_of(bodies(SEEDS["messages"][:2]), texts("messages"))).encode()
    mask = data.draw(texts("field_mask"))
    query = {"updateMask": mask} if data.draw(st.booleans()) else {}
    send(api, "PATCH", session, quoted(query), body)
    send(api, "PATCH", f"/v1/{api.engine}", quoted(query), body)
    assert send(api, "GET", f"/v1/{api.engine}")
    # Its life may have become as short as this.
    restored = send(api, "GET", session) or api.create("s")
    assert restored


@bounded(60)
@given(data=st.data())
def test_any_headers_are_answered(api: Api, data: st.DataObject) -> None:
    """A method that overrides, a position to go on from, a form in place of a query."""
    odd = data.draw(TEXTS).translate(dict.fromkeys([0, 10, 13])).encode().decode("latin-1")
    name = data.draw(st.sampled_from(["X-HTTP-Method-Override", "Last-Event-ID", "Content-Type"]))
    headers = {"X-HTTP-Method-Override": "GET", name: odd}
    headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    path = data.draw(
        st.sampled_from(["sessions", "sessions/s/events", "sessions/none/events:watch"])
    )
    send(api, "POST", f"/v1beta1/{api.engine}/{path}", "", data.draw(TEXTS).encode(), headers)


@bounded(60)
@given(value=json_values)
def test_state_comes_back_as_it_was_sent(api: Api, value: Any) -> None:
    """Whatever JSON it is, numbers and strings included."""
    session, body = f"/v1beta1/{api.engine}/sessions/s", {"sessionState": {"k": value}}
    if send(api, "PATCH", session, body=json.dumps(body).encode()):
        assert send(api, "GET", session)["sessionState"] == body["sessionState"]


def located(api: Api, path: str) -> str:
    return path.format(engine=api.engine, location=api.engine.partition("/reasoning")[0])


def quoted(query: dict[str, str]) -> str:
    return "&".join(f"{name}={quote(value)}" for name, value in query.items())


def id_of(data: st.DataObject) -> dict[str, str]:
    return {"sessionId": data.draw(texts("names"))} if data.draw(st.booleans()) else {}
