"""This API over HTTP beside ADK's session services on SQLite, called directly."""

from functools import partial

from tests.bench import peers
from tests.bench.bench import Bench
from tests.bench.calls import EVENT_BODY, SESSION_BODY, SESSIONS, client_of
from tests.bench.figures import Comparison, Section, interleaved, median_time
from tests.bench.load import Load, wrk
from tests.bench.scenarios.http_firestore import EVENTS, read

TEXT = f"""\
Milliseconds to an answer, one call after the other: here a whole HTTP request, there a call within
the client's own process. The conversation has {EVENTS} events of about 500 bytes.
"""


def run(bench: Bench) -> Section:
    folder = bench.folder("services")
    with (
        peers.sessions_api(peers.sqlite(folder / "sessions.db")) as ours,
        peers.adk_sqlite(folder) as sqlite,
        peers.adk_database(folder) as database,
        client_of(ours) as client,
    ):
        services = {"SqliteSessionService": sqlite, "DatabaseSessionService": database}
        told = client.create("told")
        client.append(told, EVENTS)
        for service in services.values():
            service.create()
            for _ in range(EVENTS):
                service.append()
        conversations = {name: service.session for name, service in services.items()}
        session = client.create("appended")

        def latency(load: Load) -> float:
            return wrk(ours, load, bench.seconds, connections=1).median

        def direct(name: str, method: str) -> float:
            service = services[name]
            service.create()
            if method == "get":
                service.session = conversations[name]
            return median_time(getattr(service, method), bench.seconds)

        times = interleaved(
            {
                "create": partial(latency, Load("POST", [SESSIONS], SESSION_BODY)),
                "append": partial(latency, Load("POST", [f"{session}:appendEvent"], EVENT_BODY)),
                "get": lambda: median_time(partial(read, client, told), bench.seconds),
                **{
                    f"{name} {method}": partial(direct, name, method)
                    for name in services
                    for method in ("create", "append", "get")
                },
            },
            bench.rounds,
        )
    words = {
        "create": "create_session",
        "append": "append_event",
        "get": f"conversation of {EVENTS} events",
    }
    return Section(
        "Latency on SQLite beside ADK's services",
        TEXT,
        [
            Comparison(
                words[method], times[method], f"ADK's {name}", times[f"{name} {method}"], "ms"
            )
            for method in words
            for name in services
        ],
    )
