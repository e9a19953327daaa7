"""The hot paths on Firestore beside the raw stub and ADK's own service: time to an answer."""

import json
import uuid
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from typing import Any

import pytest

from functions.config.settings import Settings
from functions.store.firestore.rpc import Rpc
from functions.store.opening import open_store
from tests.bench import adk, peers
from tests.bench.bench import Bench
from tests.bench.calls import EVENT_BODY, SESSION_BODY, SESSIONS, Client, client_of
from tests.bench.figures import Comparison, Figure, Section, interleaved, median_time
from tests.bench.load import Load, wrk
from tests.support.api import Api

EVENTS = 200

TEXT = f"""\
Milliseconds to an answer, one request after the other, on one emulator. `raw commit` writes what an
append writes, through the generated messages and one stub. ADK's service is called in the process
of the client, without HTTP. The conversation has {EVENTS} events of about 500 bytes; here it is
read by one `get_session` and one `list_events` and parsed as JSON.
"""


def run(bench: Bench) -> Section:
    with (
        peers.one_line() as floor,
        peers.sessions_api(peers.firestore(bench.emulator)) as ours,
        peers.raw_firestore(bench.emulator) as raw,
        adk.called(adk.firestore(bench.emulator)) as service,
        client_of(ours) as client,
    ):
        told = client.create("told")
        client.append(told, EVENTS)
        service.create()
        for _ in range(EVENTS):
            service.append()
        adk_told = service.session
        appending = client.create("appended")
        raw_append = writes_of_an_append(bench.emulator)
        append = Load("POST", [f"{appending}:appendEvent"], EVENT_BODY)
        create = Load("POST", [SESSIONS], SESSION_BODY)
        get = Load("GET", [appending])

        def latency(url: str, load: Load) -> float:
            return wrk(url, load, bench.seconds, connections=1).median

        def of_adk(session: Any, call: Callable[[], object]) -> float:
            service.session = session
            return median_time(call, bench.seconds)

        service.create()
        adk_appending = service.session
        times = interleaved(
            {
                "one line": partial(latency, floor, append),
                "append": partial(latency, ours, append),
                "raw": lambda: raw_commits(raw, raw_append, bench.seconds),
                "adk append": lambda: of_adk(adk_appending, service.append),
                "told": lambda: median_time(partial(read, client, told), bench.seconds),
                "adk told": lambda: of_adk(adk_told, service.get),
                "create": partial(latency, ours, create),
                "get": partial(latency, ours, get),
                "adk create": lambda: of_adk(adk_told, service.create),
            },
            bench.rounds,
        )
    in_process = "ADK's Firestore service"
    append_floor = times["one line"].plus(times["raw"], 1.5)
    conversation = f"conversation of {EVENTS} events"
    rows: list[tuple[str, str, str, Figure, float | None]] = [
        ("append_event", "append", f"{in_process}, append", times["adk append"], 0.5),
        ("append_event", "append", "one-line function + 1.5 raw commits", append_floor, 1),
        (conversation, "told", f"{in_process}, get_session", times["adk told"], 0.45),
        ("append_event", "append", "raw commit", times["raw"], None),
        ("create_session", "create", f"{in_process}, create_session", times["adk create"], None),
        ("get_session", "get", "raw commit", times["raw"], None),
    ]
    return Section(
        "Latency on Firestore",
        TEXT,
        [
            Comparison(what, times[key], beside, there, "ms", at_most=limit)
            for what, key, beside, there, limit in rows
        ],
    )


def read(client: Client, session: str) -> None:
    client.call("GET", session)
    page = client.call("GET", f"{session}/events?pageSize={EVENTS}")
    if len(page["sessionEvents"]) != EVENTS:
        raise RuntimeError(f"{session} has lost events")


def writes_of_an_append(emulator: str) -> list[Any]:
    """What the store commits for one append, to a session that exists."""
    caught: list[Any] = []
    commit = Rpc.commit

    def catch(rpc: Rpc, writes: Sequence[Any]) -> Any:
        caught[:] = writes
        return commit(rpc, writes)

    settings = Settings.from_environment(peers.firestore(emulator))
    with closing(open_store(settings)) as store, pytest.MonkeyPatch.context() as patch:
        api = Api(store, f"{peers.PARENT}/reasoningEngines/raw")
        session = api.create()
        patch.setattr(Rpc, "commit", catch)
        api.ok("POST", f"{session}:appendEvent", json.loads(EVENT_BODY))
    return caught


def raw_commits(raw: peers.RawFirestore, append: list[Any], seconds: float) -> float:
    """The median time of such a commit, in milliseconds, each of an event of its own."""

    def writes() -> list[Any]:
        event, session = append
        another = type(event)()
        another.CopyFrom(event)
        another.update.name += uuid.uuid4().hex
        return [another, session]

    return median_time(raw.commit, seconds, writes)
