"""Large pages and large events on both stores: time to an answer, and memory meanwhile."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from functions.rules.limits import MAX_PAGE_BYTES
from tests.bench import peers
from tests.bench.bench import Bench
from tests.bench.calls import EVENT_BODY, Client, client_of
from tests.bench.figures import Comparison, Section, constant, interleaved, median_time
from tests.bench.load import Load
from tests.bench.processes import group_of, peak_memory

MIB = 2**20

PART = 16 * 1024
"""Characters of an event of the page."""

PAGE_LIMIT = 40
"""MiB of memory that a request for a page may take."""

EVENT_SIZES = {"SQLite": 9, "Firestore": 3.8}
"""MiB of a large event."""

READING = "one_line_that_reads"
"""A function that answers requests with a body alone, so that its start sends nothing large."""

SECONDS = 0.25

TEXT = f"""\
Milliseconds to an answer, one request after the other; and how much memory the processes of a new
server take at most during the first such request, above what they have before. The page ends
because of its size, {MAX_PAGE_BYTES // MIB} MiB, and has events of {PART // 1024} KiB. Beside it
stands a function of one line that answers as many bytes, and beside an append one that reads the
same body. The large event has {EVENT_SIZES["SQLite"]} MiB, and {EVENT_SIZES["Firestore"]} MiB on
Firestore, since the emulator takes no message over 4 MiB.
"""


class Side(NamedTuple):
    """A server, the large request that is measured, and a small one that comes before."""

    server: Callable[[], AbstractContextManager[str]]
    load: Load
    first: Load | None


def run(bench: Bench) -> Section:
    stores = {
        "SQLite": peers.sqlite(bench.folder("large") / "sessions.db"),
        "Firestore": peers.firestore(bench.emulator, "bench-large"),
    }
    ours: dict[str, Side] = {}
    floors: dict[str, Side] = {}
    for store, environment in stores.items():
        bench.say(f"large: filling {store}")
        server = partial(peers.sessions_api, environment)
        with server() as url, client_of(url) as client:
            page, size = fill(client)
            appended = client.create("large")
        size_of_event = EVENT_SIZES[store]
        append = Load("POST", [f"{appended}:appendEvent"], event(round(size_of_event * MIB) - 1000))
        small = replace(append, body=EVENT_BODY)
        reading = partial(peers.one_line, target=READING)
        what = f"append_event of {size_of_event} MiB on {store}"
        ours[what], floors[what] = Side(server, append, small), Side(reading, append, small)

        first, large = Load("GET", [f"{page}?pageSize=1"]), Load("GET", [f"{page}?pageSize=1000"])
        floor = partial(peers.one_line, size, READING)
        what = f"list_events, page of 8 MiB on {store}"
        ours[what], floors[what] = (
            Side(server, large, first),
            Side(floor, replace(large, body="{}"), None),
        )
    memories = [
        interleaved({what: partial(memory, side) for what, side in sides.items()}, bench.rounds)
        for sides in (ours, floors)
    ]
    with ExitStack() as stack:
        measures = {
            (what, sides is ours): partial(timed, stack.enter_context(side.server()), side.load)
            for sides in (ours, floors)
            for what, side in sides.items()
        }
        times = interleaved(measures, bench.rounds)
    one = "one-line function"
    rows = [Comparison(what, times[what, True], one, times[what, False], "ms") for what in ours]
    here, there = memories
    limit = constant(PAGE_LIMIT, bench.rounds)
    for what in ours:
        rows.append(Comparison(f"{what}: memory", here[what], one, there[what], "MiB"))
        if what.startswith("list_events"):
            beside = f"{PAGE_LIMIT} MiB"
            rows.append(Comparison(f"{what}: memory", here[what], beside, limit, "MiB", at_most=1))
    return Section("Large pages and events", TEXT, rows)


def fill(client: Client) -> tuple[str, int]:
    """The path of events that are more than a page, and how many bytes a page has."""
    session = client.create("paged")
    batch = json.dumps({"events": [json.loads(event(PART))] * 50})
    for _ in range(MAX_PAGE_BYTES // PART // 50 + 1):
        client.call("POST", f"{session}:batchAppendEvents", batch)
    path = f"{session}/events"
    return path, len(client.read("GET", f"{path}?pageSize=1000"))


def event(size: int) -> str:
    """An event with so much text."""
    said = json.loads(EVENT_BODY)
    said["content"]["parts"][0]["text"] = "x" * size
    return json.dumps(said)


def send(client: Client, load: Load) -> None:
    client.read(load.verb, load.paths[0], load.body)


def timed(url: str, load: Load) -> float:
    # A connection of its own, since gunicorn closes one that is idle for two seconds.
    with client_of(url) as client:
        return median_time(partial(send, client, load), SECONDS)


def memory(side: Side) -> float:
    """MiB that the first large request of a new server takes."""
    with side.server() as url, client_of(url) as client:
        if side.first is not None:
            send(client, side.first)
        return peak_memory(group_of(url), partial(send, client, side.load))
