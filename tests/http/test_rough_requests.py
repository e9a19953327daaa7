"""Requests that no client library sends: every answer is JSON, none is a page or a traceback."""

import json
from collections.abc import Iterator

import pytest

from tests.support.raw_http import ask
from tests.support.servers import serving

ENGINE = "/v1beta1/projects/test-project/locations/us-central1/reasoningEngines/1"
EVENT = b'{"author":"a","invocationId":"i","timestamp":"2026-01-01T00:00:00Z"}'
HOST = b"Host: x\r\nConnection: close\r\n"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, worker: dict[str, str]) -> Iterator[str]:
    """A server with one session, s."""
    path = tmp_path_factory.mktemp("rough") / "sessions.db"
    with serving("sessions_api", {"SESSIONS_STORE": f"sqlite:///{path}", **worker}) as served:
        body = b'{"userId":"u"}'
        head = f"POST {ENGINE}/sessions?sessionId=s HTTP/1.1\r\n".encode() + HOST
        status, _, _ = exchange(served, head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert status == 200
        yield served


def exchange(url: str, request: bytes) -> tuple[int, bytes, bytes]:
    """Sends bytes and returns status, head and body of the last answer."""
    answer = ask(url, request)
    if answer.startswith(b"HTTP/1.1 100"):
        answer = answer.partition(b"\r\n\r\n")[2]
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), head, body


def check(url: str, request: bytes, *statuses: int) -> None:
    """Holds an answer to be JSON in the API's shape, under one of the statuses."""
    status, head, body = exchange(url, request)
    assert status in statuses, (head, body)
    assert b"content-type: application/json; charset=utf-8" in head.lower(), (head, body)
    if status != 200 and not request.startswith(b"HEAD"):
        error = json.loads(body)["error"]
        assert error["code"] == status
        assert b"Traceback" not in body


@pytest.mark.parametrize(
    ("verb", "statuses"),
    [
        ("HEAD", (405,)),
        ("OPTIONS", (405,)),
        ("PUT", (405,)),
        ("TRACE", (405,)),
        ("CONNECT", (405,)),
        ("BREW", (405,)),
    ],
)
@pytest.mark.parametrize("path", [f"{ENGINE}/sessions/s", f"{ENGINE}/sessions", ENGINE])
def test_a_wrong_method_is_answered_in_json(
    url: str, path: str, verb: str, statuses: tuple[int, ...]
) -> None:
    """405 in the API's shape."""
    check(url, f"{verb} {path} HTTP/1.1\r\n".encode() + HOST + b"\r\n", *statuses)


@pytest.mark.parametrize(
    "path",
    [
        f"/{ENGINE}/sessions/s",
        f"{ENGINE}//sessions/s",
        f"{ENGINE}/sessions/s/",
        f"{ENGINE}/sessions/s%2Fevents%2F",
        f"{ENGINE}/sessions/%2F",
        f"{ENGINE}/sessions/..%2Fs",
        f"{ENGINE}/sessions/%FF%FE",
        f"{ENGINE}/sessions/%00",
        f"{ENGINE}/sessions/%0D%0A",
        f"{ENGINE}/sessions/%",
        f"{ENGINE}/sessions/s%3AappendEvent",
        f"{ENGINE}/sessions/s;x=1",
        f"{ENGINE}/sessions/s?%FF=%FF",
        f"{ENGINE}/sessions/s?pageSize",
        f"{ENGINE}/sessions?filter=%FF",
        f"{ENGINE}/sessions?pageSize=99999999999999999999",
        f"{ENGINE}/sessions?pageToken=" + "A" * 3000,
        f"{ENGINE}/sessions?filter=" + "%28" * 1000,
        f"{ENGINE}/sessions/" + "s" * 3000,
        "http://x/",
        "/console/nothing",
        "/.git/config",
    ],
    ids=lambda path: path[-40:],
)
def test_an_odd_path_is_answered_in_json(url: str, path: str) -> None:
    """Refused or not, in the API's shape."""
    check(url, f"GET {path} HTTP/1.1\r\n".encode() + HOST + b"\r\n", 200, 400, 404, 405)


@pytest.mark.bounds
@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\n" + HOST,
        b"GET / HTTP/1.1\r\n" + HOST + b"X-Big: " + b"a" * 20_000 + b"\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"".join(b"X-%d: a\r\n" % number for number in range(300)),
        b"GET / HTTP/1.1\r\n" + HOST + b"X-\xff: \xff\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"no colon\r\n",
        b"nonsense\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: x\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n",
    ],
    ids=["long URL", "long header", "many headers", "bytes", "no colon", "nonsense", "x", "-1"],
)
def test_a_request_that_the_server_cannot_read_is_answered_in_json(url: str, head: bytes) -> None:
    """Nothing ever answers HTML, not even for what is hardly HTTP."""
    check(url, head + b"\r\n", 400, 404, 414, 431)


@pytest.mark.bounds
@pytest.mark.parametrize("coding", [b"xchunked", b"chunked, xchunked", b"gzip", b"identity"])
def test_a_transfer_coding_that_nobody_knows_is_the_clients_error(url: str, coding: bytes) -> None:
    """400, as for a body whose end cannot be found."""
    check(url, b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: " + coding + b"\r\n\r\n", 400)


@pytest.mark.parametrize("name", [b"SCRIPT_NAME", b"Script_Name", b"PATH_INFO", b"SCRIPT-NAME"])
@pytest.mark.parametrize("value", [b"/zz", b"/v1beta1", b"/"])
def test_no_header_moves_a_path(url: str, name: bytes, value: bytes) -> None:
    """By default, gunicorn believes a proxy on the same machine about SCRIPT_NAME."""
    head = HOST + name + b": " + value + b"\r\n\r\n"
    check(url, f"GET {ENGINE}/sessions/s HTTP/1.1\r\n".encode() + head, 200)
    check(url, f"GET /zz{ENGINE}/sessions/s HTTP/1.1\r\n".encode() + head, 404)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'"\\ud800"',
        b'{"author":NaN}',
        b"a=b&c=d",
        b"\x00" * 99,
    ],
)
@pytest.mark.parametrize(
    "kind", ["application/json", "application/x-www-form-urlencoded", "multipart/form-data", "x"]
)
def test_a_bad_body_is_refused_in_json(url: str, kind: str, body: bytes) -> None:
    """400 in the API's shape, whatever the body is said to be."""
    head = f"POST {ENGINE}/sessions/s:appendEvent HTTP/1.1\r\nContent-Type: {kind}\r\n".encode()
    check(url, head + HOST + b"Content-Length: %d\r\n\r\n" % len(body) + body, 400)


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", ""])
def test_a_good_body_is_taken_whatever_it_is_said_to_be(url: str, kind: str) -> None:
    """With -d curl sends JSON as a form; it is JSON all the same."""
    header = f"Content-Type: {kind}\r\n" if kind else ""
    head = f"POST {ENGINE}/sessions/s:appendEvent HTTP/1.1\r\n{header}".encode() + HOST
    status, _, body = exchange(url, head + b"Content-Length: %d\r\n\r\n" % len(EVENT) + EVENT)
    assert (status, body) == (200, b"{}")


def test_a_chunked_body_is_read(url: str) -> None:
    """Transfer-Encoding: chunked, in several chunks."""
    head = f"POST {ENGINE}/sessions/s:appendEvent HTTP/1.1\r\n".encode() + HOST
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (EVENT[:9], EVENT[9:]))
    status, _, body = exchange(
        url, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    )
    assert (status, body) == (200, b"{}")


def test_a_client_that_waits_for_100_continue_is_served(url: str) -> None:
    """With large bodies curl sends Expect: 100-continue."""
    head = f"POST {ENGINE}/sessions/s:appendEvent HTTP/1.1\r\n".encode() + HOST
    head += b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(EVENT)
    status, _, body = exchange(url, head + EVENT)
    assert (status, body) == (200, b"{}")


@pytest.mark.parametrize("size", [9_500_000, 40_000_000])
def test_a_huge_body_is_refused_in_json(url: str, size: int) -> None:
    """Too large is 400 in the API's shape."""
    body = EVENT[:-1] + b',"errorMessage":"' + b"x" * size + b'"}'
    head = f"POST {ENGINE}/sessions/s:appendEvent HTTP/1.1\r\n".encode() + HOST
    check(url, head + b"Content-Length: %d\r\n\r\n" % len(body) + body, 400, 413)


def test_a_long_get_may_be_sent_as_a_post(url: str) -> None:
    """The discovery client sends long GETs as POSTs, the query in the body."""
    head = f"POST {ENGINE}/sessions HTTP/1.1\r\nX-HTTP-Method-Override: GET\r\n".encode()
    body = b"filter=user_id%3Du&pageSize=1"
    head += HOST + b"Content-Type: application/x-www-form-urlencoded\r\n"
    status, _, answer = exchange(url, head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert status == 200
    assert len(json.loads(answer)["sessions"]) == 1
