"""64 writers in four server processes: every event once, and the state that they add up to."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial

import pytest

from tests.support.servers import serving
from tests.support.torture.client import Client
from tests.support.torture.conversation import Conversation
from tests.support.torture.figures import Rounds, dice

WRITERS = 64
EVENTS = 3
"""Of each writer in a round."""

ENGINE = "projects/torture/locations/us-central1/reasoningEngines/c{}"


@pytest.fixture(scope="module")
def processes(store_environment: dict[str, str]) -> Iterator[str]:
    """The URL of a server of four processes."""
    with serving("sessions_api", {**store_environment, "WORKERS": "4", "THREADS": "16"}) as url:
        yield url


@pytest.mark.parametrize("sessions", [1, WRITERS])
def test_64_writers_in_four_processes_lose_nothing(
    processes: str, store_environment: dict[str, str], sessions: int, rounds: Rounds
) -> None:
    """On one session and on many: each acknowledged event once, state the fold of the deltas."""
    in_commit_order = store_environment["SESSIONS_STORE"].startswith("sqlite")
    for number in rounds(1):
        engine = ENGINE.format(dice(processes, sessions, number).randrange(10**12))
        with closing(Client(processes)) as client:
            conversations = []
            for session in range(sessions):
                client.ok("POST", f"{engine}/sessions", {"userId": "u"}, sessionId=f"s{session}")
                conversations.append(Conversation(f"{engine}/sessions/s{session}"))
            with ThreadPoolExecutor(WRITERS) as pool:
                list(pool.map(partial(write, processes, conversations), range(WRITERS)))
            for conversation in conversations:
                conversation.check(client, in_commit_order=in_commit_order)


def write(url: str, conversations: list[Conversation], writer: int) -> None:
    """Events of one writer, from session to session, one after the other."""
    with closing(Client(url)) as client:
        for number in range(EVENTS):
            conversation = conversations[(writer + number) % len(conversations)]
            safe = (writer + number) % 2 == 0
            acknowledged = conversation.append(client, f"w{writer}", safe=safe, tries=100)
            assert acknowledged or not safe
