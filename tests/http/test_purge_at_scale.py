"""Many expired sessions, a purge that has little time, and two that are killed on the way.

`PURGED_SESSIONS=20000 PURGE_TIME_LIMIT=1s make test ARGS=tests/http/test_purge_at_scale.py` runs
it in full.
"""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from functions.config.settings import Settings
from functions.messages.session import Session
from functions.rules.event import EventRecord
from functions.rules.names import SessionName
from functions.rules.session import SessionRecord
from functions.rules.session_rules import new_session
from functions.store.firestore import FirestoreStore, documents, values
from functions.store.opening import open_store
from functions.store.protocol import Store
from functions.store.sqlite import SqliteStore, rows
from tests.support.project import ROOT
from tests.support.servers import serving
from tests.support.store_documents import documents_below
from tests.support.stores import PATIENCE, STORES

SESSIONS = int(os.environ.get("PURGED_SESSIONS", "400"))
LIMIT = os.environ.get("PURGE_TIME_LIMIT", "0.001s")
EVENTS = 10
LIVE = 20
ENGINE = "projects/test-project/locations/us-central1/reasoningEngines/777"
PURGE = "/v1beta1/sessions:purgeExpired"


KILLED_PURGE = """
import os, signal, time
from functions.config.settings import Settings
from functions.store.opening import open_store

def die() -> bool:
    os.kill(os.getpid(), signal.SIGKILL)

open_store(Settings.from_environment(os.environ)).purge(time.time_ns(), die)
"""
"""Dies where it would look at the clock for the first time."""


@pytest.mark.parametrize("store_name", STORES)
def test_killed_and_time_bounded_purges_leave_nothing_and_touch_nothing_live(
    store_name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    environment = {"SESSIONS_STORE": f"sqlite:///{tmp_path}/s.db", **PATIENCE}
    if store_name == "firestore":
        environment["SESSIONS_STORE"] = "firestore://purge-at-scale"
        environment["FIRESTORE_EMULATOR_HOST"] = request.getfixturevalue("emulator")
    with closing(open_store(Settings.from_environment(environment))) as store:
        fill(store)
        left = SESSIONS + LIVE
        for _ in range(2):
            kill_a_purge(environment)
            before, left = left, documents_below(store, ENGINE, ["sessions"])["sessions"]
            assert LIVE < left < before
        calls = 1
        with serving("purge_expired_sessions", {**environment, "PURGE_TIME_LIMIT": LIMIT}) as url:
            while not httpx.post(f"{url}{PURGE}", timeout=600).json()["done"]:
                calls += 1
        assert calls > 1
        assert documents_below(store, ENGINE) == {"sessions": LIVE, "events": LIVE * EVENTS}
        print(f"{SESSIONS} sessions of {EVENTS} events: {calls} calls after two kills")


def kill_a_purge(environment: dict[str, str]) -> None:
    """Runs a purge that is killed with SIGKILL once the first sessions are gone."""
    command = [sys.executable, "-c", KILLED_PURGE]
    run = subprocess.run(command, env={**os.environ, **environment}, cwd=ROOT, check=False)
    assert run.returncode == -signal.SIGKILL


def fill(store: Store) -> None:
    """Writes the sessions in bulk, as the stores would have written them one by one."""
    now = time.time_ns() // 1000 * 1000
    made = [
        new_session(SessionName(ENGINE, f"s{number}"), Session(user_id="u"), now, 0)[0]
        for number in range(SESSIONS + LIVE)
    ]
    for record in made[:SESSIONS]:
        record.expire_time = now - 1000
    events = [
        EventRecord(f"e{number}", now, "user", "i", '"author":"user"}') for number in range(EVENTS)
    ]
    if isinstance(store, SqliteStore):
        fill_sqlite(store, made, events)
    else:
        assert isinstance(store, FirestoreStore)
        fill_firestore(store, made, events)


def fill_sqlite(store: SqliteStore, made: list[SessionRecord], events: list[EventRecord]) -> None:
    with store._database.write() as db:
        db.execute("INSERT INTO engines (id, name, location) VALUES (1, ?, '-')", (ENGINE,))
        for key, record in enumerate(made):
            times = {"create_time": record.create_time, "update_time": record.update_time}
            ids = {"id": key, "engine": 1, "session_id": record.name.session, "user_id": "u"}
            rows.insert(db, "sessions", {**ids, **times, **rows.session_row(record)})
        db.executemany(
            "INSERT INTO events (session, timestamp_key, id, author, invocation_id, text) "
            "VALUES (?, '', ?, 'user', 'i', ?)",
            [(key, event.id, event.text) for key in range(len(made)) for event in events],
        )


def fill_firestore(
    store: FirestoreStore, made: list[SessionRecord], events: list[EventRecord]
) -> None:
    rpc = store._rpcs.get()
    layouts = store._versions.layouts_to_write(rpc)

    def write(batch: list[SessionRecord]) -> None:
        writes = []
        for record in batch:
            path = f"{rpc.root}/{record.name}"
            fields = documents.session_fields(record, "", layouts)
            writes.append(values.creation(path, fields))
            writes += [
                values.creation(f"{path}/events/{event.id}", documents.event_fields(event, ""))
                for event in events
            ]
        rpc.commit(writes)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, [made[start : start + 40] for start in range(0, len(made), 40)]))
