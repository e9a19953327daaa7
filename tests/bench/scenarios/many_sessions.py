"""Lists by user over a million sessions beside a thousand, on SQLite."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

from tests.bench import peers
from tests.bench.bench import Bench
from tests.bench.calls import SESSIONS, client_of, of_user
from tests.bench.figures import Comparison, Section, interleaved
from tests.bench.fill import Row, clone_rows
from tests.bench.load import Load
from tests.bench.scenarios.many_events import median

FEW, MANY, OF_A_USER, PAGE = 1_000, 1_000_000, 200, 100

TEXT = f"""\
Milliseconds to a page of {PAGE} sessions of one user, who has {OF_A_USER} among {MANY:,} of one
engine, or among {FEW:,}; one request after the other.
"""


def run(bench: Bench) -> Section:
    folder = bench.folder("many-sessions")
    sizes = {"small": FEW, "large": MANY // 10 if bench.is_quick else MANY}
    measures = {}
    with ExitStack() as stack:
        for side, size in sizes.items():
            path = folder / f"{side}.db"
            url = stack.enter_context(peers.sessions_api(peers.sqlite(path)))
            bench.say(f"many_sessions: {size:,} sessions")
            with client_of(url) as client:
                client.create("first")
                clone_rows(path, "sessions", partial(sessions, size))
                listed = f"{SESSIONS}?pageSize={PAGE}&filter={of_user('user-1')}"
                if len(client.call("GET", listed)["sessions"]) != PAGE:
                    raise RuntimeError("the sessions were not found")
            lists = {"update_time": listed, "create_time": f"{listed}&orderBy=create_time"}
            for order, query in lists.items():
                load = Load("GET", [query])
                measures[f"{side} {order}"] = partial(median, url, load, bench.seconds)
        times = interleaved(measures, bench.rounds)
    return Section(
        f"{MANY:,} sessions",
        TEXT,
        [
            Comparison(
                f"list_sessions of a user by {order}",
                times[f"large {order}"],
                f"{FEW:,} sessions",
                times[f"small {order}"],
                "ms",
                at_most=limit,
            )
            for order, limit in (("update_time", 1.5), ("create_time", None))
        ],
    )


def sessions(size: int, last: Row) -> Iterator[Row]:
    """Each user's among everybody else's, as they come in life."""
    users = size // OF_A_USER
    for number in range(size):
        time = last["update_time"] + 1000 * number
        yield {
            "id": None,
            "session_id": f"s{number}",
            "user_id": f"user-{number % users}",
            "create_time": time,
            "update_time": time,
        }
