"""Batches, imports, exports and forks: events a second."""

import itertools
import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

from tests.bench import peers
from tests.bench.bench import Bench
from tests.bench.calls import ENGINE, EVENT_BODY, Client, client_of
from tests.bench.figures import Comparison, Figure, Measure, Section, interleaved, median_time

BATCH = 100
COUNT, EVENTS = 40, 100
TOTAL, FORKED = COUNT * EVENTS, 1_000
FILLED = f"{ENGINE}-filled"

SECONDS = 0.5

Rows = dict[int, list[tuple[object, ...]]]
OF_SESSION = "SELECT * FROM events WHERE session = ? ORDER BY seq"
SCHEMA = "SELECT sql FROM sqlite_master WHERE tbl_name = 'events' AND type != 'trigger'"

APPENDS, BATCHES = f"{BATCH} appends", f"batch of {BATCH}"
IMPORT, EXPORT, FORK = "import_sessions", "export_sessions", f"fork of {FORKED:,} events"
INSERTS, READS = "raw inserts", "raw reads"

LIMITS = {"SQLite": 20, "Firestore": 10}
"""How many times the events of appends a batch stores, at least."""

ENOUGH = {IMPORT: 5_000, EXPORT: 20_000}
"""Events a second on SQLite, at least, or half of what the sqlite3 module does alone."""

TEXT = f"""\
Events a second, of about 500 bytes, over one connection. An engine of {COUNT} sessions of {EVENTS}
events is exported, and imported as another engine, in one request. Beside it the `sqlite3` module
alone reads the rows of those events into Python, or inserts them into a table with the same columns
and indexes, with a commit on the same disk for each session.
"""


def run(bench: Bench) -> Section:
    path = bench.folder("bulk") / "sessions.db"
    stores = {
        "SQLite": peers.sqlite(path),
        "Firestore": peers.firestore(bench.emulator, "bench-bulk"),
    }
    with ExitStack() as stack:
        measures: dict[tuple[str, str], Measure] = {}
        for store, environment in stores.items():
            bench.say(f"bulk: filling {store}")
            client = stack.enter_context(
                client_of(stack.enter_context(peers.sessions_api(environment)))
            )
            for what, measure in measures_of(client).items():
                measures[what, store] = measure
        with closing(sqlite3.connect(path)) as filled:
            sessions = rows_by_session(filled)
            schema = [text for (text,) in filled.execute(SCHEMA)]
        measures[READS, "SQLite"] = partial(read, path, list(sessions))
        measures[INSERTS, "SQLite"] = partial(insert, path.with_name("raw.db"), schema, sessions)
        rates = interleaved(measures, bench.rounds)

    def row(what: str, store: str, peer: str, limit: float | None = None) -> Comparison:
        there = rates[peer, store]
        return Comparison(f"{what} on {store}", rates[what, store], peer, there, "/s", limit)

    def enough(what: str, peer: str) -> Comparison:
        wanted, alone = ENOUGH[what], rates[peer, "SQLite"]
        least = Figure(tuple(min(wanted, value / 2) for value in alone.values))
        beside = f"{wanted:,}/s, or half of {peer}"
        return Comparison(f"{what} on SQLite", rates[what, "SQLite"], beside, least, "/s", 1)

    return Section(
        "Bulk",
        TEXT,
        [
            *(row(BATCHES, store, APPENDS, limit) for store, limit in LIMITS.items()),
            enough(IMPORT, INSERTS),
            enough(EXPORT, READS),
            row(IMPORT, "SQLite", INSERTS),
            row(EXPORT, "SQLite", READS),
            *(row(what, "Firestore", BATCHES) for what in (IMPORT, EXPORT)),
            *(row(FORK, store, BATCHES) for store in stores),
        ],
    )


def measures_of(client: Client) -> dict[str, Measure]:
    """What is measured of one server, in events a second, after its engine is filled."""
    batch = json.dumps({"events": [json.loads(EVENT_BODY)] * BATCH})
    numbers = itertools.count()
    for number in range(COUNT):
        session = client.create(f"s{number}", f"{FILLED}/sessions")
        for _ in range(EVENTS // BATCH):
            client.call("POST", f"{session}:batchAppendEvents", batch)
    exported = client.read("GET", f"{FILLED}:export").decode()
    long = client.create("long")
    for _ in range(FORKED // BATCH):
        client.call("POST", f"{long}:batchAppendEvents", batch)

    def appends() -> float:
        session = client.create(f"s{next(numbers)}")
        return many(BATCH, lambda: client.append(session, BATCH))

    def batches() -> float:
        session = client.create(f"s{next(numbers)}")
        return many(BATCH, lambda: client.call("POST", f"{session}:batchAppendEvents", batch))

    def imported() -> float:
        path = f"{ENGINE}-import-{next(numbers)}:import"
        return rate(TOTAL, lambda: check(client.call("POST", path, exported)["importedEvents"]))

    def exports() -> float:
        return rate(
            TOTAL, lambda: check(client.read("GET", f"{FILLED}:export").count(b'{"event":'))
        )

    def fork() -> float:
        return many(FORKED, lambda: client.call("POST", f"{long}:fork", "{}"))

    return {APPENDS: appends, BATCHES: batches, IMPORT: imported, EXPORT: exports, FORK: fork}


def rate(events: int, call: Callable[[], object]) -> float:
    """Events a second, where one call is about so many."""
    start = time.perf_counter()
    call()
    return events / (time.perf_counter() - start)


def many(events: int, call: Callable[[], object]) -> float:
    """The same, by the median of some calls."""
    return 1000 * events / median_time(call, SECONDS)


def check(events: int) -> None:
    if events != TOTAL:
        raise RuntimeError(f"{events} events of {TOTAL} came")


def rows_by_session(db: sqlite3.Connection) -> Rows:
    """The rows of the events that an export has, by the key of their session."""
    keys = [key for (key,) in db.execute("SELECT DISTINCT session FROM events ORDER BY session")]
    return {key: db.execute(OF_SESSION, (key,)).fetchall() for key in keys[:COUNT]}


def read(path: Path, sessions: list[int]) -> float:
    with closing(sqlite3.connect(path)) as db:
        return rate(
            TOTAL,
            lambda: check(sum(len(db.execute(OF_SESSION, (key,)).fetchall()) for key in sessions)),
        )


def insert(path: Path, schema: list[str], sessions: Rows) -> float:
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        for statement in schema:
            db.execute(statement)
        marks = ", ".join("?" * len(next(iter(sessions.values()))[0]))

        def store() -> None:
            for rows in sessions.values():
                with db:
                    db.executemany(f"INSERT INTO events VALUES ({marks})", rows)

        return rate(TOTAL, store)
