"""Export and import: sessions with their events, times, order and state, in lines of JSON."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from functions.access.access import Access, Grant, Role
from functions.aip.errors import PermissionDenied
from functions.aip.page_token import encode_page_token
from functions.config.settings import Settings
from functions.rules.import_line import HistoryLine
from functions.store.guarded import GuardedStore
from tests.support.api import SECOND, Answer, Api
from tests.support.roles import caller
from tests.support.streams import name_of

Lines = list[dict[str, Any]]

DAY = 86_400 * SECOND


def export(api: Api, parent: str = "", **query: str) -> Lines:
    """All lines of one answer."""
    response = api.send("GET", f"{parent or api.engine}:export", **query)
    text = response.get_data(as_text=True)
    assert response.status_code == 200, text
    assert response.content_type == "application/x-ndjson"
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def body_of(lines: Lines) -> bytes:
    return "\n".join(json.dumps(line) for line in lines).encode()


def load(api: Api, lines: Lines, parent: str = "") -> Any:
    return api.ok("POST", f"{parent or api.engine}:import", body_of(lines))


def kinds(lines: Lines) -> list[str]:
    return [next(iter(line)) for line in lines]


def converse(api: Api, session: str, turns: int = 2, **fields: Any) -> None:
    for number in range(turns):
        api.now += SECOND
        answer = api.append(
            session,
            f"2026-01-01T00:00:0{9 - number}Z",
            invocationId=f"i{number}",
            actions={"stateDelta": {"turn": number}},
            rawEvent={"id": f"r{number}", "usageMetadata": {"totalTokenCount": 7}},
            **fields,
        )
        assert answer.status == 200, answer.text


@pytest.fixture
def other(api: Api) -> Iterator[Api]:
    """An empty engine of another name in the same store."""
    return replace(api, engine=f"{api.engine}0")


def test_an_export_has_state_then_each_session_with_its_events_as_they_arrived(api: Api) -> None:
    """Events come in the order of their arrival, whatever their timestamps say."""
    session = api.create(
        "s1", displayName="one", sessionState={"a": 1, "app:b": 2, "user:c": 3}, labels={"k": "v"}
    )
    converse(api, session)
    lines = export(api)
    assert kinds(lines) == [
        *("appState", "userState", "session", "stateChange", "event", "event", "end")
    ]
    assert lines[0]["appState"]["state"] == {"b": 2}
    assert lines[1]["userState"]["name"] == f"{api.engine}/users/u/state"
    assert lines[1]["userState"]["state"] == {"c": 3}
    full = api.ok("GET", session, view="FULL")
    del full["etag"]
    full["sessionState"] = {"a": 1, "turn": 1}
    assert lines[2]["session"] == full
    assert lines[3]["stateChange"].items() >= {"state": {"a": 1}}.items()
    assert [line["event"]["invocationId"] for line in lines[4:6]] == ["i0", "i1"]
    assert lines[-1] == {"end": {"sessions": 1, "events": 2}}


def test_an_import_makes_the_same_sessions(api: Api, other: Api) -> None:
    """Ids, times, order, counts and state come back; an export of the copy has the same lines."""
    for number in range(3):
        session = api.create(f"s{number}", user=f"u {number}", sessionState={"a": number})
        converse(api, session)
        api.ok("PATCH", session, {"sessionState": {"p": 1}}, updateMask="sessionState.p")
    lines = export(api)
    answer = load(other, lines)
    assert answer == {
        "importedSessions": 3,
        "importedEvents": 6,
        "skipped": 0,
        "conflicts": [],
    }
    renamed = json.loads(json.dumps(lines).replace(f"{api.engine}/", f"{other.engine}/"))
    assert export(other) == renamed
    for number in range(3):
        events = f"sessions/s{number}/events"
        assert other.call("GET", f"{other.engine}/{events}").text.replace(
            other.engine, ""
        ) == api.call("GET", f"{api.engine}/{events}").text.replace(api.engine, "")


def test_an_export_of_a_copy_has_the_same_lines_of_state(api: Api, other: Api) -> None:
    """App and user state keep the time at which they changed, whatever the clock says."""
    api.create("s", sessionState={"app:b": 2, "user:c": 3})
    lines = export(api)
    other.now += SECOND
    load(other, lines)
    assert export(other) == json.loads(
        json.dumps(lines).replace(f"{api.engine}/", f"{other.engine}/")
    )


def test_an_import_sent_again_adds_nothing(api: Api, other: Api) -> None:
    session = api.create("s", sessionState={"a": 1, "app:b": 2})
    converse(api, session)
    lines = export(api)
    load(other, lines)
    before = export(other)
    answer = load(other, lines)
    assert (answer["importedSessions"], answer["importedEvents"]) == (0, 0)
    assert answer["skipped"] == len(lines) - 1
    assert export(other) == before


def test_an_import_that_was_cut_is_completed_by_the_same_lines(api: Api, other: Api) -> None:
    """The second body repeats the session, as clients do."""
    session = api.create("s", sessionState={"a": 1})
    converse(api, session, 3)
    lines = export(api)
    load(other, lines[:3])
    answer = load(other, lines)
    assert (answer["importedSessions"], answer["importedEvents"]) == (0, 2)
    assert [line.get("event", {}).get("invocationId") for line in export(other)] == [
        line.get("event", {}).get("invocationId") for line in lines
    ]


def test_what_the_store_has_with_another_content_is_told_and_stays(api: Api, other: Api) -> None:
    """Neither a session of the same id nor an event of the same id is changed."""
    session = api.create("s", sessionState={"a": 1})
    converse(api, session)
    lines = export(api)
    name = other.create("s", user="another")
    answer = load(other, lines)
    assert answer["conflicts"] == [name]
    assert (answer["importedSessions"], answer["importedEvents"]) == (0, 0)
    assert other.ok("GET", f"{name}/events") == {}

    third = replace(api, engine=f"{api.engine}1")
    load(third, lines)
    changed = json.loads(json.dumps(lines))
    event = next(line["event"] for line in changed if "event" in line)
    event["author"] = "somebody"
    answer = load(third, changed)
    assert answer["conflicts"] == [event["name"].replace(api.engine, third.engine)]


def test_a_line_that_leaves_times_out_is_there_when_it_comes_again(api: Api) -> None:
    """Times that a line does not say are the server's, whenever the line comes."""
    session = {"session": {"name": "sessions/s", "userId": "u"}}
    event = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
    lines: Lines = [session]
    for number in range(2):
        lines.append({"event": {"name": f"sessions/s/events/e{number}", **event}})
        api.now += SECOND
        answer = load(api, lines)
        assert (answer["importedEvents"], answer["conflicts"]) == (1, [])


def test_events_that_an_import_adds_move_the_etag_of_their_session(api: Api, other: Api) -> None:
    """The session's updateTime stays, and a writer that expects the former etag is refused."""
    session = api.create("s")
    converse(api, session)
    lines = export(api)
    load(other, lines[:2])
    name = f"{other.engine}/sessions/s"
    before = other.ok("GET", name, view="FULL")
    load(other, lines)
    after = other.ok("GET", name, view="FULL")
    assert (before["eventCount"], after["eventCount"]) == (1, 2)
    assert before["updateTime"] == after["updateTime"]
    assert before["etag"] != after["etag"]
    fields = {"displayName": "mine"}
    assert other.call("PATCH", name, fields, etag=before["etag"]).status == 409
    assert other.call("PATCH", name, fields, etag=after["etag"]).status == 200


def test_the_state_of_an_import_keeps_its_time(api: Api, other: Api) -> None:
    api.create("s", sessionState={"app:b": 2, "user:c": 3})
    lines = export(api)
    other.now += DAY
    load(other, lines)
    for number, name in enumerate(("state", "users/u/state")):
        kept = other.ok("GET", f"{other.engine}/{name}")["updateTime"]
        (state,) = lines[number].values()
        assert kept == state["updateTime"]


def test_a_fork_of_an_import_through_a_rewind_lacks_the_keys_that_the_rewind_removed(
    api: Api, other: Api
) -> None:
    """The keys travel with the event, so that the state at each event is that of the source."""
    session = api.create("s", sessionState={"a": 1})
    converse(api, session)
    api.ok("PATCH", session, {"sessionState": {"p": 1}}, updateMask="sessionState.p")
    api.ok("POST", f"{session}:rewind", {"beforeInvocationId": "i0"})
    lines = export(api)
    assert lines[-2]["event"]["removedStateKeys"] == ["p", "turn"]
    load(other, lines)
    api.now = other.now = api.now + SECOND
    for one in (api, other):
        source = f"{one.engine}/sessions/s"
        point = lines[-2]["event"]["name"].rpartition("/")[2]
        fork = one.ok("POST", f"{source}:fork", {"throughEvent": point})["response"]
        assert fork["sessionState"] == {"a": 1}


def test_an_event_without_its_session_is_refused_before_anything_is_stored(
    api: Api, other: Api
) -> None:
    """The error names the line."""
    session = api.create("s")
    converse(api, session, 1)
    lines = export(api)
    events = [line for line in lines if "event" in line]
    good = [line for line in lines if "session" in line]
    answer = other.call("POST", f"{other.engine}:import", body_of([*events, *good]))
    assert answer.status == 400
    assert "lines[0].event" in answer.json["error"]["message"]
    assert other.ok("GET", f"{other.engine}/sessions") == {}


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b"{}",
        b'{"session":{"name":"x"}}',
        b'{"session":{"name":"sessions/s"}}',
        b'{"session":{"name":"sessions/s","userId":"u","labels":{"A":"b"}}}',
        b'{"sesion":{}}',
        b'{"session":{"name":"sessions/s","userId":"u","sessionState":{"app:a":1}}}',
        b'{"session":{"name":"sessions/s","userId":"u","forkedFrom":5}}',
        b'{"session":{"name":"sessions/s","userId":"u","forkedFrom":{"session":{"a":1}}}}',
        b'{"session":{"name":"sessions/s","userId":"u","forkedFrom":{"other":"s"}}}',
        b'{"userState":{"name":"state","state":{}}}',
        b'{"stateChange":{"id":"1"}}',
        b'{"session":{"name":"sessions/s","userId":"u","forkedFrom":"s"}}',
        b'{"session":{"name":"sessions/s","userId":"u","forkedFrom":{"session":1}}}',
        b'{"session":{"name":"sessions/s","userId":"u","createTime":"0001-01-01T00:00:00Z"}}',
        b'{"session":{"name":"sessions/s","userId":"u","updateTime":"2300-01-01T00:00:00Z"}}',
        b'{"appState":{"name":"state","state":{},"updateTime":"9999-12-31T00:00:00Z"}}',
        b"nonsense",
    ],
)
def test_a_wrong_line_is_refused(api: Api, line: bytes) -> None:
    """The message names the line."""
    answer = api.call("POST", f"{api.engine}:import", line)
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert "lines[0]" in answer.json["error"]["message"]


@pytest.mark.parametrize(
    "change",
    [
        {"id": "1", "afterEvent": "a/b", "state": {"a": 1}},
        {"id": "1", "afterEvent": "none", "state": {"a": 1}},
        {"id": "1", "state": {"app:a": 1}},
        {"id": "1", "removed": ["user:a"]},
        {"id": "__1__", "state": {"a": 1}},
    ],
    ids=json.dumps,
)
def test_a_wrong_change_of_state_is_refused(api: Api, change: dict[str, Any]) -> None:
    """Changes are those of the session's own state, behind an event that the session has."""
    lines = [{"session": {"name": "sessions/s", "userId": "u"}}, {"stateChange": change}]
    answer = api.call("POST", f"{api.engine}:import", body_of(lines))
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert "stateChange" in answer.json["error"]["message"]


def test_a_change_behind_an_event_that_is_nowhere_may_be_corrected(api: Api) -> None:
    """The message names the event; what stood before the line is skipped the second time."""
    session = {"session": {"name": "sessions/s", "userId": "u"}}
    event = {"name": "sessions/s/events/e", "author": "a", "invocationId": "i"}
    lines = [session, {"event": {**event, "timestamp": "2026-01-01T00:00:00Z"}}]
    load(api, lines)
    wrong = {"id": "1", "afterEvent": "nope", "state": {"a": 1}}
    answer = api.call("POST", f"{api.engine}:import", body_of([*lines, {"stateChange": wrong}]))
    assert answer.status == 400
    assert "names no event: nope." in answer.json["error"]["message"]
    answer = load(api, [*lines, {"stateChange": {**wrong, "afterEvent": "e"}}])
    assert (answer["skipped"], answer["conflicts"]) == (2, [])


def test_an_expired_session_is_skipped_with_its_events(api: Api, other: Api) -> None:
    session = api.create("s", ttl="86400s")
    converse(api, session)
    lines = export(api)
    other.now += 2 * DAY
    answer = load(other, lines)
    assert answer == {"importedSessions": 0, "importedEvents": 0, "skipped": 3, "conflicts": []}


def test_a_retry_of_an_append_meets_its_imported_event(api: Api, other: Api) -> None:
    session = api.create("s")
    converse(api, session, 1)
    load(other, export(api))
    converse(other, f"{other.engine}/sessions/s", 1)
    assert len(other.ok("GET", f"{other.engine}/sessions/s/events")["sessionEvents"]) == 1


def test_deleted_events_are_left_out_and_their_state_stays(api: Api) -> None:
    session = api.create("s")
    converse(api, session)
    events = api.ok("GET", f"{session}/events")["sessionEvents"]
    api.ok("DELETE", events[-1]["name"])
    lines = export(api)
    assert kinds(lines) == ["session", "stateChange", "event", "end"]
    assert lines[1]["stateChange"]["state"] == {"turn": 0}


def test_sessions_come_in_the_order_of_their_ids_with_what_is_theirs_alone(api: Api) -> None:
    """This holds for sessions of many or of large events, and behind a deleted neighbour."""
    texts = {"d": ["x"] * 1_050, "c": ["y" * 700_000] * 8, "a-b": ["z"], "b": ["gone"], "a": ["w"]}
    for session_id, said in texts.items():
        say(api, api.create(session_id), said)
    api.ok("DELETE", f"{api.engine}/sessions/b")
    del texts["b"]
    lines = export(api)
    assert kinds(lines) == [
        *(kind for id_ in sorted(texts) for kind in ("session", *["event"] * len(texts[id_]))),
        "end",
    ]
    for id_, said in texts.items():
        events = [line["event"] for line in lines if f"/{id_}/events/" in json.dumps(line)]
        assert [event["content"]["parts"][0]["text"] for event in events] == said


def say(api: Api, session: str, texts: list[str]) -> None:
    """Appends an event for each text, in batches of a size that the emulator takes."""
    event = {"author": "user", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
    events = [
        {**event, "rawEvent": {"id": str(number)}, "content": {"parts": [{"text": text}]}}
        for number, text in enumerate(texts)
    ]
    together = 100 if len(texts[0]) < 1_000 else 4
    for start in range(0, len(events), together):
        batch = {"events": events[start : start + together]}
        api.ok("POST", f"{session}:batchAppendEvents", batch)


def test_an_export_may_be_narrowed_by_a_filter(api: Api) -> None:
    """User state is then that of the user in the filter."""
    for user in ("ada", "bob"):
        api.create(user=user, sessionState={"user:k": user})
    lines = export(api, filter='user_id="ada"')
    assert [line["session"]["userId"] for line in lines if "session" in line] == ["ada"]
    assert [line["userState"]["state"] for line in lines if "userState" in line] == [{"k": "ada"}]


def test_all_engines_of_a_location_are_exported_and_imported(api: Api, other: Api) -> None:
    for one in (api, other):
        converse(one, one.create("s", sessionState={"app:engine": one.engine[-1]}))
    location = api.engine.partition("/reasoningEngines/")[0]
    lines = [
        line
        for line in export(api, f"{location}/reasoningEngines/-")
        if api.engine in json.dumps(line) or "end" in line
    ]
    names = {line["session"]["name"] for line in lines if "session" in line}
    assert names == {f"{api.engine}/sessions/s", f"{other.engine}/sessions/s"}
    for one in (api, other):
        one.ok("DELETE", f"{one.engine}/sessions/s")
    answer = load(api, lines, f"{location}/reasoningEngines/-")
    assert answer["importedSessions"] == 2
    assert answer["importedEvents"] == 4


def test_an_export_that_runs_out_of_time_goes_on_behind_its_token(api: Api) -> None:
    """Each answer has a line at least; together they have every line once but sessions."""
    for number in range(3):
        converse(api, api.create(f"s{number}"), 2)
    whole = export(api)
    hurried = replace(
        api, settings=Settings(google_cloud_project="test-project", work_time_limit="0.000001s")
    )
    lines: Lines = []
    token = ""
    for _ in range(20):
        part = export(hurried, **({"pageToken": token} if token else {}))
        lines += part[:-1]
        token = part[-1].get("nextPageToken", "")
        if not token:
            break
    once = [line for place, line in enumerate(lines) if line not in lines[:place]]
    assert once == whole[:-1]


def test_a_forged_token_is_refused(api: Api) -> None:
    for cursor in (
        [],
        [0],
        [-1, "s", "e"],
        ["a", "b", "c"],
        [5, "s", "e"],
        [0, 1, 2],
        [1, "", "", []],
    ):
        token = encode_page_token(cursor, "export", api.engine, "")  # type: ignore[arg-type]
        response = api.send("GET", f"{api.engine}:export", pageToken=token)
        assert response.status_code in (200, 400)
    assert api.call("GET", f"{api.engine}:export", pageToken="x").status == 400


def test_roles(api: Api, other: Api) -> None:
    """A user exports its own; only admins and agents import."""
    for user in ("user-ada", "user-bob"):
        api.create(user=user, sessionState={"user:k": user})
    lines = export(api)
    own = export(caller(api, "user-ada"))
    assert [line["session"]["userId"] for line in own if "session" in line] == ["user-ada"]
    assert [line["userState"]["state"] for line in own if "userState" in line] == [
        {"k": "user-ada"}
    ]
    for name in ("viewer", "user-ada"):
        answer = caller(other, name).call("POST", f"{other.engine}:import", body_of(lines))
        assert answer.status in (403, 404)


def test_the_wildcard_reaches_the_engines_that_rules_name(api: Api, other: Api) -> None:
    """An export of all engines goes on behind its token, and an import takes their lines alone."""
    for one in (api, other):
        for number in range(2):
            api.now = one.now = api.now + SECOND
            session = one.create(f"s{number}")
            converse(one, session)
    every = f"{api.engine.partition('/reasoningEngines/')[0]}/reasoningEngines/-"
    rules = [
        {"principal": "email:agent@example.com", "role": "agent", "engines": [api.engine]},
        {"principal": "email:agent@example.com", "role": "viewer", "engines": [other.engine]},
        {"principal": "email:viewer@example.com", "role": "viewer", "engines": [api.engine]},
    ]
    agent = caller(api, "agent", rules, work_time_limit="0.000001s")
    lines: Lines = []
    token: dict[str, str] = {}
    while token or not lines:
        *some, last = export(agent, every, **token)
        lines += some
        token = {"pageToken": last["nextPageToken"]} if "nextPageToken" in last else {}
    names = {line["session"]["name"] for line in lines if "session" in line}
    assert names == {f"{e}/sessions/s{n}" for e in (api.engine, other.engine) for n in range(2)}
    assert len([line for line in lines if "event" in line]) == 8

    api.ok("DELETE", f"{api.engine}/sessions/s0")
    own = [line for line in lines if api.engine + "/" in json.dumps(line)]
    assert load(agent, own, every)["importedSessions"] == 1
    assert agent.call("POST", f"{every}:import", body_of(lines)).status == 403
    viewer = caller(api, "viewer", rules)
    assert viewer.call("POST", f"{every}:import", body_of(own)).status == 403
    nobody = caller(api, "nobody", rules)
    assert nobody.call("POST", f"{every}:import", body_of(own)).status == 404


def user_elsewhere(api: Api, role: str, other: Api) -> Api:
    """Ada with a role on one engine, who is no more than a user of another one."""
    rules = [
        {"principal": "email:user-ada@example.com", "role": role, "engines": [api.engine]},
        {"principal": "claim:app=chat", "role": "user", "engines": [other.engine]},
    ]
    return caller(api, "user-ada", rules)


def import_everywhere(ada: Api, lines: Lines) -> Answer:
    every = f"{ada.engine.partition('/reasoningEngines/')[0]}/reasoningEngines/-"
    return ada.call("POST", f"{every}:import", body_of(lines))


@pytest.mark.parametrize("role", ["admin", "agent"])
def test_an_import_of_all_engines_adds_nothing_to_an_engine_whose_user_one_is(
    api: Api, other: Api, role: str
) -> None:
    """Not even one's own session: each line is checked on the engine that it names."""
    session = {"name": f"{other.engine}/sessions/s", "userId": "user-ada"}
    ada = user_elsewhere(api, role, other)
    answer = import_everywhere(ada, [{"session": session}])
    assert answer.status == 403, answer.text
    assert answer.json["error"]["message"] == "The role user does not import sessions."
    assert other.ok("GET", f"{other.engine}/sessions") == {}
    session["name"] = f"{api.engine}/sessions/s"
    assert import_everywhere(ada, [{"session": session}]).json["importedSessions"] == 1


def test_an_import_of_all_engines_adds_no_event_where_one_is_a_user(api: Api, other: Api) -> None:
    """To one's own session that is there already."""
    session = other.create("s", user="user-ada")
    line = {"session": other.ok("GET", session)}
    event = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
    lines = [line, {"event": {"name": f"{session}/events/e", **event}}]
    assert import_everywhere(user_elsewhere(api, "admin", other), lines).status == 403
    assert other.ok("GET", f"{session}/events") == {}


def test_an_import_of_all_engines_sets_no_state_where_one_is_a_user(api: Api, other: Api) -> None:
    """Users write their own state, but at no time that they choose."""
    state = {"name": f"{other.engine}/users/user-ada/state", "state": {"a": 1}}
    ada = user_elsewhere(api, "admin", other)
    answer = import_everywhere(
        ada, [{"userState": {**state, "updateTime": "2001-01-01T00:00:00Z"}}]
    )
    assert answer.status == 403, answer.text
    assert answer.json["error"]["message"] == "The role user does not import sessions."
    assert other.ok("GET", state["name"])["state"] == {}


def test_lines_of_another_engine_land_in_the_engine_of_the_request(api: Api, other: Api) -> None:
    """Their names lead nobody into an engine where the caller does not import."""
    session = {"name": f"{other.engine}/sessions/s", "userId": "user-ada"}
    event = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
    lines = [
        {"appState": {"name": f"{other.engine}/state", "state": {"a": 1}}},
        {"userState": {"name": f"{other.engine}/users/user-ada/state", "state": {"a": 1}}},
        {"session": session},
        {"event": {"name": f"{session['name']}/events/e", **event}},
    ]
    load(user_elsewhere(api, "admin", other), lines)
    assert kinds(export(api)) == ["appState", "userState", "session", "event", "end"]
    assert kinds(export(other)) == ["end"]


def test_history_is_refused_by_itself_where_one_does_not_import(api: Api, other: Api) -> None:
    """Whatever the store has let through for the line of its session."""
    converse(api, api.create("s"))
    piece = api.store.read_history(name_of(f"{api.engine}/sessions/s"), None, api.now)
    lines = [HistoryLine(item.event) for item in piece.items]
    session = other.create("s", user="user-ada")
    access = Access({other.engine: Grant(Role.USER, "user-ada")}, None)
    with pytest.raises(PermissionDenied, match="The role user does not import sessions"):
        GuardedStore(api.store, access).import_history(name_of(session), lines, api.now)
    assert other.ok("GET", f"{session}/events") == {}
