"""SIGKILL while the server erases a user, twice: nothing shows, and in the end nothing is left.

`TORTURE_SESSIONS` says how many sessions the user has.
"""

import os
import time

import pytest

from functions.messages.session import Session
from functions.messages.session_event import SessionEvent
from functions.rules.event_rules import new_event
from functions.rules.names import SessionName
from functions.rules.session_rules import new_session
from tests.support.store_contents import mentions
from tests.support.store_documents import documents_below, sessions_stored
from tests.support.torture.figures import Rounds
from tests.support.torture.killing import PARENT, Killing

SESSIONS = int(os.environ.get("TORTURE_SESSIONS", "800"))
SOME = [f"s{number}" for number in range(0, SESSIONS, max(1, SESSIONS // 100))]
FEW = SOME[::10]
"""So few that the server has most sessions left when a read of these finds one gone."""
USER, OTHER = "ada-8f3e1c", "bob"
OTHERS = 20
TRIES = 5
"""How often a round may begin again because the server was through before a kill came."""


@pytest.mark.shares(2)
def test_a_server_that_is_killed_twice_while_it_erases_a_user_leaves_nothing(
    killing: Killing, rounds: Rounds
) -> None:
    """The first kill comes when the sessions have just become invisible, the second as they go."""
    for number in rounds(1):
        assert any(is_killed_twice(killing, f"{PARENT}/{number}-{tried}") for tried in range(TRIES))


def is_killed_twice(killing: Killing, engine: str) -> bool:
    """Erases a user amid two kills, and tells whether both came in time."""
    fill(killing, engine)
    are_in_time = [kill(killing, engine, is_first=is_first) for is_first in (True, False)]
    with killing.client() as client:
        while not client.ok("POST", f"{engine}/users/{USER}:erase")["done"]:
            pass
    assert mentions(killing.store, USER) == []
    assert documents_below(killing.store, engine) == {"sessions": OTHERS, "events": OTHERS}
    return all(are_in_time)


def kill(killing: Killing, engine: str, *, is_first: bool) -> bool:
    """Kills the server during an erasure, and checks that no method shows what is left.

    Returns whether something was left, and the erasure unanswered.
    """
    before = sessions_stored(killing.store, engine, SOME)
    with killing.client() as client:

        def erase() -> int:
            return killing.call("POST", f"{engine}/users/{USER}:erase").status

        def is_hidden() -> bool:
            return client.call("GET", f"{engine}/sessions/s{SESSIONS - 1}").status == 404

        def is_going() -> bool:
            return sessions_stored(killing.store, engine, FEW) < len(FEW)

        status = killing.kill_during(erase, is_hidden if is_first else is_going, whole=is_first)
    left = sessions_stored(killing.store, engine, SOME)
    print(f"a kill left {left} of {before} sessions")
    with killing.client() as client:
        for session in (0, SESSIONS // 2, SESSIONS - 1):
            assert client.call("GET", f"{engine}/sessions/s{session}").status == 404
        users = client.ok("GET", f"{engine}/users")["users"]
        assert [user["userId"] for user in users] == [OTHER]
    return status == 0 and left > 0


def fill(killing: Killing, engine: str) -> None:
    """Creates sessions of two users, each with an event that names the user."""
    now = time.time_ns() // 1000 * 1000

    def create(number: int) -> None:
        user = USER if number < SESSIONS else OTHER
        message = Session(user_id=user, session_state={"user:a": user, "b": user})
        name = SessionName(engine, f"{'s' if user == USER else 't'}{number}")
        killing.store.create_session(*new_session(name, message, now, 0), now, require_engine=False)
        event = SessionEvent(
            author="user",
            invocation_id="i",
            timestamp="2026-01-01T00:00:00Z",
            raw_event={"text": f"I am {user}"},
        )
        killing.store.append_events(name, [new_event(event, "")], now)

    list(killing.pool.map(create, range(SESSIONS + OTHERS)))
