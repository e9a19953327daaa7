"""A SQLite store is where its URL says: in memory, at home, or in the file of exactly that name."""

import contextlib
import select
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from functions.api import endpoint
from functions.config.settings import Settings
from functions.rules.errors import StoreUnavailable
from functions.rules.names import SessionName
from functions.store.opening import open_store
from tests.support.api import Api
from tests.support.project import LOCATION

ENGINE = f"{LOCATION}/reasoningEngines/1"
EVENTS = 20


@contextlib.contextmanager
def opened(url: str) -> Iterator[Api]:
    with contextlib.closing(
        open_store(Settings.from_environment({"SESSIONS_STORE": url}))
    ) as store:
        yield Api(store, ENGINE)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder that the server starts in, with nothing in it."""
    monkeypatch.chdir(tmp_path)


def test_a_database_in_memory_is_one_for_all_threads_and_leaves_no_file(tmp_path: Path) -> None:
    """Threads write and read the same sessions; nothing of them is on disk or left behind."""
    with opened("sqlite:///:memory:") as api, ThreadPoolExecutor(8) as threads:
        session = api.create("s")
        answers = list(threads.map(lambda _: api.append(session).status, range(EVENTS)))
        counts = threads.map(lambda _: len(api.walk(f"{session}/events", "sessionEvents")), "1234")
        assert answers == [200] * EVENTS
        assert list(counts) == [EVENTS] * 4
        assert list(tmp_path.iterdir()) == []
    with opened("sqlite:///:memory:") as api:
        assert api.ok("GET", f"{ENGINE}/sessions") == {}


def test_a_server_that_starts_reads_while_another_process_writes(tmp_path: Path) -> None:
    """It takes no lock of a file that is up to date."""
    url = f"sqlite:///{tmp_path}/s.db"
    with opened(url) as api:
        session = api.create("s")
    with contextlib.closing(sqlite3.connect(tmp_path / "s.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with opened(url) as api:
            assert api.ok("GET", session)["userId"] == "u"


def test_a_request_waits_for_the_opening_of_another_as_long_as_for_a_store(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Requests that come while the store does not open are not answered one after the other."""
    is_opening, may_open = threading.Event(), threading.Event()

    def open_slowly() -> None:
        is_opening.set()
        may_open.wait()

    monkeypatch.setattr(endpoint, "_settings", lambda: Settings(store_timeout="0.01s"))
    monkeypatch.setattr(endpoint, "_open_store", open_slowly)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(endpoint._store)
        is_opening.wait()
        with pytest.raises(StoreUnavailable):
            endpoint._store()
        may_open.set()
        first.result()


def test_two_databases_in_memory_are_two() -> None:
    """What one store holds, another of the same process does not see."""
    with opened("sqlite:///:memory:") as one, opened("sqlite:///:memory:") as other:
        one.create("s")
        assert other.ok("GET", f"{ENGINE}/sessions") == {}


def test_a_watch_hears_of_writes_to_a_database_in_memory() -> None:
    """As it does of writes to a file."""
    with opened("sqlite:///:memory:") as api:
        name = api.create("s")
        engine, _, session = name.partition("/sessions/")
        watch = api.store.watch(SessionName(engine, session), None, api.now)
        with contextlib.closing(watch):
            assert watch.read(api.now) == []
            api.append(name)
            poll = select.poll()
            poll.register(watch.signal, select.POLLIN)
            assert poll.poll(10_000)
            assert len(watch.read(api.now)) == 1


@pytest.mark.parametrize("name", ["s.db", "deep/er/s.db", "a b?c=d%20.db", "#", "~s.db", ":x:"])
def test_a_file_has_exactly_the_name_of_its_url(tmp_path: Path, name: str) -> None:
    """Neither escapes nor options are read into it; its folder is made."""
    with opened(f"sqlite:///{name}") as api:
        api.create("s")
        assert (tmp_path / name).is_file()
    with opened(f"sqlite:///{tmp_path}/{name}") as api:
        assert len(api.ok("GET", f"{ENGINE}/sessions")["sessions"]) == 1


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a shell, which does not see it inside a variable."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with opened("sqlite:///~/s.db"):
        assert (tmp_path / "home" / "s.db").is_file()
