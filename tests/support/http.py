"""One HTTP request to a started server, without a library that changes what the test sends."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class HttpAnswer:
    """An HTTP answer as it came."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed; fails where it is no JSON."""
        return json.loads(self.body)


def send(
    url: str,
    verb: str,
    target: str,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    *,
    patience: float = 60,
) -> HttpAnswer:
    """Sends one request on a connection of its own; its target is sent as it stands.

    A body of bytes is sent as it is, any other as JSON. `patience` is how many seconds may pass
    without an answer.
    """
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=patience)
    try:
        connection.request(verb, target, data, headers or {})
        answer = connection.getresponse()
        return HttpAnswer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def ok(url: str, verb: str, target: str, body: Any = None, *, patience: float = 60) -> Any:
    """The JSON of a request that must succeed."""
    answer = send(url, verb, target, body, patience=patience)
    assert answer.status == 200, answer.body
    return answer.json
