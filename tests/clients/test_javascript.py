"""Google's clients for JavaScript: ADK's session service, and GAPIC."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.project import PROJECT, REGION, ROOT
from tests.support.servers import serving

HERE = Path(__file__).parent
INSTALLED = ROOT / ".venv/javascript"
NODE_MISSING = "no node and npm on the path: Debian's packages are `nodejs` and `npm`"

Run = Callable[..., Any]


@pytest.fixture(scope="session")
def run() -> Run:
    """Runs a program of `javascript/` and answers the JSON that it prints last."""
    if not (shutil.which("node") and shutil.which("npm")):
        if os.environ.get("CI"):
            pytest.fail(NODE_MISSING)
        pytest.skip(NODE_MISSING)
    for folder in ("javascript", "snippets"):
        shutil.copytree(HERE / folder, INSTALLED / folder, dirs_exist_ok=True)
    lock = (HERE / "javascript/package-lock.json").read_text()
    stamp = INSTALLED / "installed.json"
    if not stamp.exists() or stamp.read_text() != lock:
        for file in ("package.json", "package-lock.json"):
            shutil.copy(HERE / "javascript" / file, INSTALLED)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=INSTALLED, check=True)
        stamp.write_text(lock)

    def run(program: str, *arguments: str) -> Any:
        command = ["node", f"javascript/{program}", *arguments]
        done = subprocess.run(command, cwd=INSTALLED, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture(scope="module")
def server(run: Run, store_environment: dict[str, str]) -> Iterator[str]:
    """One with the setting that adk-js needs for long conversations, else as it comes."""
    with serving("sessions_api", {**store_environment, "DEFAULT_PAGE_SIZE": "1000"}) as url:
        yield url


def test_adk_runs_an_agent_whose_tool_waits(run: Run, server: str, engine_id: str) -> None:
    """Two turns are stored, read, listed and deleted; their runs wait while the tool does."""
    told = run("adk_conversation.mjs", server, engine_id)
    assert told["created"] == {"opened": 1}
    assert told["state"] == {"opened": 1, "asked": True}
    turn = [
        ("user", ["text"], False),
        ("clerk", ["functionCall"], True),
        ("clerk", ["functionResponse"], False),
        ("clerk", ["text"], False),
    ]
    found = [(each["author"], each["kinds"], each["isLongRunning"]) for each in told["events"]]
    assert found == turn * 2
    assert [each["text"] for each in told["events"] if each["kinds"] == ["text"]] == [
        *("a trip", "Asked.", "a car", "Asked.")
    ]
    assert told["runs"] == [["ACTIVE", {"status": "pending"}]] * 2
    assert (told["listed"], told["gone"]) == ([True], True)


def test_adk_reads_as_many_events_as_a_page_has(run: Run, server: str, engine_id: str) -> None:
    """It reads the first page and no other; what it appends twice is there once."""
    assert run("adk_append.mjs", server, engine_id, "101", "long") == [*map(str, range(101))]


def test_what_adk_sends_is_kept_whole(run: Run, server: str, engine_id: str) -> None:
    """It sends a field that the published schema lacks; on a 400 it drops `rawEvent`."""
    run("adk_append.mjs", server, engine_id, "1", "one")
    session = f"projects/local/locations/{REGION}/reasoningEngines/{engine_id}/sessions/one"
    events = httpx.get(f"{server}/v1beta1/{session}/events", timeout=60).json()
    (event,) = events["sessionEvents"]
    assert event["actions"]["requestedToolConfirmations"] == {}
    assert event["rawEvent"]["content"] == event["content"]


@pytest.mark.parametrize("transport", ["rest", "grpc"])
@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_gapic_speaks_every_method(
    run: Run, addresses: dict[str, str], transport: str, version: str
) -> None:
    """Sessions, events, engines and operations."""
    location = f"projects/{PROJECT}/locations/{REGION}"
    assert run("gapic_sessions.mjs", addresses[transport], version, location) == {
        "displayNames": ["A trip", "A trip"],
        "state": ["n", "user:unit"],
        "listed": [True],
        "timestamp": [1_767_225_600, 5_000_000],
        "bytes": [255, 254, 0],
        "language": "PYTHON",
        "scores": [0.5],
        "error": [5, "Session NAME not found."],
    }


def test_gapic_reads_scores_that_are_no_numbers(run: Run, server: str, engine: str) -> None:
    """It cannot send them: it makes nulls of them, which are refused."""
    root, scores = f"{server}/v1beta1", ["NaN", "Infinity", "-Infinity"]
    body = {"userId": "ada"}
    created = httpx.post(f"{root}/{engine}/sessions", json=body, timeout=60).json()
    name = created["response"]["name"]
    event = {
        "author": "clerk",
        "invocationId": "turn-1",
        "timestamp": "2026-01-01T00:00:00Z",
        "eventMetadata": {
            "groundingMetadata": {"groundingSupports": [{"confidenceScores": scores}]}
        },
    }
    httpx.post(f"{root}/{name}:appendEvent", json=event, timeout=60).raise_for_status()
    assert run("gapic_scores.mjs", server, name) == scores
