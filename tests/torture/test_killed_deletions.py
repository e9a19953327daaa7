"""SIGKILL while the server deletes a large engine: nothing of it shows, the purge takes all."""

import time

import pytest

from functions.messages.session import Session
from functions.rules.names import SessionName
from functions.rules.session_rules import new_session
from tests.support.store_documents import documents_below
from tests.support.torture.figures import Rounds
from tests.support.torture.killing import PARENT, Killing

PURGE = "sessions:purgeExpired"
SESSIONS = 500
COLLECTIONS = ("sessions", "events", "users")


@pytest.mark.shares(2)
def test_a_server_that_is_killed_while_it_deletes_an_engine_leaves_nothing(
    killing: Killing, rounds: Rounds
) -> None:
    """The kill comes when the engine has just become invisible."""
    for number in rounds(2):
        delete_and_kill(killing, whole=number % 2 == 1)


def delete_and_kill(killing: Killing, *, whole: bool) -> None:
    with killing.client() as client:
        engine = client.ok("POST", PARENT, {})["response"]["name"]
        fill(killing, engine)

        def delete() -> int:
            return killing.call("DELETE", engine, {"force": True}).status

        def is_gone() -> bool:
            return client.call("GET", engine).status == 404

        assert killing.kill_during(delete, is_gone, whole=whole) in {0, 200}
    left = documents_below(killing.store, engine, COLLECTIONS)
    print(f"the kill left {dict(left)}")
    with killing.client() as client:
        assert client.call("GET", engine).status == 404
        assert client.call("GET", f"{engine}/sessions/s0").status == 404
        assert client.ok("GET", f"{engine}/sessions") == {}
        while not client.ok("POST", PURGE)["done"]:
            pass
    assert not documents_below(killing.store, engine, COLLECTIONS)


def fill(killing: Killing, engine: str) -> None:
    """Creates sessions with `user:` state, each of another user."""
    now = time.time_ns() // 1000 * 1000

    def create(number: int) -> None:
        message = Session(user_id=f"u{number}", session_state={"user:a": 1})
        name = SessionName(engine, f"s{number}")
        created = new_session(name, message, now, 0)
        killing.store.create_session(*created, now, require_engine=True)

    list(killing.pool.map(create, range(SESSIONS)))
