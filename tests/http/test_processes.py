"""Processes: what stops a start, and what several servers or a killed one leave in the file."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.support.http import ok, send
from tests.support.project import ROOT
from tests.support.servers import free_port, serving

SESSIONS = "/v1beta1/projects/p/locations/l/reasoningEngines/1/sessions"
EVENT = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}


def start(environment: dict[str, str], port: int) -> subprocess.Popen[str]:
    """Starts sessions_api and does not wait for it."""
    return subprocess.Popen(
        [sys.executable, "-m", "functions_framework", "--target=sessions_api"],
        cwd=ROOT,
        env={**os.environ, **environment, "HOST": "127.0.0.1", "PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


WRONG = [
    ("SESSIONS_STORE", "mysql://x", "sqlite:///"),
    ("SESSIONS_STORE", "sqlite://", "sqlite:///"),
    ("SESSIONS_STORE", "firestore://", "firestore://PROJECT"),
    ("MIN_TTL", "1d", "86400s"),
    ("MIN_TTL", "86400", "86400s"),
    ("MIN_TTL", "-1s", "86400s"),
    ("REQUIRE_ENGINE", "maybe", "true"),
    ("UNKNOWN_FIELDS", "ignore", "keep"),
    ("CORS_ORIGINS", "app.example", "https://app.example"),
    ("PROJECT_NUMBER", "abc", "number"),
    ("GOOGLE_CLOUD_PROJECT", "a/b", "project"),
    ("GOOGLE_CLOUD_LOCATION", "us central1", "location"),
]


@pytest.mark.parametrize(
    ("name", "value", "allowed"), WRONG, ids=[f"{case[0]}={case[1]}" for case in WRONG]
)
def test_a_wrong_setting_stops_the_start(
    tmp_path: Path, name: str, value: str, allowed: str
) -> None:
    """A wrong value stops the start with a sentence that says what is allowed."""
    environment = {"SESSIONS_STORE": f"sqlite:///{tmp_path}/s.db", name: value}
    process = start(environment, free_port())
    try:
        output, _ = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        pytest.fail(f"{name}={value} does not stop the start: {output}")
    assert process.returncode != 0
    assert name in output
    assert value in output
    assert allowed in output
    assert "Traceback" not in output


def test_two_processes_on_one_file_see_each_others_writes(tmp_path: Path) -> None:
    """Several processes on one file: what one acknowledged, the other answers."""
    store = {"SESSIONS_STORE": f"sqlite:///{tmp_path}/sessions.db"}
    with serving("sessions_api", store) as first, serving("sessions_api", store) as second:
        ok(first, "POST", f"{SESSIONS}?sessionId=s", {"userId": "u"})
        for number in range(10):
            event = {**EVENT, "author": str(number), "actions": {"stateDelta": {"n": number}}}
            ok((first, second)[number % 2], "POST", f"{SESSIONS}/s:appendEvent", event)
            for url in (first, second):
                assert ok(url, "GET", f"{SESSIONS}/s")["sessionState"] == {"n": number}
        lists = [ok(url, "GET", f"{SESSIONS}/s/events")["sessionEvents"] for url in (first, second)]
        assert lists[0] == lists[1]
        assert [event["author"] for event in lists[0]] == [str(number) for number in range(10)]
        ok(second, "DELETE", f"{SESSIONS}/s")
        assert send(first, "GET", f"{SESSIONS}/s").status == 404


def test_two_processes_writing_to_one_session_lose_nothing(tmp_path: Path) -> None:
    """Writers in two processes wait for each other."""
    store = {"SESSIONS_STORE": f"sqlite:///{tmp_path}/sessions.db"}
    with serving("sessions_api", store) as first, serving("sessions_api", store) as second:
        ok(first, "POST", f"{SESSIONS}?sessionId=s", {"userId": "u"})

        def write(url: str, thread: int) -> None:
            for number in range(25):
                delta = {"stateDelta": {f"{thread}-{number}": 1, f"app:{thread}-{number}": 1}}
                ok(url, "POST", f"{SESSIONS}/s:appendEvent", {**EVENT, "actions": delta})

        threads = [
            threading.Thread(target=write, args=((first, second)[thread % 2], thread))
            for thread in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(ok(first, "GET", f"{SESSIONS}/s")["sessionState"]) == 200
        assert len(ok(first, "GET", f"{SESSIONS}/s/events?pageSize=1000")["sessionEvents"]) == 100


def test_a_killed_server_has_kept_every_event_it_acknowledged(tmp_path: Path) -> None:
    """SIGKILL amid appends, a restart on the same file: nothing acknowledged is lost."""
    store = {"SESSIONS_STORE": f"sqlite:///{tmp_path}/sessions.db"}
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = start(store, port)
    acknowledged: list[str] = []
    enough = threading.Event()

    def write() -> None:
        number = 0
        while True:
            event = {**EVENT, "author": str(number), "actions": {"stateDelta": {"n": number}}}
            try:
                ok(url, "POST", f"{SESSIONS}/s:appendEvent", event)
            except OSError:
                return
            acknowledged.append(str(number))
            number += 1
            if number == 50:
                enough.set()

    writer = threading.Thread(target=write)
    try:
        end = time.monotonic() + 30
        while True:
            try:
                ok(url, "POST", f"{SESSIONS}?sessionId=s", {"userId": "u"})
                break
            except OSError:
                assert time.monotonic() < end
                time.sleep(0.05)
        writer.start()
        assert enough.wait(30)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    writer.join(30)
    with serving("sessions_api", store) as again:
        found = ok(again, "GET", f"{SESSIONS}/s/events?pageSize=1000")["sessionEvents"]
        authors = [event["author"] for event in found]
        assert authors[: len(acknowledged)] == acknowledged
        assert len(authors) <= len(acknowledged) + 1
        state = ok(again, "GET", f"{SESSIONS}/s")["sessionState"]
        assert state == {"n": int(authors[-1])}
        assert ok(again, "POST", f"{SESSIONS}/s:appendEvent", EVENT) == {}
