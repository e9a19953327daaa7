"""Live tail: from an append's answer to the watcher's line, and what watchers cost."""

import itertools
import random
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from http.client import HTTPConnection, HTTPResponse
from queue import Queue
from socket import SHUT_RDWR
from urllib.parse import urlsplit

from tests.bench import peers
from tests.bench.bench import Bench
from tests.bench.calls import Client, client_of
from tests.bench.figures import Comparison, Figure, Section, constant, interleaved
from tests.bench.processes import group_of, memory

APPENDS = 40
LONGEST_PAUSE = 0.05
LIMITS = {"SQLite": 50, "Firestore": 100}
THREADS = 250
WATCHERS = 200
PATIENCE = 60

_numbers = itertools.count()

SKIPPED = "Skipped: the server has no `events:watch`."
TEXT = f"""\
Milliseconds from the answer to an append to the watcher's line, below 0 where the line was faster:
the median of {APPENDS} appends, with pauses of random length between them, through the watcher's
own server process or through another on the same store. Then how many watchers one process holds
with `THREADS={THREADS}` and still answers a `get_session`, of {WATCHERS} that ask, and its memory.
"""


def run(bench: Bench) -> Section:
    folder = bench.folder("watch")
    stores = {
        "SQLite": peers.sqlite(folder / "sessions.db"),
        "Firestore": peers.firestore(bench.emulator, "bench-watch"),
    }
    with ExitStack() as stack:
        measures = {}
        for store, environment in stores.items():
            urls = [stack.enter_context(peers.sessions_api(environment)) for _ in range(2)]
            client = stack.enter_context(client_of(urls[0]))
            if not has_watch(urls[0], client.create("probe")):
                bench.say(f"watch: {SKIPPED}")
                return Section("Live tail", SKIPPED, [])
            for process, url in zip(("the same process", "another process"), urls, strict=True):
                what = f"append to line, through {process}, on {store}"
                measures[store, what] = partial(delay, client, url)
        delays = interleaved(measures, bench.rounds)
    rows = [
        Comparison(
            what,
            figure,
            f"{LIMITS[store]} ms",
            constant(LIMITS[store], bench.rounds),
            "ms",
            at_most=1,
        )
        for (store, what), figure in delays.items()
    ]
    for store, environment in stores.items():
        bench.say(f"watch: counting watchers on {store}")
        rows += watchers(store, environment, WATCHERS // 10 if bench.is_quick else WATCHERS)
    return Section("Live tail", TEXT, rows)


def has_watch(url: str, session: str) -> bool:
    with watch(url, session) as answer:
        return answer.status == 200


@contextmanager
def watch(url: str, session: str) -> Iterator[HTTPResponse]:
    """The answer to a watcher, once its head has arrived."""
    address = urlsplit(url)
    with closing(
        HTTPConnection(address.hostname or "", address.port, timeout=PATIENCE)
    ) as connection:
        connection.request("GET", f"{session}/events:watch")
        stream = connection.sock
        with closing(connection.getresponse()) as answer:
            try:
                yield answer
            finally:
                # Closing waits for a thread that reads; this ends its read.
                stream.shutdown(SHUT_RDWR)


def delay(client: Client, url: str) -> float:
    """The median of milliseconds from an append's answer to its line, in a new session."""
    session = client.create(f"watched-{next(_numbers)}")
    pauses = random.Random(1)
    lines: Queue[float] = Queue()
    delays = []
    with watch(url, session) as answer:
        if answer.status != 200:
            raise RuntimeError(f"{url} answers {answer.status} to a watch")
        threading.Thread(target=collect, args=(answer, lines), daemon=True).start()
        client.append(session)
        lines.get(timeout=PATIENCE)
        for _ in range(APPENDS):
            time.sleep(pauses.uniform(0, LONGEST_PAUSE))
            client.append(session)
            answered = time.perf_counter()
            delays.append(lines.get(timeout=PATIENCE) - answered)
    return 1000 * sorted(delays)[APPENDS // 2]


def collect(answer: HTTPResponse, lines: Queue[float]) -> None:
    """Notes when each event arrives, until the watcher leaves."""
    try:
        for line in answer:
            if line.startswith(b"data:"):
                lines.put(time.perf_counter())
    except (OSError, ValueError, AttributeError):
        return


def watchers(store: str, environment: dict[str, str], count: int) -> list[Comparison]:
    """How many watchers a process serves, and the memory that they take."""
    with (
        peers.sessions_api({**environment, "THREADS": str(THREADS)}) as url,
        client_of(url) as client,
        ExitStack() as stack,
    ):
        session = client.create("crowded")
        group = group_of(url)
        before = memory(group)
        held = 0
        while held < count:
            try:
                answer = stack.enter_context(watch(url, session))
            except OSError:
                break
            if answer.status != 200:
                break
            held += 1
        client.call("GET", session)
        after = memory(group)
    each = (after - before) * 1024 / max(held, 1)
    return [
        Comparison(
            f"watchers of one process on {store}",
            Figure((held,)),
            "those that ask",
            Figure((count,)),
            "watchers",
        ),
        Comparison(
            f"memory with {held} watchers on {store}, {each:.0f} KiB each",
            Figure((after,)),
            "without any",
            Figure((before,)),
            "MiB",
        ),
    ]
