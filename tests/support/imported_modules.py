"""The modules that a process of one target imports until it has answered a request."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.project import ROOT

ENGINE = "/v1beta1/reasoningEngines/1"
SESSION = f"{ENGINE}/sessions/s"
EVENT = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
AUTO = {"mode": "AUTO"}

READS = {
    "get_session": ("GET", SESSION),
    "list_sessions": ("GET", f"{ENGINE}/sessions"),
    "delete_session": ("DELETE", SESSION),
    "get_event": ("GET", f"{SESSION}/events/e"),
    "list_events": ("GET", f"{SESSION}/events"),
    "watch_events": ("GET", f"{SESSION}/events:watch"),
    "delete_event": ("DELETE", f"{SESSION}/events/e"),
    "list_runs": ("GET", f"{SESSION}/runs"),
    "get_run": ("GET", f"{SESSION}/runs/i"),
    "list_users": ("GET", f"{ENGINE}/users"),
    "erase_user": ("POST", f"{ENGINE}/users/u:erase"),
    "get_user_state": ("GET", f"{ENGINE}/users/u/state"),
    "get_app_state": ("GET", f"{ENGINE}/state"),
    "get_reasoning_engine": ("GET", ENGINE),
    "list_reasoning_engines": ("GET", "/v1beta1/reasoningEngines"),
    "delete_reasoning_engine": ("DELETE", ENGINE),
    "export_sessions": ("GET", f"{ENGINE}:export"),
    "get_location": ("GET", "/v1/projects/p/locations/us-central1"),
    "list_locations": ("GET", "/v1/projects/p/locations"),
    "get_operation": ("GET", "/v1beta1/operations/o"),
    "list_operations": ("GET", f"{SESSION}/operations"),
    "delete_operation": ("DELETE", "/v1beta1/operations/o"),
    "cancel_operation": ("POST", "/v1beta1/operations/o:cancel"),
    "wait_operation": ("POST", "/v1beta1/operations/o:wait"),
    "purge_expired_sessions": ("POST", "/v1beta1/sessions:purgeExpired"),
    "sessions_api": ("GET", SESSION),
}
WRITES = {
    "create_session": ("POST", f"{ENGINE}/sessions", {"userId": "u"}),
    "update_session": ("PATCH", SESSION, {"displayName": "d"}),
    "fork_session": ("POST", f"{SESSION}:fork", {}),
    "rewind_session": ("POST", f"{SESSION}:rewind", {"beforeInvocationId": "i"}),
    "compact_session": ("POST", f"{SESSION}:compact", {"compaction": {"eventEditing": AUTO}}),
    "append_event": ("POST", f"{SESSION}:appendEvent", EVENT),
    "update_user_state": ("PATCH", f"{ENGINE}/users/u/state", {"state": {"k": 1}}),
    "update_app_state": ("PATCH", f"{ENGINE}/state", {"state": {"k": 1}}),
    "update_event": ("PATCH", f"{SESSION}/events/e", {"content": {}}),
    "purge_events": ("POST", f"{SESSION}/events:purge", {"filter": "*"}),
    "import_sessions": ("POST", f"{ENGINE}:import", {"end": {}}),
    "batch_append_events": ("POST", f"{SESSION}:batchAppendEvents", {"events": [EVENT]}),
    "create_reasoning_engine": ("POST", "/v1beta1/reasoningEngines", {"displayName": "d"}),
    "update_reasoning_engine": ("PATCH", ENGINE, {"displayName": "d"}),
}

ANSWER = """
import json, sys
from functions_framework import create_app
target, verb, path, body = json.loads(sys.argv[1])
answer = create_app(target).test_client().open(path, method=verb, json=body)
print(json.dumps([answer.status_code, sorted(sys.modules)]))
"""


def run(folder: Path, code: str, *arguments: str, **settings: str) -> str:
    """The output of a process that runs the code."""
    process = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "SESSIONS_STORE": f"sqlite:///{folder}/s.db",
            "STORE_TIMEOUT": "0.1s",
            **settings,
        },
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return process.stdout


def imported(
    folder: Path, target: str, verb: str, path: str, body: object = None, **settings: str
) -> set[str]:
    """The modules of a process that has answered one request, even with 503."""
    printed = run(folder, ANSWER, json.dumps([target, verb, path, body]), **settings)
    status, modules = json.loads(printed.splitlines()[-1])
    assert status in (200, 404, 503), printed
    return set(modules)
