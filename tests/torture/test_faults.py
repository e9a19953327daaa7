"""RPCs that are dropped, delayed and failed by the dice: exactly once, or once at most."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial

import grpc
import pytest

from functions.config.settings import Settings
from functions.store.opening import open_store
from tests.support.servers import serving
from tests.support.store_documents import documents_below
from tests.support.torture.client import UNSETTLED, Client
from tests.support.torture.conversation import Conversation
from tests.support.torture.faulty_firestore import Call, Fault, FaultyFirestore, Plan, proxied
from tests.support.torture.figures import Rounds, dice

THREADS = 8
WRITERS = 6
TURNS = 3
TRIES = 60
FAULTS = 0.2
"""Of all RPCs."""

STORE = "firestore://faults"
CODES = grpc.StatusCode
KINDS = [
    *(Fault("before", code) for code in (CODES.UNAVAILABLE, CODES.ABORTED, CODES.INTERNAL)),
    *(Fault("before", code) for code in (CODES.DEADLINE_EXCEEDED, CODES.RESOURCE_EXHAUSTED)),
    *(Fault("after", code) for code in (CODES.UNAVAILABLE,) * 3),
    *(Fault("after", code) for code in (CODES.DEADLINE_EXCEEDED, CODES.INTERNAL)),
    Fault("midway", CODES.UNAVAILABLE),
    Fault("never"),
    Fault("late"),
]


@pytest.fixture(scope="module")
def proxy(emulator: str) -> Iterator[FaultyFirestore]:
    with proxied(emulator) as faulty:
        yield faulty


@pytest.fixture(scope="module")
def url(proxy: FaultyFirestore) -> Iterator[str]:
    """A server behind the proxy that waits a second for its store."""
    environment = {
        "SESSIONS_STORE": STORE,
        "FIRESTORE_EMULATOR_HOST": proxy.address,
        "STORE_TIMEOUT": "1s",
        "THREADS": str(THREADS),
    }
    with serving("sessions_api", environment) as at:
        yield at


def by_dice(*names: object) -> Plan:
    """A plan that depends on the seed and on the order in which RPCs arrive."""
    throw, lock = dice("faults", *names), threading.Lock()

    def plan(call: Call) -> Fault | None:
        with lock:
            return throw.choice(KINDS) if throw.random() < FAULTS else None

    return plan


@pytest.mark.shares(3)
def test_what_a_failing_network_does_is_told_and_nothing_is_doubled(
    emulator: str, proxy: FaultyFirestore, url: str, rounds: Rounds
) -> None:
    """With an id exactly once, without one never half; 409 or 503, and no thread stays stuck."""
    settings = Settings(sessions_store=STORE, firestore_emulator_host=emulator)
    run = dice("faults").randrange(10**12)
    with closing(open_store(settings)) as store, closing(Client(url)) as client:
        for number in rounds(1):
            engine = f"projects/torture/locations/us-central1/reasoningEngines/f{run}-{number}"
            shared = Conversation(f"{engine}/sessions/shared")
            client.ok("POST", f"{engine}/sessions", {"userId": "u"}, sessionId="shared")
            proxy.plan = by_dice(number)
            with ThreadPoolExecutor(WRITERS) as pool:
                kept = list(pool.map(partial(live, url, engine, shared), range(WRITERS)))
            proxy.plan = lambda call: None
            every_thread_answers(url, engine)
            proxy.settle()
            for conversation in (shared, *kept):
                conversation.settle(client)
                conversation.check(client, in_commit_order=False)
            while not client.ok("POST", "sessions:purgeExpired")["done"]:
                pass
            visible = {item["name"] for item in client.walk(f"{engine}/sessions", "sessions")}
            assert visible == {conversation.name for conversation in (shared, *kept)}
            assert documents_below(store, engine)["sessions"] == len(visible)


def live(url: str, engine: str, shared: Conversation, writer: int) -> Conversation:
    """A session that stays and one that goes, each step repeated until it is settled."""
    with closing(Client(url)) as client:

        def insist(verb: str, path: str, body: object = None, **query: str) -> int:
            for _ in range(TRIES):
                status = client.call(verb, path, body, **query).status
                if status not in UNSETTLED:
                    return status
            raise AssertionError(f"{verb} {path} never succeeds")

        kept = Conversation(f"{engine}/sessions/kept{writer}")
        gone = Conversation(f"{engine}/sessions/gone{writer}")
        for conversation in (kept, gone):
            name = conversation.name.rpartition("/")[2]
            body = {"userId": "u", "sessionState": {"made": 1, f"app:{name}": 1}}
            # 400: an attempt that was not answered made it.
            assert insist("POST", f"{engine}/sessions", body, sessionId=name) in {200, 400}
            for turn in range(TURNS):
                for target in (conversation, shared):
                    safe = (turn + writer) % 2 == 0
                    sent = target.append(
                        client, f"w{writer}", safe=safe, shared=turn == 2, tries=TRIES
                    )
                    assert sent or not safe
                change = {"sessionState": {"turn": turn}}
                assert (
                    insist("PATCH", conversation.name, change, updateMask="sessionState.turn")
                    == 200
                )
        # 404: an attempt that was not answered deleted it.
        assert insist("DELETE", gone.name) in {200, 404}
        assert insist("GET", gone.name) == 404
        assert insist("GET", f"{gone.name}/events") == 404
    return kept


def every_thread_answers(url: str, engine: str) -> None:
    """More requests at once than there are threads, again and again."""

    def ask(_: int) -> None:
        with closing(Client(url)) as client:
            for _ in range(3):
                client.ok("GET", f"{engine}/sessions")

    with ThreadPoolExecutor(2 * THREADS) as pool:
        list(pool.map(ask, range(2 * THREADS)))
