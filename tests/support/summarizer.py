"""A summarizer on this machine, which keeps what it is asked."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Summarizer:
    """Answers `status` and `answer`, JSON or its bytes; a test may change both at any time."""

    def __init__(self) -> None:
        self.status = 200
        self.answer: Any = {"content": {"role": "model", "parts": [{"text": "the summary"}]}}
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""

    def texts(self) -> list[list[str]]:
        """The first text of each event, by request."""
        return [
            [event["content"]["parts"][0]["text"] for event in body["events"]]
            for body in self.asked
        ]


@contextmanager
def summarizing() -> Iterator[Summarizer]:
    """A summarizer that serves until the block ends."""
    summarizer = Summarizer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            summarizer.asked.append(json.loads(body))
            summarizer.headers.append(dict(self.headers))
            answer = summarizer.answer
            if not isinstance(answer, bytes):
                answer = json.dumps(answer).encode()
            self.send_response(summarizer.status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Keeps the test's output short."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    summarizer.url = f"http://127.0.0.1:{server.server_port}/summaries"
    try:
        yield summarizer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
