"""In the cloud, the summarizer is called with an identity token of the function's account."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.http import ok, send
from tests.support.roles import token
from tests.support.servers import serving
from tests.support.summarizer import Summarizer, summarizing

SESSION = "/v1beta1/reasoningEngines/1/sessions/s"
SUMMARY = {"compaction": {"summarization": {"mode": "AUTO"}}}


class MetadataServer:
    """Google's, which gives tokens of the account that a function runs as."""

    def __init__(self) -> None:
        self.audiences: list[str] = []
        self.address = ""
        self.has_account = True


@pytest.fixture
def metadata() -> Iterator[MetadataServer]:
    state = MetadataServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            answer = b'{"email": "sessions@test-project.iam.gserviceaccount.com"}'
            is_identity = url.path.endswith("/service-accounts/default/identity")
            if is_identity:
                (audience,) = parse_qs(url.query)["audience"]
                state.audiences.append(audience)
                answer = token(aud=audience, exp=int(time.time()) + 3600).encode()
            self.send_response(404 if is_identity and not state.has_account else 200)
            self.send_header("Metadata-Flavor", "Google")
            self.send_header("Content-Type", "text/html" if is_identity else "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Keeps the test's output short."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    state.address = f"127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def summarizer() -> Iterator[Summarizer]:
    with summarizing() as server:
        yield server


@pytest.fixture
def url(metadata: MetadataServer, summarizer: Summarizer, tmp_path: Path) -> Iterator[str]:
    """A function in the cloud, with one event that has no summary yet."""
    cloud = {
        "K_SERVICE": "sessions",
        "AUTH": "none",
        "GCE_METADATA_HOST": metadata.address,
        "GCE_METADATA_IP": metadata.address,
        "SESSIONS_STORE": f"sqlite:///{tmp_path}/sessions.db",
        "SUMMARIZER_URL": summarizer.url,
        "SUMMARIZER_TARGET_BYTES": "0",
        "COMPACT_KEEP_INVOCATIONS": "0",
    }
    with serving("sessions_api", cloud) as served:
        ok(served, "POST", f"{SESSION.removesuffix('/s')}?sessionId=s", {"userId": "u"})
        content = {"parts": [{"text": "hello"}]}
        event = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
        ok(served, "POST", f"{SESSION}:appendEvent", {**event, "content": content})
        yield served


def test_the_token_is_for_the_host_of_the_summarizer(
    url: str, metadata: MetadataServer, summarizer: Summarizer
) -> None:
    """Cloud Run compares the audience with the address of the service, which has no path."""
    ok(url, "POST", f"{SESSION}:compact", SUMMARY)
    (headers,) = summarizer.headers
    host = summarizer.url.removesuffix("/summaries")
    assert metadata.audiences == [host]
    head, _, _ = headers["Authorization"].removeprefix("Bearer ").partition(".")
    assert token(aud=host).startswith(head)
    assert summarizer.texts() == [["hello"]]


def test_a_function_that_gets_no_token_calls_nobody(
    url: str, metadata: MetadataServer, summarizer: Summarizer
) -> None:
    metadata.has_account = False
    answer = send(url, "POST", f"{SESSION}:compact", SUMMARY)
    assert (answer.status, answer.json["error"]["status"]) == (503, "UNAVAILABLE")
    assert summarizer.asked == []
