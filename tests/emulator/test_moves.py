"""The commands move an engine from SQLite to Firestore and back, and one with many sessions.

`MOVED_SESSIONS=10000 make test ARGS=tests/emulator/test_moves.py` runs the latter in full.
"""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.http import ok
from tests.support.project import ROOT
from tests.support.servers import serving
from tests.support.starting import COMMAND
from tests.support.stores import PATIENCE

SESSIONS, EVENTS = 20, 10
MANY = int(os.environ.get("MOVED_SESSIONS", "500"))
"""Sessions of which one query of an export finds only some, with their events."""

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


def test_many_sessions_have_the_same_lines_after_each_move(emulator: str, tmp_path: Path) -> None:
    """They move from Firestore to SQLite and back, each time into an empty engine."""
    stores = [
        f"firestore://many-{time.time_ns()}",
        f"sqlite:///{tmp_path}/many.db",
        f"firestore://many-again-{time.time_ns()}",
    ]
    source = tmp_path / "made.ndjson"
    source.write_text("".join(f"{json.dumps(line)}\n" for line in many()))
    exports = []
    for number, store in enumerate(stores):
        environment = {"SESSIONS_STORE": store, "FIRESTORE_EMULATOR_HOST": emulator, **PATIENCE}
        with serving("sessions_api", environment) as url:
            start = time.monotonic()
            run("import", url, source)
            imported, source = time.monotonic(), tmp_path / f"many-{number}.ndjson"
            run("export", url, source)
        times = f"import {imported - start:.0f} s, export {time.monotonic() - imported:.0f} s"
        print(f"{MANY} sessions of {EVENTS} events, {store.partition(':')[0]}: {times}")
        exports.append(source.read_text().splitlines())
    *lines, _ = map(json.loads, exports[0])
    names = [line[kind]["name"].partition(f"/{ENGINE}/")[2] for line in lines for kind in line]
    made = [line[kind]["name"] for line in many() for kind in line]
    assert names == sorted(made, key=lambda name: name.partition("/events/")[0])
    assert exports[1] == exports[0]
    assert exports[2] == exports[0]


def many() -> Iterator[dict[str, Any]]:
    """The lines of sessions and their events; ids and times have different orders."""
    for number in range(MANY):
        name = f"sessions/s{hashlib.sha256(str(number).encode()).hexdigest()[:12]}"
        time_of = f"2026-01-01T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}Z"
        fields = {"name": name, "userId": f"u{number % 7}", "createTime": time_of}
        yield {"session": {**fields, "updateTime": time_of, "sessionState": {"n": number}}}
        for place in range(EVENTS):
            yield {
                "event": {
                    "name": f"{name}/events/e{place * 7 % 10}",
                    "author": "user",
                    "invocationId": f"i{place}",
                    "timestamp": f"2026-01-01T00:00:{place * 3 % 10:02}Z",
                    "content": {"parts": [{"text": f"event {place} of {number}"}]},
                }
            }
