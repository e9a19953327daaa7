"""The hot paths on SQLite beside the floor for HTTP and `adk api_server`: throughput."""

import json
from contextlib import ExitStack
from functools import partial

from tests.bench import peers
from tests.bench.bench import Bench
from tests.bench.calls import ENGINE, EVENT_BODY, SESSION_BODY, SESSIONS, client_of, of_user
from tests.bench.disks import MEMORY, file_system
from tests.bench.figures import Comparison, Section, interleaved
from tests.bench.load import CONNECTIONS, Load, wrk
from tests.bench.peers import USER

CROWD = 64
"""Connections of the larger load."""

SPREAD = 64
"""Sessions that a load of gets or appends goes over."""

ADK_SPREAD = 256
"""Sessions of `adk api_server` that appends go over, since it reads the whole of one for each."""

OURS, ONE_LINE, SAME_SIZE, ADK = "", "one-line function", "same size", "adk api_server"

GET, APPEND, CREATE = "get_session", "append_event", "create_session"
APPEND_STATE = "append_event, one key of state"
LIST_EVENTS, LIST = "list_events, page of 100", "list_sessions, page of 100"
LIST_OF_USER = "list_sessions of a user, page of 100"

STATE_EVENT = json.dumps(
    {
        "author": "user",
        "invocationId": "i",
        "timestamp": "2026-01-01T00:00:00Z",
        "actions": {"stateDelta": {"plan": "@"}},
    }
)

_SOME = [f"{SESSIONS}/s{number}" for number in range(SPREAD)]
_APPENDED = [f"{name}:appendEvent" for name in _SOME]
_LONG = f"{SESSIONS}/long/events"
_LISTED = f"{ENGINE}-many/sessions"
_OF_ADK = f"/apps/{peers.APP}/users/{USER}/sessions"

LOADS = {
    GET: Load("GET", _SOME),
    APPEND: Load("POST", _APPENDED, EVENT_BODY),
    CREATE: Load("POST", [SESSIONS], SESSION_BODY),
    LIST_EVENTS: Load("GET", [_LONG]),
    LIST: Load("GET", [_LISTED]),
    LIST_OF_USER: Load("GET", [f"{_LISTED}?filter={of_user(USER)}"]),
    APPEND_STATE: Load("POST", _APPENDED, STATE_EVENT),
}
ADK_LOADS = {
    CREATE: Load("POST", [_OF_ADK], json.dumps({"state": {"plan": "free"}})),
    GET: Load("GET", [f"{_OF_ADK}/got"]),
    APPEND_STATE: Load(
        "PATCH",
        [f"{_OF_ADK}/s{number}" for number in range(ADK_SPREAD)],
        json.dumps({"stateDelta": {"plan": "@"}}),
    ),
}

LIMITS = {
    (GET, CONNECTIONS): 0.85,
    (APPEND, CONNECTIONS): 0.6,
    (APPEND, CROWD): 0.7,
    (CREATE, CONNECTIONS): 0.5,
    (CREATE, CROWD): 0.6,
    (LIST_EVENTS, CONNECTIONS): 0.65,
    (LIST, CONNECTIONS): 0.5,
    (LIST_OF_USER, CONNECTIONS): None,
}
"""The share of the one-line function's requests that is answered, at least, on a disk."""

BESIDE_ADK = {CREATE: 5, APPEND_STATE: 5, GET: 3.5}
"""How many times the requests of `adk api_server` are answered, at least."""

TEXT = f"""\
Requests a second over {CONNECTIONS} connections, or {CROWD} where it is said, to one worker of
functions-framework with its default threads. Beside `sessions_api` stands a function of one line on
the same server that is sent the same requests and answers two bytes, or as many as a page of events
has; and `{ADK}`, which has one process and no setting for more, on a SQLite file of its own
on the same disk. The session that it answers has no events. Without a run of an agent it appends an
event only where state changes: one key of state, and no content.
"""


def run(bench: Bench) -> Section:
    folder = bench.folder("http")
    with ExitStack() as stack:
        start = stack.enter_context
        ours = start(peers.sessions_api(peers.sqlite(folder / "sessions.db")))
        adk = start(peers.adk_api_server(folder))
        servers = {OURS: ours, ADK: adk, ONE_LINE: start(peers.one_line())}
        page_size = fill(ours)
        servers[SAME_SIZE] = start(peers.one_line(page_size))
        in_memory = f"on {file_system(MEMORY)}"
        if bench.memory is not None:
            store = peers.sqlite(bench.memory / "sessions.db")
            servers[in_memory] = start(peers.sessions_api(store))
            fill(servers[in_memory])
        with client_of(adk) as client:
            for name in ("got", *(f"s{number}" for number in range(ADK_SPREAD))):
                body = {"sessionId": name, "state": {"plan": "free"}}
                client.call("POST", _OF_ADK, json.dumps(body))
        asked = [(side, what, count) for what, count in LIMITS for side in (OURS, ONE_LINE)]
        asked += [(OURS, APPEND_STATE, CONNECTIONS), (SAME_SIZE, LIST_EVENTS, CONNECTIONS)]
        asked += [(ADK, what, CONNECTIONS) for what in ADK_LOADS]
        if in_memory in servers:
            asked += [
                (in_memory, what, count) for what, count in LIMITS if what in (APPEND, CREATE)
            ]

        def rate(side: str, what: str, connections: int) -> float:
            load = (ADK_LOADS if side == ADK else LOADS)[what]
            return wrk(servers[side], load, bench.seconds, connections).rate

        rates = interleaved({each: partial(rate, *each) for each in asked}, bench.rounds)

    def row(
        what: str, count: int, peer: str, limit: float | None = None, side: str = OURS
    ) -> Comparison:
        words = [what, side, f"{count} connections" if count != CONNECTIONS else ""]
        beside = f"{ONE_LINE}, {page_size:,} bytes" if peer == SAME_SIZE else peer
        here, there = rates[side, what, count], rates[peer, what, count]
        return Comparison(", ".join(filter(None, words)), here, beside, there, "/s", at_least=limit)

    rows = [row(what, count, ONE_LINE, limit) for (what, count), limit in LIMITS.items()]
    rows.append(row(LIST_EVENTS, CONNECTIONS, SAME_SIZE))
    rows += [
        row(what, count, ONE_LINE, side=in_memory) for s, what, count in asked if s == in_memory
    ]
    rows += [row(what, CONNECTIONS, ADK, limit) for what, limit in BESIDE_ADK.items()]
    return Section("Throughput on SQLite", TEXT, rows)


def fill(url: str) -> int:
    """Makes what the loads are about; answers how many bytes a page of events has."""
    with client_of(url) as client:
        for number in range(SPREAD):
            client.create(f"s{number}")
        client.append(client.create("long"), 200)
        for number in range(200):
            client.create(f"s{number}", _LISTED)
        page = client.call("GET", _LONG)
        return len(json.dumps(page, separators=(",", ":")))
