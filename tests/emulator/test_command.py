"""The command `agent-engine-sessions`, from this checkout."""

import ast
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from google.api_core.exceptions import Aborted

import functions
from agent_engine_sessions.testing import Sessions
from tests.clients.snippets import gapic_grpc
from tests.support.servers import free_port
from tests.support.starting import COMMAND, environment, started

SESSIONS = "/v1beta1/projects/local/locations/us-central1/reasoningEngines/1/sessions"


def run(*arguments: str, folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def create(url: str) -> httpx.Response:
    return httpx.post(url + SESSIONS, json={"userId": "me"}, timeout=60)


def test_one_line_comes_once_the_server_answers(tmp_path: Path) -> None:
    """Port 0 is a free port. The line, the file and the descriptor name the same URL."""
    reader, writer = os.pipe()
    announced = [f"--ready-fd={writer}", "--url-file=url"]
    process = subprocess.Popen(
        [*COMMAND, "start", "--port=0", "--store=memory", *announced],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        pass_fds=[writer],
        start_new_session=True,
    )
    os.close(writer)
    try:
        with open(reader, encoding="utf-8") as ready:
            url = ready.read().strip()
        assert create(url).status_code == 200
        assert (tmp_path / "url").read_text() == url
        assert process.stdout is not None
        assert process.stdout.readline() == f"Agent Engine Sessions answers at {url}\n"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        assert process.communicate(timeout=60)[0] == ""
    assert [path.name for path in tmp_path.iterdir()] == ["url"]


def test_the_server_imports_its_own_packages_whatever_the_project_has(tmp_path: Path) -> None:
    """A project's own `functions` and `main` stay out, in its folder and on PYTHONPATH."""
    for name in ("functions", "main"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise ImportError('of the project')")
    path = os.pathsep.join([environment()["PYTHONPATH"], str(tmp_path)])
    variables = environment(PYTHONPATH=path)
    with started("--store=memory", folder=tmp_path, variables=variables) as (url, _):
        assert create(url).status_code == 200


def test_ctrl_c_ends_it_at_once_though_a_client_follows_a_session(tmp_path: Path) -> None:
    with started("--store=memory", folder=tmp_path) as (url, process):
        name = create(url).json()["response"]["name"]
        with httpx.stream("GET", f"{url}/v1beta1/{name}/events:watch", timeout=60) as watched:
            assert watched.status_code == 200
            os.killpg(process.pid, signal.SIGINT)
            assert process.wait(20) == 0


def test_a_file_keeps_sessions_from_one_start_to_the_next(tmp_path: Path) -> None:
    """And the backup of the running server is a store, too."""
    with started("--store=here.db", folder=tmp_path) as (url, _):
        name = create(url).json()["response"]["name"]
        backed_up = run("backup", "--store=here.db", "copy.db", folder=tmp_path)
        assert backed_up.returncode == 0, backed_up.stderr
    for store in ("here.db", "copy.db"):
        with started(f"--store={store}", folder=tmp_path) as (url, _):
            assert httpx.get(f"{url}/v1beta1/{name}").json()["userId"] == "me"


def test_firestore_is_a_store_too(tmp_path: Path, emulator: str) -> None:
    variables = environment(FIRESTORE_EMULATOR_HOST=emulator)
    store = f"--store=firestore://p{uuid4().hex}"
    with started(store, folder=tmp_path, variables=variables) as (url, _):
        sessions = SESSIONS.removeprefix("/v1beta1/projects/local/locations/us-central1")
        created = httpx.post(f"{url}/v1beta1{sessions}", json={"userId": "me"}, timeout=60)
        assert created.status_code == 200
    assert list(tmp_path.iterdir()) == []


def test_port_0_of_grpc_is_a_free_port_that_the_line_names(tmp_path: Path) -> None:
    command = [*COMMAND, "start", "--port=0", "--store=memory", "--grpc-port=0"]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        address = process.stdout.readline().strip().rpartition(", gRPC at ")[2]
        sessions = gapic_grpc.connect(address)
        assert list(sessions.list_sessions(parent="reasoningEngines/1")) == []
        process.terminate()


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("start", f"--port={port}", folder=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        f"Cannot listen on port {port} of 127.0.0.1: Address already in use. Stop the other "
        f"server, or choose a port: --port={port + 1} or make run PORT={port + 1}\n"
    )


def test_grpc_answers_where_the_line_says(tmp_path: Path) -> None:
    """A fault of the emulator fails a call of gRPC, too."""
    port = free_port()
    options = ("--store=memory", "--emulator", f"--grpc-port={port}")
    with started(*options, folder=tmp_path) as (url, _):
        sessions = gapic_grpc.connect(f"127.0.0.1:{port}")
        engine = SESSIONS.removeprefix("/v1beta1/").removesuffix("/sessions")
        name = sessions.create_session(parent=engine, session={"user_id": "me"}).result().name
        assert httpx.get(f"{url}/v1beta1/{name}").json()["userId"] == "me"
        Sessions(url, "local").fail(method="get_session", status=409)
        with pytest.raises(Aborted, match="A test asked for this error"):
            sessions.get_session(name=name)
        assert sessions.get_session(name=name).user_id == "me"


def test_a_taken_grpc_port_is_one_sentence(tmp_path: Path) -> None:
    """Also one that another server of gRPC would share."""
    port = free_port()
    with started("--store=memory", f"--grpc-port={port}", folder=tmp_path):
        ended = run("start", "--port=0", f"--grpc-port={port}", folder=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        f"Cannot listen on port {port} of 127.0.0.1: Address already in use. Stop the other "
        f"server, or choose a port: --grpc-port={port + 1}\n"
    )


@pytest.mark.parametrize("option", ["--url-file", "--export-on-exit"])
def test_a_file_that_cannot_be_written_is_one_sentence(tmp_path: Path, option: str) -> None:
    """Before anything starts."""
    ended = run("start", "--port=0", f"{option}=missing/file", folder=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        f"{option}=missing/file cannot be written: make its folder, or name another one.\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "line",
    ["no JSON", '{"other":1}', '{"event":{"name":"reasoningEngines/1/sessions/s/events/e"}}'],
)
def test_a_seed_that_fails_ends_the_start(tmp_path: Path, line: str) -> None:
    """With a sentence and 1, and no URL."""
    (tmp_path / "seed").write_text(line + "\n")
    ended = run("start", "--port=0", "--store=memory", "--seed=seed", folder=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert re.search("^(Import failed|seed is no export)", ended.stderr, re.MULTILINE)
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("store", ["nope://x", "sqlit:///x.db"])
def test_a_store_of_another_scheme_is_refused(tmp_path: Path, store: str) -> None:
    ended = run("start", "--port=0", f"--store={store}", folder=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.endswith(f"{store!r} is neither sqlite:///FILE nor firestore://PROJECT.\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("store", ["text.txt", "text.txt/x.db", "/proc/x.db"])
def test_a_store_that_cannot_be_opened_is_one_sentence(tmp_path: Path, store: str) -> None:
    """A file that is no database, or a place where there can be none."""
    (tmp_path / "text.txt").write_text("This is no database, whatever its name may be.\n" * 9)
    ended = run("start", "--port=0", f"--store={store}", folder=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert re.fullmatch(r"The store /\S+ cannot be opened: .+\.\n", ended.stderr)


def test_the_start_says_where_sessions_are(tmp_path: Path) -> None:
    """On standard error: a word that was to be `memory` is a file's name."""
    process = subprocess.Popen(
        [*COMMAND, "start", "--port=0", "--store=memry"],
        cwd=tmp_path,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr is not None
        assert process.stderr.readline() == f"Sessions are in {tmp_path}/memry.\n"
        process.terminate()


@pytest.mark.parametrize("host", ["no such host", "192.0.2.1"])
def test_a_host_that_is_not_here_is_one_sentence(tmp_path: Path, host: str) -> None:
    """No other server is in the way."""
    ended = run("start", "--port=0", f"--host={host}", folder=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"Cannot listen on port 0 of {host}: ")
    assert ended.stderr.endswith(" --host must be an address of this machine, such as 127.0.0.1.\n")


def test_a_wrong_setting_is_one_sentence_and_no_url(tmp_path: Path) -> None:
    ended = run("start", "--port=0", folder=tmp_path, MIN_TTL="never")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("MIN_TTL='never' is not allowed: ")


def test_env_prints_a_line_for_the_shell(tmp_path: Path) -> None:
    said = run("env", "--url=http://127.0.0.1:9", folder=tmp_path).stdout
    assert said == "export AGENT_ENGINE_SESSIONS_URL=http://127.0.0.1:9\n"


def test_the_version_stands_in_one_place(tmp_path: Path) -> None:
    assert run("--version", folder=tmp_path).stdout.strip() == functions.__version__


def test_start_imports_nothing_of_the_commands_that_move_sessions() -> None:
    """The line with the URL waits for every import."""
    code = "import sys; before = {*sys.modules}; import agent_engine_sessions.command; "
    code += "print(sorted({name.partition('.')[0] for name in {*sys.modules} - before}))"
    said = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    imported = {*ast.literal_eval(said.stdout)}
    assert "click" in imported
    assert imported & {"rich", "httpx", "tenacity", "flask", "pydantic", "google"} == set()
