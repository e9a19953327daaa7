"""The Dockerfile, as far as it can be checked without Docker."""

import contextlib
import inspect
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.docker import Engine
from tests.support.pages import code_blocks
from tests.support.project import ROOT
from tests.support.servers import free_port

USE_IN_TESTS = (ROOT / "docs/use-it-in-tests.md").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
STEPS = re.findall(r"^([A-Z]+) (.+)$", DOCKERFILE, re.MULTILINE)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def the_only(instruction: str, *, last: bool = False) -> str:
    """The arguments of an instruction: the only one of its kind, or with `last` the last one."""
    found = [rest for name, rest in STEPS if name == instruction]
    assert last or len(found) == 1
    return found[-1]


def test_what_it_copies_is_there_and_is_sent() -> None:
    """`.dockerignore` lets through what the build copies, and nothing else."""
    copied = {
        source
        for name, rest in STEPS
        if name == "COPY" and "--from" not in rest
        for source in shlex.split(rest)[:-1]
    }
    assert [source for source in copied if not (ROOT / source).exists()] == []
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == copied
    assert "*" in ignored


def test_a_linter_finds_nothing() -> None:
    """No rule for Dockerfiles is broken, and none of shellcheck for RUN."""
    linter = Path(sys.executable).with_name("hadolint")
    found = subprocess.run([linter, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert found.stdout == ""
    assert found.returncode == 0, found.stderr


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder /dist of the first stage, whose steps run in a folder in place of the root."""
    stage = STEPS[: [name for name, _ in STEPS].index("FROM", 1)]
    folder = tmp_path_factory.mktemp("stage")
    source, dist = folder / "source", folder / "dist"
    for name, rest in stage:
        if name == "COPY":
            *copied, to = shlex.split(rest)
            for each in copied:
                if (ROOT / each).is_dir():
                    shutil.copytree(ROOT / each, source / to)
                else:
                    source.mkdir(exist_ok=True)
                    shutil.copy(ROOT / each, source / to)
    (build,) = [rest for name, rest in stage if name == "RUN"]
    run_step(build.replace("/dist", str(dist)), source, Path(sys.executable))
    return dist


def run_step(step: str, folder: Path, python: Path, **variables: str) -> None:
    """Runs a step as it stands, except that pip, users and owners of the image are replaced."""
    image = f"""
        set -e
        pip() {{ {python} -m pip --disable-pip-version-check "$@"; }}
        useradd() {{ echo "$@" > users; }}
        install() {{ test "$1 $2" = "-d -o"; grep -qw "$3" users; mkdir "$4"; }}
    """
    process = subprocess.run(
        ["bash", "-c", image + step],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stdout + process.stderr


def test_its_first_stage_builds_the_wheel_of_what_it_copies(dist: Path) -> None:
    (wheel,) = dist.iterdir()
    assert wheel.name.startswith(PROJECT["name"].replace("-", "_"))
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
    assert "agent_engine_sessions/_server/main.py" in names
    assert not [name for name in names if "__pycache__" in name]


def test_its_second_stage_serves(dist: Path, tmp_path: Path) -> None:
    """Its steps run in an environment of its own, then its command and its health check.

    The packages of this machine are there already; tests/emulator/test_package.py installs them.
    """
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    programs = tmp_path / "env/bin"
    (packages,) = (tmp_path / "env/lib").glob("python*/site-packages")
    packages.joinpath("of_this_machine.pth").write_text(sysconfig.get_path("purelib"))
    copied, data = tmp_path / "dist", tmp_path / "data"
    shutil.copytree(dist, copied)
    (step,) = [rest for name, rest in STEPS if name == "RUN" and "install" in rest]
    step = step.replace("/dist", str(copied)).replace("/data", str(data))
    name, extras = the_only("ARG").split("=")
    run_step(step, tmp_path, programs / "python", **{name: extras})
    assert not copied.exists()
    assert f"--uid {the_only('USER')} " in (tmp_path / "users").read_text()
    assert the_only("WORKDIR", last=True) == the_only("VOLUME") == "/data"

    variables = dict(pair.split("=") for pair in the_only("ENV").split())
    assert (variables["HOST"], variables["PORT"]) == ("0.0.0.0", the_only("EXPOSE"))
    variables = {**os.environ, **variables, "HOST": "127.0.0.1", "PORT": str(free_port())}
    command = json.loads(the_only("ENTRYPOINT")) + json.loads(the_only("CMD"))
    (check,) = re.findall(r"CMD (\[.+\])", the_only("HEALTHCHECK"))
    health = json.loads(check)
    assert health[0] == command[0] in PROJECT["scripts"]
    for words in (command, health):
        words[0] = str(programs / words[0])
    with serving(command, data, variables) as line:
        assert line.endswith(f":{variables['PORT']}\n")
        assert subprocess.run(health, env=variables).returncode == 0
        assert (data / ".data/sessions.db").exists()
    assert subprocess.run(health, env=variables).returncode == 1


@contextlib.contextmanager
def serving(command: list[str], folder: Path, variables: dict[str, str]) -> Iterator[str]:
    """Yields the line that the command prints once it serves; the server ends with the block."""
    process = subprocess.Popen(
        command, cwd=folder, env=variables, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    yield process.stdout.readline()
    process.terminate()
    assert process.wait(60) == 0


def test_it_runs_without_root_on_a_python_that_the_package_takes() -> None:
    """USER is a number, which Kubernetes can tell from root."""
    assert int(the_only("USER")) > 0
    assert the_only("EXPOSE") == "8080"
    for name, image in STEPS:
        if name == "FROM":
            version = re.match(r"python:3\.(\d+)-slim", image)
            assert version is not None
            assert int(version[1]) >= int(PROJECT["requires-python"].removeprefix(">=3."))
    name, extras = the_only("ARG").split("=")
    assert f"*.whl)[${name}]" in DOCKERFILE
    assert {*extras.split(",")} <= {*PROJECT["optional-dependencies"]}


def test_the_code_for_testcontainers_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for Docker's engine that runs the image's command as a process."""
    (code,) = [block for block in code_blocks(USE_IN_TESTS, "python") if "testcontainers" in block]
    (image,) = re.findall(r"`docker build -t (\S+) \.`", USE_IN_TESTS)
    engine = Engine(tmp_path, image, port=int(the_only("EXPOSE")))
    monkeypatch.setattr("testcontainers.core.container.DockerClient", lambda: engine)
    monkeypatch.setattr("testcontainers.core.config.testcontainers_config.ryuk_disabled", True)
    names: dict[str, Any] = {}
    exec(compile(code, "use-it-in-tests.md", "exec"), names)
    url = contextlib.contextmanager(inspect.unwrap(names["container_url"]))
    with url() as found:
        names["test_the_container"](found)


@pytest.mark.parametrize("word", ["pip install", "pip wheel"])
def test_pip_leaves_no_cache_in_a_layer(word: str) -> None:
    steps = [rest for name, rest in STEPS if name == "RUN" and word in rest]
    assert steps
    assert all("--no-cache-dir" in rest for rest in steps)
