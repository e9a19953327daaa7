"""One line of JSON for each request: who asked for what, and what it cost; no secrets in it."""

import io
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from functions.api.log import JsonFormatter
from functions.config.settings import Settings
from functions.store.opening import open_store
from tests.support.authentication import (
    API_KEYS,
    ENGINE_PATH,
    KEY,
    SESSIONS_PATH,
    AuthApi,
    open_api,
)
from tests.support.summarizer import summarizing

TRACE = "105445aa7843bc8bf206b12000100000"
SESSIONS = f"{ENGINE_PATH}/sessions"
EVENT = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def api(tmp_path: Path) -> AuthApi:
    """A api that logs, for one API key."""
    return open_api(tmp_path, auth=("api_key",), api_keys=API_KEYS, log_requests=True)


def lines(capfd: Capture) -> list[dict[str, Any]]:
    """What was logged since the last look."""
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


def test_a_request_is_one_line(api: AuthApi, capfd: Capture) -> None:
    """Severity, method, principal, status, milliseconds."""
    api.send("POST", SESSIONS_PATH, {"userId": "u"}, {"x-goog-api-key": KEY})
    (line,) = lines(capfd)
    assert line.pop("latencyMs") > 0
    assert line == {
        "severity": "INFO",
        "message": "create_session 200",
        "method": "create_session",
        "principal": "key:dashboard",
        "status": 200,
    }


@pytest.mark.parametrize(
    ("key", "path", "method", "status"),
    [
        (KEY, f"{SESSIONS}/missing", "get_session", 404),
        ("wrong", SESSIONS, "list_sessions", 401),
        (KEY, "/nowhere", "", 404),
    ],
)
def test_a_refusal_is_a_warning(
    api: AuthApi, capfd: Capture, key: str, path: str, method: str, status: int
) -> None:
    """With the method, where there is one, and its status."""
    api.send("GET", path, headers={"x-goog-api-key": key})
    (line,) = lines(capfd)
    assert (line["severity"], line["method"], line["status"]) == ("WARNING", method, status)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Cloud-Trace-Context", f"{TRACE}/123;o=1"),
        ("X-Cloud-Trace-Context", TRACE),
        ("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01"),
    ],
)
def test_a_line_belongs_to_its_trace(api: AuthApi, capfd: Capture, header: str, value: str) -> None:
    """Whichever header carries it, under the project's name."""
    api.settings = replace(api.settings, google_cloud_project="p")
    api.send("GET", SESSIONS_PATH, headers={"x-goog-api-key": KEY, header: value})
    (line,) = lines(capfd)
    assert line["logging.googleapis.com/trace"] == f"projects/p/traces/{TRACE}"


@pytest.mark.parametrize(
    ("headers", "span", "is_sampled"),
    [
        ({"X-Cloud-Trace-Context": f"{TRACE}/123;o=1"}, "000000000000007b", True),
        ({"X-Cloud-Trace-Context": f"{TRACE}/{2**64 - 1}"}, "f" * 16, False),
        ({"X-Cloud-Trace-Context": f"{TRACE};o=0"}, None, False),
        ({"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, "00f067aa0ba902b7", True),
        ({"traceparent": f"00-{TRACE}-00f067aa0ba902b7-02"}, "00f067aa0ba902b7", False),
        (
            {"traceparent": "junk", "X-Cloud-Trace-Context": f"{TRACE}/1;o=1"},
            "0000000000000001",
            True,
        ),
    ],
)
def test_a_line_belongs_to_its_span(
    api: AuthApi, capfd: Capture, headers: dict[str, str], span: str | None, is_sampled: bool
) -> None:
    """Cloud Logging reads sixteen hexadecimal digits, whichever way the header writes the span."""
    api.send("GET", SESSIONS_PATH, headers={"x-goog-api-key": KEY, **headers})
    (line,) = lines(capfd)
    assert line.get("logging.googleapis.com/spanId") == span
    assert line["logging.googleapis.com/trace_sampled"] is is_sampled


class Broken:
    """A store that fails in a way that nobody foresaw."""

    def __getattr__(self, name: str) -> Any:
        logging.getLogger("functions.store").warning("slow")
        raise RuntimeError("boom")


@pytest.fixture
def own_lines() -> Iterator[io.StringIO]:
    """What the server itself writes to the log, beside the lines of requests."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("functions")
    logger.addHandler(handler)
    yield stream
    logger.removeHandler(handler)


@pytest.mark.parametrize("is_logging", [True, False])
def test_warnings_and_errors_of_a_request_carry_its_trace(
    api: AuthApi, own_lines: io.StringIO, is_logging: bool
) -> None:
    """Whether requests are logged or not; the next request's lines have nothing of it."""
    settings = replace(api.settings, google_cloud_project="p", log_requests=is_logging)
    api = AuthApi(cast(Any, Broken()), settings=settings)
    key = {"x-goog-api-key": KEY}
    traceparent = f"00-{TRACE}-00f067aa0ba902b7-01"
    api.send("GET", f"{SESSIONS}/s", headers={**key, "traceparent": traceparent})
    api.send("GET", f"{SESSIONS}/s", headers=key)
    warning, error, *others = [json.loads(line) for line in own_lines.getvalue().splitlines()]
    for line in (warning, error):
        assert line["logging.googleapis.com/trace"] == f"projects/p/traces/{TRACE}"
        assert line["logging.googleapis.com/spanId"] == "00f067aa0ba902b7"
        assert line["logging.googleapis.com/trace_sampled"] is True
    assert (warning["severity"], error["severity"]) == ("WARNING", "ERROR")
    assert "boom" in error["stack_trace"]
    assert len(others) == 2
    assert not any("logging.googleapis.com/trace" in line for line in others)


@pytest.mark.parametrize("value", ["", "x", f"{TRACE}x", f"00-{TRACE.upper()}-0-1", "a" * 9000])
def test_what_is_no_trace_is_not_logged(api: AuthApi, capfd: Capture, value: str) -> None:
    """Nobody writes into the log by a header."""
    api.send("GET", SESSIONS_PATH, headers={"x-goog-api-key": KEY, "traceparent": value})
    (line,) = lines(capfd)
    assert "logging.googleapis.com/trace" not in line


def test_no_line_has_a_secret_or_a_content(api: AuthApi, capfd: Capture) -> None:
    """Neither keys nor tokens, nor the query, the names or the body, whatever the answer."""
    secret = "swordfish"
    for verb, path in [
        ("POST", SESSIONS),
        ("GET", SESSIONS),
        ("GET", f"{SESSIONS}/{secret}"),
        ("POST", f"{SESSIONS}/{secret}:appendEvent"),
        ("PUT", f"{SESSIONS}/{secret}"),
    ]:
        body = {"userId": secret, "sessionState": {secret: secret}}
        for key in (KEY, secret):
            headers = {"Authorization": f"Bearer {secret}", "x-goog-api-key": key}
            api.send(verb, path, body, headers, key=key, filter=f"user_id={secret}")
            api.send(verb, path, b"{" + secret.encode(), {"x-goog-api-key": key})
    written = capfd.readouterr()
    assert len(written.out.splitlines()) == 20
    for word in (secret, KEY):
        assert word not in written.out + written.err


def test_a_failure_names_the_method_and_nobody(api: AuthApi, own_lines: io.StringIO) -> None:
    """The path of a user has the user's id."""
    api = AuthApi(cast(Any, Broken()), settings=api.settings)
    path = f"{ENGINE_PATH}/users/swordfish/state"
    answer = api.send("GET", path, headers={"x-goog-api-key": KEY})
    assert answer.status_code == 500
    *_, error = [json.loads(line) for line in own_lines.getvalue().splitlines()]
    assert error["message"] == "GET get_user_state failed"
    assert "boom" in error["stack_trace"]
    assert "swordfish" not in own_lines.getvalue()


PART = {"text": "swordfish"}


@pytest.mark.parametrize(
    ("status", "answer", "why"),
    [
        (500, {"error": PART}, "it answers 500"),
        (200, {"summary": PART}, "its answer, a dict of 34 bytes, has no content"),
        (200, {"swordfish": 1}, "its answer, a dict of 16 bytes, has no content"),
        (200, ["swordfish"], "its answer, a list of 13 bytes, has no content"),
        (200, b"swordfish", "JSONDecodeError"),
        (200, b'"swordfish \xff"', "UnicodeDecodeError"),
        (200, {"content": {"parts": "swordfish"}}, "its content is refused at content.parts"),
        (
            200,
            {"content": {"parts": [{"swordfish": 1}, {"text": {"swordfish": 1}}]}},
            "its content is refused at content.parts[0], content.parts[1].text",
        ),
        (200, {"content": {"role": "swordfish"}}, "its content is refused at content"),
    ],
    ids=str,
)
def test_an_answer_of_a_summarizer_is_not_logged(
    api: AuthApi, own_lines: io.StringIO, status: int, answer: Any, why: str
) -> None:
    """It may hold the summary in a place where nobody looks for it."""
    key = {"x-goog-api-key": KEY}
    api.send("POST", SESSIONS_PATH, {"userId": "u"}, key, sessionId="s")
    api.send("POST", f"{SESSIONS}/s:appendEvent", EVENT, key)
    with summarizing() as summarizer:
        summarizer.status, summarizer.answer = status, answer
        api.settings = replace(
            api.settings,
            summarizer_url=summarizer.url,
            summarizer_target_bytes=0,
            compact_keep_invocations=0,
        )
        asked = {"compaction": {"summarization": {"mode": "AUTO"}}}
        assert api.send("POST", f"{SESSIONS}/s:compact", asked, key).status_code == 503
    (warning,) = [json.loads(line) for line in own_lines.getvalue().splitlines()]
    assert warning["message"] == f"the summarizer failed: {why}"
    assert "swordfish" not in own_lines.getvalue()


def test_a_stream_is_one_line_at_its_end(api: AuthApi, capfd: Capture) -> None:
    """Nothing while it lasts."""
    key = {"x-goog-api-key": KEY}
    api.send("POST", SESSIONS_PATH, {"userId": "u"}, key, sessionId="s")
    lines(capfd)
    stream = api.send("GET", f"{SESSIONS}/s/events:watch", headers=key)
    assert next(iter(stream.response))
    assert lines(capfd) == []
    stream.close()
    (line,) = lines(capfd)
    assert (line["method"], line["status"]) == ("watch_events", 200)


@pytest.mark.parametrize(
    ("chosen", "is_logged"),
    [
        ({}, False),
        ({"k_service": "f", "google_cloud_project": "p"}, True),
        ({"k_service": "f", "google_cloud_project": "p", "log_requests": False}, False),
        ({"log_requests": True}, True),
    ],
)
def test_requests_are_logged_in_the_cloud_unless_told_otherwise(
    tmp_path: Path, capfd: Capture, chosen: dict[str, Any], is_logged: bool
) -> None:
    """LOG_REQUESTS decides; a laptop stays quiet."""
    open_api(tmp_path, **{"auth": "api_key", "api_keys": API_KEYS, **chosen}).send(
        "GET", SESSIONS_PATH
    )
    assert len(lines(capfd)) == is_logged


def test_documents_are_counted_as_firestore_bills_them(emulator: str, capfd: Capture) -> None:
    """Per request, and of no other thread."""
    chosen = Settings(
        sessions_store="firestore://log-project",
        firestore_emulator_host=emulator,
        log_requests=True,
        max_page_size=2,
    )
    with closing(open_store(chosen)) as store:
        api = AuthApi(store, settings=chosen)
        answer = api.send("POST", SESSIONS_PATH, {"userId": "u"}).json
        session = f"/v1beta1/{answer['response']['name']}"
        for _ in range(2):
            appending = threading.Thread(
                target=api.send, args=("POST", f"{session}:appendEvent", EVENT)
            )
            appending.start()
            appending.join()
        api.send("GET", session)
        _, *appends, get = lines(capfd)
        counts = [[line.get(kind) for kind in ("reads", "writes", "deletes")] for line in appends]
        assert counts == [[0, 2, 0]] * 2
        assert (get["writes"], get["deletes"]) == (0, 0)
        assert get["reads"] in (1, 2)
        api.send("DELETE", session)
        (delete,) = lines(capfd)
        assert delete["deletes"] >= 2
