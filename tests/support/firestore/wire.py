"""The queries that the store sends to Firestore, read from its gRPC calls."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from google.cloud.firestore_v1.types import query

from tests.support.firestore.indexes import Shape

_OPERATORS = query.StructuredQuery.FieldFilter.Operator
_UNARY_OPERATORS = query.StructuredQuery.UnaryFilter.Operator
_DIRECTIONS = query.StructuredQuery.Direction


class Wire(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Notes the methods, the queries and the written collections of every call of a channel."""

    def __init__(self) -> None:
        self.methods: set[str] = set()
        self.shapes: set[Shape] = set()
        self.collections: set[str] = set()
        """Those that documents were written to."""

    def intercept_unary_unary(
        self, continuation: Callable[..., Any], details: Any, request: Any
    ) -> Any:
        self._see(details.method, request)
        return continuation(details, request)

    def intercept_unary_stream(
        self, continuation: Callable[..., Any], details: Any, request: Any
    ) -> Any:
        self._see(details.method, request)
        return continuation(details, request)

    def intercept_stream_stream(
        self, continuation: Callable[..., Any], details: Any, requests: Iterator[Any]
    ) -> Any:
        def seen() -> Iterator[Any]:
            for request in requests:
                self._see(details.method, request)
                yield request

        return continuation(details, seen())

    def _see(self, method: str, request: Any) -> None:
        name = method.rpartition("/")[2]
        self.methods.add(name)
        if name == "RunQuery":
            self.shapes.add(shape_of(request.structured_query))
        if name == "RunAggregationQuery":
            counted = request.structured_aggregation_query
            self.shapes.add(shape_of(counted.structured_query))
        if name == "Listen":
            self.shapes.add(shape_of(request.add_target.query.structured_query))
        if name == "Commit":
            paths = [write.update.name for write in request.writes if write.HasField("update")]
            self.collections.update(path.split("/")[-2] for path in paths)


@contextmanager
def tapped(monkeypatch: Any) -> Iterator[Wire]:
    """A Wire that sees the calls of every channel that is made in the block."""
    wire, make = Wire(), grpc.insecure_channel
    monkeypatch.setattr(
        grpc,
        "insecure_channel",
        lambda *args, **options: grpc.intercept_channel(make(*args, **options), wire),
    )
    yield wire


def shape_of(message: Any) -> Shape:
    """A StructuredQuery without its values."""
    (source,) = message.from_
    return Shape(
        source.collection_id,
        source.all_descendants,
        tuple(sorted(set(_filters(message.where)))),
        tuple(
            (order.field.field_path, _DIRECTIONS(order.direction).name)
            for order in message.order_by
        ),
    )


def _filters(where: Any) -> Iterator[tuple[str, str]]:
    kind = where.WhichOneof("filter_type")
    if kind == "composite_filter":
        assert where.composite_filter.op == 1, "a disjunction takes an index for each of its sides"
        for below in where.composite_filter.filters:
            yield from _filters(below)
    elif kind is not None:
        condition = getattr(where, kind)
        operators = _OPERATORS if kind == "field_filter" else _UNARY_OPERATORS
        yield condition.field.field_path, operators(condition.op).name
