"""Sessions move in and out by the command, as docs/move.md says."""

import asyncio
import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.adk.events import Event, EventActions
from google.adk.sessions import BaseSessionService, DatabaseSessionService
from google.adk.sessions.sqlite_session_service import SqliteSessionService
from google.genai.types import Content, Part

from agent_engine_sessions.adk import SessionService
from agent_engine_sessions.remote import bodies, kind_of, spell
from tests.support.starting import COMMAND, environment, started

ENGINE = "v1beta1/reasoningEngines/1"
EVENT = {"author": "user", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}


def run(url: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(AGENT_ENGINE_SESSIONS_URL=url),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def ok(url: str, *arguments: str) -> str:
    ended = run(url, *arguments)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def converse(url: str, user: str = "ada") -> None:
    state = {"a": 1, "user:name": user}
    answer = httpx.post(
        f"{url}/{ENGINE}/sessions?sessionId=of-{user}", json={"userId": user, "sessionState": state}
    )
    assert answer.status_code == 200, answer.text
    for number in range(3):
        event = {**EVENT, "actions": {"stateDelta": {"turn": number}}}
        answer = httpx.post(f"{url}/{ENGINE}/sessions/of-{user}:appendEvent", json=event)
        assert answer.status_code == 200, answer.text


def lines_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_an_export_moves_to_another_server(tmp_path: Path) -> None:
    """And an import that is sent again says that everything is there."""
    file, again = tmp_path / "s.ndjson", tmp_path / "again.ndjson"
    with started("--store=memory", folder=tmp_path) as (url, _):
        converse(url)
        assert ok(url, "export", str(file)) == f"1 sessions with 3 events are in {file}.\n"
    with started(f"--store={tmp_path}/other.db", folder=tmp_path) as (url, _):
        first = ok(url, "import", str(file))
        assert first.startswith("1 sessions and 3 events are new, 0 lines")
        assert ok(url, "import", str(file)).startswith("0 sessions and 0 events are new")
        ok(url, "export", str(again))
    assert lines_of(again) == lines_of(file)


def test_a_server_begins_with_a_file_and_leaves_one(tmp_path: Path) -> None:
    file, after = tmp_path / "s.ndjson", tmp_path / "after.ndjson"
    with started("--store=memory", f"--export-on-exit={file}", folder=tmp_path) as (url, process):
        converse(url)
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(60) == 0
    assert lines_of(file)[-1] == {"end": {"sessions": 1, "events": 3}}
    options = ("--store=memory", f"--seed={file}", "--export-on-exit", str(after))
    with started(*options, folder=tmp_path) as (url, process):
        found = httpx.get(f"{url}/{ENGINE}/sessions/of-ada").json()
        assert found["sessionState"] == {"a": 1, "turn": 2, "user:name": "ada"}
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(60) == 0
    assert lines_of(after) == lines_of(file)


def test_what_the_server_has_with_another_content_is_named(tmp_path: Path) -> None:
    file = tmp_path / "s.ndjson"
    with started("--store=memory", folder=tmp_path) as (url, _):
        converse(url)
        ok(url, "export", str(file))
        httpx.patch(f"{url}/{ENGINE}/sessions/of-ada", json={"displayName": "changed"})
        ended = run(url, "import", str(file))
    assert ended.returncode == 1
    assert "/sessions/of-ada" in ended.stderr


def test_a_user_is_erased_and_expired_sessions_are_counted(tmp_path: Path) -> None:
    with started("--store=memory", folder=tmp_path) as (url, _):
        converse(url)
        converse(url, "bob b")
        said = ok(url, "erase", "--dry-run", "ada")
        assert said == "ada has 1 sessions with 3 events.\n"
        said = ok(url, "erase", "--yes", "bob b")
        assert said.endswith("1 sessions and 3 events are gone.\n")
        (left,) = httpx.get(f"{url}/{ENGINE}/sessions").json()["sessions"]
        assert left["userId"] == "ada"
        assert ok(url, "purge", "--dry-run") == "0 expired sessions are stored.\n"
        assert ok(url, "purge") == "0 sessions and 0 events are gone.\n"


def test_a_refusal_is_one_sentence(tmp_path: Path) -> None:
    with started("--store=memory", folder=tmp_path) as (url, _):
        ended = run(url, "export", "--filter", "no such field", str(tmp_path / "s.ndjson"))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("Export failed: 400: ")
    assert "Traceback" not in ended.stderr


SERVICES = {
    "sqlite:///{file}": lambda file: SqliteSessionService(db_path=str(file)),
    "sqlite+aiosqlite:///{file}": lambda file: DatabaseSessionService(
        db_url=f"sqlite+aiosqlite:///{file}"
    ),
}


@pytest.mark.parametrize("uri", SERVICES)
def test_sessions_of_adk_move_in(tmp_path: Path, uri: str) -> None:
    """ADK reads from the server what it read from its own service."""
    file = tmp_path / "adk.db"
    before = asyncio.run(made(SERVICES[uri](file)))
    with started("--store=memory", folder=tmp_path) as (url, _):
        arguments = ("import", "--from", uri.format(file=file), "--app", "shop")
        assert ok(url, *arguments).startswith("2 sessions and 4 events are new")
        assert ok(url, *arguments).startswith("0 sessions and 0 events are new")
        after = asyncio.run(read(SessionService(url)))
    assert after == before


async def made(service: BaseSessionService) -> list[Any]:
    for user in ("ada", "bob b"):
        session = await service.create_session(
            app_name="shop",
            user_id=user,
            session_id=f"of-{user[:3]}",
            state={"a": 1, "user:u": user},
        )
        for number in range(2):
            await service.append_event(
                session,
                Event(
                    author="agent",
                    invocation_id=f"i{number}",
                    content=Content(role="model", parts=[Part(text=f"said {number}")]),
                    actions=EventActions(state_delta={"turn": number, "app:n": number}),
                ),
            )
    return await read(service)


async def read(service: BaseSessionService) -> list[Any]:
    """All that ADK tells of the app's sessions."""
    listed = (await service.list_sessions(app_name="shop")).sessions
    found = []
    for each in sorted(listed, key=lambda session: session.id):
        session = await service.get_session(
            app_name="shop", user_id=each.user_id, session_id=each.id
        )
        assert session is not None
        events = [event.model_dump(mode="json", exclude_none=True) for event in session.events]
        found.append((session.id, session.user_id, dict(session.state), events))
    return found


def test_the_managed_service_moves_in_by_its_own_client(tmp_path: Path) -> None:
    """This very server stands in for it."""
    engine = "projects/local/locations/us-central1/reasoningEngines/1"
    with started("--store=memory", folder=tmp_path) as (source, _):
        converse(source)
        httpx.patch(
            f"{source}/{ENGINE}/sessions/of-ada", json={"displayName": "d", "labels": {"k": "v"}}
        )
        before = httpx.get(f"{source}/v1beta1/{engine}/sessions/of-ada").json()
        events = httpx.get(f"{source}/v1beta1/{engine}/sessions/of-ada/events").json()
        with started("--store=memory", folder=tmp_path) as (url, _):
            said = ok(url, "import", "--from", engine, "--source-url", f"{source}/v1beta1")
            assert said.startswith("1 sessions and 3 events are new")
            assert httpx.get(f"{url}/v1beta1/{engine}/sessions/of-ada").json() == before
            assert httpx.get(f"{url}/v1beta1/{engine}/sessions/of-ada/events").json() == events


def test_a_body_that_goes_on_within_a_session_repeats_it() -> None:
    session = b'{"session":{"name":"s"}}\n'
    event = b'{"event":{"name":"' + 40 * b"x" + b'"}}\n'
    made = list(bodies([session, event, event, event], size=120))
    assert [body.splitlines(keepends=True) for body in made] == [
        [session, event],
        [session, event],
        [session, event],
    ]
    assert kind_of(event) == "event"


@pytest.mark.parametrize("user", ["ada", "a b", "ä~.%", "me@example.com", "a/b"])
def test_user_ids_are_spelled_as_the_server_spells_them(user: str) -> None:
    from functions.rules.names import spell as spelled

    assert spell(user) == spelled(user)
