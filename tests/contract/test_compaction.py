"""Compaction of a session: which events change, what stays, and what readers see."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.support.api import SECOND, Answer, Api
from tests.support.meddling import meddled_store
from tests.support.roles import caller
from tests.support.store_documents import documents_below
from tests.support.streams import name_of, next_events, reading
from tests.support.summarizer import Summarizer, summarizing

EDITING: dict[str, Any] = {"eventEditing": {"mode": "AUTO"}}
SUMMARY: dict[str, Any] = {"summarization": {"mode": "AUTO"}}
THOUGHT = {"text": "hm", "thought": True}
BIG = {"rows": "x" * 6_000}


@pytest.fixture
def summarizer(api: Api) -> Iterator[Summarizer]:
    """One that the API asks for every session, however short."""
    with summarizing() as server:
        api.settings = replace(api.settings, summarizer_url=server.url, summarizer_target_bytes=0)
        yield server


def say(api: Api, session: str, number: int, *parts: dict[str, Any], **fields: Any) -> None:
    """Appends an event of an invocation of its own, as ADK sends it."""
    content = {"role": "model", "parts": [*parts, {"text": f"t{number}"}]}
    raw = {"id": f"e{number}", "content": content, **fields.pop("rawEvent", {})}
    body = {"invocationId": f"i{number}", "content": content, "rawEvent": raw, **fields}
    answer = api.append(session, f"2026-01-01T00:00:{number:02}Z", author="agent", **body)
    assert answer.status == 200, answer.text


def filled(api: Api, count: int = 8) -> str:
    """A session of so many invocations, each with a thought and a large response of a tool."""
    session = api.create()
    for number in range(count):
        response = {"functionResponse": {"id": "c", "name": "f", "response": BIG}}
        say(api, session, number, THOUGHT, response, actions={"stateDelta": {f"k{number}": 1}})
    return session


def compact(api: Api, session: str, **kinds: Any) -> Any:
    return api.ok("POST", f"{session}:compact", {"compaction": kinds or EDITING})


def refused(api: Api, session: str, body: Any, **query: Any) -> Answer:
    answer = api.call("POST", f"{session}:compact", body, **query)
    assert answer.status != 200, answer.text
    return answer


def events(api: Api, session: str, **query: Any) -> list[dict[str, Any]]:
    return api.walk(f"{session}/events", "sessionEvents", **query)


def is_compacted(event: dict[str, Any]) -> bool:
    return '"compacted":true' in json.dumps(event, separators=(",", ":"))


def summaries(api: Api, session: str) -> list[dict[str, Any]]:
    """The compactions of a session, as ADK reads them."""
    raw = [event["rawEvent"] for event in events(api, session)]
    return [each["actions"]["compaction"] for each in raw if "actions" in each]


def test_compaction_edits_the_events_before_the_last_five_invocations(api: Api) -> None:
    """In content and rawEvent alike; names, times, actions and order stay."""
    session = filled(api)
    before = events(api, session)
    operation = compact(api, session)
    after = events(api, session)
    assert [is_compacted(event) for event in after] == [True] * 3 + [False] * 5
    assert after[3:] == before[3:]
    response = {"id": "c", "name": "f", "response": {"compacted": True, "bytes": 6_011}}
    content = {"role": "model", "parts": [{"functionResponse": response}, {"text": "t0"}]}
    raw = {**before[0]["rawEvent"], "content": content}
    assert after[0] == {**before[0], "content": content, "rawEvent": raw}
    assert operation["done"] is True
    kind = "google.cloud.aiplatform.v1beta1.CompactSessionOperationMetadata"
    assert operation["metadata"]["@type"] == f"type.googleapis.com/{kind}"
    response = dict(operation["response"])
    assert response.pop("@type").endswith("v1beta1.Session")
    assert response == api.ok("GET", session)


def test_the_operation_of_a_compaction_can_be_read(api: Api) -> None:
    """Under its session and at the location, as every operation."""
    operation = compact(api, filled(api, 1))
    assert api.ok("GET", operation["name"]) == operation
    location = api.engine.partition("/reasoningEngines/")[0]
    elsewhere = f"{location}/operations/{operation['name'].rpartition('/')[2]}"
    assert api.ok("GET", elsewhere)["response"] == operation["response"]


def test_a_second_run_changes_nothing(api: Api) -> None:
    session = filled(api)
    compact(api, session)
    once = events(api, session), events(api, session, view="ORIGINAL")
    compact(api, session)
    assert (events(api, session), events(api, session, view="ORIGINAL")) == once


def test_originals_are_answered_until_the_session_goes(api: Api) -> None:
    """By lists, by get, by runs and by streams, in every order, page by page."""
    session = filled(api)
    before = events(api, session)
    run = api.ok("GET", f"{session}/runs/i0")
    compact(api, session)
    assert events(api, session, view="ORIGINAL") == before
    assert events(api, session, view="ORIGINAL", pageSize=3) == before
    backwards = events(api, session, view="ORIGINAL", orderBy="timestamp desc")
    assert backwards == before[::-1]
    thinking = events(api, session, view="ORIGINAL", filter="event_type=TOOL_OUTPUT")
    assert thinking == before
    name = before[0]["name"]
    assert api.ok("GET", name, view="ORIGINAL") == before[0] != api.ok("GET", name)
    assert api.ok("GET", f"{session}/runs/i0", view="ORIGINAL") == run
    api.ok("DELETE", session)
    collections = ("sessions", "events", "originals", "parts")
    assert documents_below(api.store, api.engine, collections) == {}


def test_a_filter_looks_at_what_the_view_shows(api: Api) -> None:
    session = api.create()
    for number in range(6):
        content = {"parts": [THOUGHT]}
        api.append(
            session, f"2026-01-01T00:00:0{number}Z", invocationId=f"i{number}", content=content
        )
    compact(api, session)
    shown = events(api, session, filter="event_type=THINKING")
    original = events(api, session, filter="event_type=THINKING", view="ORIGINAL")
    assert (len(shown), len(original)) == (5, 6)


def test_compaction_leaves_the_session_and_its_etag_alone(api: Api, summarizer: Summarizer) -> None:
    """Writers go on with the version that they know."""
    session = filled(api)
    before = api.store.get_session(name_of(session), api.now)
    compact(api, session, **EDITING, **SUMMARY)
    after = api.store.get_session(name_of(session), api.now)
    assert after == before
    assert len(events(api, session)) == 9
    assert len(summarizer.asked) == 1


def test_a_compaction_for_another_version_is_refused(api: Api) -> None:
    session = filled(api)
    version = api.store.get_session(name_of(session), api.now).version
    say(api, session, 8)
    body = {"compaction": EDITING}
    answer = refused(api, session, body, etag=f'"{version}"')
    assert (answer.status, answer.json["error"]["status"]) == (409, "ABORTED")
    assert not any(map(is_compacted, events(api, session)))


def test_the_retry_of_an_append_meets_a_compacted_event(api: Api) -> None:
    session = filled(api)
    compact(api, session)
    before = events(api, session), api.ok("GET", session)
    response = {"functionResponse": {"id": "c", "name": "f", "response": BIG}}
    say(api, session, 0, THOUGHT, response, actions={"stateDelta": {"k0": 1}})
    assert (events(api, session), api.ok("GET", session)) == before


def test_a_change_of_an_event_changes_its_original(api: Api) -> None:
    session = filled(api)
    compact(api, session)
    first, second = (event["name"] for event in events(api, session)[:2])
    api.ok("PATCH", first, {"errorMessage": "no"})
    assert is_compacted(api.ok("GET", first))
    original = api.ok("GET", first, view="ORIGINAL")
    assert (original["errorMessage"], is_compacted(original)) == ("no", False)
    content = {"parts": [{"text": "other"}]}
    api.ok("PATCH", second, {"content": content, "rawEvent": {"id": "other"}})
    for view in ("BASIC", "ORIGINAL"):
        changed = api.ok("GET", second, view=view)
        assert (changed["content"], changed["rawEvent"]) == (content, {"id": "other"})
    assert '"rows"' not in json.dumps(events(api, session, view="ORIGINAL")[1])


def test_a_removal_of_an_event_removes_its_original(api: Api) -> None:
    session = filled(api)
    compact(api, session)
    names = [event["name"] for event in events(api, session)]
    api.ok("DELETE", names[0])
    text = 'invocation_id="i1" OR invocation_id="i2"'
    api.ok("POST", f"{session}/events:purge", {"filter": text, "force": True})
    assert [event["name"] for event in events(api, session, view="ORIGINAL")] == names[3:]
    answer = api.call("GET", names[0], view="ORIGINAL")
    assert answer.status == 404
    assert documents_below(api.store, api.engine, ("originals",)) == {}


def test_a_later_compaction_keeps_the_first_original(api: Api) -> None:
    session = filled(api)
    before = events(api, session)
    compact(api, session)
    api.settings = replace(api.settings, compact_keep_invocations=0)
    compact(api, session)
    assert all(map(is_compacted, events(api, session)))
    assert events(api, session, view="ORIGINAL") == before


def test_the_settings_say_what_stays(api: Api) -> None:
    session = filled(api)
    api.settings = replace(
        api.settings, compact_keep_invocations=6, compact_tool_response_bytes=6_011
    )
    compact(api, session)
    assert not any(map(is_compacted, events(api, session)))
    api.settings = replace(api.settings, compact_tool_response_bytes=6_010)
    compact(api, session)
    assert list(map(is_compacted, events(api, session))) == [True] * 2 + [False] * 6


@pytest.mark.parametrize(
    ("body", "fragment"),
    [
        ({}, "compaction must have eventEditing or summarization"),
        ({"compaction": {}}, "compaction must have eventEditing or summarization"),
        ({"compaction": {"eventEditing": {}}}, "compaction.eventEditing.mode must be AUTO"),
        (
            {"compaction": {**EDITING, "summarization": {"mode": "MODE_UNSPECIFIED"}}},
            "compaction.summarization.mode must be AUTO",
        ),
        ({"compaction": {"eventEditing": {"mode": "MANUAL"}}}, "mode"),
        ({"compaction": {"other": {}}}, 'Unknown name "other"'),
    ],
)
def test_a_request_for_no_known_kind_is_refused(api: Api, body: Any, fragment: str) -> None:
    session = filled(api, 1)
    answer = refused(api, session, body)
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert fragment in answer.json["error"]["message"]


def test_a_session_that_is_not_there_is_not_found(api: Api) -> None:
    session = api.create(ttl="86400s")
    api.now += 86400 * SECOND
    answer = refused(api, session, {"compaction": EDITING})
    assert (answer.status, answer.json["error"]["message"]) == (
        404,
        f"Session {session} not found.",
    )


def test_summarization_without_a_summarizer_is_refused(api: Api) -> None:
    """Before anything is done."""
    session = filled(api)
    answer = refused(api, session, {"compaction": {**EDITING, **SUMMARY}})
    error = answer.json["error"]
    assert (answer.status, error["status"]) == (400, "FAILED_PRECONDITION")
    assert "SUMMARIZER_URL" in error["message"]
    assert not any(map(is_compacted, events(api, session)))


def test_a_summary_is_an_event_that_adk_takes_for_a_compaction(
    api: Api, summarizer: Summarizer
) -> None:
    """It is asked for the edited events, and appended behind all others."""
    session = filled(api)
    compact(api, session, **EDITING, **SUMMARY)
    (asked,) = summarizer.asked
    assert asked["session"] == api.ok("GET", session)
    *others, summary = events(api, session)
    assert asked["events"] == others[:3]
    assert all(map(is_compacted, asked["events"]))
    assert (summary["author"], summary["content"]) == ("user", {})
    assert summary["rawEvent"]["actions"]["compaction"] == {
        "startTimestamp": 1_767_225_600,
        "endTimestamp": 1_767_225_602,
        "compactedContent": {"role": "model", "parts": [{"text": "the summary"}]},
    }
    assert "Authorization" not in summarizer.headers[0]


def test_a_second_run_asks_for_no_other_summary(api: Api, summarizer: Summarizer) -> None:
    """Until there are older events without one, whose summary stands beside the first."""
    session = filled(api)
    for _ in range(2):
        compact(api, session, **SUMMARY)
    assert len(summarizer.asked) == 1
    for number in range(8, 10):
        say(api, session, number)
    compact(api, session, **SUMMARY)
    assert summarizer.texts()[1:] == [["hm", "hm"]]
    ranges = [(each["startTimestamp"], each["endTimestamp"]) for each in summaries(api, session)]
    start = 1_767_225_600
    assert sorted(ranges) == [(start, start + 2), (start + 3, start + 4)]


def test_a_session_up_to_the_target_is_not_summarized(api: Api, summarizer: Summarizer) -> None:
    session = filled(api)
    api.settings = replace(api.settings, summarizer_target_bytes=50_000)
    compact(api, session, **EDITING, **SUMMARY)
    assert summarizer.asked == []
    compact(api, session, **SUMMARY)
    assert summarizer.asked == []
    api.settings = replace(api.settings, summarizer_target_bytes=1_000)
    compact(api, session, **SUMMARY)
    assert len(summarizer.asked) == 1


def test_a_summary_is_not_in_the_original_view_and_not_counted(
    api: Api, summarizer: Summarizer
) -> None:
    """It was not there before the compaction; it can be removed like any event."""
    session = filled(api)
    before = events(api, session)
    counted = api.store.get_session(name_of(session), api.now)
    compact(api, session, **SUMMARY)
    name = events(api, session)[-1]["name"]
    assert events(api, session, view="ORIGINAL") == before
    assert api.call("GET", name, view="ORIGINAL").status == 404
    api.ok("PATCH", name, {"errorMessage": "x"})
    api.ok("DELETE", name)
    assert events(api, session) == before
    after = api.store.get_session(name_of(session), api.now)
    assert (after.event_count, after.last_event_time) == (8, counted.last_event_time)


def test_a_stream_tells_the_summary_and_originals_on_request(
    api: Api, summarizer: Summarizer
) -> None:
    session = filled(api)
    before = events(api, session)
    with reading(api, session) as reader:
        next_events(api, reader, 8)
        compact(api, session, **EDITING, **SUMMARY)
        ((_, summary),) = next_events(api, reader, 1)
        assert '"compaction"' in summary.text
    original = api.store.watch(name_of(session), None, api.now, original=True)
    try:
        told = [json.loads(event.to_json(session)) for _, event in next_events(api, original, 8)]
    finally:
        original.close()
    assert told == before


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (500, {}),
        (200, {}),
        (200, []),
        (200, {"content": {}}),
        (200, {"content": {"parts": [{"words": "no field of a part"}]}}),
    ],
    ids=str,
)
def test_a_summarizer_that_fails_costs_nothing(
    api: Api, summarizer: Summarizer, status: int, answer: Any
) -> None:
    """The client sends the request again; what was edited stays so."""
    session = filled(api)
    summarizer.status, summarizer.answer = status, answer
    failed = refused(api, session, {"compaction": {**EDITING, **SUMMARY}})
    assert (failed.status, failed.json["error"]["status"]) == (503, "UNAVAILABLE")
    assert "SUMMARIZER_URL" in failed.json["error"]["message"]
    assert len(events(api, session)) == 8
    assert is_compacted(events(api, session)[0])


def test_a_compaction_that_runs_out_of_time_goes_on_with_the_next(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("functions.sessions.compact_session.MAX_EVENTS_PAGE", 3)
    session = filled(api)
    api.settings = replace(api.settings, work_time_limit=1, compact_keep_invocations=1)
    answer = refused(api, session, {"compaction": EDITING})
    assert (answer.status, answer.json["error"]["status"]) == (503, "UNAVAILABLE")
    assert list(map(is_compacted, events(api, session))) == [False] * 5 + [True] * 2 + [False]


def test_an_event_that_changes_meanwhile_is_edited_as_it_is_then(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another writer changes one event and removes another after the compaction read them."""
    session = filled(api)
    names = [event["name"] for event in events(api, session)]
    rewrite = type(api.store).rewrite_events

    def changing(store: Any, *args: Any, **options: Any) -> None:
        monkeypatch.undo()
        api.ok("PATCH", names[0], {"errorMessage": "meanwhile"})
        api.ok("DELETE", names[1])
        rewrite(store, *args, **options)

    monkeypatch.setattr(type(api.store), "rewrite_events", changing)
    compact(api, session)
    first, third = events(api, session)[:2]
    assert (first["errorMessage"], is_compacted(first)) == ("meanwhile", True)
    assert (third["name"], is_compacted(third)) == (names[2], True)
    original = api.ok("GET", names[0], view="ORIGINAL")
    assert (original["errorMessage"], is_compacted(original)) == ("meanwhile", False)


def test_a_fork_copies_what_lists_answer(api: Api, summarizer: Summarizer) -> None:
    """Originals stay with the source, and the copy of a summary is an event like any other."""
    session = filled(api)
    compact(api, session, **EDITING, **SUMMARY)
    source = events(api, session)
    fork = api.ok("POST", f"{session}:fork", {})["response"]["name"]
    copies = [{**event, "name": event["name"].replace(session, fork)} for event in source]
    assert events(api, fork) == copies
    assert events(api, fork, view="ORIGINAL") == copies
    assert api.store.get_session(name_of(fork), api.now).event_count == 9
    assert any(map(is_compacted, copies))


def test_a_fork_of_a_session_with_removed_events_has_their_state(api: Api) -> None:
    """What an event did to state is not undone, and its place stays."""
    session = filled(api, 4)
    names = [event["name"] for event in events(api, session)]
    api.ok("DELETE", names[0])
    api.ok("POST", f"{session}/events:purge", {"filter": 'invocation_id="i1"', "force": True})
    fork = api.ok("POST", f"{session}:fork", {"throughEvent": names[2]})["response"]
    assert fork["sessionState"] == {"k0": 1, "k1": 1, "k2": 1}
    left = [event["name"].rpartition("/")[2] for event in events(api, fork["name"])]
    assert left == [names[2].rpartition("/")[2]]


@pytest.mark.parametrize("store_environment", ["firestore"], indirect=True, scope="module")
def test_a_session_that_expires_soon_is_changed_by_its_compaction(api: Api) -> None:
    """The purge removes an expired session as it found it, unless it has changed meanwhile."""
    session = filled(api)
    api.settings = replace(api.settings, min_ttl=0)
    api.ok("PATCH", session, {"ttl": "60s"})
    before = api.store.get_session(name_of(session), api.now).version
    compact(api, session)
    assert api.store.get_session(name_of(session), api.now).version != before


def test_a_large_response_leaves_its_parts(api: Api) -> None:
    """The original of an event in parts is in parts, too."""
    session = api.create()
    response = {"functionResponse": {"name": "f", "response": {"rows": "x" * 1_200_000}}}
    say(api, session, 0, response)
    for number in range(1, 6):
        say(api, session, number)
    before = events(api, session)
    compact(api, session)
    assert is_compacted(events(api, session)[0])
    assert documents_below(api.store, api.engine, ("parts",)) == {}
    assert events(api, session, view="ORIGINAL") == before
    assert api.ok("GET", before[0]["name"], view="ORIGINAL") == before[0]


@pytest.mark.parametrize("name", ["user-ada", "agent"])
@pytest.mark.parametrize("call", range(2, 6))
def test_a_session_that_became_somebody_elses_is_not_compacted(
    api: Api, summarizer: Summarizer, monkeypatch: pytest.MonkeyPatch, name: str, call: int
) -> None:
    """Whenever that happens: it keeps its events, and has no summary of its predecessor's."""
    monkeypatch.setattr("functions.sessions.summarizer._identity_token", lambda _: "token")
    session = api.create("again", user="user-ada")
    for number in range(8):
        say(api, session, number, THOUGHT)
    someone = caller(api, name, summarizer_url=summarizer.url, summarizer_target_bytes=0)
    before: list[dict[str, Any]] = []

    def succeed() -> None:
        api.ok("DELETE", session)
        api.create("again", user="user-bob")
        for number in range(8):
            say(api, session, number, THOUGHT, errorMessage="of bob")
        before.extend(events(api, session))

    someone.store = meddled_store(api.store, call, succeed)
    answer = refused(someone, session, {"compaction": {**EDITING, **SUMMARY}})
    assert answer.status == 404
    assert len(before) == 8
    assert events(api, session) == before
    assert "of bob" not in json.dumps(summarizer.asked)
