"""The README's fixture in a project of two files."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.project import ROOT

TEST = """
import json, urllib.request

SESSIONS = "/v1beta1/projects/local/locations/us-central1/reasoningEngines/1/sessions"

def call(url, body=None):
    data = json.dumps(body).encode() if body else None
    with urllib.request.urlopen(urllib.request.Request(url, data)) as answer:
        return json.load(answer)

def test_a_session_is_kept(sessions_url):
    name = call(sessions_url + SESSIONS, {"userId": "ada"})["response"]["name"]
    assert call(f"{sessions_url}/v1beta1/{name}")["userId"] == "ada"

def test_the_server_is_the_same_for_the_whole_run(sessions_url):
    assert len(call(sessions_url + SESSIONS)["sessions"]) == 1
"""


def test_the_fixture_serves_another_projects_tests(tmp_path: Path) -> None:
    """The venv of this checkout serves; the other project runs pytest by its own means."""
    fixture = (Path(__file__).parent / "snippets/conftest_fixture.py").read_text()
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in ("main.py", "functions", "infra", "emulator"):
        (checkout / name).symlink_to(ROOT / name)
    (checkout / ".venv/bin").mkdir(parents=True)
    (checkout / ".venv/bin/python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (checkout / ".venv/bin/python").chmod(0o755)
    project = tmp_path / "project"
    project.mkdir()
    (project / "conftest.py").write_text(fixture)
    (project / "test_sessions.py").write_text(TEST)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--confcutdir=."],
        cwd=project,
        env={**os.environ, "AGENT_ENGINE_SESSIONS": str(checkout)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "2 passed" in run.stdout, run.stdout + run.stderr
