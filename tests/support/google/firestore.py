"""A gRPC server that takes as few streams on one connection as Google's front end does.

It holds no data: every session exists, with one event, and no write changes it. The emulator takes
any number of streams on a connection and never reports a used-up quota, so tests of those need it.
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc

from functions.store.firestore.protobuf import (
    BatchGetDocumentsRequest,
    BatchGetDocumentsResponse,
    CommitRequest,
    CommitResponse,
    ListenRequest,
    ListenResponse,
    RunAggregationQueryRequest,
    RunAggregationQueryResponse,
    RunQueryRequest,
    RunQueryResponse,
)
from functions.store.firestore.schema import STEPS

STREAMS = 100
"""On one connection; more wait in the client until another ends."""


@dataclass
class FakeFirestore:
    """The calls that it got, and the errors that it is to answer."""

    host: str = ""
    calls: Counter[str] = field(default_factory=Counter)
    """How often each method was called."""
    peers: dict[str, Counter[str]] = field(default_factory=dict)
    """The connections that each method's calls came by, and how many by each."""
    metadata: dict[str, dict[str, str]] = field(default_factory=dict)
    """What the last call of each method carried."""
    refusals: list[grpc.StatusCode] = field(default_factory=list)
    """What the next calls are answered."""
    reason: str = "refused"
    """What it says of a refusal."""
    moments: bool = True
    """Whether each answer to a query carries its time, or the first alone."""
    found: int = 1
    """How many documents a query finds."""

    async def note(self, method: str, context: Any) -> None:
        """Writes a call down; refuses it if it is to be refused."""
        self.calls[method] += 1
        self.peers.setdefault(method, Counter())[context.peer()] += 1
        self.metadata[method] = dict(context.invocation_metadata())
        if self.refusals:
            await context.abort(self.refusals.pop(0), self.reason)

    async def batch_get(self, request: Any, context: Any) -> AsyncIterator[Any]:
        await self.note("BatchGetDocuments", context)
        for name in request.documents:
            answer = BatchGetDocumentsResponse()
            answer.found.name = name
            fields = answer.found.fields
            if name.endswith("/schema/version"):
                fields["version"].integer_value = 1 + len(STEPS)
            elif "/sessions/" in name:
                fields["userId"].string_value = "u"
                fields["expiry"].integer_value = 2**60
                fields["expireTime"].string_value = "2100-01-01T00:00:00Z"
            yield answer

    async def commit(self, request: Any, context: Any) -> Any:
        await self.note("Commit", context)
        answer = CommitResponse()
        for _ in request.writes:
            answer.write_results.add().transform_results.add().integer_value = 2**60
        return answer

    async def run_query(self, request: Any, context: Any) -> AsyncIterator[Any]:
        await self.note("RunQuery", context)
        answer = RunQueryResponse()
        answer.document.CopyFrom(event(f"{request.parent}/events/e"))
        answer.read_time.GetCurrentTime()
        for _ in range(self.found):
            yield answer
        if not self.moments:
            yield RunQueryResponse(done=True)

    async def count(self, request: Any, context: Any) -> AsyncIterator[Any]:
        await self.note("RunAggregationQuery", context)
        answer = RunAggregationQueryResponse()
        answer.result.aggregate_fields["count"].integer_value = 1
        yield answer

    async def listen(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        await self.note("Listen", context)
        target = (await anext(aiter(requests))).add_target
        kinds = ListenResponse().target_change.TargetChangeType
        for kind in ("ADD", "CURRENT"):
            answer = ListenResponse()
            answer.target_change.target_change_type = kinds.Value(kind)
            answer.target_change.target_ids.append(target.target_id)
            yield answer
            if kind == "ADD":
                answer = ListenResponse()
                answer.document_change.document.CopyFrom(event(f"{target.query.parent}/events/e"))
                answer.document_change.target_ids.append(target.target_id)
                yield answer
        answer = ListenResponse()
        answer.target_change.read_time.GetCurrentTime()
        yield answer
        await asyncio.Event().wait()


def event(name: str) -> Any:
    """An event's document."""
    answer = RunQueryResponse()
    answer.document.name = name
    answer.document.fields["key"].string_value = "0" * 18
    answer.document.create_time.FromNanoseconds(time.time_ns())
    return answer.document


def _handlers(fake: FakeFirestore) -> Any:
    return grpc.method_handlers_generic_handler(
        "google.firestore.v1.Firestore",
        {
            "BatchGetDocuments": grpc.unary_stream_rpc_method_handler(
                fake.batch_get,
                BatchGetDocumentsRequest.FromString,
                BatchGetDocumentsResponse.SerializeToString,
            ),
            "Commit": grpc.unary_unary_rpc_method_handler(
                fake.commit, CommitRequest.FromString, CommitResponse.SerializeToString
            ),
            "RunQuery": grpc.unary_stream_rpc_method_handler(
                fake.run_query, RunQueryRequest.FromString, RunQueryResponse.SerializeToString
            ),
            "RunAggregationQuery": grpc.unary_stream_rpc_method_handler(
                fake.count,
                RunAggregationQueryRequest.FromString,
                RunAggregationQueryResponse.SerializeToString,
            ),
            "Listen": grpc.stream_stream_rpc_method_handler(
                fake.listen, ListenRequest.FromString, ListenResponse.SerializeToString
            ),
        },
    )


@contextmanager
def fake_firestore() -> Iterator[FakeFirestore]:
    """Runs one in a thread of its own."""
    fake = FakeFirestore()
    loop = asyncio.new_event_loop()
    is_up, is_over = threading.Event(), asyncio.Event()

    async def serve() -> None:
        server = grpc.aio.server(options=[("grpc.max_concurrent_streams", STREAMS)])
        server.add_generic_rpc_handlers([_handlers(fake)])
        fake.host = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        await server.start()
        is_up.set()
        await is_over.wait()
        await server.stop(None)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    is_up.wait()
    try:
        yield fake
    finally:
        loop.call_soon_threadsafe(is_over.set)
        thread.join()
        loop.close()
