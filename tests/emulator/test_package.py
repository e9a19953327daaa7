"""The wheel and the sdist, installed into environments of their own."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import functions
from tests.support.pages import code_blocks
from tests.support.project import ROOT
from tests.support.servers import free_port
from tests.support.starting import started

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RANGE = re.compile(r"[A-Za-z0-9-]+(\[[a-z]+\])?>=[\d.]+,<\d+")


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


def install(built: Path, folder: Path, versions: str, extras: str = "") -> Path:
    """Installs the wheel into an environment below `folder`; answers the folder of its programs.

    The dependencies, or those of the extras if there are any, are the lowest or highest allowed.
    """
    run(sys.executable, "-m", "venv", "env", folder=folder)
    lists = [PROJECT["optional-dependencies"][each] for each in extras.split(",") if each]
    wanted = [each for found in lists or [PROJECT["dependencies"]] for each in found]
    lowest = [re.sub(r"\[[a-z]+\]|,.*", "", each).replace(">=", "==") for each in wanted]
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(lowest) if versions == "lowest" else "")
    (wheel,) = built.glob("*.whl")
    programs = folder / "env/bin"
    pip = (str(programs / "python"), "-m", "pip", "install", "--quiet", "--no-compile")
    what = f"agent-engine-sessions[{extras}] @ {wheel.as_uri()}"
    run(*pip, "-c", str(constraints), what, folder=folder)
    return programs


@pytest.mark.parametrize("versions", ["lowest", "highest"])
def test_the_wheel_alone_serves_the_first_conversation(
    built: Path, versions: str, tmp_path: Path
) -> None:
    """It takes no name but its own, and works with the lowest and the highest dependencies."""
    programs = install(built, tmp_path, versions)
    names = "import agent_engine_sessions, sys, importlib.util as u; " + (
        "print([u.find_spec(name) for name in ('functions', 'main', 'infra', 'tests')])"
    )
    assert run(str(programs / "python"), "-I", "-c", names, folder=tmp_path) == (
        "[None, None, None, None]\n"
    )
    command = str(programs / "agent-engine-sessions")
    missing = r"gRPC needs more packages: .*\[grpc\]|GRPC_ADDRESS needs the packages of .*\[grpc\]"
    for options, variables in (["--grpc-port=0"], {}), ([], {"GRPC_ADDRESS": "127.0.0.1:0"}):
        ended = subprocess.run(
            [command, "start", "--port=0", "--store=memory", *options],
            cwd=tmp_path,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
        )
        assert ended.returncode
        assert re.search(missing, ended.stderr)
        assert "Traceback" not in ended.stderr
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
        page = run("curl", "-sfH", "Accept: text/html", f"{url}/docs/settings.md", folder=tmp_path)
    assert "<td><code>SESSIONS_STORE</code></td>" in page
    assert '"plan":"pro"' in said
    assert '"error"' not in said


SMOKE = {
    "grpc": """
import sys
from google.cloud import aiplatform_v1, aiplatform_v1beta1
import gapic_grpc
for api in (aiplatform_v1, aiplatform_v1beta1):
    sessions = gapic_grpc.connect(sys.argv[1], api.SessionServiceClient)
    parent = "projects/p/locations/l/reasoningEngines/1"
    name = sessions.create_session(parent=parent, session={"user_id": "u"}).result().name
    assert sessions.get_session(name=name).user_id == "u"
""",
    "firestore": """
import json, sys, urllib.request
url = sys.argv[1] + "/v1beta1/reasoningEngines/1/sessions"
body = json.dumps({"userId": "u"}).encode()
name = json.load(urllib.request.urlopen(url, body))["response"]["name"]
assert json.load(urllib.request.urlopen(f"{sys.argv[1]}/v1beta1/{name}"))["userId"] == "u"
""",
}


@pytest.mark.skipif("TEST_EXTRAS" not in os.environ, reason="`make versions` runs it: minutes")
@pytest.mark.parametrize("versions", ["lowest", "highest"])
@pytest.mark.parametrize("extras", ["firestore", "grpc", "adk,pytest"])
def test_the_extras_work_with_the_lowest_and_highest_versions(
    built: Path, extras: str, versions: str, tmp_path: Path, emulator: str
) -> None:
    programs = install(built, tmp_path, versions, extras)
    python, command = str(programs / "python"), [str(programs / "agent-engine-sessions")]
    variables = {**os.environ, "THREADS": "4", "FIRESTORE_EMULATOR_HOST": emulator}
    if extras == "adk,pytest":
        page = code_blocks((ROOT / "docs/use-it-in-tests.md").read_text(), "python")
        code = [block for block in page if "testcontainers" not in block]
        (tmp_path / "test_page.py").write_text("\n\n".join(code))
        said = run(python, "-m", "pytest", "-q", "-W", "ignore", "test_page.py", folder=tmp_path)
        assert f"{len(code)} passed" in said
        return
    (tmp_path / "smoke.py").write_text(SMOKE[extras])
    shutil.copy(ROOT / "tests/clients/snippets/gapic_grpc.py", tmp_path)
    grpc = f"127.0.0.1:{free_port()}"
    options = ["--store=firestore://versions"]
    if extras == "grpc":
        options = ["--store=memory", f"--grpc-port={grpc.rpartition(':')[2]}"]
    with started(*options, command=command, folder=tmp_path, variables=variables) as (url, _):
        run(python, "smoke.py", grpc if extras == "grpc" else url, folder=tmp_path)


def test_the_wheel_is_typed_and_its_scripts_are_the_command_alone(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = run(sys.executable, "-m", "zipfile", "-l", str(wheel), folder=built)
    assert "agent_engine_sessions/py.typed" in names
    assert "__pycache__" not in names
    assert list(PROJECT["scripts"]) == ["agent-engine-sessions"]
