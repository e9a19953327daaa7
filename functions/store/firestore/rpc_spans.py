"""One span a call of Firestore; only a server that sends spans imports this module."""

from collections.abc import Callable
from typing import Any, NamedTuple

import grpc
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_PROPAGATOR = TraceContextTextMapPropagator()


class _Details(NamedTuple):
    """The fields of grpc.ClientCallDetails."""

    method: str
    timeout: float | None
    metadata: list[tuple[str, str]]
    credentials: Any
    wait_for_ready: bool | None
    compression: Any


class RpcSpans(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Makes a span of each call, below that of the thread's request, and hands its context on."""

    def __init__(self, provider: trace.TracerProvider) -> None:
        self._tracer = provider.get_tracer(__name__)

    def intercept_unary_unary(
        self, continuation: Callable[..., Any], details: Any, request: Any
    ) -> Any:
        """A call with one answer."""
        return self._traced(continuation, details, request)

    def intercept_unary_stream(
        self, continuation: Callable[..., Any], details: Any, request: Any
    ) -> Any:
        """A call with many answers; its span ends with the last."""
        return self._traced(continuation, details, request)

    def _traced(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        service, _, method = details.method.strip("/").partition("/")
        span = self._tracer.start_span(
            f"{service}/{method}",
            kind=trace.SpanKind.CLIENT,
            attributes={"rpc.system": "grpc", "rpc.service": service, "rpc.method": method},
        )
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier, trace.set_span_in_context(span))

        def end(call: Any) -> None:
            code = call.code()
            span.set_attribute("rpc.grpc.status_code", code.value[0])
            if code not in (grpc.StatusCode.OK, grpc.StatusCode.CANCELLED):
                span.set_status(trace.StatusCode.ERROR, code.name)
            span.end()

        traced = _Details(
            details.method,
            details.timeout,
            [*(details.metadata or ()), *carrier.items()],
            details.credentials,
            details.wait_for_ready,
            details.compression,
        )
        call = continuation(traced, request)
        call.add_done_callback(end)
        return call
