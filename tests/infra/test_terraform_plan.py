"""What Terraform makes of the configuration, and what the functions find of it in the cloud."""

import json
import logging
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from functions.api.log import JsonFormatter
from functions.purge_expired_sessions import purge_expired_sessions
from functions.rules.request import Request
from functions.rules.settings import Settings
from functions.store.opening import open_store
from infra.schedule_purge import read_flags
from tests.conftest import ROOT
from tests.infra.configuration import INFRA, Configuration
from tests.infra.stand_in import terraform

TESTS = sorted((INFRA / "tests").glob("*.tftest.hcl"))


def test_terraforms_own_tests_of_both_shapes_pass(providers: dict[str, str]) -> None:
    """See infra/tests; the providers are mocked, so that nothing is asked of any cloud."""
    try:
        answer = terraform(INFRA, "test", "-no-color", environment=providers)
    except subprocess.CalledProcessError as error:
        pytest.fail(re.sub(r" +├─.*?\n\n", "\n", error.stdout, flags=re.DOTALL))
    runs = len(re.findall(r"^run ", "".join(path.read_text() for path in TESTS), re.MULTILINE))
    assert f"{runs} passed, 0 failed" in answer


@pytest.fixture
def deployed(configuration: Configuration, tmp_path: Path) -> Path:
    """A folder with the files that Terraform packs, and no others."""
    expression = configuration.locals["source_files"]
    named = re.search(r"setunion\(\[(.*?)\], fileset\(local\.root, \"(.*?)\"\)\)", expression)
    assert named is not None, f"not understood: {expression}"
    files = [ROOT / name.strip(' "') for name in named[1].split(",")]
    for path in [*files, *ROOT.glob(named[2])]:
        (tmp_path / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, tmp_path / path.relative_to(ROOT))
    return tmp_path


def test_the_packed_source_is_all_that_the_functions_need(deployed: Path) -> None:
    environment = {
        "FUNCTION_TARGET": "sessions_api",
        "K_SERVICE": "sessions-api",
        "SESSIONS_STORE": "firestore://my-project/(default)",
    }
    command = [sys.executable, "-c", "import main, functions.store.firestore"]
    subprocess.run(command, cwd=deployed, env={**os.environ, **environment}, check=True)


def test_the_packed_source_has_what_its_requirements_name(deployed: Path) -> None:
    requirements = (deployed / "requirements.txt").read_text()
    for name in re.findall(r"^-[cr] (\S+)", requirements, re.MULTILINE):
        assert (deployed / name).exists()


def test_the_line_that_the_alerts_count_is_the_one_that_a_purge_writes(
    configuration: Configuration, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(sessions_store=f"sqlite:///{tmp_path}/s.db")
    logger = logging.getLogger(purge_expired_sessions.__module__)
    caplog.set_level(logging.INFO, logger.name)
    logger.addHandler(caplog.handler)
    with closing(open_store(settings)) as store:
        purge_expired_sessions(request(settings), store, time.time_ns())
    logger.removeHandler(caplog.handler)
    written = json.loads(JsonFormatter().format(caplog.records[0]))
    metric = configuration.resources["google_logging_metric.purges"].body
    assert f'jsonPayload.message="{written["message"]}"' in metric["filter"].replace("\\", "")
    extracted = re.findall(r"EXTRACT\(jsonPayload\.(\w+)\)", str(metric["label_extractors"]))
    assert extracted
    assert set(extracted) <= set(written)


def test_the_command_for_the_schedule_is_one_that_the_script_takes(
    configuration: Configuration,
) -> None:
    command = configuration.outputs["schedule_command"]["value"]
    assert "infra/schedule_purge.py apply" in command
    flags = re.findall(r"--([a-z-]+)=", command)
    assert set(flags) == set(SCHEDULE)
    read_flags(["apply", *(f"--{flag}={SCHEDULE[flag]}" for flag in flags)])


SCHEDULE = {
    "project": "my-project",
    "location": "us-central1",
    "url": "https://purge-abc-uc.a.run.app",
    "service-account": "sessions-scheduler@my-project.iam.gserviceaccount.com",
    "attempt-deadline": "180s",
}


def request(settings: Settings) -> Request:
    return Request("v1beta1", "", "", {}, b"", settings, enum_numbers=False)
