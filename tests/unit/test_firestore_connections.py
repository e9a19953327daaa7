"""Firestore's connections, as Google's front end allows and Google's client makes them."""

import resource
import select
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import google.auth
import google.auth.transport.grpc
import grpc
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore_v1.services.firestore import FirestoreClient
from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcTransport

from functions.aip.filtering import compile_filter
from functions.calls.filters import SESSION_DEFAULT_ORDER, SESSION_FIELDS, PageQuery
from functions.config.settings import Settings
from functions.rules.errors import StoreUnavailable
from functions.rules.event import EventRecord
from functions.rules.names import EngineName, SessionName
from functions.rules.state import StateChange
from functions.store.firestore.protobuf import StructuredQuery
from functions.store.firestore.rpc import MissingIndex, Rpc
from functions.store.opening import open_store
from functions.store.protocol import Store
from tests.support.google.firestore import STREAMS, FakeFirestore, fake_firestore
from tests.support.relay import relay

ENGINE = "projects/p/locations/l/reasoningEngines/1"
SECOND = 10**9
WATCHED = 300


@pytest.fixture
def fake() -> Iterator[FakeFirestore]:
    with fake_firestore() as fake:
        yield fake


@pytest.fixture
def store(fake: FakeFirestore) -> Iterator[Store]:
    environment = {
        "SESSIONS_STORE": "firestore://p",
        "FIRESTORE_EMULATOR_HOST": fake.host,
        "STORE_TIMEOUT": "10s",
    }
    with closing(open_store(Settings.from_environment(environment))) as store:
        yield store


def session(number: int) -> SessionName:
    return SessionName(ENGINE, f"s{number}")


def append(store: Store, name: SessionName) -> None:
    event = EventRecord("e", 0, "a", "i", "{}")
    store.append_events(name, [(event, StateChange())], time.time_ns() // 1000 * 1000)


def test_a_list_without_its_index_says_which_variable_makes_it(
    fake: FakeFirestore, store: Store
) -> None:
    """The emulator takes any query; Firestore refuses those that no index serves."""
    store.get_session(session(0), time.time_ns())  # the process has read the version
    fake.refusals.append(grpc.StatusCode.FAILED_PRECONDITION)
    fake.reason = "The query requires an index. You can create it here: https://console…"
    everything = compile_filter("", SESSION_FIELDS)
    query = PageQuery(everything, SESSION_DEFAULT_ORDER, 10, None)
    everywhere = EngineName("projects/p/locations/l", "-")
    with pytest.raises(MissingIndex, match="lists_over_all_engines") as refusal:
        store.list_sessions(everywhere, query, time.time_ns())
    assert (refusal.value.code, refusal.value.status) == (400, "FAILED_PRECONDITION")


def test_hundreds_of_watched_sessions_leave_calls_alone(fake: FakeFirestore, store: Store) -> None:
    """Each watch sees its session's event, and calls are answered, on connections of their own."""
    now = time.time_ns() // 1000 * 1000
    with ExitStack() as stack:
        watches = [
            stack.enter_context(closing(store.watch(session(number), None, now)))
            for number in range(WATCHED)
        ]
        for watch in watches:
            news = select.poll()
            news.register(watch.signal.fileno(), select.POLLIN)
            while not (seen := watch.read(now)):
                assert news.poll(60_000)
            assert [event.id for _, event in seen] == ["e"]
            assert store.get_session(session(0), now).user_id == "u"
            append(store, session(0))
        listeners = fake.peers["Listen"]
        calls = fake.peers["BatchGetDocuments"] + fake.peers["Commit"]
        assert len(listeners) >= WATCHED / STREAMS
        assert len(calls) == 1
        assert not calls.keys() & listeners.keys()


def test_a_connection_of_listeners_is_used_again(fake: FakeFirestore, store: Store) -> None:
    """However many watches come and go, those at a time decide how many connections there are."""
    for number in range(WATCHED):
        store.watch(session(number), None, time.time_ns()).close()
    assert len(fake.peers["Listen"]) == 1


@pytest.fixture
def rpc(fake: FakeFirestore) -> Iterator[Rpc]:
    with closing(Rpc("p", "a database", fake.host, 10 * SECOND)) as rpc:
        yield rpc


CALLS: dict[str, Callable[[Rpc], Any]] = {
    "BatchGetDocuments": lambda rpc: rpc.batch_get(["x"])(),
    "Commit": lambda rpc: rpc.commit([]),
    "RunQuery": lambda rpc: list(rpc.run_query(ENGINE, StructuredQuery())),
    "RunAggregationQuery": lambda rpc: rpc.count(ENGINE, StructuredQuery()),
}


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize("code", ["RESOURCE_EXHAUSTED", "UNAVAILABLE"])
def test_a_call_that_is_refused_for_a_while_is_made_again(
    fake: FakeFirestore, rpc: Rpc, method: str, code: str
) -> None:
    """As Google's client does where a quota is used up or a server is away."""
    fake.refusals = [grpc.StatusCode[code]] * 2
    CALLS[method](rpc)
    assert fake.calls[method] == 3


@pytest.mark.parametrize("method", CALLS)
def test_a_quota_that_stays_used_up_ends_the_call(
    fake: FakeFirestore, rpc: Rpc, method: str
) -> None:
    """503 UNAVAILABLE, after five tries."""
    fake.refusals = [grpc.StatusCode.RESOURCE_EXHAUSTED] * 100
    with pytest.raises(StoreUnavailable):
        CALLS[method](rpc)
    assert fake.calls[method] == 5


def test_each_call_is_routed_as_googles_client_routes_it(fake: FakeFirestore, rpc: Rpc) -> None:
    """By the same header of the same parameter, spelled alike."""
    for call in CALLS.values():
        call(rpc)
    ours = {method: routing(fake, method) for method in CALLS}
    database = "projects/p/databases/a database"
    transport = FirestoreGrpcTransport(channel=grpc.insecure_channel(fake.host))
    client = FirestoreClient(transport=transport)
    list(client.batch_get_documents({"database": database, "documents": ["x"]}))
    client.commit(database=database, writes=[])
    parent = {"parent": f"{database}/documents/{ENGINE}"}
    list(client.run_query(parent))
    list(client.run_aggregation_query(parent))
    assert {method: routing(fake, method) for method in CALLS} == ours
    next(iter(client.listen(iter([{"database": database, "add_target": {"target_id": 1}}]))))
    assert routing(fake, "Listen") == ""
    transport.close()
    with closing(rpc.listen(ENGINE, StructuredQuery())) as listening:
        next(iter(listening))
    assert routing(fake, "Listen") == ""


def routing(fake: FakeFirestore, method: str) -> str:
    return fake.metadata[method].get("x-goog-request-params", "")


def test_an_answer_without_a_moment_has_that_of_the_one_before(
    fake: FakeFirestore, rpc: Rpc
) -> None:
    """Firestore's last answer to a query may say that it is done, and no more."""
    fake.moments = False
    (found, moment), (nothing, last) = rpc.run_query(ENGINE, StructuredQuery())
    assert (found is not None, nothing) == (True, None)
    assert last == moment
    assert last.seconds > 0


LEFT: dict[str, Callable[[Rpc], Any]] = {
    "documents that nobody asks for": lambda rpc: rpc.batch_get(["x", "y"]),
    "a query of which nothing is wanted": lambda rpc: rpc.find(ENGINE, StructuredQuery()),
    "a query of which one document is wanted": lambda rpc: next(
        rpc.find(ENGINE, StructuredQuery())
    ),
    "a full page": lambda rpc: next(rpc.run_query(ENGINE, page_of(1), is_page=True)),
    "a page that is cut": lambda rpc: next(rpc.run_query(ENGINE, page_of(9), is_page=True)),
}


def page_of(limit: int) -> StructuredQuery:
    query = StructuredQuery()
    query.limit.value = limit
    return query


@pytest.mark.parametrize("call", LEFT)
def test_calls_that_the_caller_leaves_keep_no_memory(
    fake: FakeFirestore, rpc: Rpc, call: str
) -> None:
    """Otherwise gRPC would never free about 20 KiB of each call, here 20 MiB."""
    fake.found = 2

    def leave(count: int) -> int:
        for _ in range(count):
            LEFT[call](rpc)
        return resident_bytes()

    before = leave(300)
    assert leave(1_000) - before < 5 * 2**20


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.fixture
def made(fake: FakeFirestore, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The options of each channel to Google, made to the fake ten times as impatient."""
    channels: list[dict[str, Any]] = []

    def channel(_: object, __: object, target: str, options: Any) -> Any:
        assert target == "firestore.googleapis.com:443"
        channels.append(dict(options))
        tenth = [(key, of // 10 if key.endswith("_ms") else of) for key, of in options]
        return grpc.insecure_channel(fake.host, tenth)

    monkeypatch.setattr(google.auth, "default", lambda scopes: (AnonymousCredentials(), "p"))
    monkeypatch.setattr(google.auth.transport.grpc, "secure_authorized_channel", channel)
    return channels


def test_connections_to_google_are_pinged_as_by_googles_client(made: list[dict[str, Any]]) -> None:
    """Every 30 seconds, on both connections of calls and on those of listeners."""
    with closing(Rpc("p", "(default)", "", 10 * SECOND)) as rpc:
        rpc.commit([])
        with closing(rpc.listen(ENGINE, StructuredQuery())) as listening:
            next(iter(listening))
    assert [options["grpc.keepalive_time_ms"] for options in made] == [30_000] * 3


def test_a_connection_that_died_in_silence_is_replaced(
    fake: FakeFirestore, made: list[dict[str, Any]]
) -> None:
    """A call that finds it dead gets its answer by another one, within its own time."""
    with relay(fake.host) as silent:
        fake.host = silent.host
        with closing(Rpc("p", "(default)", "", 30 * SECOND)) as rpc:
            rpc.commit([])
            silent.swallow()
            rpc.commit([])
    assert silent.connections == 2
