"""What is too large is refused alike by both stores.

See docs/contract.md, section 6.
"""

import re
from typing import Any

import pytest

from functions.config.settings import Settings
from functions.rules.limits import MAX_EVENT_BYTES
from tests.support.api import Answer, Api


def check_too_large(answer: Answer, *, size: int, limit: int = 2**20) -> None:
    """400 INVALID_ARGUMENT naming a limit up to this one and the size sent, of about this size."""
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT"), answer.text
    numbers = [int(text) for text in re.findall(r"\d{4,}", answer.json["error"]["message"])]
    assert len(numbers) >= 2, answer.text
    assert size <= max(numbers) < size * 1.2, answer.text
    assert min(numbers) <= limit, answer.text


def delta(api: Api, session: str, changes: dict[str, Any]) -> Answer:
    """Appends an event with a state delta."""
    return api.append(session, actions={"stateDelta": changes})


def test_an_event_that_is_too_large_is_refused(api: Api) -> None:
    """Too large: 400 naming the limit and the size sent; nothing is stored."""
    session = api.create()
    for size in (9_500_000, 15_000_000):
        answer = api.append(session, content={"parts": [{"text": "x" * size}]})
        check_too_large(answer, size=size, limit=MAX_EVENT_BYTES)
    assert api.ok("GET", f"{session}/events") == {}


def test_an_event_of_a_million_bytes_is_stored(api: Api) -> None:
    """What fits in a document is stored, whatever its text."""
    session = api.create()
    for text in ("x" * 1_000_000, "é" * 500_000, "\x00" * 170_000):
        assert api.append(session, content={"parts": [{"text": text}]}).status == 200
        assert api.append(session, rawEvent={"id": text}).status == 200
    assert len(api.walk(f"{session}/events", "sessionEvents")) == 6


@pytest.mark.parametrize("field", ["author", "invocationId"])
@pytest.mark.parametrize("size", [1_000, 300_000, 600_000])
def test_fields_that_are_stored_twice_are_alike_on_both_stores(
    api: Api, size: int, field: str
) -> None:
    """A long author either fits or is refused naming limit and size, never in a store's words."""
    session = api.create()
    text = {"parts": [{"text": "x" * 400_000}]}
    answer = api.append(session, content=text, **{field: "y" * size})
    if answer.status != 200:
        check_too_large(answer, size=400_000 + 2 * size)
    assert "Firestore" not in answer.text


@pytest.mark.parametrize("prefix", ["", "app:", "user:"])
def test_a_session_cannot_start_with_too_large_a_state(api: Api, prefix: str) -> None:
    """Too large a sessionState is 400 on create, and no session is made."""
    body = {"userId": "u", "sessionState": {f"{prefix}k": "x" * 1_100_000}}
    answer = api.call("POST", f"{api.engine}/sessions", body, sessionId="s")
    check_too_large(answer, size=1_100_000)
    assert api.call("GET", f"{api.engine}/sessions/s").status == 404


@pytest.mark.parametrize("prefix", ["", "app:", "user:"])
def test_a_state_is_weighed_before_its_session_is_looked_for(api: Api, prefix: str) -> None:
    """Whether the id is taken or the engine is missing: too large is too large."""
    api.create("taken")
    body = {"userId": "u", "sessionState": {f"{prefix}k": "x" * 1_000_000}}
    answer = api.call("POST", f"{api.engine}/sessions", body, sessionId="taken")
    check_too_large(answer, size=1_000_000)
    api.settings = Settings(google_cloud_project="test-project", require_engine=True)
    check_too_large(api.call("POST", f"{api.engine}/sessions", body), size=1_000_000)


@pytest.mark.parametrize("prefix", ["", "app:", "user:"])
@pytest.mark.parametrize("second", [270_000, 300_000, 700_000])
def test_state_cannot_grow_too_large_by_appends(api: Api, second: int, prefix: str) -> None:
    """Deltas that would make a state too large are 400, and change nothing."""
    session = api.create(sessionState={f"{prefix}a": "x" * 700_000})
    before = api.state(session)
    answer = delta(api, session, {f"{prefix}b": "y" * second, "own": 1})
    check_too_large(answer, size=700_000 + second)
    assert api.state(session) == before
    assert api.ok("GET", f"{session}/events") == {}
    assert delta(api, session, {f"{prefix}a": 1, f"{prefix}b": "y" * 270_000}).status == 200


@pytest.mark.parametrize("prefix", ["", "app:", "user:"])
def test_state_cannot_grow_too_large_by_updates(api: Api, prefix: str) -> None:
    """An update that would make a state too large is 400, and changes nothing."""
    session = api.create(sessionState={f"{prefix}a": "x" * 700_000})
    before = api.state(session)
    body = {"sessionState": {f"{prefix}b": "y" * 300_000}}
    answer = api.call("PATCH", session, body, updateMask=f"sessionState.{prefix}b")
    check_too_large(answer, size=1_000_000)
    assert api.state(session) == before


@pytest.mark.parametrize("prefix", ["", "app:", "user:"])
def test_a_session_can_be_read_and_written_whatever_was_accepted(api: Api, prefix: str) -> None:
    """No series of accepted appends makes a session or its neighbours unreadable."""
    session, neighbour = api.create(), api.create()
    for number in range(11):
        delta(api, session, {f"{prefix}k{number}": "x" * 100_000})
    for name in (session, neighbour):
        assert api.call("GET", name).status == 200
        assert api.call("PATCH", name, {"displayName": "x"}).status == 200
        assert delta(api, name, {"small": 1}).status == 200
    assert api.call("GET", f"{api.engine}/sessions").status == 200
    assert api.call("POST", f"{api.engine}/sessions", {"userId": "u"}).status == 200


@pytest.mark.parametrize("key", ["k{}", "k {}", "é{}"])
@pytest.mark.parametrize("prefix", ["", "app:"])
def test_a_state_may_have_many_small_keys(api: Api, prefix: str, key: str) -> None:
    """14,000 small keys are far below a megabyte, whatever their spelling."""
    state = {f"{prefix}{key.format(number)}": number for number in range(14_000)}
    assert sum(len(key.encode()) * 2 + 10 for key in state) < 500_000
    session = api.create(sessionState=state)
    assert delta(api, session, {f"{prefix}{key.format(0)}": "new"}).status == 200
    assert api.state(session) == {**state, f"{prefix}{key.format(0)}": "new"}


def test_a_full_session_keeps_its_labels(api: Api) -> None:
    """The largest state, labels and names fit in one session."""
    labels = {"é" * 62 + f"{number:02}": "é" * 64 for number in range(64)}
    session = api.create(
        "s" * 128,
        user="é" * 512,
        displayName="é" * 512,
        labels=labels,
        sessionState={"k": "x" * 959_000},
    )
    found = api.ok("GET", session)
    assert found["labels"] == labels
    assert found["displayName"] == "é" * 512


@pytest.mark.parametrize("field", ["userId", "displayName"])
def test_a_name_that_is_too_long_is_refused(api: Api, field: str) -> None:
    """Names have a limit that the answer tells."""
    body = {"userId": "u", field: "x" * 2_000_000}
    check_too_large(api.call("POST", f"{api.engine}/sessions", body), size=2_000_000)


def test_unknown_fields_do_not_grow_by_updates(api: Api) -> None:
    """Too large: what create refuses to keep, update refuses, too."""
    api.settings = Settings(google_cloud_project="test-project", unknown_fields="keep")
    session = api.create()
    check_too_large(api.call("PATCH", session, {"nonsense": "x" * 2_000}), size=2_000)
