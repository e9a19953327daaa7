"""Clients that send too much, too slowly or half, and those that never leave, hold nobody up."""

import json
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Event, Thread
from urllib.parse import urlsplit

import pytest

from tests.support.raw_http import ask, connect, read
from tests.support.servers import serving

SESSIONS = "/v1beta1/projects/test-project/locations/us-central1/reasoningEngines/1/sessions"
THREADS = 4
LIMIT = 2_000_000
POST = f"POST {SESSIONS} HTTP/1.1\r\nHost: x\r\n".encode()
GET = f"GET {SESSIONS} HTTP/1.1\r\nHost: x\r\n".encode()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, worker: dict[str, str]) -> Iterator[str]:
    """A server with few threads and little patience."""
    path = tmp_path_factory.mktemp("slow") / "sessions.db"
    environment = {
        "SESSIONS_STORE": f"sqlite:///{path}",
        "THREADS": str(THREADS),
        "CLIENT_TIMEOUT": "0.5s",
        "MAX_BODY_BYTES": str(LIMIT),
        "MAX_HEAD_BYTES": "20000",
        **worker,
    }
    with serving("sessions_api", environment) as served:
        yield served


def check_served(url: str) -> None:
    """Somebody else gets an answer."""
    answer = ask(url, GET + b"Connection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200"), answer


def check_error(answer: bytes, code: int) -> str:
    """One answer in the API's shape; returns its message."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d" % code), answer[:300]
    assert b"application/json; charset=utf-8" in head.lower()
    error = json.loads(body)["error"]
    assert (error["code"], error["status"]) == (code, "INVALID_ARGUMENT")
    return str(error["message"])


@pytest.mark.bounds
@pytest.mark.parametrize(
    ("half", "code"),
    [
        (b"POST /", 408),
        (POST, 408),
        (POST + b"X-Slow: ", 408),
        (POST + b"Content-Length: 99\r\n\r\n", 400),
        (POST + b'Content-Length: 99\r\n\r\n{"userId":', 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n", 400),
        (POST + b'Transfer-Encoding: chunked\r\n\r\n9\r\n{"use', 400),
    ],
    ids=["line", "headers", "header", "no body", "half a body", "no chunk", "half a chunk"],
)
def test_half_a_request_is_answered_in_time_and_holds_nobody_up(
    url: str, half: bytes, code: int
) -> None:
    """Twice as many as there are threads: each gets its error, and others are served."""
    with ExitStack() as stack:
        slow = [stack.enter_context(connect(url)) for _ in range(2 * THREADS)]
        for connection in slow:
            connection.sendall(half)
        check_served(url)
        for connection in slow:
            check_error(read(connection), code)


@pytest.mark.bounds
@pytest.mark.parametrize("start", [POST, POST + b"Content-Length: 1000000\r\n\r\n"])
def test_a_byte_at_a_time_does_not_win_time(url: str, start: bytes) -> None:
    """The time is that of the whole request, however often something comes."""
    with connect(url) as connection:
        connection.sendall(start)
        with suppress(BrokenPipeError, ConnectionResetError):
            while not select.select([connection], [], [], 0.02)[0]:
                connection.sendall(b"x")
        check_error(read(connection), 408 if start == POST else 400)
    check_served(url)


@pytest.mark.bounds
def test_a_connection_that_says_nothing_is_closed(url: str) -> None:
    """It takes no thread, and its time ends too."""
    with ExitStack() as stack:
        silent = [stack.enter_context(connect(url)) for _ in range(10 * THREADS)]
        check_served(url)
        assert [read(connection) for connection in silent] == [b""] * len(silent)


@pytest.mark.bounds
def test_a_client_that_does_not_leave_takes_no_thread(url: str) -> None:
    """Answered for good, with their connections open, forty clients keep nobody out.

    Each would keep a thread for two seconds, and all together four threads for twenty.
    """
    with ExitStack() as stack:
        stay = [stack.enter_context(connect(url)) for _ in range(40)]
        for connection in stay:
            connection.sendall(GET + b"Connection: close\r\n\r\n")
        check_served(url)
        for connection in stay:
            assert read(connection).startswith(b"HTTP/1.1 200")


@pytest.mark.bounds
def test_more_silent_connections_than_a_worker_holds_keep_nobody_out(
    tmp_path: Path, worker: dict[str, str]
) -> None:
    """A worker holds 1,000; it closes the oldest of the silent ones for a new one.

    CLIENT_TIMEOUT is longer than the test waits, so that none is closed for its time.
    """
    settings = {"SESSIONS_STORE": f"sqlite:///{tmp_path}/s.db", "CLIENT_TIMEOUT": "600s", **worker}
    with serving("sessions_api", settings) as url, ExitStack() as stack:
        silent = [stack.enter_context(connect(url)) for _ in range(1_100)]
        for _ in range(30):
            check_served(url)
        assert silent[0].recv(1) == b""
        silent[-1].sendall(GET + b"Connection: close\r\n\r\n")
        assert read(silent[-1]).startswith(b"HTTP/1.1 200")


def test_requests_that_come_at_once_are_answered_in_their_order(url: str) -> None:
    """Pipelined, with and without bodies, and whatever the answers are."""
    body = b'{"userId":"u"}'
    create = POST.replace(b" HTTP", b"?sessionId=piped HTTP") + b"Content-Length: %d\r\n\r\n" % (
        len(body)
    )
    get = GET.replace(b"sessions HTTP", b"sessions/piped HTTP") + b"\r\n"
    head = get.replace(b"GET", b"HEAD", 1)
    missing = get.replace(b"piped", b"none")
    last = get.replace(b"Host", b"Connection: close\r\nHost")
    answers = ask(url, create + body + get + head + missing + get + last).split(b"HTTP/1.1 ")
    assert [(answer[:3], b'"userId":"u"' in answer) for answer in answers[1:]] == [
        (b"200", True),
        (b"200", True),
        (b"405", False),
        (b"404", False),
        (b"200", True),
        (b"200", True),
    ]
    assert answers[3].endswith(b"\r\n\r\n")


def test_a_client_that_never_pauses_keeps_nobody_out(tmp_path: Path) -> None:
    """Its next request follows each answer, on a server of one thread."""
    environment = {"SESSIONS_STORE": f"sqlite:///{tmp_path}/s.db", "THREADS": "1"}
    with serving("sessions_api", environment) as url, connect(url) as busy:
        is_over = Event()

        def hammer() -> None:
            while not is_over.is_set():
                busy.sendall((GET + b"\r\n") * 4)
                busy.recv(65_536)

        thread = Thread(target=hammer)
        thread.start()
        try:
            for _ in range(20):
                check_served(url)
        finally:
            is_over.set()
            thread.join()


def test_a_server_that_stops_does_not_wait_for_who_says_nothing(tmp_path: Path) -> None:
    """Browsers open connections that they may need; gunicorn would wait 30 seconds for each."""
    environment = {"SESSIONS_STORE": f"sqlite:///{tmp_path}/s.db", "THREADS": "1"}
    with ExitStack() as stack, serving("sessions_api", environment, patience=20) as url:
        stack.enter_context(connect(url))
        check_served(url)


@pytest.fixture(scope="module")
def large(url: str) -> bytes:
    """A request whose answer has 4 MB: more than the kernel keeps for a slow reader."""
    path = SESSIONS.replace("/1/", "/large/").encode()
    for number in range(4):
        body = json.dumps({"userId": "u", "sessionState": {"k": "x" * 900_000}}).encode()
        head = b"POST %b?sessionId=s%d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" % (
            path,
            number,
        )
        answer = ask(url, head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert answer.startswith(b"HTTP/1.1 200"), answer[:300]
    return b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % path


def connect_slowly(url: str) -> socket.socket:
    """A connection that holds little of what its client does not read."""
    parts = urlsplit(url)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((parts.hostname, parts.port))
    return connection


@pytest.mark.bounds
def test_an_answer_that_nobody_takes_ends(url: str, large: bytes) -> None:
    """A reader who stops reading does not keep its thread."""
    with ExitStack() as stack:
        for _ in range(THREADS):
            stack.enter_context(connect_slowly(url)).sendall(large)
        check_served(url)


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("size", [LIMIT + 1, 8 * LIMIT])
def test_a_body_that_is_too_large_is_413(url: str, size: int, is_chunked: bool) -> None:
    """By its length or by counting; it says the limit."""
    if is_chunked:
        chunk = b"%x\r\n%s\r\n" % (size, b" " * size)
        request = POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunk + b"0\r\n\r\n"
    else:
        request = POST + b"Content-Length: %d\r\n\r\n" % size + b" " * size
    request = request.replace(b"Host: x", b"Host: x\r\nConnection: close", 1)
    assert check_error(ask(url, request), 413).endswith(f"limit: {LIMIT} bytes.")


@pytest.mark.bounds
@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 30_000 + b" HTTP/1.1\r\n",
        b"GET /?" + b"a" * 3_000_000,
        GET + b"X-Big: " + b"a" * 9_000 + b"\r\n",
        GET + b"".join(b"X-%d: %s\r\n" % (number, b"a" * 400) for number in range(99)),
    ],
    ids=["long line", "endless line", "long header", "many headers"],
)
def test_a_head_that_is_too_large_is_431(url: str, head: bytes) -> None:
    """Its lines one by one or all together."""
    check_error(ask(url, head + b"\r\n"), 431)


def test_a_long_line_within_the_limit_is_served(url: str) -> None:
    """Filters and tokens make lines longer than servers take by default."""
    request = GET.replace(b" HTTP", b"?pageToken=" + b"a" * 15_000 + b" HTTP")
    assert "pageToken" in check_error(ask(url, request + b"Connection: close\r\n\r\n"), 400)


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 40\r\n\r\n" + b'{"userId":"half"}',
        b"Transfer-Encoding: chunked\r\n\r\n11\r\n" + b'{"userId":"half"}\r\n',
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + b'{"userId":"half"}\r\n0\r\n\r\n',
    ],
    ids=["short", "no last chunk", "no size"],
)
def test_a_body_that_breaks_off_is_not_taken_for_a_whole_one(url: str, body: bytes) -> None:
    """What came is good JSON; the client's message says that it is not all."""
    with connect(url) as connection:
        connection.sendall(POST + body)
        connection.shutdown(socket.SHUT_WR)
        check_error(read(connection), 400)
    listed = ask(
        url, GET.replace(b" HTTP", b"?filter=user_id%3Dhalf HTTP") + b"Connection: close\r\n\r\n"
    )
    assert listed.endswith(b"\r\n\r\n{}"), listed
