"""A process imports only what its target needs until it has answered: a start waits for imports."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from functions.api.routes import METHODS
from tests.conftest import ROOT

ENGINE = "/v1beta1/reasoningEngines/1"
SESSION = f"{ENGINE}/sessions/s"
EVENT = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}

READS = {
    "get_session": ("GET", SESSION),
    "list_sessions": ("GET", f"{ENGINE}/sessions"),
    "delete_session": ("DELETE", SESSION),
    "list_events": ("GET", f"{SESSION}/events"),
    "watch_events": ("GET", f"{SESSION}/events:watch"),
    "list_runs": ("GET", f"{SESSION}/runs"),
    "get_run": ("GET", f"{SESSION}/runs/i"),
    "get_reasoning_engine": ("GET", ENGINE),
    "list_reasoning_engines": ("GET", "/v1beta1/reasoningEngines"),
    "delete_reasoning_engine": ("DELETE", ENGINE),
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
    "append_event": ("POST", f"{SESSION}:appendEvent", EVENT),
    "create_reasoning_engine": ("POST", "/v1beta1/reasoningEngines", {"displayName": "d"}),
    "update_reasoning_engine": ("PATCH", ENGINE, {"displayName": "d"}),
}

FOR_SOME_SETTINGS = {
    "functions.api.auth.gate",
    "functions.access.policy",
    "functions.store.firestore",
    "functions.store.guarded",
    "google.protobuf",
    "grpc",
}
FOR_SOME_REQUESTS = {"functions.aip.filtering.parser", "slugify"}
FOR_BODIES = {"functions.messages.message", "pydantic", "pydantic_core"}
FOR_EVENTS = {"functions.messages.content", "functions.messages.grounding"}

ANSWER = """
import json, sys
from functions_framework import create_app
target, verb, path, body = json.loads(sys.argv[1])
answer = create_app(target).test_client().open(path, method=verb, json=body)
print(json.dumps([answer.status_code, sorted(sys.modules)]))
"""
SERVER = """
import gunicorn.config
from functions_framework import create_app
create_app("get_session")
print(gunicorn.config.Config().control_socket_disable)
"""


def run(folder: Path, code: str, *arguments: str, **settings: str) -> str:
    """What a process that runs the code prints."""
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
    """The modules of a process that has answered one request, if only that its store is away."""
    printed = run(folder, ANSWER, json.dumps([target, verb, path, body]), **settings)
    status, modules = json.loads(printed.splitlines()[-1])
    assert status in (200, 404, 503), printed
    return set(modules)


def test_every_target_is_looked_at() -> None:
    assert READS.keys() | WRITES.keys() == {*METHODS, "sessions_api"}


@pytest.mark.parametrize("target", READS)
def test_a_target_that_reads_no_body_imports_nothing_that_reads_bodies(
    tmp_path: Path, target: str
) -> None:
    modules = imported(tmp_path, target, *READS[target])
    assert target == "sessions_api" or METHODS[target] in modules
    assert not modules & (FOR_SOME_SETTINGS | FOR_SOME_REQUESTS | FOR_BODIES)


@pytest.mark.parametrize("target", WRITES)
def test_a_target_imports_the_messages_of_its_own_body_alone(tmp_path: Path, target: str) -> None:
    modules = imported(tmp_path, target, *WRITES[target])
    others = set() if target == "append_event" else FOR_EVENTS
    assert "functions.messages.message" in modules
    assert not modules & (FOR_SOME_SETTINGS | FOR_SOME_REQUESTS | others)


def test_a_target_on_firestore_imports_neither_the_other_store_nor_a_client_library(
    tmp_path: Path,
) -> None:
    """Nothing listens where it looks for Firestore: it answers 503, its imports done."""
    there = {"SESSIONS_STORE": "firestore://p", "FIRESTORE_EMULATOR_HOST": "127.0.0.1:1"}
    modules = imported(tmp_path, "get_session", *READS["get_session"], **there)
    assert "functions.store.firestore" in modules
    others = {"functions.store.sqlite", "google.api_core", "google.cloud.firestore_v1", "proto"}
    assert not modules & (FOR_BODIES | FOR_SOME_REQUESTS | others)


def test_the_target_of_all_methods_imports_those_that_were_asked(tmp_path: Path) -> None:
    modules = imported(tmp_path, "sessions_api", *READS["get_session"])
    assert {name for name in METHODS if METHODS[name] in modules} == {"get_session"}


def test_who_lets_callers_in_without_a_policy_imports_none(tmp_path: Path) -> None:
    modules = imported(tmp_path, "get_session", *READS["get_session"], K_SERVICE="k", AUTH="none")
    assert "functions.api.auth.gate" not in modules
    keys = {"AUTH": "api_key,none", "API_KEYS": f"name:{64 * '0'}"}
    modules = imported(tmp_path, "get_session", *READS["get_session"], **keys)
    assert "functions.api.auth.gate" in modules
    assert not modules & (FOR_BODIES | {"functions.access.policy", "functions.store.guarded"})


def test_a_server_opens_no_control_socket_for_which_it_would_import_asyncio(
    tmp_path: Path,
) -> None:
    assert run(tmp_path, SERVER).split() == ["True"]
