"""Runs: what one invocation did, listed and read; see section 7 of the contract."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

import functions.runs.get_run
from functions.calls import filters
from functions.rules.run import Run
from functions.store import paging
from tests.contract.conftest import SECOND, Api

TIMES = [f"2026-01-01T00:{minute:02}:{second:02}Z" for minute in range(60) for second in range(60)]


def text(words: str, **fields: Any) -> dict[str, Any]:
    return {"content": {"parts": [{"text": words}]}, **fields}


def call(name: str, id: str = "", **args: Any) -> dict[str, Any]:
    part = {"functionCall": {"name": name, **({"id": id} if id else {}), "args": args}}
    return {"content": {"parts": [part]}}


def response(name: str, id: str = "", **result: Any) -> dict[str, Any]:
    part = {"functionResponse": {"name": name, **({"id": id} if id else {}), "response": result}}
    return {"content": {"parts": [part]}}


class Story:
    """Appends events to a session, one a second unless told otherwise."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.session = api.create()
        self._times = iter(TIMES)

    def add(self, run: str, author: str = "agent", time: str = "", **fields: Any) -> "Story":
        """Appends an event of a run."""
        at = time or next(self._times)
        answer = self.api.append(self.session, at, author=author, invocationId=run, **fields)
        assert answer.status == 200, answer.text
        return self

    def runs(self, **query: Any) -> list[dict[str, Any]]:
        """All runs, page by page."""
        return self.api.walk(f"{self.session}/runs", "runs", **query)

    def ids(self, **query: Any) -> list[str]:
        return [run["invocationId"] for run in self.runs(**query)]

    def run(self, **query: Any) -> dict[str, Any]:
        """The only run."""
        (run,) = self.runs(**query)
        return run

    def state(self) -> str:
        return str(self.run()["state"])


@pytest.fixture
def story(api: Api) -> Story:
    return Story(api)


def test_a_session_without_events_has_no_runs(story: Story) -> None:
    """An empty list is `{}`."""
    assert story.api.ok("GET", f"{story.session}/runs") == {}


def test_a_run_tells_what_an_invocation_did(story: Story) -> None:
    """Name, times, count, authors in order of appearance, tool calls with their answers, state."""
    story.add("e-1", "user", **text("Book it."))
    story.add("e-1", "planner", **call("book", "c1", seat=[1, {"row": "A"}], price=2**60))
    story.add("e-1", "booker", **response("book", "c1", ok=True))
    story.add("e-1", "planner", **text("Booked."))
    assert story.run() == {
        "name": f"{story.session}/runs/e-1",
        "invocationId": "e-1",
        "startTime": "2026-01-01T00:00:00Z",
        "endTime": "2026-01-01T00:00:03Z",
        "eventCount": 4,
        "authors": ["user", "planner", "booker"],
        "toolCalls": [
            {
                "id": "c1",
                "name": "book",
                "args": {"seat": [1, {"row": "A"}], "price": 2**60},
                "response": {"ok": True},
            }
        ],
        "state": "COMPLETED",
    }


def test_a_run_has_no_key_for_what_is_empty(story: Story) -> None:
    """No toolCalls, errorCode or errorMessage where there are none."""
    story.add("e-1", **text("Hello."))
    assert set(story.run()) == {
        *("name", "invocationId", "startTime", "endTime", "eventCount", "authors", "state")
    }


def test_runs_come_in_the_order_of_their_first_events(story: Story) -> None:
    """By timestamp, then arrival, whatever came in between; each once."""
    for run in "bacbad":
        story.add(run)
    story.add("z", time="2025-01-01T00:00:00Z")
    story.add("y", time="2025-01-01T00:00:00Z")
    for size in (1, 2, 100):
        assert "".join(story.ids(pageSize=size)) == "zybacd"


def test_events_of_interleaved_runs_are_kept_apart(story: Story) -> None:
    """Parallel invocations share a session and nothing else, even ids of calls."""
    story.add("a", "user", **text("one")).add("b", "user", **text("two"))
    story.add("a", **call("f", "1", of="a")).add("b", **call("f", "1", of="b"))
    story.add("b", **response("f", "1", of="b")).add("b", "other", **text("done"))
    for size in (1, 100):
        a, b = story.runs(pageSize=size)
        assert (a["eventCount"], a["authors"], a["state"]) == (2, ["user", "agent"], "ACTIVE")
        assert a["toolCalls"] == [{"id": "1", "name": "f", "args": {"of": "a"}}]
        assert (b["eventCount"], b["authors"]) == (4, ["user", "agent", "other"])
        assert b["toolCalls"][0]["response"] == {"of": "b"}
        assert b["endTime"] == "2026-01-01T00:00:05Z"


def test_a_run_spans_pages_of_events(story: Story) -> None:
    """A run is told from all of its events, however many others lie between and behind."""
    for number in range(40):
        story.add("long", f"author{number % 3}").add(f"short{number:02}")
    assert story.ids(pageSize=3) == ["long", *(f"short{number:02}" for number in range(40))]
    long = story.runs(pageSize=1)[0]
    assert (long["eventCount"], long["endTime"]) == (40, TIMES[78])
    assert long["authors"] == ["author0", "author1", "author2"]


def test_a_run_behind_a_long_one_is_found(story: Story) -> None:
    """However many events of runs that were told lie before it."""
    for run in (*["long"] * 45, "b", *["long"] * 45, "c"):
        story.add(run)
    for size in (1, 2, 3):
        assert story.ids(pageSize=size) == ["long", "b", "c"]


@pytest.mark.parametrize("seed", range(4))
def test_runs_are_what_grouping_all_events_gives(story: Story, seed: int) -> None:
    """Whatever the order of events, ties included, and however pages cut through runs."""
    dice = random.Random(seed)
    for _ in range(40):
        run, second = dice.choice("abcdefghij"), dice.randrange(15)
        author = f"author{dice.randrange(3)}"
        story.add(run, author, time=TIMES[second])
    events = story.api.ok("GET", f"{story.session}/events")["sessionEvents"]
    groups: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        groups.setdefault(event["invocationId"], []).append(event)
    expected = [
        (
            run,
            group[0]["timestamp"],
            group[-1]["timestamp"],
            len(group),
            list(dict.fromkeys(event["author"] for event in group)),
        )
        for run, group in groups.items()
    ]
    fields = ("invocationId", "startTime", "endTime", "eventCount", "authors")
    for size in (1, 2, 7, 100):
        assert [tuple(run[f] for f in fields) for run in story.runs(pageSize=size)] == expected
    for run, group in groups.items():
        read = story.api.ok("GET", f"{story.session}/runs/{run}")
        assert read["sessionEvents"] == group


STATES: list[tuple[str, list[dict[str, Any]], str]] = [
    ("answered", [text("a", author="user"), text("b")], "COMPLETED"),
    ("by an agent alone", [text("b")], "COMPLETED"),
    ("not answered", [text("a", author="user")], "ACTIVE"),
    ("asked again", [text("b"), text("a", author="user")], "ACTIVE"),
    ("a change of state by the user", [{"actions": {"stateDelta": {"k": 1}}}], "COMPLETED"),
    ("half an answer", [text("b", eventMetadata={"partial": True})], "ACTIVE"),
    (
        "an answer whole at last",
        [text("b", eventMetadata={"partial": True}), text("bc")],
        "COMPLETED",
    ),
    ("called", [call("f", "1")], "ACTIVE"),
    ("called, words since", [call("f", "1"), text("wait")], "ACTIVE"),
    ("called and responded", [call("f", "1"), response("f", "1")], "ACTIVE"),
    ("called, responded, told", [call("f", "1"), response("f", "1"), text("b")], "COMPLETED"),
    (
        "a response that nobody is to sum up",
        [call("f", "1"), response("f", "1") | {"actions": {"skipSummarization": True}}],
        "COMPLETED",
    ),
    (
        "a tool that runs long",
        [call("f", "1") | {"eventMetadata": {"longRunningToolIds": ["1"]}}],
        "ACTIVE",
    ),
    (
        "a tool that ran long",
        [
            call("f", "1") | {"eventMetadata": {"longRunningToolIds": ["1"]}},
            text("I asked."),
            response("f", "1", done=True) | {"author": "user"},
            text("b"),
        ],
        "COMPLETED",
    ),
    *(
        (
            f"a tool that runs long and is {status}",
            [
                call("f", "1") | {"eventMetadata": {"longRunningToolIds": ["1"]}},
                response("f", "1", status=status),
                text("I asked."),
            ],
            "ACTIVE",
        )
        for status in (
            *("pending", "PENDING", "in_progress", "IN-PROGRESS", "In progress", "inProgress"),
            *("running", "submitted", "Working"),
        )
    ),
    *(
        (
            f"a tool that runs long and answers {result}",
            [
                call("f", "1") | {"eventMetadata": {"longRunningToolIds": ["1"]}},
                response("f", "1", **result),
                text("Done."),
            ],
            "COMPLETED",
        )
        for result in ({"status": "done"}, {"status": ["pending"]}, {"state": "pending"}, {})
    ),
    (
        "a tool that ran long and was approved",
        [
            call("f", "1") | {"eventMetadata": {"longRunningToolIds": ["1"]}},
            response("f", "1", status="pending"),
            text("I asked."),
            response("f", "1", status="approved") | {"author": "user"},
            text("Approved."),
        ],
        "COMPLETED",
    ),
    (
        "one of two tools that run long",
        [
            call("f", "1") | {"eventMetadata": {"longRunningToolIds": ["1", "2"]}},
            call("f", "2"),
            response("f", "2", status="pending"),
            response("f", "1", status="done"),
            text("I asked."),
        ],
        "ACTIVE",
    ),
    (
        "a tool whose result is of something pending",
        [call("f", "1"), response("f", "1", status="pending"), text("It is pending.")],
        "COMPLETED",
    ),
    (
        "what a tool found for the user, unread",
        [call("f", "1"), response("f", "1") | {"author": "user"}],
        "ACTIVE",
    ),
    ("code", [{"content": {"parts": [{"executableCode": {"code": "1"}}]}}], "ACTIVE"),
    (
        "code that ran",
        [{"content": {"parts": [{"codeExecutionResult": {"output": "1"}}]}}],
        "ACTIVE",
    ),
    (
        "code that ran and was told",
        [{"content": {"parts": [{"codeExecutionResult": {"output": "1"}}, {"text": "1"}]}}],
        "COMPLETED",
    ),
    ("failed", [text("a", author="user"), {"errorCode": "E"}], "FAILED"),
    ("failed with a message", [{"errorMessage": "it broke"}], "FAILED"),
    ("failed in a call", [call("f", "1"), {"errorCode": "E"}], "FAILED"),
    ("tried again", [{"errorCode": "E"}, text("b")], "COMPLETED"),
    ("interrupted", [text("b", eventMetadata={"interrupted": True})], "INTERRUPTED"),
    (
        "interrupted in a call",
        [call("f", "1"), {"eventMetadata": {"interrupted": True}}],
        "INTERRUPTED",
    ),
    (
        "interrupted by an error",
        [{"errorCode": "E", "eventMetadata": {"interrupted": True}}],
        "FAILED",
    ),
    ("went on", [{"eventMetadata": {"interrupted": True}}, text("b")], "COMPLETED"),
]


@pytest.mark.parametrize(
    ("events", "expected"), [case[1:] for case in STATES], ids=[case[0] for case in STATES]
)
def test_the_state_of_a_run_is_told_by_its_last_event_and_its_open_calls(
    story: Story, events: list[dict[str, Any]], expected: str
) -> None:
    """FAILED, then INTERRUPTED, then ACTIVE, else COMPLETED; the first rule that holds."""
    for fields in events:
        story.add("e-1", **{"author": "agent", **fields})
    assert story.state() == expected
    assert story.api.ok("GET", f"{story.session}/runs/e-1")["state"] == expected


def test_a_failed_run_says_why_and_a_recovered_one_does_not(story: Story) -> None:
    """The errorCode and errorMessage are the last event's."""
    story.add("a", errorCode="E1", errorMessage="it broke")
    story.add("b", errorCode="E2").add("b", **text("It works."))
    a, b = story.runs()
    assert (a["state"], a["errorCode"], a["errorMessage"]) == ("FAILED", "E1", "it broke")
    assert (b["state"], "errorCode" in b) == ("COMPLETED", False)


def tool_calls(story: Story) -> list[tuple[Any, ...]]:
    """Id, name, args and response of the calls of the only run."""
    calls = story.run().get("toolCalls", [])
    return [tuple(each.get(key) for key in ("id", "name", "args", "response")) for each in calls]


def test_calls_are_paired_with_responses_by_id(story: Story) -> None:
    """In whatever order they come, and several in one event."""
    both = [*call("f", "1", n=1)["content"]["parts"], *call("f", "2", n=2)["content"]["parts"]]
    story.add("e", content={"parts": both})
    story.add("e", **response("f", "2", of=2)).add("e", **response("f", "1", of=1))
    assert tool_calls(story) == [("1", "f", {"n": 1}, {"of": 1}), ("2", "f", {"n": 2}, {"of": 2})]


def test_calls_without_ids_are_paired_by_name_in_order(story: Story) -> None:
    """The first call of that name which has no response yet."""
    story.add("e", **call("f", n=1)).add("e", **call("g")).add("e", **call("f", n=2))
    story.add("e", **response("f", of=1)).add("e", **response("f", of=2))
    assert tool_calls(story) == [
        (None, "f", {"n": 1}, {"of": 1}),
        (None, "g", {}, None),
        (None, "f", {"n": 2}, {"of": 2}),
    ]


def test_a_call_that_is_streamed_is_one_call(story: Story) -> None:
    """A call of an id that is there already brings its arguments up to date."""
    story.add("e", **call("f", "1"), eventMetadata={"partial": True})
    story.add("e", **call("f", "1", n=1)).add("e", **response("f", "1"))
    assert tool_calls(story) == [("1", "f", {"n": 1}, {})]


def test_the_last_response_counts(story: Story) -> None:
    """A long-running tool first says that it is pending, then what it found."""
    story.add("e", **call("f", "1")).add("e", **response("f", "1", status="pending"))
    story.add("e", **response("f", "1", status="done"))
    assert tool_calls(story)[0][3] == {"status": "done"}


def test_a_response_to_another_runs_call_is_nobodys_here(story: Story) -> None:
    """A response whose call lies in another run changes no call of this one."""
    story.add("e", **call("f", "1")).add("e", **response("f", "other", ok=True))
    assert tool_calls(story) == [("1", "f", {}, None)]


def test_a_run_is_read_with_its_events(story: Story) -> None:
    """get_run: the run as lists have it, and its events as list_events has them."""
    for run in ("a", "b", "a", "c", "a"):
        story.add(run, **text(run))
    found = story.api.ok("GET", f"{story.session}/runs/a")
    events = story.api.ok("GET", f"{story.session}/events")["sessionEvents"]
    assert found.pop("sessionEvents") == [events[0], events[2], events[4]]
    assert found == story.runs()[0]


def test_the_events_of_a_run_come_in_pages_of_a_thousand(story: Story) -> None:
    """The pageSize is 1,000 by default and at most; every page tells the whole run."""
    for number in range(1001):
        story.add("a", time="2026-01-01T00:00:00Z", author=str(number))
    path = f"{story.session}/runs/a"
    for query in ({}, {"pageSize": 0}, {"pageSize": 5000}):
        first = story.api.ok("GET", path, **query)
        assert len(first["sessionEvents"]) == 1000
        assert first["eventCount"] == 1001
    last = story.api.ok("GET", path, pageToken=first["nextPageToken"])
    assert [event["author"] for event in last["sessionEvents"]] == ["1000"]
    assert (last["eventCount"], "nextPageToken" in last) == (1001, False)


def test_a_long_run_is_told_by_its_first_page(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages behind it have the events, the name and the id, and do not read the run again."""
    for number in range(30):
        story.add("a", str(number))
    monkeypatch.setattr(functions.runs.get_run, "MAX_SCANNED", 10)
    monkeypatch.setattr(filters, "MAX_EVENTS_PAGE", 5)
    read: list[int] = []
    add = Run.add
    monkeypatch.setattr(Run, "add", lambda run, event: (read.append(1), add(run, event))[1])
    path = f"{story.session}/runs/a"
    first = story.api.ok("GET", path, pageSize=4)
    assert (first["eventCount"], first["state"], len(read)) == (30, "COMPLETED", 30)
    events, page = first["sessionEvents"], first
    while token := page.get("nextPageToken"):
        read.clear()
        page = story.api.ok("GET", path, pageSize=4, pageToken=token)
        assert set(page) - {"nextPageToken"} == {"name", "invocationId", "sessionEvents"}
        assert (page["name"], page["invocationId"]) == (path, "a")
        assert len(read) <= 10
        events += page["sessionEvents"]
    assert [event["author"] for event in events] == [str(number) for number in range(30)]
    story.api.settings = replace(story.api.settings, store_timeout=1)
    read.clear()
    late = story.api.ok("GET", path, pageSize=4)
    assert set(late) & {"eventCount", "name", "sessionEvents"} == {"name", "sessionEvents"}
    assert len(read) <= 14


def test_a_page_of_runs_counts_the_events_that_were_read_for_it(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each event is met once on the way, and read once more to tell its run."""
    for number in range(12):
        for _ in range(4):
            story.add(f"r{number}", **({"errorCode": "E"} if number % 3 == 0 else text("x")))
    monkeypatch.setattr(paging, "MAX_SCANNED", 20)
    assert list(walk(story, filter="state=FAILED")) == [["r0"], ["r3"], ["r6"], ["r9"]]
    monkeypatch.setattr(paging, "MAX_SCANNED_BYTES", 5_000)
    monkeypatch.setattr(paging, "MAX_SCANNED", 2_000)
    assert list(walk(story, filter="state=FAILED")) == [["r0"], ["r3"], ["r6"], ["r9"]]


def test_the_pages_of_a_run_are_exact_while_events_are_appended(story: Story) -> None:
    """Each event once, those appended behind included; other runs stay out of it."""
    for _ in range(5):
        story.add("a", "old").add("b")
    path, seen, token = f"{story.session}/runs/a", [], ""
    for number in itertools.count():
        page = story.api.ok("GET", path, pageSize=2, **({"pageToken": token} if token else {}))
        seen += page["sessionEvents"]
        token = page.get("nextPageToken", "")
        if not token:
            break
        if number == 0:
            story.add("a", "new").add("b")
    assert [event["author"] for event in seen] == ["old"] * 5 + ["new"]
    assert len({event["name"] for event in seen}) == 6


def test_a_run_can_be_read_with_the_types_of_its_events(story: Story) -> None:
    """`view=FULL` as in list_events."""
    story.add("a", "user", **text("hi")).add("a", **call("f"))
    run = story.api.ok("GET", f"{story.session}/runs/a", view="FULL")
    assert [event["eventType"] for event in run["sessionEvents"]] == ["INPUT_MESSAGE", "TOOL_INPUT"]


ODD_IDS = [
    *(
        "a/b",
        "e-1:2",
        "é ü 漢 🎈",
        " ",
        "100%",
        "%2F",
        "a~b",
        "~2F",
        "~",
        ".",
        "..",
        "a.b",
        "-",
        "*",
    ),
    *(
        '"',
        "\\*",
        "a\nb",
        "x\x00y",
        "runs/a",
        "?a=b&c",
        "#",
        "a+b",
        "'",
        "_id__",
        "é" * 600,
        "x" * 2_000,
    ),
]


@pytest.mark.parametrize("run", ODD_IDS, ids=ascii)
def test_a_run_of_any_id_can_be_reached_by_its_name(story: Story, run: str) -> None:
    """The name that a list answers is a path as it stands, whatever the id."""
    story.add("other").add(run).add("other").add(run)
    (found,) = [each for each in story.runs() if each["invocationId"] == run]
    segment = found["name"].removeprefix(f"{story.session}/runs/")
    assert segment == quote(segment, safe="")
    for path in (found["name"], f"{story.session}/runs/{quote(segment)}"):
        read = story.api.ok("GET", path)
        assert (read["name"], read["invocationId"]) == (found["name"], run)
        assert len(read["sessionEvents"]) == 2
    assert [each["invocationId"] for each in story.runs(pageSize=1)] == ["other", run]


def test_the_id_of_adk_stands_in_the_name_as_it_is(story: Story) -> None:
    """Letters, digits, `-` and `_` need no spelling."""
    story.add("e-3f2b8c1d-0a4e-4f6b-9c7d-5e8f1a2b3c4d_X")
    assert story.run()["name"].endswith("/runs/e-3f2b8c1d-0a4e-4f6b-9c7d-5e8f1a2b3c4d_X")


@pytest.mark.parametrize("path", ["a b", "a%20b", "a~20b"])
def test_an_id_may_be_spelled_as_a_url_spells_it(story: Story, path: str) -> None:
    """Whatever is one segment of a path once it is decoded is taken for the id."""
    story.add("a b")
    assert story.api.ok("GET", f"{story.session}/runs/{path}")["name"].endswith("/runs/a~20b")


def test_a_run_that_is_missing_is_not_found(story: Story) -> None:
    """404 in the API's words, naming the run."""
    story.add("a")
    answer = story.api.call("GET", f"{story.session}/runs/b")
    assert (answer.status, answer.json["error"]["status"]) == (404, "NOT_FOUND")
    assert answer.json["error"]["message"] == f"Run {story.session}/runs/b not found."


def test_a_name_that_spells_no_text_is_refused(story: Story) -> None:
    """Bytes that are not UTF-8 are no invocation's."""
    answer = story.api.call("GET", f"{story.session}/runs/~FF")
    assert answer.status == 400
    assert "Invalid Run resource name." in answer.json["error"]["message"]


@pytest.mark.parametrize("path", ["runs", "runs/i"])
def test_runs_of_a_missing_session_are_not_found(api: Api, path: str) -> None:
    """A session that is missing, deleted or expired has no runs: 404 naming the session."""
    api.settings = replace(api.settings, min_ttl=0)
    deleted, expired = api.create(), api.create(ttl="1s")
    for session in (deleted, expired):
        assert api.append(session).status == 200
        assert api.call("GET", f"{session}/{path}").status == 200
    api.ok("DELETE", deleted)
    api.now += SECOND
    for session in (deleted, expired, f"{api.engine}/sessions/none"):
        answer = api.call("GET", f"{session}/{path}")
        assert answer.status == 404
        assert answer.json["error"]["message"] == f"Session {session} not found."


def test_runs_have_short_names_too(story: Story) -> None:
    """`reasoningEngines/…` works as for other methods; answers carry full names."""
    story.add("a")
    short = story.session.partition("/locations/us-central1/")[2]
    assert story.api.ok("GET", f"{short}/runs")["runs"] == story.runs()
    assert story.api.ok("GET", f"{short}/runs/a")["name"] == f"{story.session}/runs/a"
    assert story.api.ok("GET", f"/v1/{story.session}/runs/a")["name"] == f"{story.session}/runs/a"


def walk(story: Story, **query: Any) -> Iterator[list[str]]:
    """The ids of each page's runs; the caller may append in between."""
    token = ""
    while True:
        page = story.api.ok(
            "GET", f"{story.session}/runs", **query, **({"pageToken": token} if token else {})
        )
        yield [run["invocationId"] for run in page.get("runs", [])]
        token = page.get("nextPageToken", "")
        if not token:
            return


@pytest.mark.parametrize("size", [1, 3])
def test_a_walk_of_runs_sees_all_once_while_events_are_appended(story: Story, size: int) -> None:
    """New events of runs listed before bring no run back; new runs behind are seen."""
    old = [f"old{number:02}" for number in range(12)]
    for run in old:
        story.add(run).add(run)
    seen: list[str] = []
    for number, page in enumerate(walk(story, pageSize=size)):
        seen += page
        if number < 3:
            story.add(seen[0]).add(old[-1]).add(f"new{number}")
            story.add("before", time="2025-01-01T00:00:00Z")
    assert seen == [*old, "new0", "new1", "new2"]


def test_a_walk_ends_early_where_it_has_looked_at_much(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page may come back short, with a token; the walk misses and repeats nothing."""
    monkeypatch.setattr(paging, "MAX_SCANNED", 4)
    for run in ("a", "a", "a", "a", "a", "b", "a", "c", "c", "d"):
        story.add(run, author=run)
    pages = list(walk(story))
    assert [run for page in pages for run in page] == ["a", "b", "c", "d"]
    assert len(pages) > 2
    assert all(pages)
    assert [run for page in walk(story, filter='author="d"') for run in page] == ["d"]


def test_a_page_of_runs_ends_early_where_it_grows_large(story: Story) -> None:
    """8 MiB a page, as in other lists; args and responses count."""
    for number in range(20):
        story.add(f"r{number:02}", **call("f", "1", x="y" * 900_000))
    pages = list(walk(story))
    assert [run for page in pages for run in page] == [f"r{number:02}" for number in range(20)]
    assert len(pages) == 3


def test_a_page_holds_at_most_a_hundred_runs(story: Story) -> None:
    """The pageSize is 100 by default and at most."""
    for number in range(101):
        story.add(str(number))
    for query in ({}, {"pageSize": 1000}):
        assert [len(page) for page in walk(story, **query)] == [100, 1]


def test_a_token_of_runs_serves_its_own_list_only(story: Story) -> None:
    """Bound to session and filter; a token of events is no token of runs, nor another run's."""
    for run in ("a", "a", "b", "b", "c"):
        story.add(run)
    api, session = story.api, story.session
    runs = api.ok("GET", f"{session}/runs", pageSize=1)["nextPageToken"]
    events = api.ok("GET", f"{session}/events", pageSize=1)["nextPageToken"]
    of_run = api.ok("GET", f"{session}/runs/a", pageSize=1)["nextPageToken"]
    for path, token, query in (
        (f"{session}/runs", runs, {"filter": "author=agent"}),
        (f"{api.create()}/runs", runs, {}),
        (f"{session}/events", runs, {}),
        (f"{session}/runs", events, {}),
        (f"{session}/runs/a", events, {}),
        (f"{session}/runs/b", of_run, {}),
        (f"{session}/runs", runs[:-1], {}),
    ):
        answer = api.call("GET", path, pageToken=token, **query)
        assert answer.status == 400, path
        assert "pageToken" in answer.json["error"]["message"]


FILTERS = [
    ("", "abcd"),
    ('invocation_id="b"', "b"),
    ("invocationId=b", "b"),
    ('invocation_id!="b"', "acd"),
    ('invocation_id="none"', ""),
    ('invocation_id="b" AND invocation_id="c"', ""),
    ('author="user"', "abd"),
    ('author!="user"', "c"),
    ('author="planner" AND author="user"', "a"),
    ('author="pl*"', "ac"),
    ('event_type="TOOL_INPUT"', "ac"),
    ('event_type!="TOOL_INPUT"', "bd"),
    ('event_type="TOOL_OUTPUT" OR event_type="ERROR"', "ad"),
    ('event_type="TOOL_*" AND NOT event_type="TOOL_OUTPUT"', "c"),
    ('state="COMPLETED"', "a"),
    ("state=ACTIVE", "bc"),
    ('state!="ACTIVE"', "ad"),
    ('state="FAILED" AND author="user"', "d"),
    ('start_time>="2026-01-01T00:00:04Z"', "bcd"),
    ('start_time>"2026-01-01T00:00:04Z"', "cd"),
    ('startTime<"2026-01-01T00:00:04Z"', "a"),
    ('start_time="2026-01-01T00:00:04Z"', "b"),
    ('end_time<="2026-01-01T00:00:06Z"', "bc"),
    ('end_time>"2026-01-01T00:00:06Z"', "ad"),
    ('start_time>="2026-01-01T00:00:01Z" AND end_time<"2026-01-01T00:00:06Z"', "bc"),
    ('invocation_id="a" AND start_time>"2026-01-01T00:00:00Z"', ""),
    ('timestamp>"2026-01-01T00:00:00Z"', None),
    ('state="DONE"', None),
    ('event_type="TOOL"', None),
    ("branch=x", None),
]


@pytest.mark.parametrize(("text_of_filter", "expected"), FILTERS, ids=[case[0] for case in FILTERS])
def test_runs_can_be_filtered(story: Story, text_of_filter: str, expected: str | None) -> None:
    """By author and event_type if any event has it; by invocation_id, state and times."""
    story.add("a", "user", **text("x")).add("a", "planner", **call("f", "1"))
    story.add("a", "tool", **response("f", "1")).add("a", **text("y"), time="2026-01-01T00:00:59Z")
    story.add("skipped", time="2024-01-01T00:00:00Z")
    next(story._times)
    story.add("b", "user", **text("x"), time="2026-01-01T00:00:04Z")
    story.add("c", "planner", **call("f", "1"), time="2026-01-01T00:00:05Z")
    story.add("d", "user", **text("x"), time="2026-01-01T00:00:06Z")
    story.add("d", errorCode="E", time="2026-01-01T00:00:07Z")
    if expected is None:
        answer = story.api.call("GET", f"{story.session}/runs", filter=text_of_filter)
        assert answer.status == 400
        assert "^" in answer.json["error"]["message"]
        return
    since = 'start_time>"2025-01-01T00:00:00Z"'
    both = f"{since} AND ({text_of_filter})" if text_of_filter else since
    for size in (1, 100):
        assert "".join(story.ids(filter=both, pageSize=size)) == expected


@pytest.mark.parametrize("order", ["timestamp", "timestamp desc"])
@pytest.mark.parametrize("size", [1, 2, 100])
def test_events_of_an_invocation_are_listed_in_order(story: Story, order: str, size: int) -> None:
    """`invocation_id="…"` among other conditions, either way, page by page."""
    for number, run in enumerate("abcabcab"):
        story.add(run, f"author{number}")
    query = {"orderBy": order, "pageSize": size}

    def found(condition: str) -> list[str]:
        events = story.api.walk(
            f"{story.session}/events", "sessionEvents", filter=condition, **query
        )
        authors = [event["author"].removeprefix("author") for event in events]
        return authors if order == "timestamp" else authors[::-1]

    assert found('invocation_id="b"') == ["1", "4", "7"]
    assert found('invocation_id="b" AND timestamp>="2026-01-01T00:00:04Z"') == ["4", "7"]
    assert found('invocation_id="b" AND timestamp<"2026-01-01T00:00:04Z"') == ["1"]
    assert found('invocation_id="b" AND author="author4"') == ["4"]
    assert found('invocation_id="b" AND invocation_id="a"') == []
    assert found('invocation_id="a" OR invocation_id="c"') == ["0", "2", "3", "5", "6"]
