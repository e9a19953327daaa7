"""SIGKILL in the middle of the work: what was acknowledged is there, the rest whole or absent."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field

import pytest

from functions.config.settings import Settings
from functions.store.opening import open_store
from tests.support.store_documents import documents_below
from tests.support.stores import STORES
from tests.support.torture.client import UNSETTLED, Client
from tests.support.torture.conversation import Conversation
from tests.support.torture.figures import Rounds, dice
from tests.support.torture.killable_server import killable

WRITERS = {"sqlite": 24, "firestore": 6}
"""So many on SQLite that they come in groups, which share a transaction."""

LONGEST_ROUND = 10
"""Answers of each writer before a kill."""

REFUSED = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
PURGE = "sessions:purgeExpired"
HOUR = 3_600 * 10**9


@dataclass
class Life:
    """A session of one writer; None is what no answer told."""

    conversation: Conversation
    is_created: bool | None = None
    is_deleted: bool | None = False
    is_short: bool = False


@dataclass
class Deadline:
    """Is over after so many answers, whoever got them."""

    answers: int
    over: threading.Event = field(default_factory=threading.Event)
    killed: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answered(self) -> None:
        with self.lock:
            self.answers -= 1
            if self.answers == 0:
                self.over.set()


@pytest.mark.shares(4)
@pytest.mark.parametrize("store_name", STORES)
def test_a_killed_server_has_kept_what_it_acknowledged(
    store_name: str,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    rounds: Rounds,
) -> None:
    """Amid appends, creates, deletes and purges; the next start serves without a repair."""
    path = tmp_path_factory.mktemp("crashes") / "sessions.db"
    environment = {"SESSIONS_STORE": f"sqlite:///{path}", "MIN_TTL": "0s", "STORE_TIMEOUT": "60s"}
    if store_name == "firestore":
        environment["SESSIONS_STORE"] = "firestore://crashes"
        environment["FIRESTORE_EMULATOR_HOST"] = request.getfixturevalue("emulator")
    writers, run = WRITERS[store_name], dice("crashes", store_name).randrange(10**12)
    with (
        killable({**environment, "THREADS": str(writers + 2)}) as server,
        closing(open_store(Settings.from_environment(environment))) as store,
    ):
        for number in rounds(10 if store_name == "sqlite" else 5):
            engine = f"projects/torture/locations/us-central1/reasoningEngines/k{run}-{number}"
            shared = Conversation(f"{engine}/sessions/shared")
            deadline = Deadline(
                dice("crashes", store_name, number).randint(1, LONGEST_ROUND * writers)
            )
            lives: list[Life] = []
            with closing(Client(server.url)) as client, ThreadPoolExecutor(writers + 1) as pool:
                client.ok("POST", f"{engine}/sessions", {"userId": "u"}, sessionId="shared")
                workers = [
                    pool.submit(until_killed, live, server.url, deadline, engine, w, shared, lives)
                    for w in range(writers)
                ]
                workers.append(pool.submit(until_killed, purge, server.url, deadline))
                is_over = deadline.over.wait(120)
                server.kill(whole=number % 5 == 4)
                deadline.killed.set()
                for worker in workers:
                    worker.result()
                assert is_over
            with closing(Client(server.url)) as client:
                check(client, shared, lives, in_commit_order=store_name == "sqlite")
                while not client.ok("POST", PURGE)["done"]:
                    pass
                # On Firestore it looks once an hour for sessions that were over when they came.
                store.purge(time.time_ns() + HOUR, lambda: False)
                visible = client.walk(f"{engine}/sessions", "sessions")
                paths = [f"{session['name']}/events" for session in visible]
                events = sum(len(client.walk(path, "sessionEvents")) for path in paths)
            # Nothing is left of what is gone, and no event without its session.
            expected = +Counter(sessions=len(visible), events=events)
            assert documents_below(store, engine) == expected


class Killed(Exception):
    """No answer came."""


def until_killed(
    work: Callable[..., None], url: str, deadline: Deadline, *arguments: object
) -> None:
    """Does the work over and over until an answer does not come.

    One that was between two requests in the moment of the kill is told.
    """
    with closing(Client(url)) as client, suppress(Killed):
        while not deadline.killed.is_set():
            work(client, deadline, *arguments)


def live(
    client: Client,
    deadline: Deadline,
    engine: str,
    writer: int,
    shared: Conversation,
    lives: list[Life],
) -> None:
    """A session from its creation, through events of its own and in the shared one, to its end."""

    def ask(verb: str, path: str, body: object = None, **query: str) -> None:
        if client.call(verb, path, body, **query).status in UNSETTLED:
            raise Killed
        deadline.answered()

    def say(conversation: Conversation, number: int) -> None:
        own = conversation is not shared
        if number == 3:
            sent = conversation.append_batch(client, f"w{writer}", 5, shared=own)
        else:
            sent = conversation.append(client, f"w{writer}", safe=number % 2 == 0, shared=own)
        if not sent:
            raise Killed
        deadline.answered()

    turn = len(lives)
    life = Life(Conversation(f"{engine}/sessions/w{writer}-{turn}"), is_short=turn % 3 == 2)
    lives.append(life)
    body = {"userId": "u", "sessionState": {"made": 1, f"app:made-{writer}-{turn}": 1}}
    if life.is_short:
        body["ttl"] = "0.002s"
    ask("POST", f"{engine}/sessions", body, sessionId=f"w{writer}-{turn}")
    life.is_created = True
    for number in range(4):
        if not life.is_short:
            say(life.conversation, number)
        say(shared, number)
        # One that fails undoes its own work alone.
        ask("POST", f"{engine}/sessions/none:appendEvent", REFUSED)
    if turn % 3 == 0:
        life.is_deleted = None
        ask("DELETE", life.conversation.name)
        life.is_deleted = True


def purge(client: Client, deadline: Deadline) -> None:
    """Purges while others work."""
    if client.call("POST", PURGE).status in UNSETTLED:
        raise Killed
    deadline.answered()


def check(
    client: Client, shared: Conversation, lives: list[Life], *, in_commit_order: bool
) -> None:
    """Every session is as it was answered, before what was left open is sent again and after."""
    shared.check(client, in_commit_order=in_commit_order)
    for life in lives:
        answer = client.call("GET", life.conversation.name)
        assert answer.status in {200, 404}
        is_there = answer.status == 200
        if life.is_deleted or life.is_short:
            assert not is_there
        elif life.is_created and life.is_deleted is False:
            assert is_there
        if is_there:
            state = answer.json["sessionState"]
            made = f"app:made-{life.conversation.name.rpartition('/w')[2]}"
            assert state.pop("made") == state.pop(made) == 1
            life.conversation.settle(client)
            life.conversation.check(client, in_commit_order=False)
    shared.settle(client)
    shared.check(client, in_commit_order=False)
