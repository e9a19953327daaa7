"""Sessions move in and out by the command, as docs/move.md says."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from google.adk.events import Event, EventActions
from google.adk.integrations.firestore.firestore_session_service import FirestoreSessionService
from google.adk.sessions import BaseSessionService, DatabaseSessionService
from google.adk.sessions.sqlite_session_service import SqliteSessionService
from google.cloud.firestore import AsyncClient
from google.genai.types import Content, Part

from agent_engine_sessions.adk import SessionService
from agent_engine_sessions.moving import COMMANDS
from agent_engine_sessions.remote import Remote, Unreadable, bodies, kind_of, spell
from agent_engine_sessions.sources import read_source
from tests.support.servers import free_port, serving
from tests.support.starting import COMMAND, environment, started

EVENT = {"author": "user", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}


class Engine:
    """Engine 1 of a project of the test's own, and the command about it."""

    def __init__(self, url: str, project: str) -> None:
        self.url, self.project = url, project
        self.location = f"projects/{project}/locations/us-central1"
        self.name = f"{self.location}/reasoningEngines/1"

    def run(self, command: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        engine = ["--engine", f"{self.location}/reasoningEngines/-"]
        return subprocess.run(
            [*COMMAND, command, *(engine if command != "purge" else []), *arguments],
            env=environment(AGENT_ENGINE_SESSIONS_URL=self.url),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def ok(self, command: str, *arguments: str) -> str:
        ended = self.run(command, *arguments)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def send(self, verb: str, path: str, body: object = None) -> Any:
        answer = httpx.request(verb, f"{self.url}/v1beta1/{self.name}/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def converse(self, user: str = "ada") -> None:
        """A session of three events with an id made of the user's."""
        own = f"of-{user[:3]}"
        state = {"a": 1, "user:name": user}
        self.send("POST", f"sessions?sessionId={own}", {"userId": user, "sessionState": state})
        for number in range(3):
            event = {**EVENT, "actions": {"stateDelta": {"turn": number}}}
            self.send("POST", f"sessions/{own}:appendEvent", event)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving("sessions_api", {"SESSIONS_STORE": "sqlite:///:memory:"}) as url:
        yield url


@pytest.fixture
def engine(url: str, request: pytest.FixtureRequest) -> Engine:
    return Engine(url, f"p{abs(hash(request.node.nodeid))}")


@pytest.fixture
def another(url: str, engine: Engine) -> Engine:
    """The same engine in another project."""
    return Engine(url, f"{engine.project}-another")


def test_an_export_moves_to_another_project(
    engine: Engine, another: Engine, tmp_path: Path
) -> None:
    """And an import that is sent again says that everything is there."""
    file, again = tmp_path / "s.ndjson", tmp_path / "again.ndjson"
    engine.converse()
    ended = engine.run("export", str(file))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == f"1 sessions with 3 events are in {file}.\n"
    assert another.ok("import", str(file)).startswith("1 sessions and 3 events are new, 0 lines")
    assert another.ok("import", str(file)).startswith("0 sessions and 0 events are new")
    another.ok("export", str(again))
    assert again.read_text().replace(another.project, engine.project) == file.read_text()


def test_a_server_begins_with_a_file_and_leaves_one(engine: Engine, tmp_path: Path) -> None:
    file, after = tmp_path / "s.ndjson", tmp_path / "after.ndjson"
    engine.converse()
    engine.ok("export", str(file))
    for number in (signal.SIGTERM, signal.SIGINT):
        options = ("--store=memory", f"--seed={file}", f"--export-on-exit={after}")
        with started(*options, folder=tmp_path) as (url, process):
            found = httpx.get(f"{url}/v1beta1/reasoningEngines/1/sessions/of-ada").json()
            assert found["sessionState"] == {"a": 1, "turn": 2, "user:name": "ada"}
            os.kill(process.pid, number)
            assert process.wait(60) == 0
        assert after.read_text() == file.read_text().replace(engine.project, "local")
        after.unlink()


def test_what_the_server_has_with_another_content_is_named(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "s.ndjson"
    engine.converse()
    engine.ok("export", str(file))
    engine.send("PATCH", "sessions/of-ada", {"displayName": "changed"})
    ended = engine.run("import", str(file))
    assert ended.returncode == 1
    assert ended.stderr == (
        f"Left as it is, since the server has another content: {engine.name}/sessions/of-ada\n"
    )


def test_a_user_is_erased_and_expired_sessions_are_counted(engine: Engine) -> None:
    engine.converse()
    engine.converse("bob b")
    assert engine.ok("erase", "--dry-run", "ada") == "ada has 1 sessions with 3 events.\n"
    said = engine.ok("erase", "--yes", "bob b")
    assert said.endswith("1 sessions and 3 events are gone.\n")
    (left,) = engine.send("GET", "sessions")["sessions"]
    assert left["userId"] == "ada"
    assert engine.ok("purge", "--dry-run") == "0 expired sessions are stored.\n"
    assert engine.ok("purge") == "0 sessions and 0 events are gone.\n"


def test_a_purge_of_one_engine_is_refused(engine: Engine) -> None:
    """It is of all engines, so that it must not look as if it spared some."""
    ended = engine.run("purge", "--engine=1")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "No such option" in ended.stderr


def test_a_refusal_is_one_sentence(engine: Engine, tmp_path: Path) -> None:
    ended = engine.run("export", "--filter", "no such field", str(tmp_path / "s.ndjson"))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        "Export failed: 400: Invalid filter at column 1: a value alone matches nothing; "
        "write field = value.\nno such field\n^\n"
    )
    ended = engine.run("import", "--from", "sqlite:///x.db")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.endswith(
        "Error: ADK lists the sessions of one app: name each with --app.\n"
    )


@pytest.mark.parametrize(
    "line", [b"junk", b"[1]", b'["session"]', b"{}", b'"session"', b'{"session', b'{"\xff": 1}']
)
def test_a_line_that_is_no_json_object_is_named(
    engine: Engine, tmp_path: Path, line: bytes
) -> None:
    """By its number in the file; blank lines count, and are no fault themselves."""
    file = tmp_path / "s.ndjson"
    session = json.dumps({"session": {"name": f"{engine.name}/sessions/s", "userId": "u"}})
    file.write_bytes(session.encode() + b"\n\n" + line + b"\n")
    ended = engine.run("import", str(file))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        "Import failed: line 3 must be a JSON object with one field, such as session.\n"
    )


def test_a_line_may_have_white_space_wherever_json_has(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "s.ndjson"
    name = f"{engine.name}/sessions/s"
    file.write_text(f' {{ "session" : {{"name": "{name}", "userId": "u"}} }} \r\n \n')
    assert engine.ok("import", str(file)).startswith("1 sessions and 0 events are new")


def test_no_server_is_one_sentence_at_once(tmp_path: Path) -> None:
    """It names the URL and how to start one; a server that has answered is waited for."""
    nowhere = Engine(f"http://127.0.0.1:{free_port()}", "p")
    ended = nowhere.run("export", str(tmp_path / "s.ndjson"))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"Export failed: No server answers at {nowhere.url} ")
    assert "`agent-engine-sessions start`" in ended.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "option",
    ["--url=127.0.0.1:8080", "--url=http://127.0.0.1:80a", "--url=http://", "--api-key=schlüssel"],
)
def test_a_server_that_no_request_can_reach_is_a_wrong_option(tmp_path: Path, option: str) -> None:
    ended = CliRunner().invoke(COMMANDS["export"], [option, str(tmp_path / "s.ndjson")])
    assert ended.exit_code == 2, ended.output
    assert "Error: " in ended.output
    assert list(tmp_path.iterdir()) == []


def test_an_export_to_a_dash_is_on_standard_output(engine: Engine, tmp_path: Path) -> None:
    """As `-` is standard input for an import. The sentence goes to standard error."""
    file = tmp_path / "s.ndjson"
    engine.converse()
    engine.ok("export", str(file))
    ended = engine.run("export", "-")
    assert (ended.returncode, ended.stdout) == (0, file.read_text())
    assert ended.stderr == "1 sessions with 3 events are on standard output.\n"


SERVICES = {
    "sqlite:///{file}": lambda file: SqliteSessionService(db_path=str(file)),
    "sqlite+aiosqlite:///{file}": lambda file: DatabaseSessionService(
        db_url=f"sqlite+aiosqlite:///{file}"
    ),
}


@pytest.mark.parametrize("uri", SERVICES)
def test_sessions_of_adk_move_in(engine: Engine, tmp_path: Path, uri: str) -> None:
    """ADK reads from the server what it read from its own service."""
    file = tmp_path / "adk.db"
    before = asyncio.run(made(SERVICES[uri](file)))
    with Remote(engine.url, f"{engine.location}/reasoningEngines/-") as remote:
        for sessions, events in ((2, 4), (0, 0)):
            lost: list[str] = []
            lines = read_source(uri.format(file=file), ["shop"], lost.append)
            answer = remote.import_lines(lines, lambda *_: None)
            assert (answer["importedSessions"], answer["importedEvents"]) == (sessions, events)
            assert answer["conflicts"] == []
    assert lost == [
        "ADK keeps neither displayName, labels nor expireTime; sessions get the server's default."
    ]
    after = asyncio.run(read(SessionService(f"{engine.url}?project={engine.project}")))
    assert after == before


def test_sessions_of_adks_firestore_service_move_in(
    engine: Engine, emulator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From another database of the same emulator, by ADK's own service on both sides."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", emulator)
    project = f"of-adk-{time.time_ns()}"
    before = asyncio.run(made(FirestoreSessionService(AsyncClient(project=project))))
    source = ("--from", f"firestore://{project}", "--app", "shop")
    for new in ("2 sessions and 4 events", "0 sessions and 0 events"):
        ended = engine.run("import", *source)
        assert ended.stdout.startswith(f"{new} are new"), ended.stderr
        assert ended.stderr.startswith("Not moved: ADK keeps neither displayName"), ended.stderr
        assert ended.stderr.count("\n") == 1
    after = asyncio.run(read(SessionService(f"{engine.url}?project={engine.project}")))
    assert after == before


def test_the_command_reads_sessions_of_adk(engine: Engine, tmp_path: Path) -> None:
    """What a source does not have is said on standard error."""
    file = tmp_path / "adk.db"
    asyncio.run(made(SqliteSessionService(db_path=str(file))))
    ended = engine.run("import", "--from", f"sqlite:///{file}", "--app", "shop")
    assert ended.stdout == "2 sessions and 4 events are new, 0 lines were there already.\n"
    assert ended.stderr.startswith("Not moved: ADK keeps neither displayName")
    assert ended.returncode == 0


@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+aiosqlite"])
def test_a_source_that_is_no_file_is_refused_and_not_made(tmp_path: Path, scheme: str) -> None:
    file = tmp_path / "nothere.db"
    with pytest.raises(Unreadable, match=f"there is no file {file}"):
        read_source(f"{scheme}:///{file}", ["shop"], lambda _: None)
    assert not file.exists()


def test_a_source_that_its_service_cannot_read_is_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "text.db"
    file.write_text("This is no database, whatever its name may be.\n" * 9)
    for uri in (f"sqlite:///{file}", "nonsense"):
        with pytest.raises(Unreadable, match="the source cannot be read: "):
            list(read_source(uri, ["shop"], lambda _: None))


def test_an_app_without_sessions_is_told(tmp_path: Path) -> None:
    """Its name may be a wrong one."""
    file = tmp_path / "adk.db"
    asyncio.run(made(SqliteSessionService(db_path=str(file))))
    lost: list[str] = []
    assert list(read_source(f"sqlite:///{file}", ["shp"], lost.append)) == []
    assert lost[0] == "the app 'shp': the source has no sessions of an app of this name."


def test_the_managed_service_without_credentials_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nothere.json"))
    lines = read_source("projects/p/locations/us-central1/reasoningEngines/1", [], lambda _: None)
    with pytest.raises(Unreadable, match="gcloud auth application-default login"):
        next(lines)


def test_the_name_of_an_engine_is_a_whole_one() -> None:
    ended = CliRunner().invoke(COMMANDS["import"], ["--from", "projects/p/locations/l"])
    assert ended.exit_code == 2, ended.output
    assert "projects/P/locations/L/reasoningEngines/E" in ended.output


WITHOUT_SQLALCHEMY = """
import sys

class Refuses:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "sqlalchemy":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Refuses())
from agent_engine_sessions.sources import read_source
for uri in sys.argv[1:]:
    try:
        print(len([*read_source(uri, ["shop"], lambda sentence: None)]))
    except ImportError as error:
        print(error)
"""


def test_only_a_database_of_adk_needs_sqlalchemy(tmp_path: Path) -> None:
    """The extra `adk` does not install it. For a database, the refusal names ADK's extra."""
    file = tmp_path / "adk.db"
    asyncio.run(made(SqliteSessionService(db_path=str(file))))
    uris = (f"sqlite:///{file}", f"sqlite+aiosqlite:///{file}", "postgresql://127.0.0.1/adk")
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_SQLALCHEMY, *uris],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    lines, *refusals = ended.stdout.splitlines()
    assert int(lines) > 0
    assert len(refusals) == 2
    assert all("google-adk[db]" in refusal for refusal in refusals)


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


def test_the_managed_service_moves_in_by_its_own_client(engine: Engine, another: Engine) -> None:
    """This very server stands in for it."""
    engine.converse()
    engine.send("PATCH", "sessions/of-ada", {"displayName": "d", "labels": {"k": "v"}})
    source = ("--from", engine.name, "--source-url", f"{engine.url}/v1beta1")
    assert another.ok("import", *source).startswith("1 sessions and 3 events are new")
    for path in ("sessions/of-ada", "sessions/of-ada/events"):
        text = json.dumps(another.send("GET", path))
        assert json.loads(text.replace(another.project, engine.project)) == engine.send("GET", path)


def test_a_body_that_goes_on_within_a_session_repeats_it() -> None:
    session = b'{"session":{"name":"s"}}\n'
    event = b'{"event":{"name":"' + 40 * b"x" + b'"}}\n'
    made = list(bodies([session, event, event, event], size=120))
    assert made == [(b"", session + event), (session, event), (session, event)]
    assert kind_of(event) == kind_of(b' { "event": {}}') == "event"


def test_a_session_that_is_sent_again_with_its_events_is_not_counted_again(
    engine: Engine, another: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the server answers that it skipped the line."""
    file = tmp_path / "s.ndjson"
    engine.converse()
    engine.converse("bob")
    engine.ok("export", str(file))
    lines = file.read_bytes().splitlines(keepends=True)
    monkeypatch.setattr("agent_engine_sessions.remote.bodies", lambda lines: bodies(lines, 1))
    with Remote(another.url, f"{another.location}/reasoningEngines/-") as remote:
        first = remote.import_lines(lines, lambda *_: None)
        assert (first["importedSessions"], first["importedEvents"]) == (2, 6)
        assert first["skipped"] == 0
        another.send("PATCH", "sessions/of-bob", {"displayName": "changed"})
        monkeypatch.undo()
        whole = remote.import_lines(lines, lambda *_: None)
        monkeypatch.setattr("agent_engine_sessions.remote.bodies", lambda lines: bodies(lines, 1))
        assert remote.import_lines(lines, lambda *_: None) == whole


@pytest.mark.parametrize("user", ["ada", "a b", "ä~.%", "me@example.com", "a/b"])
def test_user_ids_are_spelled_as_the_server_spells_them(user: str) -> None:
    from functions.rules.names import spell as spelled

    assert spell(user) == spelled(user)
