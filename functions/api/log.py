"""Log lines as Cloud Logging reads them: one JSON object each, with severity and trace."""

import json
import logging
import os
import re
import sys
import time
from collections.abc import Mapping
from typing import Any

from functions.store.usage import usage

METHOD = "sessions.method"
"""Where the WSGI environment of a request says which method answers it."""

PRINCIPAL = "sessions.principal"
"""And who sends it, as logs may call them."""

_TRACE = re.compile(r"(?:00-)?([0-9a-f]{32})[-/].*")
_STDOUT = 1
_encode = json.JSONEncoder(separators=(",", ":")).encode


class JsonFormatter(logging.Formatter):
    """Writes `severity`, `message`, what `extra={"fields": {…}}` gave, and the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; see cloud.google.com/logging/docs/structured-logging."""
        entry = {"severity": record.levelname, "message": record.getMessage()}
        entry.update(getattr(record, "fields", {}))
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


class RequestLog:
    """The one line of a request: who asked for what, and what it cost, never what was in it."""

    def __init__(self, environ: Mapping[str, Any], project: str) -> None:
        """Its time begins now; `project` is the one that traces belong to."""
        self._environ = environ
        self._project = project
        usage.reset()
        self._begin = time.perf_counter_ns()

    def write(self, status: int) -> None:
        """Writes it to standard output, at once: lines of several threads must not mix."""
        latency = (time.perf_counter_ns() - self._begin) / 1e6
        method = self._environ.get(METHOD, "")
        line = {
            "severity": "ERROR" if status >= 500 else "WARNING" if status >= 400 else "INFO",
            "message": f"{method or 'no method'} {status}",
            "method": method,
            "principal": self._environ.get(PRINCIPAL, "anonymous"),
            "status": status,
            "latencyMs": round(latency, 3),
        }
        if trace := self._trace():
            line["logging.googleapis.com/trace"] = f"projects/{self._project}/traces/{trace}"
        if usage.reads or usage.writes or usage.deletes:
            line["reads"] = usage.reads
            line["writes"] = usage.writes
            line["deletes"] = usage.deletes
        os.write(_STDOUT, f"{_encode(line)}\n".encode())

    def _trace(self) -> str:
        sent = self._environ.get("HTTP_TRACEPARENT") or self._environ.get(
            "HTTP_X_CLOUD_TRACE_CONTEXT", ""
        )
        found = _TRACE.fullmatch(f"{sent}/" if len(sent) == 32 else sent)
        return found[1] if found else ""
