"""The requests on the pages of extensions run as printed, on a session of two turns."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.http import ok, send
from tests.support.pages import code_blocks
from tests.support.project import ROOT
from tests.support.servers import serving

LAPTOP = "http://127.0.0.1:8080"
REQUEST = re.compile(r"\$\{?(SESSIONS|ENGINE|ENGINES|EVENT)\b")
"""What marks a block that talks to a server."""

PAGES = [page for page in sorted((ROOT / "docs").glob("*.md")) if REQUEST.search(page.read_text())]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving("sessions_api", {"SESSIONS_STORE": "sqlite:///:memory:"}) as url:
        yield url


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_requests_of_a_page_run_as_printed(page: Path, url: str, tmp_path: Path) -> None:
    """No answer is an error. The page says what its variables stand for."""
    engine = "/v1beta1/reasoningEngines/1"
    send(url, "DELETE", f"{engine}?force=true")
    ok(url, "POST", f"{engine}/sessions?sessionId=first", {"userId": "ada"})
    for turn in ("turn-1", "turn-2"):
        event = {"author": "user", "invocationId": turn, "timestamp": "2026-11-21T10:00:00Z"}
        ok(url, "POST", f"{engine}/sessions/first:appendEvent", event)
    script = "".join(
        block for block in code_blocks(page.read_text(), "sh") if REQUEST.search(block)
    )
    told = dict(re.findall(rf"`\$([A-Z]+)`\s+stands\s+for\s+`({LAPTOP}\S+)`", page.read_text()))
    run = subprocess.run(
        ["bash", "-c", script.replace(LAPTOP, url)],
        cwd=tmp_path,
        env={**os.environ, **{name: text.replace(LAPTOP, url) for name, text in told.items()}},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.stderr == ""
    assert run.stdout
    assert '"error"' not in run.stdout
