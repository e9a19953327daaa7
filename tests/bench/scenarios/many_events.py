"""A session of 100,000 events beside sessions of 100: time to an answer, on both stores."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from urllib.parse import quote

from functions.store.firestore.protobuf import StructuredQuery
from functions.store.firestore.rpc import Rpc
from tests.bench import peers
from tests.bench.bench import Bench
from tests.bench.calls import EVENT_BODY, SESSIONS, client_of
from tests.bench.figures import Comparison, Section, interleaved, median_time
from tests.bench.fill import add_event_documents, add_events
from tests.bench.load import Load, wrk

FEW, MANY, PAGE = 100, 100_000, 50
SMALL_SESSIONS = 16
RAW = "raw query"
LATE_EVENT = EVENT_BODY.replace("2026-01-01", "2026-06-01")

TEXT = f"""\
Milliseconds to an answer, one request after the other, in a session of {MANY:,} events of about 500
bytes, and in one of {FEW}. Pages are of {PAGE} events, so that either session has more than one;
appends beside the large session go to {SMALL_SESSIONS} small ones in turn. `{RAW}` is the query of
a first page alone, through the stub: what the emulator itself takes for it.
"""

Add = Callable[[str, int], None]


def run(bench: Bench) -> Section:
    path = bench.folder("many-events") / "sessions.db"
    many = MANY // 10 if bench.is_quick else MANY
    measures = {}
    with ExitStack() as stack:
        rpc = stack.enter_context(peers.store_rpc(bench.emulator))
        stores: dict[str, tuple[dict[str, str], Add]] = {
            "SQLite": (peers.sqlite(path), lambda _, count: add_events(path, count)),
            "Firestore": (
                peers.firestore(bench.emulator),
                lambda session, count: add_event_documents(
                    rpc, session.removeprefix("/v1beta1/"), count
                ),
            ),
        }
        for store, (environment, add) in stores.items():
            url = stack.enter_context(peers.sessions_api(environment))
            bench.say(f"many_events: {many:,} events on {store}")
            for what, load in loads(url, add, many).items():
                measures[f"{store} {what}"] = partial(median, url, load, bench.seconds)
        for side, session in (("large", "large-events"), ("small", "small-0-events")):
            path_of = f"{SESSIONS}/{session}".removeprefix("/v1beta1/")
            query = partial(raw_page, rpc, path_of)
            measures[f"Firestore {RAW}, {side}"] = partial(median_time, query, bench.seconds)
        times = interleaved(measures, bench.rounds)
    return Section(
        f"Sessions of {MANY:,} events",
        TEXT,
        [
            Comparison(
                f"{what} on {store}",
                times[f"{store} {what}, large"],
                f"session of {FEW}",
                times[f"{store} {what}, small"],
                "ms",
                at_most=None if what == RAW else 1.2,
            )
            for store in stores
            for what in ("append_event", "first page", "last page", RAW)
            if f"{store} {what}, large" in times
        ]
        + [
            Comparison(
                f"first page on Firestore, session of {of}",
                times[f"Firestore first page, {side}"],
                RAW,
                times[f"Firestore {RAW}, {side}"],
                "ms",
            )
            for side, of in (("large", f"{MANY:,}"), ("small", FEW))
        ],
    )


def median(url: str, load: Load, seconds: float) -> float:
    return wrk(url, load, seconds, connections=1).median


def raw_page(rpc: Rpc, session: str) -> None:
    """What Firestore is asked for a first page of events."""
    query = StructuredQuery()
    query.from_.add().collection_id = "events"
    query.order_by.add(direction=StructuredQuery.Direction.ASCENDING).field.field_path = "key"
    query.limit.value = PAGE + 1
    if len(list(rpc.find(session, query))) != PAGE + 1:
        raise RuntimeError(f"{session} has lost events")


def loads(url: str, add: Add, many: int) -> dict[str, Load]:
    """Fills the sessions and says what to ask of them."""
    sizes = {"large": many, **{f"small-{number}": FEW for number in range(SMALL_SESSIONS)}}
    with client_of(url) as client:
        for name, size in sizes.items():
            client.append(client.create(f"{name}-events"))
            add(f"{SESSIONS}/{name}-events", size - 1)
        made: dict[str, Load] = {}
        for side, name in (("large", "large"), ("small", "small-0")):
            events = f"{SESSIONS}/{name}-events/events"
            last = f"{events}?pageSize={PAGE}&pageToken="
            last += quote(client.page_token(events, sizes[name] - PAGE))
            page = client.call("GET", last)
            if len(page["sessionEvents"]) != PAGE or "nextPageToken" in page:
                raise RuntimeError(f"{last} is not the last page")
            made[f"first page, {side}"] = Load("GET", [f"{events}?pageSize={PAGE}"])
            made[f"last page, {side}"] = Load("GET", [last])
    # A small session that is read does not grow.
    appended = [f"{SESSIONS}/{name}-events" for name in sizes if name not in ("large", "small-0")]
    made["append_event, large"] = append([f"{SESSIONS}/large-events"])
    made["append_event, small"] = append(appended)
    return made


def append(sessions: list[str]) -> Load:
    return Load("POST", [f"{session}:appendEvent" for session in sessions], LATE_EVENT)
