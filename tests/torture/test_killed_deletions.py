"""SIGKILL while the server deletes a large engine: nothing of it shows, the purge takes all."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from functions.config.settings import Settings
from functions.messages.session import Session
from functions.rules.names import SessionName
from functions.rules.session_rules import new_session
from functions.store.opening import open_store
from functions.store.protocol import Store
from tests.support.store_documents import documents_below
from tests.support.stores import STORES
from tests.support.torture.client import Client
from tests.support.torture.figures import Rounds
from tests.support.torture.killable_server import killable

PARENT = "projects/torture/locations/us-central1/reasoningEngines"
PURGE = "sessions:purgeExpired"
SESSIONS = 500
COLLECTIONS = ("sessions", "events", "users")


@pytest.mark.shares(2)
@pytest.mark.parametrize("store_name", STORES)
def test_a_server_that_is_killed_while_it_deletes_an_engine_leaves_nothing(
    store_name: str,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    rounds: Rounds,
) -> None:
    """The kill comes when the engine has just become invisible."""
    path = tmp_path_factory.mktemp("deletions") / "sessions.db"
    environment = {"SESSIONS_STORE": f"sqlite:///{path}", "WORK_TIME_LIMIT": "60s"}
    if store_name == "firestore":
        environment["SESSIONS_STORE"] = "firestore://deletions"
        environment["FIRESTORE_EMULATOR_HOST"] = request.getfixturevalue("emulator")
    with (
        killable({**environment, "THREADS": "8"}) as server,
        closing(open_store(Settings.from_environment(environment))) as store,
        ThreadPoolExecutor(8) as pool,
    ):
        for number in rounds(2):
            with closing(Client(server.url)) as client:
                engine = client.ok("POST", PARENT, {})["response"]["name"]
                fill(store, engine, pool)
                deletion = pool.submit(delete, server.url, engine)
                while client.call("GET", engine).status != 404:
                    pass
                server.kill(whole=number % 2 == 1)
                assert deletion.result() in {0, 200}
            left = documents_below(store, engine, COLLECTIONS)
            print(f"{store_name}: the kill left {dict(left)}")
            with closing(Client(server.url)) as client:
                assert client.call("GET", engine).status == 404
                assert client.call("GET", f"{engine}/sessions/s0").status == 404
                assert client.ok("GET", f"{engine}/sessions") == {}
                while not client.ok("POST", PURGE)["done"]:
                    pass
            assert not documents_below(store, engine, COLLECTIONS)


def fill(store: Store, engine: str, pool: ThreadPoolExecutor) -> None:
    """Creates sessions with `user:` state, each of another user."""
    now = time.time_ns() // 1000 * 1000

    def create(number: int) -> None:
        message = Session(user_id=f"u{number}", session_state={"user:a": 1})
        name = SessionName(engine, f"s{number}")
        store.create_session(*new_session(name, message, now, 0), now, require_engine=True)

    list(pool.map(create, range(SESSIONS)))


def delete(url: str, engine: str) -> int:
    with closing(Client(url)) as client:
        return client.call("DELETE", engine, {"force": True}).status
