"""ADK's own tests of session services, run over ours if the machine has ADK's repository.

ADK's packages carry no tests. `make adk-tests` gets the repository at the version that is
installed here, and names its folder in ADK_SOURCE.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_engine_sessions.serving import URL_VARIABLE
from tests.support.adk_contract.over_our_service import EXCEPTIONS
from tests.support.project import ROOT
from tests.support.servers import serving

ASYNCHRONOUS = ("-o", "anyio_mode=auto", "-W", "ignore")
"""ADK's tests are for another plugin of asyncio, whose marks pytest does not know here."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving("sessions_api", {"SESSIONS_STORE": "sqlite:///:memory:"}) as url:
        yield url


def files_of(source: Path) -> list[Path]:
    """The files of tests that take the fixture, their own or that of a module beside them."""
    fixture = re.compile(r"^((async )?def|from \._\w+ import) session_service\b", re.MULTILINE)
    files = sorted((source / "tests/unittests/sessions").glob("test_*.py"))
    return [file for file in files if fixture.search(file.read_text())]


def test_adks_own_tests_hold_over_our_service(url: str) -> None:
    """All tests that take the fixture of ADK's services hold, except the listed ones."""
    if not (source := os.environ.get("ADK_SOURCE")):
        pytest.skip("ADK's own tests need ADK_SOURCE, its repository: make adk-tests gets it")
    folder = Path(source).absolute()
    files = files_of(folder)
    assert files, f"{folder} has no tests of session services."
    plugin = ROOT / "tests/support/adk_contract"
    command = [sys.executable, "-m", "pytest", "-p", "over_our_service", "-p", "no:cacheprovider"]
    variables = {
        "PYTHONPATH": os.pathsep.join([str(ROOT / "emulator"), str(plugin)]),
        URL_VARIABLE: url,
    }
    process = subprocess.run(
        [*command, "-v", "-rx", *ASYNCHRONOUS, *map(str, files)],
        cwd=folder,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    print(process.stdout)
    assert process.returncode == 0, process.stdout


@pytest.mark.parametrize("reason", EXCEPTIONS.values())
def test_the_page_tells_each_exception(reason: str) -> None:
    page = " ".join((ROOT / "docs/use-it-from-adk.md").read_text().split())
    assert reason in page
