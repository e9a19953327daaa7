"""A proxy before the Firestore emulator that loses, delays and fails RPCs, as a network does."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import grpc

from tests.support.torture.figures import count

_STREAMS = frozenset({"BatchGetDocuments", "RunQuery", "RunAggregationQuery"})
_FORWARDED = frozenset({"authorization", "google-cloud-resource-prefix"})

When = Literal["before", "after", "midway", "never", "late"]


@dataclass(frozen=True)
class Fault:
    """The fault of one RPC.

    `before` fails it unapplied, `after` once it is applied, `midway` after a stream's first
    message; `never` applies it and stays silent until the caller gives up, and `late` applies it
    then only. `meanwhile` runs before the answer does.
    """

    when: When
    code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE
    meanwhile: Callable[[], None] | None = None


@dataclass(frozen=True)
class Call:
    """An RPC on its way: its method and its serialized request."""

    method: str
    request: bytes
    context: Any


Plan = Callable[[Call], Fault | None]


class FaultyFirestore(grpc.GenericRpcHandler):
    """A gRPC server at `address` that forwards to the emulator what its plan lets through."""

    def __init__(self, emulator: str) -> None:
        self.plan: Plan = lambda call: None
        self._channel = grpc.insecure_channel(
            emulator, options=[("grpc.max_receive_message_length", -1), ("grpc.enable_retries", 0)]
        )
        self._pool = ThreadPoolExecutor(64)
        self._server = grpc.server(
            self._pool, handlers=[self], options=[("grpc.max_receive_message_length", -1)]
        )
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._under_way = 0
        self._settled = threading.Condition()
        self._server.start()

    def close(self) -> None:
        """Ends when nothing is under way any more."""
        self.settle()
        self._server.stop(None).wait()
        self._pool.shutdown()
        self._channel.close()

    def settle(self) -> None:
        """Waits until all that was sent has been applied, however late."""
        with self._settled:
            assert self._settled.wait_for(lambda: self._under_way == 0, timeout=120)

    def service(self, details: Any) -> Any:
        path = details.method
        method = path.rpartition("/")[2]
        if method in _STREAMS:
            return grpc.unary_stream_rpc_method_handler(
                lambda request, context: self._stream(path, Call(method, request, context))
            )
        return grpc.unary_unary_rpc_method_handler(
            lambda request, context: self._unary(path, Call(method, request, context))
        )

    def _unary(self, path: str, call: Call) -> bytes:
        forward = self._channel.unary_unary(path)
        with self._counted(), self._befalling(call):
            answer: bytes = forward(call.request, metadata=_metadata(call.context))
        return answer

    def _stream(self, path: str, call: Call) -> Iterator[bytes]:
        forward = self._channel.unary_stream(path)
        with self._counted(), self._befalling(call) as fault:
            answers = forward(call.request, metadata=_metadata(call.context))
            for answer in answers:
                yield answer
                if fault is not None and fault.when == "midway":
                    answers.cancel()
                    break

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._settled:
            self._under_way += 1
        try:
            yield
        finally:
            with self._settled:
                self._under_way -= 1
                self._settled.notify_all()

    @contextmanager
    def _befalling(self, call: Call) -> Iterator[Fault | None]:
        """Lets the block apply the RPC; the fault comes before or after it."""
        fault = self.plan(call)
        if fault is None:
            with _translated(call.context):
                yield None
            return
        count("faults injected")
        given_up = threading.Event()
        if not call.context.add_callback(given_up.set):
            given_up.set()
        if fault.when == "before":
            call.context.abort(fault.code, "injected before it was applied")
        if fault.when == "late":
            given_up.wait()
        with _translated(call.context):
            yield fault
        if fault.meanwhile is not None:
            fault.meanwhile()
        if fault.when == "never":
            given_up.wait()
        call.context.abort(fault.code, "injected after it was applied")


@contextmanager
def _translated(context: Any) -> Iterator[None]:
    """The emulator's own errors, passed on."""
    try:
        yield
    except grpc.RpcError as error:
        refusal = error
    else:
        return
    context.abort(refusal.code(), refusal.details())


def _metadata(context: Any) -> list[tuple[str, str]]:
    return [(key, value) for key, value in context.invocation_metadata() if key in _FORWARDED]


@contextmanager
def proxied(emulator: str) -> Iterator[FaultyFirestore]:
    """A FaultyFirestore until the block ends."""
    proxy = FaultyFirestore(emulator)
    try:
        yield proxy
    finally:
        proxy.close()
