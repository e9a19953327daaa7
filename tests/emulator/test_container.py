"""The Dockerfile, as far as it can be checked without Docker."""

import contextlib
import inspect
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.docker import Engine
from tests.support.pages import code_blocks
from tests.support.project import ROOT
from tests.support.starting import COMMAND, environment, started

USE_IN_TESTS = (ROOT / "docs/use-it-in-tests.md").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
STEPS = re.findall(r"^([A-Z]+) (.+)$", DOCKERFILE, re.MULTILINE)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def the_only(instruction: str) -> str:
    (found,) = [rest for name, rest in STEPS if name == instruction]
    return found


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


def test_its_first_stage_builds_the_wheel_of_what_it_copies(tmp_path: Path) -> None:
    """The step runs as printed, with a folder in place of the image's root."""
    stage = STEPS[: [name for name, _ in STEPS].index("FROM", 1)]
    source, dist = tmp_path / "source", tmp_path / "dist"
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
    command = (
        f'set -e; pip() {{ {sys.executable} -m pip "$@"; }}; {build.replace("/dist", str(dist))}'
    )
    built = subprocess.run(["bash", "-c", command], cwd=source, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    (wheel,) = dist.iterdir()
    assert wheel.name.startswith(PROJECT["name"].replace("-", "_"))
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
    assert "agent_engine_sessions/_server/main.py" in names
    assert not [name for name in names if "__pycache__" in name]


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


def test_its_commands_are_the_commands_of_the_package(tmp_path: Path) -> None:
    """The health check fails, then succeeds once the server that CMD starts is there."""
    (script,) = json.loads(the_only("ENTRYPOINT"))
    assert script in PROJECT["scripts"]
    (start,) = json.loads(the_only("CMD"))
    assert start == "start"
    (check,) = re.findall(r"CMD (\[.+\])", the_only("HEALTHCHECK"))
    first, *options = json.loads(check)
    assert first == script
    variables = dict(pair.split("=") for pair in the_only("ENV").split())
    assert variables["PORT"] == the_only("EXPOSE")
    with started("--store=memory", folder=tmp_path) as (url, process):
        port = url.rpartition(":")[2]
        assert checked(options, PORT=port) == 0
        process.terminate()
        process.wait(60)
        assert checked(options, PORT=port) == 1


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


def checked(options: list[str], **variables: str) -> int:
    return subprocess.run([*COMMAND, *options], env=environment(**variables)).returncode
