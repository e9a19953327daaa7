"""Firestore's RPCs with plain protobuf messages, cheaper than the official client's objects.

The messages and the service are those of google-cloud-firestore. Each call has a deadline. gRPC
repeats a call that Firestore refuses for a while, so a caller may find that its own earlier
attempt succeeded.
"""

import copy
import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Generic, TypeVar
from urllib.parse import urlencode

import grpc

from functions.aip.errors import Aborted, FailedPrecondition, InvalidArgument
from functions.rules.errors import StoreUnavailable
from functions.store.firestore.connections import Connections
from functions.store.firestore.protobuf import (
    BatchGetDocumentsRequest,
    BatchGetDocumentsResponse,
    CommitRequest,
    CommitResponse,
    Document,
    ListenRequest,
    ListenResponse,
    RunAggregationQueryRequest,
    RunAggregationQueryResponse,
    RunQueryRequest,
    RunQueryResponse,
    StructuredQuery,
    Timestamp,
    Write,
)
from functions.store.usage import usage

_log = logging.getLogger(__name__)

_SERVICE = "/google.firestore.v1.Firestore/"

_MOST_LEFT = 100
"""Calls on `whole_calls` that callers may leave early; gRPC never frees about 20 KiB of each."""

Metadata = tuple[tuple[str, str], ...]
_Answer = TypeVar("_Answer")


class AlreadyExists(Exception):
    """A document that was to be created is there."""


class Missing(Exception):
    """A document that was to be updated is not there."""


class Stale(Aborted):
    """A document changed since it was read, or others hold it; nothing was written."""

    def __init__(self, why: str) -> None:
        super().__init__("Too much contention in the session store. Try again.")


class Refused(InvalidArgument):
    """Firestore does not take the documents as they are: they are too large."""

    def __init__(self, why: str) -> None:
        super().__init__(f"Firestore cannot store this: {why}")


class MissingIndex(FailedPrecondition):
    """A query needs an index that this deployment leaves out, or that Firestore still builds."""

    def __init__(self) -> None:
        super().__init__(
            "The database has no index for this list, or still builds it. Lists over all engines "
            "need the Terraform variable lists_over_all_engines."
        )


_REFUSALS = {
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExists,
    grpc.StatusCode.NOT_FOUND: Missing,
    grpc.StatusCode.FAILED_PRECONDITION: Stale,
    grpc.StatusCode.ABORTED: Stale,
    grpc.StatusCode.INVALID_ARGUMENT: Refused,
}


class Rpc:
    """The calls that the store makes to one database."""

    def __init__(self, project: str, database: str, emulator_host: str, timeout: int) -> None:
        """`timeout` is nanoseconds that one call may take, or all calls of one request."""
        self._database = f"projects/{project}/databases/{database}"
        self.root = f"{self._database}/documents"
        self._timeout = timeout / 1e9
        self._end: float | None = None
        self.is_emulated = bool(emulator_host)
        self._metadata: Metadata = (("google-cloud-resource-prefix", self._database),)
        if emulator_host:
            self._metadata += (("authorization", "Bearer owner"),)
        self._database_metadata = self._routed(database=self._database)
        self._connections = Connections(emulator_host)
        calls = self._connections.whole_calls
        self._commit = calls.unary_unary(
            f"{_SERVICE}Commit", CommitRequest.SerializeToString, CommitResponse.FromString
        )
        self._batch_get = calls.unary_stream(
            f"{_SERVICE}BatchGetDocuments",
            BatchGetDocumentsRequest.SerializeToString,
            BatchGetDocumentsResponse.FromString,
        )
        self._aggregate = calls.unary_stream(
            f"{_SERVICE}RunAggregationQuery",
            RunAggregationQueryRequest.SerializeToString,
            RunAggregationQueryResponse.FromString,
        )
        self._find, self._run_query = (
            each.unary_stream(
                f"{_SERVICE}RunQuery",
                RunQueryRequest.SerializeToString,
                RunQueryResponse.FromString,
            )
            for each in (calls, self._connections.calls)
        )

    def commit(self, writes: Sequence[Write]) -> CommitResponse:
        """Writes all or nothing; raises AlreadyExists, Missing, Stale or Refused."""
        with _translated():
            answer = self._commit(
                CommitRequest(database=self._database, writes=writes),
                timeout=self._time_left(),
                metadata=self._database_metadata,
            )
        deletes = sum(each.WhichOneof("operation") == "delete" for each in writes)
        usage.deletes += deletes
        usage.writes += len(writes) - deletes
        return answer

    def batch_get(
        self,
        names: Sequence[str],
        fields: Sequence[str] = (),
        read_time: Timestamp | None = None,
        moment: Timestamp | None = None,
    ) -> Callable[[], list[Document | None]]:
        """Starts reading documents by path; the returned function waits for them.

        It answers one document per name, in order, None where there is none. With `read_time` they
        are as they were at that moment, up to an hour ago. Else the function sets `moment` to the
        one at which they were so.
        """
        request = BatchGetDocumentsRequest(
            database=self._database, documents=[f"{self.root}/{name}" for name in names]
        )
        if fields:
            request.mask.field_paths.extend(fields)
        if read_time is not None:
            request.read_time.CopyFrom(read_time)
        call = self._batch_get(request, timeout=self._time_left(), metadata=self._database_metadata)
        whole = _Whole(call)

        def wait() -> list[Document | None]:
            with _translated():
                answers = list(whole)
            found = {
                answer.found.name: answer.found
                for answer in answers
                if answer.WhichOneof("result") == "found"
            }
            if moment is not None:
                moment.CopyFrom(answers[-1].read_time)
            usage.reads += len(request.documents)
            return [found.get(name) for name in request.documents]

        return wait

    def find(self, parent: str, query: StructuredQuery) -> Iterator[Document]:
        """Starts a query and streams its documents, in a fraction of the CPU time of `run_query`.

        The query is read to its end, also if the caller does not want all documents.
        """
        request = self._query(parent, query, None)
        metadata = self._routed(parent=request.parent)
        answers = _Whole(self._find(request, timeout=self._time_left(), metadata=metadata))

        def documents() -> Iterator[Document]:
            with _translated():
                is_empty = True
                for answer in answers:
                    if answer.HasField("document"):
                        is_empty = False
                        usage.reads += 1
                        yield answer.document
                # A query that finds nothing is billed as one read.
                usage.reads += is_empty

        return documents()

    def count(self, parent: str, query: StructuredQuery) -> int:
        """How many documents a query finds; Firestore bills a read for every thousand of them."""
        request = RunAggregationQueryRequest(parent=self._parent(parent))
        counting = request.structured_aggregation_query
        counting.structured_query.CopyFrom(query)
        counting.aggregations.add(alias="count").count.SetInParent()
        metadata = self._routed(parent=request.parent)
        answers = _Whole(self._aggregate(request, timeout=self._time_left(), metadata=metadata))
        with _translated():
            counts = [
                answer.result.aggregate_fields["count"].integer_value
                for answer in answers
                if answer.HasField("result")
            ]
        usage.reads += max(1, -(-counts[0] // 1_000))
        return counts[0]

    def run_query(
        self,
        parent: str,
        query: StructuredQuery,
        read_time: Timestamp | None = None,
        *,
        is_page: bool = False,
    ) -> Generator[tuple[Document | None, Timestamp]]:
        """Streams `(document, read_time)`; one `(None, read_time)` at least when none match.

        With `read_time` it finds what was there at that moment, up to an hour ago. Firestore may
        send answers without a moment, which have that of the answers before them. `is_page` says
        that the caller rarely leaves the query before its limit; the query then costs less CPU.
        """
        request = self._query(parent, query, read_time)
        metadata = self._routed(parent=request.parent)
        is_whole = is_page and self._connections.left < _MOST_LEFT
        start = self._find if is_whole else self._run_query
        call = start(request, timeout=self._time_left(), metadata=metadata)
        moment, count = read_time or Timestamp(), 0
        try:
            with _translated():
                for answer in call:
                    found = answer.document if answer.HasField("document") else None
                    count += found is not None
                    usage.reads += found is not None
                    if answer.HasField("read_time"):
                        moment = answer.read_time
                    yield found, moment
                # A query that finds nothing is billed as one read.
                usage.reads += not count
        finally:
            if is_whole and count == query.limit.value:
                _read_to_end(call)
            elif call.is_active():
                self._connections.left += is_whole
                call.cancel()

    def for_request(self) -> "Rpc":
        """The same calls, all of which share the time of one call, from now on."""
        request = copy.copy(self)
        request._end = time.monotonic() + self._timeout
        return request

    def listen(self, parent: str, query: StructuredQuery) -> "ListenCall":
        """Starts a listener on a query; it has no deadline and ends with `close`."""
        request = ListenRequest(database=self._database)
        request.add_target.target_id = 1
        request.add_target.query.parent = f"{self.root}/{parent}"
        request.add_target.query.structured_query.CopyFrom(query)
        return ListenCall(self._connections, self._metadata, request)

    def close(self) -> None:
        """Closes the connections."""
        self._connections.close()

    def _query(
        self, parent: str, query: StructuredQuery, read_time: Timestamp | None
    ) -> RunQueryRequest:
        request = RunQueryRequest(parent=self._parent(parent), structured_query=query)
        if read_time is not None:
            request.read_time.CopyFrom(read_time)
        return request

    def _parent(self, path: str) -> str:
        return f"{self.root}/{path}" if path else self.root

    def _routed(self, **parameter: str) -> Metadata:
        """The metadata of a call; Google's front end routes the call by this parameter."""
        return (*self._metadata, ("x-goog-request-params", urlencode(parameter, safe="/")))

    def _time_left(self) -> float:
        return self._timeout if self._end is None else max(0.0, self._end - time.monotonic())


class _Whole(Generic[_Answer]):
    """The answers of a call on `whole_calls`; when dropped, reads those that the caller left."""

    def __init__(self, call: Iterator[_Answer]) -> None:
        self._call = call

    def __iter__(self) -> Iterator[_Answer]:
        return self._call

    def __del__(self) -> None:
        _read_to_end(self._call)


def _read_to_end(call: Iterator[object]) -> None:
    with suppress(grpc.RpcError):
        for _ in call:
            pass


class ListenCall:
    """One listener: iterate over its answers; raises StoreUnavailable when the server ends it."""

    def __init__(
        self, connections: Connections, metadata: Metadata, request: ListenRequest
    ) -> None:
        self._is_closed = threading.Event()
        self._connections = connections
        listen = connections.for_listener(self).stream_stream(
            f"{_SERVICE}Listen", ListenRequest.SerializeToString, ListenResponse.FromString
        )
        self._call = listen(self._requests(request), metadata=metadata)

    def __iter__(self) -> Iterator[ListenResponse]:
        try:
            yield from self._call
        except grpc.RpcError as error:
            if not self._is_closed.is_set():
                raise StoreUnavailable from error

    def close(self) -> None:
        """Ends the iteration."""
        self._is_closed.set()
        self._call.cancel()
        self._connections.release(self)

    def _requests(self, request: ListenRequest) -> Iterator[ListenRequest]:
        yield request
        # A listener lives for as long as its requests have not ended.
        self._is_closed.wait()


class LazyRpc:
    """Makes the Rpc at its first use: a gRPC channel made before a fork can hang after it."""

    def __init__(self, make: Callable[[], Rpc], check: Callable[[Rpc], object]) -> None:
        """`check` raises if the database may not be used; it is called until it once does not."""
        self._make = make
        self._check = check
        self._lock = threading.Lock()
        self._rpc: Rpc | None = None
        self._is_checked = False

    def get(self) -> Rpc:
        """The one Rpc of this process."""
        return self._checked(self._made())

    def for_request(self) -> Rpc:
        """The one Rpc for one request: its calls share the time of one call, from now on."""
        return self._checked(self._made().for_request())

    def close(self) -> None:
        """Closes the Rpc, if there is one."""
        if self._rpc is not None:
            self._rpc.close()

    def _made(self) -> Rpc:
        if self._rpc is None:
            with self._lock:
                self._rpc = self._rpc or self._make()
        return self._rpc

    def _checked(self, rpc: Rpc) -> Rpc:
        # Without a lock: a request that waited for another's check would have less time.
        if not self._is_checked:
            self._check(rpc)
            self._is_checked = True
        return rpc


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except grpc.RpcError as error:
        if "requires an index" in (error.details() or ""):
            raise MissingIndex from error
        refusal = _REFUSALS.get(error.code())
        if refusal is not None:
            raise refusal(error.details()) from error
        _log.warning("Firestore answered %s: %s", error.code(), error.details())
        raise StoreUnavailable from error
