"""The hot paths on SQLite beside the floor for HTTP and `adk api_server`: throughput."""

import json
import os

from tests.bench import peers
from tests.bench.bench import Bench
from tests.bench.calls import (
    ENGINE,
    EVENT_BODY,
    SESSION_BODY,
    SESSIONS,
    client_of,
    of_user,
)
from tests.bench.figures import Comparison, Section, interleaved
from tests.bench.load import CONNECTIONS, Load, wrk
from tests.bench.peers import USER

WORKERS = str(os.cpu_count())
SPREAD = 64
"""Sessions that a load of gets or appends goes over."""

BESIDE_ADK = {"get_session": 3.5, "create_session": 2.5}
"""How many times the requests of `adk api_server` are answered, at least."""

TEXT = f"""\
Requests a second over {CONNECTIONS} connections to one worker of functions-framework with its
default threads. Beside `sessions_api` stands a function of one line on the same server that is sent
the same requests and answers two bytes, or as many as a page of events has; and `adk api_server` on
a SQLite file of its own, for which a session without events is got. `adk api_server` has one
process and no setting for more; rows with `WORKERS` have a worker for each core here.
"""


def run(bench: Bench) -> Section:
    folder = bench.folder("http")
    with (
        peers.one_line() as floor,
        peers.sessions_api(peers.sqlite(folder / "sessions.db")) as ours,
        peers.sessions_api({**peers.sqlite(folder / "wide.db"), "WORKERS": WORKERS}) as wide,
        peers.adk_api_server(folder) as adk,
    ):
        for url in (ours, wide):
            with client_of(url) as client:
                for number in range(SPREAD):
                    client.create(f"s{number}")
        with client_of(ours) as client:
            client.append(client.create("long"), 200)
            many = f"{ENGINE}-many/sessions"
            for number in range(200):
                client.create(f"s{number}", many)
            page = client.call("GET", f"{SESSIONS}/long/events")
            page_size = len(json.dumps(page, separators=(",", ":")))
        adk_sessions = f"/apps/{peers.APP}/users/{USER}/sessions"
        with client_of(adk) as client:
            client.call("POST", adk_sessions, json.dumps({"sessionId": "s", "state": {"plan": ""}}))
        some = [f"{SESSIONS}/s{number}" for number in range(SPREAD)]
        loads = {
            "get_session": Load("GET", some),
            "append_event": Load("POST", [f"{name}:appendEvent" for name in some], EVENT_BODY),
            "create_session": Load("POST", [SESSIONS], SESSION_BODY),
            "list_events": Load("GET", [f"{SESSIONS}/long/events"]),
            "list_sessions": Load("GET", [many]),
            "list_sessions of a user": Load("GET", [f"{many}?filter={of_user(USER)}"]),
        }
        adk_loads = {
            "create_session": Load("POST", [adk_sessions], json.dumps({"state": {"plan": "free"}})),
            "get_session": Load("GET", [f"{adk_sessions}/s"]),
        }
        with peers.one_line(page_size) as same_size:
            rates = interleaved(
                {
                    **{
                        f"{side} {name}": lambda url=url, load=load: (
                            wrk(url, load, bench.seconds).rate
                        )
                        for name, load in loads.items()
                        for side, url in (("ours", ours), ("floor", floor))
                    },
                    **{
                        f"adk {name}": lambda load=load: wrk(adk, load, bench.seconds).rate
                        for name, load in adk_loads.items()
                    },
                    **{
                        f"wide {name}": lambda load=loads[name]: wrk(wide, load, bench.seconds).rate
                        for name in adk_loads
                    },
                    "same size": lambda: wrk(same_size, loads["list_events"], bench.seconds).rate,
                },
                bench.rounds,
            )

    def beside(name: str, what: str, peer: str, key: str, limit: float | None) -> Comparison:
        return Comparison(what, rates[f"ours {name}"], peer, rates[key], "/s", at_least=limit)

    def beside_adk(name: str, side: str, what: str) -> Comparison:
        here, there = rates[f"{side} {name}"], rates[f"adk {name}"]
        return Comparison(what, here, "adk api_server", there, "/s", at_least=BESIDE_ADK[name])

    one = "one-line function"
    return Section(
        "Throughput on SQLite",
        TEXT,
        [
            beside("get_session", "get_session", one, "floor get_session", 0.8),
            beside("append_event", "append_event, 500 bytes", one, "floor append_event", 0.55),
            beside("create_session", "create_session", one, "floor create_session", 0.5),
            beside("list_events", "list_events, page of 100", one, "floor list_events", 0.6),
            beside(
                "list_events",
                "list_events, page of 100",
                f"one-line function, {page_size:,} bytes",
                "same size",
                None,
            ),
            beside("list_sessions", "list_sessions, page of 100", one, "floor list_sessions", 0.4),
            beside(
                "list_sessions of a user",
                "list_sessions of a user, page of 100",
                one,
                "floor list_sessions of a user",
                None,
            ),
            *(
                beside_adk(name, side, f"{name}{setting}")
                for name in adk_loads
                for side, setting in (("ours", ""), ("wide", f", `WORKERS={WORKERS}`"))
            ),
        ],
    )
