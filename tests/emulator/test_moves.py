"""The commands move an engine from SQLite to Firestore and back."""

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.support.http import ok
from tests.support.project import ROOT
from tests.support.servers import serving
from tests.support.starting import COMMAND
from tests.support.stores import PATIENCE

SESSIONS, EVENTS = 20, 10
ENGINE = "7"


def run(command: str, url: str, file: Path) -> None:
    path = os.pathsep.join([str(ROOT / "emulator"), str(ROOT)])
    subprocess.run(
        [*COMMAND, command, "--url", url, "--engine", ENGINE, str(file)],
        env={**os.environ, "PYTHONPATH": path},
        check=True,
        stdout=sys.stderr,
    )


def fill(url: str) -> None:
    """Sessions of several users, with state of all scopes, events out of order, and forks."""
    sessions = f"/v1beta1/reasoningEngines/{ENGINE}/sessions"
    for number in range(SESSIONS):
        session = f"{sessions}/s{number}"
        state = {"n": number, "user:last": number, "app:last": number}
        body = {"userId": f'u "{number % 7}"', "labels": {"k": "v"}, "sessionState": state}
        ok(url, "POST", f"{sessions}?sessionId=s{number}", body)
        events = [
            {
                "author": "user",
                "invocationId": f"i{place // 2}",
                "timestamp": f"2026-01-01T00:00:{place * 7 % 10:02}Z",
                "actions": {"stateDelta": {f"k{place % 3}": place}},
                "content": {"parts": [{"text": "é"}]},
                "rawEvent": {"id": str(place), "usageMetadata": {"totalTokenCount": 7}},
            }
            for place in range(EVENTS)
        ]
        ok(url, "POST", f"{session}:batchAppendEvents", {"events": events})
        if number % 4 == 0:
            ok(url, "PATCH", f"{session}?updateMask=sessionState.n", {"sessionState": {}})
            ok(url, "POST", f"{session}:rewind", {"beforeInvocationId": "i3"})
            fork = {"sessionId": f"f{number}", "beforeInvocationId": "i2"}
            ok(url, "POST", f"{session}:fork", fork)
            ok(
                url,
                "POST",
                f"{session}/events:purge",
                {"filter": "invocation_id=i1", "force": True},
            )


def test_an_engine_that_is_moved_to_firestore_and_back_has_the_same_lines(
    emulator: str, tmp_path: Path
) -> None:
    """Each export has the lines of the first one, in their order."""
    firestore = {
        "SESSIONS_STORE": f"firestore://moves-{time.time_ns()}",
        "FIRESTORE_EMULATOR_HOST": emulator,
    }
    stores = [
        {"SESSIONS_STORE": f"sqlite:///{tmp_path}/first.db"},
        firestore,
        {"SESSIONS_STORE": f"sqlite:///{tmp_path}/second.db"},
    ]
    files = [tmp_path / f"{number}.ndjson" for number in range(len(stores))]
    for number, store in enumerate(stores):
        with serving("sessions_api", {**store, **PATIENCE}) as url:
            if number == 0:
                fill(url)
            else:
                run("import", url, files[number - 1])
            run("export", url, files[number])
    first, *others = (file.read_text().splitlines() for file in files)
    assert sum(line.startswith('{"session":') for line in first) == SESSIONS + SESSIONS // 4
    for other in others:
        assert other == first
