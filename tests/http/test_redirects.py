"""The server asks only those servers that its settings name, wherever these point."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from functions.api.auth.fetching import fetch_json
from functions.config.settings import Settings
from functions.rules.names import SessionName
from functions.rules.session import SessionRecord
from functions.sessions.summarizer import SummarizerFailed, ask_for_summary
from tests.support.api import SECOND
from tests.support.project import LOCATION

ENGINE = f"{LOCATION}/reasoningEngines/1"


class Pointing:
    """A server that redirects `/asked`, and answers everything elsewhere."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.url = ""


@pytest.fixture
def pointing() -> Iterator[Pointing]:
    state = Pointing()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            state.paths.append(self.path)
            answer = b'{"content": {"parts": [{"text": "elsewhere"}]}}'
            self.send_response(302 if self.path == "/asked" else 200)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Keeps the test's output short."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}/asked"
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("body", [None, b"token=t"])
def test_a_token_goes_to_no_other_server(pointing: Pointing, body: bytes | None) -> None:
    answer = fetch_json(pointing.url, body, {"Authorization": "Bearer t"})
    assert (answer.status, pointing.paths) == (302, ["/asked"])


def test_events_go_to_no_other_server(pointing: Pointing) -> None:
    settings = Settings(summarizer_url=pointing.url)
    session = SessionRecord(SessionName(ENGINE, "s"), "u", "", {}, 0, 0, SECOND)
    with pytest.raises(SummarizerFailed):
        ask_for_summary(settings, session, ["{}"])
    assert pointing.paths == ["/asked"]
