"""Cold start of every target: time to the first answer, and memory after it."""

from functools import partial

from functions.api.routes import METHODS, ROUTES
from tests.bench import peers
from tests.bench.bench import Bench
from tests.bench.calls import EVENT_BODY, SESSION_BODY, SESSIONS
from tests.bench.figures import Comparison, Figure, Section
from tests.bench.processes import start_up

ALL = "sessions_api"
LIMITS = {"SQLite": 1.5, "Firestore": 2.2}
BODIES = {
    "append_event": EVENT_BODY,
    "create_session": SESSION_BODY,
    "update_session": '{"displayName": "d"}',
}

TEXT = """\
Milliseconds from the start of a process of functions-framework to the first answer of its target,
for which everything that it needs is imported and its store is opened, and the memory of its
processes after that, pages that they share counted once. Nothing is cached but by the file system,
Python's compiled modules among it.
"""


def run(bench: Bench) -> Section:
    folder = bench.folder("startup")
    stores = {
        "SQLite": peers.sqlite(folder / "sessions.db"),
        "Firestore": peers.firestore(bench.emulator, "bench-startup"),
    }
    targets = (ALL, "get_session") if bench.is_quick else (ALL, *METHODS)
    starts = {
        "": partial(start_up, "one_line", peers.ONE_LINE, "GET", "/", None),
        **{
            f"{target} {store}": partial(start_up, target, environment, *first_request(target))
            for target in targets
            for store, environment in stores.items()
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
    one = "one-line function"
    rows = [
        Comparison(
            f"{target} on {store}, first answer",
            times[f"{target} {store}"],
            one,
            times[""],
            "ms",
            at_most=LIMITS[store],
        )
        for store in stores
        for target in targets
    ]
    rows += [
        Comparison(
            f"{ALL} on {store}, memory", memories[f"{ALL} {store}"], one, memories[""], "MiB"
        )
        for store in stores
    ]
    return Section("Cold start", TEXT, rows)


def first_request(target: str) -> tuple[str, str, str | None]:
    """A request that reaches the target's store."""
    if target == ALL:
        return "GET", f"{SESSIONS}/none", None
    route = next(route for route in ROUTES if route.method == target)
    template = route.template.partition("=")
    path = (template[2] or template[0]).replace("}", "").replace("*", "1")
    body = BODIES.get(target, "{}" if route.verb in ("POST", "PATCH") else None)
    return route.verb, f"/{route.versions[0]}/{path}", body
