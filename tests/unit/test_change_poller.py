"""A poller tells of writes to a session's file, whatever goes wrong meanwhile."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from functions.config.settings import Settings
from functions.store.opening import open_store
from functions.store.sqlite import change_poller
from functions.store.sqlite.database import Database
from tests.support.api import Api
from tests.support.project import LOCATION
from tests.support.streams import PATIENCE, name_of, news_within


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with closing(open_store(Settings(sessions_store=f"sqlite:///{tmp_path}/s.db"))) as store:
        yield Api(store, f"{LOCATION}/reasoningEngines/1")


def test_a_watch_goes_on_after_an_error_of_sqlite(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two connections fail; the third tells of what came meanwhile and comes later."""
    connect, failures = Database.connect, iter(["busy", "broken"])

    def connect_in_the_end(database: Database) -> sqlite3.Connection:
        if failure := next(failures, None):
            raise sqlite3.OperationalError(failure)
        return connect(database)

    session = api.create()
    api.append(session, "2026-01-01T00:00:00Z")
    monkeypatch.setattr(change_poller, "_PAUSE", 0.01)
    monkeypatch.setattr(Database, "connect", connect_in_the_end)
    with closing(api.store.watch(name_of(session), None, api.now)) as reader:
        for second in range(2, 4):
            assert news_within(reader, PATIENCE)
            assert len(reader.read(api.now)) == 1
            api.append(session, f"2026-01-01T00:00:0{second}Z")
