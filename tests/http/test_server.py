"""The server that functions-framework starts: its worker, its settings, and those it refuses."""

import os
import re
import signal
import subprocess
import sys
import time
from http.client import HTTPConnection
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from functions.api.framework import TESTED_GUNICORN
from tests.support.project import ROOT
from tests.support.servers import STOCK_WORKER, free_port, serving

ENGINE = "/v1beta1/projects/test-project/locations/us-central1/reasoningEngines/1"
SETTINGS = """
import gunicorn.config, sys
from functions_framework import create_app
from functions_framework._http.gunicorn import GunicornApplication
config = GunicornApplication(create_app("sessions_api"), "127.0.0.1", 0, False).cfg
for name in sys.argv[1:]:
    print(getattr(config, name))
"""


def output(environment: dict[str, str], *arguments: str) -> str:
    """What a process says that ends by itself."""
    process = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    return process.stdout


def start(environment: dict[str, str], *options: str) -> str:
    """What functions-framework says that refuses to start."""
    port = {"HOST": "127.0.0.1", "PORT": str(free_port())}
    command = ("-m", "functions_framework", "--target=sessions_api", *options)
    return output({**port, **environment}, *command)


def settings(environment: dict[str, str], *names: str) -> list[str]:
    """Some settings of the server, as it would start in that environment."""
    return output(environment, "-c", SETTINGS, *names).splitlines()


def workers(url: str) -> list[int]:
    """The process ids of a server's workers: the children of the process that started them."""
    port = str(urlsplit(url).port)
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and f"PORT={port}\0" in _read(folder / "environ"):
            children = _read(folder / "task" / folder.name / "children").split()
            if children:
                return [int(child) for child in children]
    raise AssertionError("no worker")


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def test_the_bounds_are_for_the_gunicorn_that_is_installed() -> None:
    """An upgrade of gunicorn changes this line once the tests have run with it."""
    assert version("gunicorn") == TESTED_GUNICORN


def test_another_gunicorn_serves_with_its_own_worker_and_one_warning() -> None:
    names = ("worker_class_str", "keepalive", "forwarder_headers")
    assert settings({}, *names) == ["BoundedWorker", "75", "[]"]
    environment = {"PYTHONPATH": os.pathsep.join([STOCK_WORKER["PYTHONPATH"], str(ROOT)])}
    warning, *others = settings(environment, *names)
    assert "WARNING" in warning
    assert TESTED_GUNICORN in warning
    assert others == ["gthread", "75", "[]"]


def test_no_worker_is_killed_for_its_silence(
    tmp_path: Path, worker: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that starts as on Cloud Run has no timeout, as gunicorn's log of its start says."""
    cloud_run = {"K_SERVICE": "sessions-api", "CLOUD_RUN_TIMEOUT_SECONDS": "60"}
    store = {"SESSIONS_STORE": f"sqlite:///{tmp_path}/s.db"}
    with serving("sessions_api", {**cloud_run, **store, **worker, "GUNICORN_LOG_LEVEL": "debug"}):
        pass
    assert re.findall(r"^ *timeout: (.+)$", capsys.readouterr().out, re.MULTILINE) == ["0"]


def test_a_worker_that_stood_still_goes_on(tmp_path: Path, worker: dict[str, str]) -> None:
    """Cloud Run gives an idle instance no processor; gunicorn would kill its worker after that."""
    store = {"SESSIONS_STORE": f"sqlite:///{tmp_path}/s.db", "CLOUD_RUN_TIMEOUT_SECONDS": "1"}
    with serving("sessions_api", {**store, **worker}) as url:
        before = workers(url)
        for process in before:
            os.kill(process, signal.SIGSTOP)
        # Longer than the timeout would be and the second after which gunicorn looks.
        time.sleep(3)
        for process in before:
            os.kill(process, signal.SIGCONT)
        assert httpx.get(f"{url}{ENGINE}/sessions", timeout=60).status_code == 200
        assert workers(url) == before


def test_more_clients_than_threads_are_all_served(tmp_path: Path, worker: dict[str, str]) -> None:
    """Each on its own connection, which the server keeps."""
    store = {"SESSIONS_STORE": f"sqlite:///{tmp_path}/s.db", "THREADS": "2"}
    with serving("sessions_api", {**store, **worker}) as url:
        address = urlsplit(url)
        clients = [HTTPConnection(str(address.hostname), address.port or 0, 60) for _ in range(24)]
        for _ in range(5):
            for client in clients:
                client.request("GET", f"{ENGINE}/sessions")
            answers = [client.getresponse() for client in clients]
            assert {(answer.status, answer.read()) for answer in answers} == {(200, b"{}")}
        for client in clients:
            client.close()


def test_headers_of_a_proxy_change_nothing(tmp_path: Path) -> None:
    """Not even those that gunicorn refuses by default, since they contradict each other."""
    with serving("sessions_api", {"SESSIONS_STORE": f"sqlite:///{tmp_path}/s.db"}) as url:
        sent = {"X-Forwarded-Proto": "https", "X-Forwarded-Ssl": "off", "Script-Name": "/v1"}
        assert httpx.get(f"{url}{ENGINE}/sessions", headers=sent).json() == {}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has SCHED_BATCH")
def test_threads_of_a_worker_let_each_other_finish(tmp_path: Path, worker: dict[str, str]) -> None:
    store = {"SESSIONS_STORE": f"sqlite:///{tmp_path}/s.db"}
    with serving("sessions_api", {**store, **worker}) as url:
        httpx.get(f"{url}{ENGINE}/sessions")
        threads = [int(task.name) for task in Path(f"/proc/{workers(url)[0]}/task").iterdir()]
        assert {os.sched_getscheduler(thread) for thread in threads} == {os.SCHED_BATCH}


@pytest.mark.parametrize(
    ("environment", "options", "named"),
    [
        ({"THREADED_TIMEOUT_ENABLED": "true"}, (), "THREADED_TIMEOUT_ENABLED"),
        ({"THREADED_TIMEOUT_ENABLED": "True"}, (), "THREADED_TIMEOUT_ENABLED"),
        ({"FUNCTION_USE_ASGI": "true"}, (), "FUNCTION_USE_ASGI"),
        ({}, ("--asgi",), "--asgi"),
        ({"DEBUG": "1", "K_SERVICE": "s", "AUTH": "none"}, (), "DEBUG"),
        ({"K_SERVICE": "s", "AUTH": "none"}, ("--debug",), "--debug"),
    ],
    ids=str,
)
def test_a_setting_that_brings_another_server_stops_the_start(
    environment: dict[str, str], options: tuple[str, ...], named: str
) -> None:
    """One sentence says which, and what to do."""
    said = start({"GOOGLE_CLOUD_PROJECT": "p", **environment}, *options)
    assert named in said
    assert "not allowed" in said
    assert len(said.splitlines()) == 1, said


def test_the_debug_server_serves_on_a_laptop(tmp_path: Path) -> None:
    """`--debug` is Werkzeug's server, without the bounds of gunicorn's."""
    store = {"SESSIONS_STORE": f"sqlite:///{tmp_path}/s.db", "DEBUG": "true"}
    with serving("sessions_api", store) as url:
        sessions = f"{url}{ENGINE}/sessions"
        body = {"userId": "u"}
        assert httpx.post(f"{sessions}?sessionId=s", json=body, timeout=60).status_code == 200
        assert httpx.get(f"{sessions}/s", timeout=60).json()["userId"] == "u"
        with httpx.stream("GET", f"{sessions}/s/events:watch", timeout=60) as stream:
            assert next(stream.iter_lines()).startswith("retry:")


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_server_that_is_told_to_stop_ends_its_streams(
    tmp_path: Path, worker: dict[str, str], sent: signal.Signals
) -> None:
    """Ctrl-C in a terminal, too, reaches the server and its workers; a stream has an hour to go."""
    port = free_port()
    settings = {"SESSIONS_STORE": f"sqlite:///{tmp_path}/s.db", "PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "-m", "functions_framework", "--target=sessions_api"],
        cwd=ROOT,
        env={**os.environ, "HOST": "127.0.0.1", **settings, **worker},
        start_new_session=True,
    )
    sessions = f"http://127.0.0.1:{port}{ENGINE}/sessions"
    try:
        while True:
            try:
                httpx.post(f"{sessions}?sessionId=s", json={"userId": "u"}, timeout=60)
                break
            except httpx.TransportError:
                assert process.poll() is None
                time.sleep(0.05)
        with httpx.stream("GET", f"{sessions}/s/events:watch", timeout=60) as stream:
            lines = stream.iter_lines()
            next(lines)
            os.killpg(process.pid, sent)
            # gunicorn itself would wait 30 seconds.
            process.wait(20)
            list(lines)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
