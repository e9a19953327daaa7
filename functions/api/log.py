"""Log lines as Cloud Logging reads them: one JSON object each, with severity and trace.

See cloud.google.com/logging/docs/structured-logging.
"""

import json
import logging
import os
import re
import sys
import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from functions.store.usage import usage

METHOD = "sessions.method"
"""Key of the WSGI environment: the method that answers the request."""

PRINCIPAL = "sessions.principal"
"""Key of the WSGI environment: the caller, as log lines name it."""

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
"""See w3.org/TR/trace-context/#traceparent-header."""

_CLOUD_TRACE = re.compile(r"([0-9a-f]{32})(?:/([0-9]{1,20}))?(?:;o=([0-9]))?")
"""TRACE/SPAN;o=OPTIONS with a decimal span; see cloud.google.com/trace/docs/trace-context."""

_STDOUT = 1
_encode = json.JSONEncoder(separators=(",", ":")).encode

_request: ContextVar[tuple[str, str, str]] = ContextVar("request", default=("", "", ""))
"""The project and both headers of the trace of this thread's request."""


class JsonFormatter(logging.Formatter):
    """Writes `severity`, `message`, the trace, the fields of `extra`, and the traceback.

    A caller gives fields as `extra={"fields": {…}}`.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        entry = {
            "severity": record.levelname,
            "message": record.getMessage(),
            **trace_fields(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            entry["stack_trace"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


def log_as_json() -> None:
    """Sends the project's own log lines to standard error as JSON."""
    logger = logging.getLogger("functions")
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonFormatter())
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False


def enter_request(environ: Mapping[str, Any], project: str) -> None:
    """From now on, the log lines of this thread carry the trace of this request.

    `project` is the one that traces belong to. The lines of a stream come from the same thread.
    """
    traceparent = environ.get("HTTP_TRACEPARENT", "")
    _request.set((project, traceparent, environ.get("HTTP_X_CLOUD_TRACE_CONTEXT", "")))


def enter_span(traceparent: str, project: str) -> None:
    """From now on, the log lines of this thread belong to this span."""
    _request.set((project, traceparent, ""))


def trace_fields() -> dict[str, Any]:
    """Trace, span and sampling of this thread's request; {} without a trace.

    Headers that are malformed count as absent: no client writes into the log with them.
    """
    project, traceparent, cloud_trace = _request.get()
    if found := _TRACEPARENT.fullmatch(traceparent):
        trace, span, is_sampled = found[1], found[2], bool(int(found[3], 16) & 1)
    elif found := _CLOUD_TRACE.fullmatch(cloud_trace):
        span = f"{int(found[2] or 0):016x}"
        trace, is_sampled = found[1], found[3] == "1"
    else:
        return {}
    fields: dict[str, Any] = {"logging.googleapis.com/trace": f"projects/{project}/traces/{trace}"}
    if len(span) == 16 and span.strip("0"):
        fields["logging.googleapis.com/spanId"] = span
    fields["logging.googleapis.com/trace_sampled"] = is_sampled
    return fields


class RequestLog:
    """The one line of a request: its caller, method and cost, and nothing of its content."""

    def __init__(self, environ: Mapping[str, Any]) -> None:
        """The request's time starts now."""
        self._environ = environ
        usage.reset()
        self._begin = time.perf_counter_ns()

    def write(self, status: int) -> None:
        """Writes the line to standard output in one call: lines of several threads must not mix."""
        latency = (time.perf_counter_ns() - self._begin) / 1e6
        method = self._environ.get(METHOD, "")
        line = {
            "severity": "ERROR" if status >= 500 else "WARNING" if status >= 400 else "INFO",
            "message": f"{method or 'no method'} {status}",
            "method": method,
            "principal": self._environ.get(PRINCIPAL, "anonymous"),
            "status": status,
            "latencyMs": round(latency, 3),
            **trace_fields(),
        }
        if usage.reads or usage.writes or usage.deletes:
            line["reads"] = usage.reads
            line["writes"] = usage.writes
            line["deletes"] = usage.deletes
        os.write(_STDOUT, f"{_encode(line)}\n".encode())
