"""SIGKILL while the server erases a user, twice: nothing shows, and in the end nothing is left.

`TORTURE_SESSIONS` says how many sessions the user has.
"""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from functions.config.settings import Settings
from functions.messages.session import Session
from functions.messages.session_event import SessionEvent
from functions.rules.event_rules import new_event
from functions.rules.names import SessionName
from functions.rules.session_rules import new_session
from functions.store.opening import open_store
from functions.store.protocol import Store
from tests.support.store_contents import mentions
from tests.support.store_documents import documents_below
from tests.support.stores import STORES
from tests.support.torture.client import Client
from tests.support.torture.figures import Rounds
from tests.support.torture.killable_server import killable

PARENT = "projects/torture/locations/us-central1/reasoningEngines"
SESSIONS = int(os.environ.get("TORTURE_SESSIONS", "300"))
USER, OTHER = "ada-8f3e1c", "bob"
OTHERS = 20


@pytest.mark.shares(2)
@pytest.mark.parametrize("store_name", STORES)
def test_a_server_that_is_killed_twice_while_it_erases_a_user_leaves_nothing(
    store_name: str,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    rounds: Rounds,
) -> None:
    """The first kill comes when the sessions have just become invisible, the second as they go."""
    path = tmp_path_factory.mktemp("erasures") / "sessions.db"
    # With many sessions, the emulator takes long for each query.
    patience = {"WORK_TIME_LIMIT": "120s", "STORE_TIMEOUT": "60s"}
    environment = {"SESSIONS_STORE": f"sqlite:///{path}", **patience}
    if store_name == "firestore":
        environment["SESSIONS_STORE"] = "firestore://erasures"
        environment["FIRESTORE_EMULATOR_HOST"] = request.getfixturevalue("emulator")
    with (
        killable({**environment, "THREADS": "8"}) as server,
        closing(open_store(Settings.from_environment(environment))) as store,
        ThreadPoolExecutor(8) as pool,
    ):
        for number in rounds(1):
            engine = f"{PARENT}/{number}"
            fill(store, engine, pool)
            for kill in range(2):
                with closing(Client(server.url)) as client:
                    erasure = pool.submit(erase, server.url, engine)
                    wait(client, engine, first=kill == 0)
                    server.kill(whole=kill == 1)
                    assert erasure.result() in {0, 200}
                left = len(mentions(store, USER))
                print(f"{store_name}: kill {kill + 1} left {left} documents or tables")
                with closing(Client(server.url)) as client:
                    for session in (0, SESSIONS // 2, SESSIONS - 1):
                        assert client.call("GET", f"{engine}/sessions/s{session}").status == 404
                    users = client.ok("GET", f"{engine}/users")["users"]
                    assert [user["userId"] for user in users] == [OTHER]
            with closing(Client(server.url)) as client:
                while not client.ok("POST", f"{engine}/users/{USER}:erase")["done"]:
                    pass
            assert mentions(store, USER) == []
            assert documents_below(store, engine) == {"sessions": OTHERS, "events": OTHERS}


def fill(store: Store, engine: str, pool: ThreadPoolExecutor) -> None:
    """Creates sessions of two users, each with an event that names the user."""
    now = time.time_ns() // 1000 * 1000

    def create(number: int) -> None:
        user = USER if number < SESSIONS else OTHER
        message = Session(user_id=user, session_state={"user:a": user, "b": user})
        name = SessionName(engine, f"{'s' if user == USER else 't'}{number}")
        store.create_session(*new_session(name, message, now, 0), now, require_engine=False)
        event = SessionEvent(
            author="user",
            invocation_id="i",
            timestamp="2026-01-01T00:00:00Z",
            raw_event={"text": f"I am {user}"},
        )
        store.append_events(name, [new_event(event, "")], now)

    list(pool.map(create, range(SESSIONS + OTHERS)))


def erase(url: str, engine: str) -> int:
    with closing(Client(url)) as client:
        return client.call("POST", f"{engine}/users/{USER}:erase").status


def wait(client: Client, engine: str, *, first: bool) -> None:
    """Waits until the last session is gone for a read, or for an append that reads nothing."""
    session = f"{engine}/sessions/s{SESSIONS - 1}"
    event = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
    call = ("GET", session) if first else ("POST", f"{session}:appendEvent", event)
    while client.call(*call).status != 404:
        pass
