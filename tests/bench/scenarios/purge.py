"""Purging expired sessions from Firestore beside batched deletes through the raw stub."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from functions.store.firestore.protobuf import Write
from functions.store.firestore.rpc import Rpc
from tests.bench import peers
from tests.bench.bench import Bench
from tests.bench.calls import SESSIONS, client_of
from tests.bench.figures import Comparison, Section, interleaved
from tests.bench.fill import COMMIT, first_document, write_documents

EXPIRED, EVENTS = 200, 20
PURGE = "/v1beta1/sessions:purgeExpired"
THREADS = (1, 8)

TEXT = f"""\
Documents a second. {EXPIRED} expired sessions of {EVENTS} events are found and removed by one call
of `purge_expired_sessions`. Beside it, as many documents whose names are known are deleted through
one stub, {COMMIT} in a commit: one after the other, or from eight threads, as the purge does it.
"""


def run(bench: Bench) -> Section:
    purged, raw = "bench-purge", "bench-deletes"
    with (
        peers.sessions_api(peers.firestore(bench.emulator, purged)) as url,
        peers.store_rpc(bench.emulator, purged) as rpc,
        peers.store_rpc(bench.emulator, raw) as raw_rpc,
        peers.raw_firestore(bench.emulator, raw) as stub,
        client_of(url) as client,
    ):
        client.append(client.create("template"))
        session = first_document(
            rpc, SESSIONS.removeprefix("/v1beta1/").rpartition("/")[0], "sessions"
        )
        event = first_document(rpc, session.name.removeprefix(f"{rpc.root}/"), "events")

        def purge() -> float:
            count = len(fill(rpc, session, event))
            start = time.perf_counter()
            answer = client.call("POST", PURGE)
            seconds = time.perf_counter() - start
            if answer != {
                "purgedSessions": EXPIRED,
                "deletedEvents": EXPIRED * EVENTS,
                "done": True,
            }:
                raise RuntimeError(f"the purge answers {answer}")
            return count / seconds

        def delete(threads: int) -> float:
            names = fill(raw_rpc, session, event)
            deletes = [Write(delete=name) for name in names]
            batches = [deletes[start : start + COMMIT] for start in range(0, len(names), COMMIT)]
            with ThreadPoolExecutor(threads) as pool:
                start = time.perf_counter()
                list(pool.map(stub.commit, batches))
                return len(names) / (time.perf_counter() - start)

        rates = interleaved(
            {"purge": purge, "1": lambda: delete(1), "8": lambda: delete(8)}, bench.rounds
        )
    return Section(
        "Purge on Firestore",
        TEXT,
        [
            Comparison(
                "purge_expired_sessions", rates["purge"], beside, rates[key], "/s", at_least=limit
            )
            for beside, key, limit in (
                ("raw batched deletes", "1", 0.7),
                ("raw batched deletes from 8 threads", "8", None),
            )
        ],
    )


def fill(rpc: Rpc, session: Any, event: Any) -> list[str]:
    """Writes expired sessions like these documents; the names of all that was written."""
    parent = f"{rpc.root}/{SESSIONS.removeprefix('/v1beta1/')}"
    made = list(documents(parent, session, event))
    write_documents(rpc, made)
    return [document.name for document in made]


def documents(parent: str, session: Any, event: Any) -> Iterator[Any]:
    for number in range(EXPIRED):
        path = f"{parent}/s{number}"
        copy = type(session)(name=path, fields=session.fields)
        copy.fields["expiry"].integer_value = 1
        yield copy
        for position in range(EVENTS):
            yield type(event)(name=f"{path}/events/e{position}", fields=event.fields)
