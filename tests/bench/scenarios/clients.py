"""This API through Python clients beside ADK's session services on databases of their own."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from tests.bench import adk, databases, peers
from tests.bench.bench import Bench
from tests.bench.figures import Comparison, Measure, Section, interleaved, median_time
from tests.bench.peers import PARENT, TEXT, USER
from tests.clients.snippets import agentplatform_client

EVENTS, SESSIONS = 200, 20
SECONDS = 0.3
ENGINE = "1"
LISTER = "lister"

OURS, VERTEX, AGENTPLATFORM = "", "VertexAiSessionService", "agentplatform"
POSTGRESQL, REDIS = "DatabaseSessionService on PostgreSQL", "RedisSessionService"
SQLITE, DATABASE = "SqliteSessionService", "DatabaseSessionService on SQLite"

TURN = "turn of a Runner"
LIMITS = {POSTGRESQL: 0.7, REDIS: 1.5, SQLITE: 0.7, DATABASE: 0.7}
"""At most so many times the time of ADK's services in process takes a turn over HTTP."""

TEXT_ABOVE = f"""\
Milliseconds to the answer of a client's method, one call after the other. Here a Python client
calls `sessions_api` over HTTP: this project's `SessionService`, which ADK's users are told to take,
or, where it is named, ADK's `VertexAiSessionService` or `agentplatform.Client`, unchanged but for
the URL. The targets are for `SessionService`, which [keeps the
events](use-it-from-adk.md#events-that-the-service-keeps) that it has read. It reads them again only
in the row `changed`, where another client writes before each read. Beside them ADK's other services
work in the process of the client, over databases on the same disk. SQLite and PostgreSQL have a
write on the disk before they answer. Redis has it in memory, and on the disk some minutes later.

A conversation has {EVENTS} events of about 500 bytes, a list {SESSIONS} sessions. A turn is a
get_session and two append_event, as ADK's Runner calls them, and the average of the first
{adk.TURNS} of a conversation.
"""


def run(bench: Bench) -> Section:
    folder = bench.folder("clients")
    skipped = []
    with ExitStack() as stack:

        def url_of(server: Callable[[Path], Any]) -> str | None:
            try:
                return stack.enter_context(server(folder))
            except databases.ServerMissing as error:
                skipped.append(f"Skipped: {error}\n")
                return None

        server = stack.enter_context(peers.sessions_api(peers.sqlite(folder / "sessions.db")))
        services = {
            OURS: adk.called(adk.ours(server)),
            VERTEX: adk.called(adk.vertex(server), ENGINE),
            SQLITE: adk.called(adk.sqlite(folder)),
            DATABASE: adk.called(adk.database(f"sqlite+aiosqlite:///{folder / 'adk.db'}")),
        }
        if url := url_of(databases.postgresql):
            services[POSTGRESQL] = adk.called(adk.database(url))
        if url := url_of(databases.redis):
            services[REDIS] = adk.called(adk.redis(url))
        measures: dict[tuple[str, str], Measure] = {}
        for name, service in services.items():
            bench.say(f"clients: filling {name or 'the service of this project'}")
            is_remote = name in (OURS, VERTEX)
            found = measures_of(stack.enter_context(service), server if is_remote else "")
            measures |= {(name, what): measure for what, measure in found.items()}
        for what, measure in measures_of_agentplatform(server).items():
            measures[AGENTPLATFORM, what] = measure
        times = interleaved(measures, bench.rounds)
    rows = [
        Comparison(
            f"{what}, {client}" if client else what,
            times[client, what],
            f"ADK's {peer}",
            times[peer, what],
            "ms",
            at_most=LIMITS[peer] if (client, what) == (OURS, TURN) else None,
        )
        for client in (OURS, VERTEX, AGENTPLATFORM)
        for peer in (POSTGRESQL, REDIS, SQLITE, DATABASE)
        for what in WORDS
        if (client, what) in times
        and (peer, what) in times
        # One service is enough to compare the other clients with.
        and (client == OURS or peer == POSTGRESQL)
    ]
    return Section("Python clients", TEXT_ABOVE + "".join(skipped), rows)


CREATE, APPEND, LIST, DELETE = "create_session", "append_event", "list_sessions", "delete_session"
GET = f"conversation of {EVENTS} events"
CHANGED = f"{GET}, changed"
WORDS = (TURN, CREATE, APPEND, GET, CHANGED, LIST, DELETE)


def measures_of(service: adk.AdkSessions, server: str = "") -> dict[str, Measure]:
    """Each method of one service, by name; with `server`, another client changes sessions of it."""
    for _ in range(SESSIONS):
        service.create(LISTER)
    service.create()
    for _ in range(EVENTS):
        service.append()
    told = service.session

    def append() -> float:
        service.create()
        return median_time(service.append, SECONDS)

    def get() -> float:
        service.session = told
        if len(service.get().events) != EVENTS:
            raise RuntimeError(f"{told.id} has lost events")
        return median_time(service.get, SECONDS)

    def change() -> None:
        if server:
            path = f"v1beta1/reasoningEngines/{service.app}/sessions/{told.id}"
            httpx.patch(f"{server}/{path}", json={"displayName": "x"}).raise_for_status()

    def get_changed() -> float:
        service.session = told
        return median_time(lambda _: service.get(), SECONDS, change)

    def delete() -> float:
        return median_time(lambda _: service.delete(), SECONDS, service.create)

    return {
        TURN: partial(service.turn, SECONDS),
        CREATE: partial(median_time, service.create, SECONDS),
        APPEND: append,
        GET: get,
        CHANGED: get_changed,
        LIST: partial(median_time, partial(service.list, LISTER), SECONDS),
        DELETE: delete,
    }


def measures_of_agentplatform(server: str) -> dict[str, Measure]:
    """Each method of Google's client, by name."""
    sessions = agentplatform_client.connect(server).sessions
    engine = f"{PARENT}/reasoningEngines/agentplatform"
    content = {"role": "model", "parts": [{"text": TEXT}]}

    def create(user: str = USER) -> str:
        name: str = sessions.create(name=engine, user_id=user).response.name
        return name

    def append(name: str) -> None:
        sessions.events.append(
            name=name,
            author="agent",
            invocation_id="i",
            timestamp=datetime.now(UTC),
            config={"content": content},
        )

    def get() -> None:
        sessions.get(name=told)
        if len(list(sessions.events.list(name=told))) != EVENTS:
            raise RuntimeError(f"{told} has lost events")

    def listed() -> None:
        list(sessions.list(name=engine, config={"filter": f"user_id={LISTER}"}))

    def delete(name: str) -> None:
        sessions.delete(name=name)

    for _ in range(SESSIONS):
        create(LISTER)
    told, appended = create(), create()
    for _ in range(EVENTS):
        append(told)
    return {
        CREATE: partial(median_time, create, SECONDS),
        APPEND: partial(median_time, partial(append, appended), SECONDS),
        GET: partial(median_time, get, SECONDS),
        LIST: partial(median_time, listed, SECONDS),
        DELETE: partial(median_time, delete, SECONDS, create),
    }
