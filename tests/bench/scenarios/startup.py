"""Cold start of targets: time to the first answer, and memory after it."""

import json
from functools import partial

from tests.bench import peers
from tests.bench.bench import Bench
from tests.bench.figures import Comparison, Figure, Section
from tests.bench.processes import start_up
from tests.support.imported_modules import READS, WRITES

ALL = "sessions_api"
ONE_LINE = "one-line function"
SOME = (ALL, "get_session", "append_event")
"""Targets that are measured on Firestore, and in a quick run."""

MORE = (
    *SOME,
    "list_sessions",
    "list_events",
    "delete_session",
    "purge_expired_sessions",
    "create_session",
    "update_session",
    "batch_append_events",
    "create_reasoning_engine",
)
"""Targets that are measured on SQLite: those that read alone import the same, as tests hold."""


def limit(target: str, store: str) -> float:
    """How many times the one-line function's time a target takes, at most."""
    if store == "Firestore":
        return 2.2
    return 1.15 if target == ALL else 1.2 if target in READS else 1.45


TEXT = """\
Milliseconds from the start of a process of functions-framework to the first answer of its target,
for which everything that it needs is imported and its store is opened, and the memory of its
processes after that, pages that they share counted once. Nothing is cached but by the file system,
Python's compiled modules among it. Targets that read a body import Pydantic for it.
"""


def run(bench: Bench) -> Section:
    folder = bench.folder("startup")
    stores = {
        "SQLite": peers.sqlite(folder / "sessions.db"),
        "Firestore": peers.firestore(bench.emulator, "bench-startup"),
    }
    targets = {"SQLite": SOME if bench.is_quick else MORE, "Firestore": SOME}
    starts = {
        "": partial(start_up, "one_line", peers.ONE_LINE, "GET", "/", None),
        **{
            f"{target} {store}": partial(start_up, target, environment, *first_request(target))
            for store, environment in stores.items()
            for target in targets[store]
        },
    }
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in starts}
    for number in range(bench.rounds + 1):
        for name, start in starts.items():
            found = start()
            if number:
                taken[name].append(found)
        bench.say(f"startup: round {number} of {bench.rounds}")
    times = {name: Figure(tuple(1000 * t for t, _ in found)) for name, found in taken.items()}
    memories = {name: Figure(tuple(m for _, m in found)) for name, found in taken.items()}
    rows = [
        Comparison(
            f"{target} on {store}, first answer",
            times[f"{target} {store}"],
            ONE_LINE,
            times[""],
            "ms",
            at_most=limit(target, store),
        )
        for store in stores
        for target in targets[store]
    ]
    rows += [
        Comparison(
            f"{ALL} on {store}, memory", memories[f"{ALL} {store}"], ONE_LINE, memories[""], "MiB"
        )
        for store in stores
    ]
    return Section("Cold start", TEXT, rows)


def first_request(target: str) -> tuple[str, str, str | None]:
    """A request that the target serves: verb, path, body."""
    verb, path, *body = (READS | WRITES)[target]
    return verb, path, json.dumps(body[0]) if body else None
