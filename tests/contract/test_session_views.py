"""What a session tells of itself with view=FULL; see docs/session-views.md."""

from typing import Any

import pytest

from tests.support.api import SECOND, Api
from tests.support.project import LOCATION

COUNTS = ("eventCount", "usage", "lastEventTime")
FULL = {*COUNTS, "etag"}
USAGE = {"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 3}
SNAKE = {"prompt_token_count": 1, "candidates_token_count": 2, "total_token_count": 3}


def facts(api: Api, session: str) -> dict[str, Any]:
    """What a session counts."""
    found = api.ok("GET", session, view="FULL")
    return {name: found[name] for name in COUNTS if name in found}


def append(api: Api, session: str, time: str = "2026-01-01T00:00:00Z", **fields: Any) -> None:
    answer = api.append(session, time, **fields)
    assert answer.status == 200, answer.text


def test_the_full_view_adds_output_only_fields_and_nothing_else(api: Api) -> None:
    """Both get and list answer the same session in each view."""
    session = api.create(sessionState={"a": 1, "app:b": 2}, displayName="d", labels={"k": "v"})
    append(api, session, rawEvent={"usageMetadata": USAGE})
    basic = api.ok("GET", session)
    full = api.ok("GET", session, view="FULL")
    assert set(full) - set(basic) == FULL
    assert {name: value for name, value in full.items() if name in basic} == basic
    assert api.ok("GET", f"{api.engine}/sessions", view="FULL") == {"sessions": [full]}
    assert api.ok("GET", f"{api.engine}/sessions") == {"sessions": [basic]}


@pytest.mark.parametrize("view", ["", "BASIC"])
def test_the_basic_view_is_the_default(api: Api, view: str) -> None:
    """A plain client sees no difference: byte for byte."""
    session = api.create()
    append(api, session)
    for path in (session, f"{api.engine}/sessions"):
        assert api.call("GET", path, view=view).text == api.call("GET", path).text


@pytest.mark.parametrize("view", ["full", "ORIGINAL", "2"])
def test_any_other_view_of_sessions_is_refused(api: Api, view: str) -> None:
    """The error names the views that there are; it comes before that of a missing session."""
    for path in (f"{api.engine}/sessions/missing", f"{api.engine}/sessions"):
        answer = api.call("GET", path, view=view)
        assert answer.status == 400
        assert answer.json["error"]["message"] == f'view must be BASIC or FULL: "{view}".'


def test_answers_of_other_methods_have_no_field_of_the_full_view(api: Api) -> None:
    """Neither that of create, whose operation has official fields alone, nor any other."""
    created = api.ok("POST", f"{api.engine}/sessions", {"userId": "u"})["response"]
    updated = api.ok("PATCH", created["name"], {"displayName": "d"})
    body = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
    query = {"allowMissing": "true", "userId": "u"}
    appended = api.ok("POST", f"{created['name']}:appendEvent", body, **query)["session"]
    for session in (created, updated, appended):
        assert not FULL & set(session)


def test_a_session_without_events_counts_none(api: Api) -> None:
    """There is no usage and no last time."""
    session = api.create()
    assert facts(api, session) == {"eventCount": 0}


@pytest.mark.parametrize(
    "fields",
    [
        {"rawEvent": {"usageMetadata": USAGE}},
        {"rawEvent": {"usage_metadata": USAGE}},
        {"rawEvent": {"usageMetadata": SNAKE}},
        {"rawEvent": {"usage_metadata": SNAKE}},
        {"eventMetadata": {"usageMetadata": USAGE}},
        {"eventMetadata": {"usage_metadata": SNAKE}},
        {"rawEvent": {"usageMetadata": USAGE}, "eventMetadata": {"usageMetadata": USAGE}},
        {"rawEvent": {"usageMetadata": {**USAGE, "cachedContentTokenCount": 9}}},
    ],
    ids=str,
)
def test_usage_sums_what_events_say_in_every_spelling(api: Api, fields: dict[str, Any]) -> None:
    """An event that says its usage twice counts once."""
    session = api.create()
    for _ in range(2):
        append(api, session, **fields)
    append(api, session)
    assert facts(api, session)["usage"] == {name: 2 * count for name, count in USAGE.items()}
    assert facts(api, session)["eventCount"] == 3


def test_counts_that_no_event_says_are_left_out(api: Api) -> None:
    """Each of the three stands for itself; zero is a count."""
    session = api.create()
    append(api, session, rawEvent={"usageMetadata": {"totalTokenCount": 0}})
    assert facts(api, session)["usage"] == {"totalTokenCount": 0}
    append(api, session, rawEvent={"usageMetadata": {"prompt_token_count": 4}})
    assert facts(api, session)["usage"] == {"promptTokenCount": 4, "totalTokenCount": 0}


@pytest.mark.parametrize("said", ["3", -1, 2**31, 2**80, 1.5, True, None, [3], {}], ids=repr)
def test_what_is_no_count_of_tokens_is_not_counted(api: Api, said: Any) -> None:
    """The event is stored as it was sent; the other counts of it are taken."""
    session = api.create()
    usage = {"promptTokenCount": said, "totalTokenCount": 5}
    append(api, session, rawEvent={"usageMetadata": usage})
    assert facts(api, session)["usage"] == {"totalTokenCount": 5}
    (event,) = api.ok("GET", f"{session}/events")["sessionEvents"]
    assert event["rawEvent"] == {"usageMetadata": usage}


@pytest.mark.parametrize("raw", [{"usageMetadata": "none"}, {"usageMetadata": []}, {}], ids=str)
def test_usage_that_is_no_object_is_looked_for_elsewhere(api: Api, raw: dict[str, Any]) -> None:
    """The usage of eventMetadata counts where rawEvent has none."""
    session = api.create()
    append(api, session, rawEvent=raw, eventMetadata={"usageMetadata": USAGE})
    assert facts(api, session)["usage"] == USAGE


def test_the_last_event_time_is_the_newest_time_of_an_event(api: Api) -> None:
    """Whatever the order of the appends; to the nanosecond."""
    session = api.create()
    append(api, session, "2026-05-05T00:00:00.123456789Z")
    append(api, session, "2026-01-01T00:00:00Z")
    append(api, session, "0001-01-01T00:00:00Z")
    assert facts(api, session) == {
        "eventCount": 3,
        "lastEventTime": "2026-05-05T00:00:00.123456789Z",
    }


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "1600-01-01T00:00:00Z"])
def test_a_last_event_time_before_1678_is_left_out(api: Api, time: str) -> None:
    """Clients send the year 1 for no time at all; stores compare 64 bits of nanoseconds."""
    session = api.create()
    append(api, session, time)
    assert facts(api, session) == {"eventCount": 1}


def test_only_events_that_are_stored_count(api: Api) -> None:
    """Neither a retry, nor a refused append, nor a change of the session."""
    session = api.create(sessionState={"a": 1})
    event = {"rawEvent": {"id": "e", "usageMetadata": USAGE}}
    append(api, session, **event)
    before = facts(api, session)
    api.now += SECOND
    append(api, session, **event)
    assert api.append(session, author="").status == 400
    large = {"stateDelta": {"b": "x" * 980_000}}
    assert api.append(session, actions=large, rawEvent={"usageMetadata": USAGE}).status == 400
    api.ok("PATCH", session, {"displayName": "d", "sessionState": {"b": 2}})
    assert facts(api, session) == before


def test_a_session_that_an_append_creates_counts_its_event(api: Api) -> None:
    """With allowMissing it counts, and counts on where it is there."""
    path = f"{api.engine}/sessions/s:appendEvent"
    body = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
    for number in range(1, 3):
        event = {**body, "rawEvent": {"id": str(number), "usageMetadata": USAGE}}
        api.ok("POST", path, event, allowMissing="true", userId="u")
        assert facts(api, f"{api.engine}/sessions/s") == {
            "eventCount": number,
            "usage": {name: number * count for name, count in USAGE.items()},
            "lastEventTime": "2026-01-01T00:00:00Z",
        }


def test_a_session_that_is_created_again_counts_from_the_start(api: Api) -> None:
    """Events of its former life are gone."""
    session = api.create("s")
    append(api, session)
    api.ok("DELETE", session)
    assert facts(api, api.create("s")) == {"eventCount": 0}


def test_every_page_of_a_walk_has_the_full_view(api: Api) -> None:
    """Also of sessions that moved since the walk began, and of sessions of all engines."""
    api.engine = f"{LOCATION}-views/reasoningEngines/{api.engine.rpartition('/')[2]}"
    sessions = []
    for number in range(4):
        api.now += SECOND
        sessions.append(api.create(f"s{number}"))
        append(api, sessions[-1])
    for engine in (api.engine, f"{api.engine.rpartition('/')[0]}/-"):
        query = {"view": "FULL", "orderBy": "update_time", "pageSize": 2}
        page = api.ok("GET", f"{engine}/sessions", **query)
        api.now += SECOND
        append(api, sessions[3])
        query["pageToken"] = page["nextPageToken"]
        rest = api.ok("GET", f"{engine}/sessions", **query)
        found = {each["name"]: each for each in [*page["sessions"], *rest["sessions"]]}
        assert set(found) == set(sessions)
        for name, session in found.items():
            assert session == api.ok("GET", name, view="FULL")
