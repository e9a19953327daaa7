"""A full disk, a read-only, locked, truncated, foreign or newer file: told, harmless, curable."""

import os
import resource
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from functions.config.settings import Settings
from functions.rules.errors import StoreUnavailable
from functions.store.opening import open_store
from tests.support.api import Api
from tests.support.torture.client import Client
from tests.support.torture.conversation import Conversation
from tests.support.torture.killable_server import killable

ENGINE = "projects/torture/locations/us-central1/reasoningEngines/1"
NOBODY = 65534
ONE_PAGE = 4096
UNAVAILABLE = {
    "code": 503,
    "message": "The session store is unavailable. Try again.",
    "status": "UNAVAILABLE",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with a session that has one event and one key."""
    path = tmp_path / "sessions.db"
    with opened(path) as api:
        api.append(api.create("s"), actions={"stateDelta": {"k": 1}})
    return path


@contextmanager
def opened(path: Path) -> Iterator[Api]:
    """The API over the file; its store opens at once and waits briefly for locks."""
    settings = Settings(sessions_store=f"sqlite:///{path}", store_timeout="0.2s")
    with closing(open_store(settings)) as store:
        yield Api(store, ENGINE, settings=settings)


def refuses(path: Path) -> bool:
    """Whether an append is refused as 503, be it by the opening of the file."""
    try:
        with opened(path) as api:
            answer = api.append(f"{ENGINE}/sessions/s")
    except StoreUnavailable:
        return True
    return (answer.status, answer.json["error"]) == (503, UNAVAILABLE)


def is_whole(path: Path) -> bool:
    """Whether the session is as it was, in a file that is sound."""
    with opened(path) as api:
        session = f"{ENGINE}/sessions/s"
        events = api.walk(f"{session}/events", "sessionEvents")
        seen = (len(events), api.state(session)) == (1, {"k": 1})
    return seen and is_sound(path)


def is_sound(path: Path) -> bool:
    """Whether SQLite finds nothing wrong with the file."""
    with closing(sqlite3.connect(path)) as db:
        return db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def rewrite(path: Path, change: Callable[[bytes], bytes]) -> bytes:
    """Changes the file's bytes and answers what they were."""
    before = path.read_bytes()
    path.write_bytes(change(before))
    return before


def test_a_lock_that_another_process_holds_is_told_in_time(path: Path) -> None:
    """Writes answer 503 after STORE_TIMEOUT, reads go on, and all is well once it is released."""
    with opened(path) as api, closing(sqlite3.connect(path, isolation_level=None)) as other:
        session = f"{ENGINE}/sessions/s"
        other.execute("BEGIN IMMEDIATE")
        for answer in (
            api.append(session),
            api.call("POST", f"{ENGINE}/sessions", {"userId": "u"}),
            api.call("PATCH", session, {"displayName": "d"}),
            api.call("DELETE", session),
            api.call("POST", "sessions:purgeExpired"),
        ):
            assert (answer.status, answer.json["error"]) == (503, UNAVAILABLE)
        assert api.state(session) == {"k": 1}
        other.execute("ROLLBACK")
        assert api.append(session).status == 200


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file[: len(file) // 2],
        lambda file: file[:1000],
        lambda file: b"This is not a database.\n" * 500,
        lambda file: bytes(len(file)),
    ],
    ids=["cut in half", "cut in its first page", "text", "zeros"],
)
def test_a_damaged_file_is_told_and_not_touched(
    path: Path, damage: Callable[[bytes], bytes]
) -> None:
    """Every method answers 503; put back, the file is what it was."""
    before = rewrite(path, damage)
    damaged = path.read_bytes()
    assert refuses(path)
    assert path.read_bytes() == damaged
    path.write_bytes(before)
    assert is_whole(path)


def test_a_file_of_a_newer_version_is_told_and_not_touched(path: Path) -> None:
    """Code of yesterday does not write into a file of tomorrow."""
    with closing(sqlite3.connect(path)) as db:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        db.execute("PRAGMA user_version = 1000000")
    newer = path.read_bytes()
    assert refuses(path)
    assert path.read_bytes() == newer
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {version}")
    assert is_whole(path)


def test_a_file_that_may_not_be_written_is_told_until_it_may() -> None:
    """At the start, and at the first write of a running server, which recovers by itself."""
    with tempfile.TemporaryDirectory() as folder, unprivileged(folder):
        path = Path(folder) / "sessions.db"
        session = f"{ENGINE}/sessions/s"
        with opened(path) as api:
            api.create("s")
        with opened(path) as api, ThreadPoolExecutor(1) as thread:
            path.chmod(0o444)
            answer = thread.submit(api.append, session).result()
            assert (answer.status, answer.json["error"]) == (503, UNAVAILABLE)
            path.chmod(0o644)
            assert thread.submit(api.append, session).result().status == 200
        path.chmod(0o444)
        assert refuses(path)
        path.chmod(0o644)
        with opened(path) as api:
            assert len(api.walk(f"{session}/events", "sessionEvents")) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can fill another process's disk")
def test_a_full_disk_is_told_and_loses_nothing(tmp_path: Path) -> None:
    """Writes answer 503 while there is no room, reads go on; then writes do, too."""
    environment = {"SESSIONS_STORE": f"sqlite:///{tmp_path}/sessions.db"}
    with killable(environment) as server, closing(Client(server.url)) as client:
        client.ok("POST", f"{ENGINE}/sessions", {"userId": "u"}, sessionId="s")
        conversation = Conversation(f"{ENGINE}/sessions/s")
        for number in range(20):
            assert conversation.append(client, "w", safe=number % 2 == 0)
        server.limit_files(ONE_PAGE)
        for number in range(10):
            assert not conversation.append(client, "w", safe=number % 2 == 0)
        assert client.call("POST", f"{ENGINE}/sessions", {"userId": "u"}).status == 503
        conversation.check(client, in_commit_order=True)
        server.limit_files(resource.RLIM_INFINITY)
        conversation.settle(client)
        for _ in range(10):
            assert conversation.append(client, "w", safe=True)
        conversation.check(client, in_commit_order=True)
    assert is_sound(tmp_path / "sessions.db")


@contextmanager
def unprivileged(folder: str) -> Iterator[None]:
    """Gives up root's right to write what nobody may write."""
    if os.geteuid() != 0:
        yield
        return
    os.chown(folder, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
