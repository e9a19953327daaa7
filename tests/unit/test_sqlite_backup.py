"""A backup made beside writers is sound and has everything that was acknowledged before it."""

import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from functions.config.settings import Settings
from functions.store.opening import open_store
from functions.store.sqlite.backup import BackupFailed, back_up
from tests.support.api import Api
from tests.support.project import LOCATION, ROOT

ENGINE = f"{LOCATION}/reasoningEngines/1"
WRITERS = 3
BACKUPS = 5


def opened(path: Path) -> contextlib.closing:  # type: ignore[type-arg]
    return contextlib.closing(open_store(Settings(sessions_store=f"sqlite:///{path}")))


def backed_up(path: Path, *target: Path) -> subprocess.CompletedProcess[str]:
    """What the command does; `make backup` runs it."""
    return subprocess.run(
        [sys.executable, "-m", "functions.store.sqlite.backup", *map(str, target)],
        cwd=ROOT,
        env={**os.environ, "SESSIONS_STORE": f"sqlite:///{path}"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_backup_beside_writers_is_sound_and_holds_all_that_was_acknowledged(
    tmp_path: Path,
) -> None:
    """Every event answered 200 before the backup began is in it, and the copy opens as a store."""
    path = tmp_path / "s.db"
    is_over = threading.Event()
    acknowledged: list[str] = []

    def write(writer: int) -> None:
        session = f"{ENGINE}/sessions/s{writer}"
        for number in range(100_000):
            if is_over.is_set():
                return
            raw_id = f"{writer}-{number}"
            fields = {"rawEvent": {"id": raw_id, "text": "x" * 5_000}}
            assert api.append(session, **fields).status == 200
            acknowledged.append(raw_id)

    with opened(path) as store:
        api = Api(store, ENGINE)
        for writer in range(WRITERS):
            api.create(f"s{writer}")
        threads = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
        for thread in threads:
            thread.start()
        promised = {}
        try:
            for number in range(BACKUPS):
                promised[number] = [*acknowledged]
                back_up(path, tmp_path / "copies" / f"{number}.db")
        finally:
            is_over.set()
            for thread in threads:
                thread.join()
    for number, events in promised.items():
        copy = tmp_path / "copies" / f"{number}.db"
        with contextlib.closing(sqlite3.connect(copy)) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        with opened(copy) as store:
            found = {
                event["rawEvent"]["id"]
                for writer in range(WRITERS)
                for event in Api(store, ENGINE).walk(
                    f"{ENGINE}/sessions/s{writer}/events", "sessionEvents"
                )
            }
        assert found >= set(events)


def test_the_command_says_where_the_backup_is(tmp_path: Path) -> None:
    """Beside the store, named by the time, unless it is told where."""
    path = tmp_path / "s.db"
    with opened(path) as store:
        Api(store, ENGINE).create("s")
    answer = backed_up(path, tmp_path / "copy.db")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout == f"{path} is backed up to {tmp_path / 'copy.db'}.\n"
    assert backed_up(path).returncode == 0
    assert len(list(tmp_path.glob("s.*Z.db"))) == 1
    assert not list(tmp_path.glob("*.part"))


def test_what_is_there_is_never_written_over_and_what_is_not_is_not_made(tmp_path: Path) -> None:
    """One sentence each: the copy exists, there is no store, the file is no store."""
    path = tmp_path / "s.db"
    answer = backed_up(path)
    assert answer.stderr == f"There is no store at {path}.\n"
    assert list(tmp_path.iterdir()) == []
    path.write_text("no database" * 1000)
    taken = tmp_path / "taken.db"
    taken.write_text("mine")
    with pytest.raises(BackupFailed, match="exists already"):
        back_up(path, taken)
    with pytest.raises(BackupFailed, match=r"could not be copied to .*: file is not a database"):
        back_up(path, tmp_path / "copy.db")
    with pytest.raises(BackupFailed, match="could not be copied to"):
        back_up(path, taken / "below/copy.db")
    assert {entry.name for entry in tmp_path.iterdir()} == {"s.db", "taken.db"}
    assert taken.read_text() == "mine"


@pytest.mark.parametrize("url", ["sqlite:///:memory:", "firestore://p"])
def test_only_a_file_is_backed_up(url: str) -> None:
    """Firestore has backups of its own, and memory has nothing that outlives the process."""
    command = [sys.executable, "-m", "functions.store.sqlite.backup"]
    environment = {**os.environ, "SESSIONS_STORE": url}
    answer = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 1
    assert answer.stderr == f"Only a SQLite file is backed up like this; the store is {url}.\n"
