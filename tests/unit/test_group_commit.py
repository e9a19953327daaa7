"""Writers of one process that wait for each other share a commit, and nothing else."""

import itertools
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import pytest

from functions.rules.errors import StoreUnavailable
from functions.store.sqlite.writers import Writers

TABLES = """
CREATE TABLE rows (id TEXT PRIMARY KEY);
CREATE TRIGGER loses AFTER INSERT ON rows WHEN new.id = 'loses' BEGIN
    SELECT RAISE(ROLLBACK, 'the whole transaction is lost');
END;
"""


class _Connection(sqlite3.Connection):
    """A connection that fails at some statements."""

    failing: ClassVar[set[str]] = set()

    def execute(self, statement: str, *parameters: Any) -> sqlite3.Cursor:
        if statement in self.failing:
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(statement, *parameters)


class File:
    """A file with one table, its writers, and what they told SQLite."""

    def __init__(
        self, path: Path, timeout: float = 60.0, by_any_thread: Sequence[bool] = (False,)
    ) -> None:
        """`by_any_thread` says for each write, in turn, if any thread may do the work."""
        self.path = path
        self.by_any_thread = itertools.cycle(by_any_thread)
        self.statements: list[str] = []
        self.threads: list[int] = []
        with sqlite3.connect(path) as db:
            db.executescript(TABLES)
        self.writers = Writers(self._connect, timeout, lambda _: None, longest=60)

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, factory=_Connection
        )
        db.set_trace_callback(self.statements.append)
        return db

    def rows(self) -> set[str]:
        """What another connection finds."""
        with sqlite3.connect(self.path) as db:
            return {row for (row,) in db.execute("SELECT id FROM rows")}

    def insert(self, *rows: str) -> set[str]:
        """Writes rows in one turn, and returns what another connection finds right after."""

        def insert(db: sqlite3.Connection) -> None:
            self.threads.append(threading.get_ident())
            for row in rows:
                db.execute("INSERT INTO rows VALUES (?)", (row,))

        if next(self.by_any_thread):
            self.writers.run(insert)
        else:
            with self.writers.write() as db:
                insert(db)
        return self.rows()

    def together(self, *writes: Callable[[], set[str]]) -> list[Future[set[str]]]:
        """Makes writes that all wait for a first one, in their order."""
        go_on = threading.Event()

        def first() -> set[str]:
            with self.writers.write() as db:
                db.execute("INSERT INTO rows VALUES ('first')")
                go_on.wait(60)
            return self.rows()

        with ThreadPoolExecutor(len(writes) + 1) as pool:
            futures = [pool.submit(first)]
            while not self.statements:
                pass
            for number, write in enumerate(writes, 1):
                futures.append(pool.submit(write))
                while self.writers.waiting < number:
                    pass
            go_on.set()
        return futures


OWN, ANY, MIXED = (False,), (True,), (True, False)


@pytest.fixture(params=[OWN, ANY, MIXED], ids=["own thread", "any thread", "mixed"])
def file(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[File]:
    made = File(tmp_path / "f.db", by_any_thread=request.param)
    yield made
    made.writers.close()


def test_writers_that_wait_are_committed_together(file: File) -> None:
    """None of them returns before its row is in the file."""
    futures = file.together(lambda: file.insert("a"), lambda: file.insert("b"))
    for future, row in zip(futures, ("first", "a", "b"), strict=True):
        assert row in future.result()
    assert file.statements.count("COMMIT") == 1


def test_the_thread_that_has_the_turn_does_the_work_of_those_that_wait(tmp_path: Path) -> None:
    """The threads that wait wake up once, after the commit; none waits for another to work."""
    file = File(tmp_path / "f.db", by_any_thread=ANY)
    futures = file.together(lambda: file.insert("a"), lambda: file.insert("b"))
    assert all(future.exception() is None for future in futures)
    assert len(set(file.threads)) == 1
    file.writers.close()


def test_a_writer_alone_needs_no_savepoint(file: File) -> None:
    file.insert("a")
    assert [each for each in file.statements if "SAVEPOINT" in each] == []


def test_a_writer_that_fails_undoes_its_own_work_alone(file: File) -> None:
    """The second row of the write is there already; neither of its rows stays."""
    futures = file.together(
        lambda: file.insert("a"), lambda: file.insert("b", "a"), lambda: file.insert("c")
    )
    assert isinstance(futures[2].exception(), sqlite3.IntegrityError)
    assert all(future.exception() is None for future in (*futures[:2], futures[3]))
    assert file.rows() == {"first", "a", "c"}


def test_the_first_writer_may_fail_too(file: File) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        file.insert("a", "a")
    assert file.insert("b") == {"b"}


def test_a_transaction_that_is_lost_fails_for_all_of_its_writers(file: File) -> None:
    """None of them was told that its row is stored; the next writer begins another one."""
    futures = file.together(
        lambda: file.insert("a"), lambda: file.insert("loses"), lambda: file.insert("b")
    )
    for future in futures[:2]:
        assert isinstance(future.exception(), StoreUnavailable)
    assert isinstance(futures[2].exception(), sqlite3.Error)
    assert futures[3].result() == {"b"}


def test_a_writer_whose_turn_does_not_come_in_time_leaves_the_queue(tmp_path: Path) -> None:
    file = File(tmp_path / "f.db", timeout=0.01)
    with file.writers.write() as db, ThreadPoolExecutor(1) as pool:
        db.execute("INSERT INTO rows VALUES ('a')")
        late = pool.submit(file.insert, "b")
        assert isinstance(late.exception(), StoreUnavailable)
    assert file.insert("c") == {"a", "c"}
    file.writers.close()


@pytest.mark.parametrize(
    "failing",
    [{"SAVEPOINT writer"}, {"ROLLBACK TO writer"}, {"ROLLBACK TO writer", "ROLLBACK"}],
    ids=["savepoint", "undo", "rollback"],
)
def test_a_disk_that_fails_amid_a_transaction_ends_it_for_all(
    file: File, failing: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No writer waits for ever, and the next one begins another transaction."""
    monkeypatch.setattr(_Connection, "failing", failing)
    futures = file.together(lambda: file.insert("a", "a"), lambda: file.insert("b"))
    assert isinstance(futures[0].exception(60), StoreUnavailable)
    assert isinstance(futures[1].exception(60), sqlite3.Error)
    monkeypatch.setattr(_Connection, "failing", set())
    assert "c" in file.insert("c")
