"""Spans of requests and RPCs for OpenTelemetry; see opentelemetry.io/docs/specs/otel.

Only a server with OTEL_EXPORTER_OTLP_ENDPOINT imports this module and its packages, which
requirements-otel.txt names. OpenTelemetry reads its other variables itself.
"""

import os
from collections.abc import Mapping
from typing import Any

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from functions import __version__
from functions.api.log import METHOD, enter_span
from functions.config.settings import Settings

_PROPAGATOR = TraceContextTextMapPropagator()


class RequestSpans:
    """Makes one span a request, below the caller's; it has nothing of the request's content."""

    def __init__(self, settings: Settings) -> None:
        """Sends spans over HTTP to the collector of OTEL_EXPORTER_OTLP_ENDPOINT."""
        name = os.environ.get("OTEL_SERVICE_NAME") or settings.k_service or "agent-engine-sessions"
        resource = Resource.create({"service.name": name, "service.version": __version__})
        self.provider = TracerProvider(resource=resource)
        self.provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self.provider.get_tracer(__name__)
        self._project = settings.default_project
        if settings.store_url.startswith("firestore:"):
            from functions.store.firestore import connections
            from functions.store.firestore.rpc_spans import RpcSpans

            connections.interceptors[:] = [RpcSpans(self.provider)]

    def begin(self, environ: Mapping[str, Any]) -> trace.Span:
        """Starts the span; RPCs and log lines of this thread belong to it from now on."""
        headers = {
            "traceparent": environ.get("HTTP_TRACEPARENT", ""),
            "tracestate": environ.get("HTTP_TRACESTATE", ""),
        }
        # The caller's context alone: that of the thread is of the request before.
        parent = _PROPAGATOR.extract(headers, context.Context())
        verb = environ.get("REQUEST_METHOD", "")
        span = self._tracer.start_span(
            verb, parent, trace.SpanKind.SERVER, {"http.request.method": verb}
        )
        current = trace.set_span_in_context(span, parent)
        context.attach(current)
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier, current)
        enter_span(carrier["traceparent"], self._project)
        return span

    def end(self, span: trace.Span, environ: Mapping[str, Any], status: int) -> None:
        """Ends the span under the name of the request's method."""
        if method := environ.get(METHOD):
            span.update_name(method)
        span.set_attribute("http.response.status_code", status)
        if status >= 500:
            span.set_status(trace.StatusCode.ERROR)
        span.end()
