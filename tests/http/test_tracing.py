"""Spans for OpenTelemetry, as a collector on this machine receives them over HTTP."""

import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from functions import __version__
from tests.support.authentication import ENGINE_PATH
from tests.support.project import ROOT
from tests.support.servers import serving

TRACE = "105445aa7843bc8bf206b12000100000"
CALLER = "00f067aa0ba902b7"
SECRET = "swordfish"


class Collector:
    """Keeps the spans that it receives."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.resource: dict[str, str] = {}
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/v1/traces":
                    collector.take(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def take(self, request: Any) -> None:
        for each in request.resource_spans:
            self.resource = {item.key: item.value.string_value for item in each.resource.attributes}
            self.spans += [span for scope in each.scope_spans for span in scope.spans]

    @contextmanager
    def running(self) -> Iterator["Collector"]:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        yield self
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector that runs for one test."""
    with Collector().running() as collector:
        yield collector


def attributes(span: Any) -> dict[str, Any]:
    return {item.key: item.value.string_value or item.value.int_value for item in span.attributes}


def ask(environment: dict[str, str]) -> None:
    """A create and a get in the caller's trace; the server sends its spans as it stops."""
    headers = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
    with serving("sessions_api", environment) as url:
        sessions = f"{url}{ENGINE_PATH}/sessions"
        body = {"userId": SECRET, "sessionState": {"k": SECRET}}
        client = httpx.Client(headers=headers, timeout=60)
        create = client.post(sessions, json=body, params={"sessionId": "s"})
        assert create.status_code == 200, create.text
        assert client.get(f"{sessions}/s").status_code == 200
        assert client.get(f"{sessions}/{SECRET}").status_code == 404


def test_a_request_is_a_span_below_that_of_its_caller(collector: Collector, tmp_path: Path) -> None:
    """Named after its method, with its status, and nothing of its content."""
    store = {"SESSIONS_STORE": f"sqlite:///{tmp_path}/s.db"}
    ask({**store, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url})
    create, get, missing = sorted(collector.spans, key=lambda span: span.start_time_unix_nano)[-3:]
    assert [span.name for span in (create, get, missing)] == [
        "create_session",
        "get_session",
        "get_session",
    ]
    for span in (create, get, missing):
        assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, CALLER)
        assert SECRET not in str(span)
    assert attributes(missing) == {
        "http.request.method": "GET",
        "http.response.status_code": 404,
    }
    assert collector.resource["service.name"] == "agent-engine-sessions"
    assert collector.resource["service.version"] == __version__


def test_a_call_of_firestore_is_a_span_below_its_request(
    collector: Collector, emulator: str
) -> None:
    """The trace goes on to Firestore."""
    project = f"tracing-{os.getpid()}"
    store = {"SESSIONS_STORE": f"firestore://{project}", "FIRESTORE_EMULATOR_HOST": emulator}
    ask({**store, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url})
    requests = {span.span_id: span.name for span in collector.spans if span.trace_id.hex() == TRACE}
    calls = {
        (requests.get(span.parent_span_id), attributes(span).get("rpc.method"))
        for span in collector.spans
    }
    assert {("create_session", "Commit"), ("get_session", "BatchGetDocuments")} <= calls
    assert not any(SECRET in str(span) for span in collector.spans)


def test_a_server_without_a_collector_imports_no_opentelemetry(tmp_path: Path) -> None:
    code = (
        "import sys, functions_framework as f; f.create_app('sessions_api').test_client()"
        ".get('/health'); print([m for m in sys.modules if m.startswith('opentelemetry')])"
    )
    environment = {"PYTHONPATH": str(ROOT), "SESSIONS_STORE": f"sqlite:///{tmp_path}/s.db"}
    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert printed.stdout.split() == ["[]"], printed.stderr


def test_a_server_whose_packages_are_missing_says_which_file_names_them(tmp_path: Path) -> None:
    (tmp_path / "opentelemetry.py").write_text("raise ImportError('none')")
    environment = {
        "PYTHONPATH": f"{tmp_path}:{ROOT}",
        "SESSIONS_STORE": f"sqlite:///{tmp_path}/s.db",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
    }
    process = subprocess.run(
        [sys.executable, "-c", "import functions_framework as f; f.create_app('sessions_api')"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert process.returncode
    assert "requirements-otel.txt" in process.stderr
