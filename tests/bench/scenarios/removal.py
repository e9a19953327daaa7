"""Purges and erasures on both stores, and batched deletes through Firestore's raw stub."""

import itertools
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from functions.store.firestore.layouts import PURGE_SHARDS
from functions.store.firestore.protobuf import Write
from functions.store.firestore.rpc import Rpc
from tests.bench import peers
from tests.bench.bench import Bench
from tests.bench.calls import ENGINE, SESSIONS, Client, client_of
from tests.bench.figures import Comparison, Measure, Section, interleaved
from tests.bench.fill import COMMIT, Row, clone_rows, first_document, write_documents

COUNT, EVENTS = 1_000, 10
KEPT, GONE = "kept", "gone"
"""The users of the session that others are made like, and of those."""

PURGE, ERASE = "/v1beta1/sessions:purgeExpired", f"{ENGINE}/users/{GONE}:erase"
PATH = SESSIONS.removeprefix("/v1beta1/")

RAW = "raw batched deletes"
PURGED, ERASED = "purge_expired_sessions", "erase_user"

TEXT = f"""\
Documents a second, sessions and events together, while {COUNT:,} sessions of {EVENTS} events are
found and removed: expired ones by `{PURGED}`, those of one user by `{ERASED}`, whose time for a
document is to be at most three times that of the purge. On SQLite an erasure also overwrites what
it removes. Beside them as many documents, whose names are known, are deleted from the emulator
through one stub, {COMMIT} in a commit, one after the other.
"""

Fill = Callable[[int], object]
"""Adds sessions with their events, which expired at a microsecond after the epoch, or not for 0."""

_moments = itertools.count(1)
"""When sessions expired: the purge begins where the one before has ended."""


def run(bench: Bench) -> Section:
    count = COUNT // 5 if bench.is_quick else COUNT
    path = bench.folder("removal") / "sessions.db"
    project, raw_project = "bench-removal", "bench-deletes"
    with ExitStack() as stack:
        start = stack.enter_context
        clients = {}
        for store, environment in (
            ("SQLite", peers.sqlite(path)),
            ("Firestore", peers.firestore(bench.emulator, project)),
        ):
            client = start(client_of(start(peers.sessions_api(environment))))
            client.call("POST", f"{SESSIONS}?sessionId=template", f'{{"userId": "{KEPT}"}}')
            client.append(f"{SESSIONS}/template")
            clients[store] = client
        rpc = start(peers.store_rpc(bench.emulator, project))
        raw_rpc = start(peers.store_rpc(bench.emulator, raw_project))
        stub = start(peers.raw_firestore(bench.emulator, raw_project))
        session = first_document(rpc, PATH.rpartition("/")[0], "sessions")
        event = first_document(rpc, f"{PATH}/template", "events")
        fills: dict[str, Fill] = {
            "SQLite": partial(fill_sqlite, path, count),
            "Firestore": partial(fill_firestore, rpc, session, event, count),
        }

        def delete() -> float:
            names = fill_firestore(raw_rpc, session, event, count, 0)
            begun = time.perf_counter()
            for first in range(0, len(names), COMMIT):
                stub.commit([Write(delete=name) for name in names[first : first + COMMIT]])
            return len(names) / (time.perf_counter() - begun)

        measures: dict[tuple[str, str], Measure] = {(RAW, "Firestore"): delete}
        for store, client in clients.items():
            for what, url in ((PURGED, PURGE), (ERASED, ERASE)):
                measures[what, store] = partial(removed, client, url, fills[store], count)
        rates = interleaved(measures, bench.rounds)
    return Section(
        "Purge and erasure",
        TEXT,
        [
            *(
                Comparison(
                    f"{ERASED} on {store}",
                    rates[ERASED, store],
                    PURGED,
                    rates[PURGED, store],
                    "/s",
                    at_least=1 / 3,
                )
                for store in clients
            ),
            Comparison(
                f"{PURGED} on Firestore",
                rates[PURGED, "Firestore"],
                RAW,
                rates[RAW, "Firestore"],
                "/s",
                at_least=0.6,
            ),
        ],
    )


def removed(client: Client, url: str, fill: Fill, count: int) -> float:
    """Documents a second that calls of one method remove, until it is done."""
    fill(next(_moments) if url == PURGE else 0)
    start = time.perf_counter()
    sessions = events = 0
    is_done = False
    while not is_done:
        answer = client.call("POST", url)
        is_done = answer.pop("done")
        for name, number in answer.items():
            if name.endswith("Sessions"):
                sessions += number
            else:
                events += number
    seconds = time.perf_counter() - start
    if sessions < count or events < count * EVENTS:
        raise RuntimeError(f"{url} has removed {sessions} sessions and {events} events")
    return (sessions + events) / seconds


def fill_sqlite(path: Path, count: int, expiry: int) -> None:
    """Sessions like the first one, which is the last as soon as the others are gone."""
    made: list[int] = []

    def sessions(last: Row) -> Iterator[Row]:
        for number in range(count):
            made.append(last["id"] + 1 + number)
            changed = {"session_id": f"s{number}", "user_id": GONE}
            yield {"id": made[-1], **changed, "expiry": expiry or last["expiry"]}

    def events(_: Row) -> Iterator[Row]:
        for session, number in itertools.product(made, range(EVENTS)):
            yield {"seq": None, "session": session, "id": f"e{number}"}

    clone_rows(path, "sessions", sessions)
    clone_rows(path, "events", events)


def fill_firestore(rpc: Rpc, session: Any, event: Any, count: int, expiry: int) -> list[str]:
    """Writes sessions like these documents; the names of all that was written."""
    made = list(documents(f"{rpc.root}/{PATH}", session, event, count, expiry))
    write_documents(rpc, made)
    return [document.name for document in made]


def documents(parent: str, session: Any, event: Any, count: int, expiry: int) -> Iterator[Any]:
    for number in range(count):
        path = f"{parent}/s{number}"
        copy = type(session)(name=path, fields=session.fields)
        copy.fields["userId"].string_value = GONE
        # Sessions are spread over the ranges of indexes, as by their names.
        shard = number % PURGE_SHARDS
        copy.fields["purgeShard"].integer_value = shard
        for facet in copy.fields["shardFacets"].array_value.values:
            text = re.sub(r"#\d+/", f"#{shard:02}/", facet.string_value)
            facet.string_value = text.replace(f"={KEPT}#", f"={GONE}#")
        if expiry:
            copy.fields["expiry"].integer_value = expiry
        yield copy
        for position in range(EVENTS):
            yield type(event)(name=f"{path}/events/e{position}", fields=event.fields)
