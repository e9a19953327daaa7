"""The wheel and the sdist, installed into environments of their own."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import functions
from tests.support.pages import code_blocks
from tests.support.project import ROOT
from tests.support.starting import started

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RANGE = re.compile(r"[A-Za-z-]+(\[[a-z]+\])?>=[\d.]+,<\d+")


def run(*command: str, folder: Path) -> str:
    process = subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.returncode == 0, process.stdout
    return process.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a sdist, and of the wheel that is built from what the sdist holds."""
    folder = tmp_path_factory.mktemp("dist")
    hatch = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    run(*hatch, "-t", "sdist", folder=ROOT)
    (sdist,) = folder.glob("*.tar.gz")
    run("tar", "xzf", str(sdist), "-C", str(folder), folder=folder)
    run(*hatch, "-t", "wheel", folder=folder / sdist.name.removesuffix(".tar.gz"))
    return folder


def test_every_dependency_is_a_range() -> None:
    extras = PROJECT["optional-dependencies"]
    wanted = [*PROJECT["dependencies"], *(each for extra in extras.values() for each in extra)]
    assert [each for each in wanted if not RANGE.fullmatch(each)] == []


@pytest.mark.parametrize("versions", ["lowest", "highest"])
def test_the_wheel_alone_serves_the_first_conversation(
    built: Path, versions: str, tmp_path: Path
) -> None:
    """It takes no name but its own, and works with the lowest and the highest dependencies."""
    run(sys.executable, "-m", "venv", "env", folder=tmp_path)
    lowest = [re.sub(r"\[[a-z]+\]|,.*", "", each) for each in PROJECT["dependencies"]]
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("\n".join(lowest).replace(">=", "==") if versions == "lowest" else "")
    (wheel,) = built.glob("*.whl")
    bin_folder = tmp_path / "env/bin"
    pip = (str(bin_folder / "python"), "-m", "pip", "install", "--quiet", "--no-compile")
    run(*pip, "-c", str(constraints), str(wheel), folder=tmp_path)
    names = "import agent_engine_sessions, sys, importlib.util as u; " + (
        "print([u.find_spec(name) for name in ('functions', 'main', 'infra', 'tests')])"
    )
    assert run(str(bin_folder / "python"), "-I", "-c", names, folder=tmp_path) == (
        "[None, None, None, None]\n"
    )
    command = str(bin_folder / "agent-engine-sessions")
    assert run(command, "--version", folder=tmp_path).strip() == functions.__version__
    conversation = next(
        block
        for block in code_blocks((ROOT / "README.md").read_text(), "sh")
        if "appendEvent" in block
    )
    variables = {**os.environ, "THREADS": "4"}
    with started("--store=memory", command=[command], folder=tmp_path, variables=variables) as (
        url,
        _,
    ):
        lines = "set -e\n" + conversation.replace("http://127.0.0.1:8080", url)
        said = run("bash", "-c", lines, folder=tmp_path)
    assert '"plan":"pro"' in said
    assert '"error"' not in said


def test_the_wheel_is_typed_and_its_scripts_are_the_command_alone(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = run(sys.executable, "-m", "zipfile", "-l", str(wheel), folder=built)
    assert "agent_engine_sessions/py.typed" in names
    assert "__pycache__" not in names
    assert list(PROJECT["scripts"]) == ["agent-engine-sessions"]
