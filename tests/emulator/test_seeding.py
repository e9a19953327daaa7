"""A test's project takes sessions to begin with, and exports what it holds."""

import json
from pathlib import Path

import httpx
import pytest

from agent_engine_sessions.testing import Sessions
from tests.support.starting import emulating


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> object:
    with emulating(tmp_path_factory.mktemp("emulator")) as url:
        yield url


@pytest.fixture
def sessions(url: str, request: pytest.FixtureRequest) -> Sessions:
    return Sessions(url, f"p{abs(hash(request.node.nodeid))}")


def test_an_export_seeds_another_project(sessions: Sessions, tmp_path: Path) -> None:
    """With its ids, times, events and state, from lines or from a file."""
    event = {"author": "user", "actions": {"stateDelta": {"k": 2, "user:u": 1}}}
    session = {"userId": "u", "sessionId": "s", "displayName": "Trip", "sessionState": {"k": 1}}
    sessions.seed({"sessions": [{**session, "events": [event, event]}, {"userId": "v"}]})
    lines = sessions.export()
    assert lines[-1] == {"end": {"sessions": 2, "events": 2}}
    file = tmp_path / "lines.ndjson"
    file.write_text("\n".join(json.dumps(line) for line in lines))
    for number, data in enumerate((lines, file, str(file))):
        other = Sessions(sessions.url, f"{sessions.project}-{number}")
        other.seed(data)
        other.seed(data)  # what is there already is skipped
        text = json.dumps(other.export()).replace(other.project, sessions.project)
        assert json.loads(text) == lines


def test_a_seed_of_sessions_is_what_their_events_make_of_them(sessions: Sessions) -> None:
    """Of the engine that they name; a session and an event have what the API would give them."""
    delta = {"stateDelta": {"k": 2, "user:u": 1}}
    events = [{"author": "user", "actions": delta}, {"author": "a", "invocationId": "i"}]
    sessions.seed(
        {
            "sessions": [
                {"userId": "u", "sessionId": "s", "sessionState": {"k": 1}, "events": events},
                {"userId": "v", "engine": "2"},
            ]
        }
    )
    root = f"{sessions.url}/v1beta1/{sessions.parent}/reasoningEngines"
    assert httpx.get(f"{root}/1/sessions/s").json()["sessionState"] == {"k": 2, "user:u": 1}
    stored = httpx.get(f"{root}/1/sessions/s/events").json()["sessionEvents"]
    assert [(each["author"], each["invocationId"]) for each in stored] == [
        ("user", "-"),
        ("a", "i"),
    ]
    (second,) = httpx.get(f"{root}/2/sessions").json()["sessions"]
    assert second["userId"] == "v"


def test_a_seed_that_does_not_fit_is_refused(sessions: Sessions) -> None:
    sessions.seed({"sessions": [{"userId": "u", "sessionId": "s"}]})
    lines = sessions.export()
    sessions.reset()
    sessions.seed({"sessions": [{"userId": "another", "sessionId": "s"}]})
    with pytest.raises(ValueError, match=r"another content of projects/.*/sessions/s"):
        sessions.seed(lines)
    with pytest.raises(ValueError, match="is unknown"):
        sessions.seed([{"other": 1}])
    with pytest.raises(ValueError, match=r"one key 'sessions'.*not \['session'\]"):
        sessions.seed({"session": [{"userId": "u"}]})
    with pytest.raises(ValueError, match="user_id"):
        sessions.seed({"sessions": [{}]})
