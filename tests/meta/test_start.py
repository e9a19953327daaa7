"""A process imports only what its target needs until it has answered: a start waits for imports."""

from pathlib import Path

import pytest

from functions.api.routes import METHODS
from tests.support.imported_modules import READS, WRITES, imported, run

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
MOVES = {"export_sessions", "import_sessions"}
SHARES_STATE = {"get_user_state", "get_app_state", "update_user_state", "update_app_state"}
FOR_SOME_TARGETS = {
    "functions.rules.fork": {"fork_session", "rewind_session"},
    "functions.rules.import_line": MOVES,
    "functions.rules.rewind": {"rewind_session"},
    "functions.rules.shared_state": SHARES_STATE | MOVES,
    "functions.store.history": MOVES,
    "functions.store.runs": {"list_runs"},
    "functions.store.sqlite.event_reader": {"watch_events"},
    "functions.store.sqlite.forking": {"fork_session"},
    "functions.store.sqlite.history": {"fork_session", "rewind_session"} | MOVES,
    "functions.store.sqlite.moving": MOVES,
    "functions.store.sqlite.rewinding": {"rewind_session"},
    "functions.store.sqlite.runs": {"list_runs"},
    "functions.store.sqlite.shared_states": SHARES_STATE | MOVES,
}

SERVER = """
import gc
import gunicorn.config
from functions_framework import create_app
create_app("get_session")
print(gunicorn.config.Config().control_socket_disable)
print(gc.isenabled(), len(gc.get_objects()) < gc.get_freeze_count())
"""


def of_others(target: str) -> set[str]:
    return {module for module, targets in FOR_SOME_TARGETS.items() if target not in targets}


def test_every_target_is_looked_at() -> None:
    assert READS.keys() | WRITES.keys() == {*METHODS, "sessions_api"}


@pytest.mark.parametrize("target", READS)
def test_a_target_that_reads_no_body_imports_nothing_that_reads_bodies(
    tmp_path: Path, target: str
) -> None:
    modules = imported(tmp_path, target, *READS[target])
    assert target == "sessions_api" or METHODS[target] in modules
    assert not modules & (FOR_SOME_SETTINGS | FOR_SOME_REQUESTS | FOR_BODIES | of_others(target))


@pytest.mark.parametrize("target", WRITES)
def test_a_target_imports_the_messages_of_its_own_body_alone(tmp_path: Path, target: str) -> None:
    modules = imported(tmp_path, target, *WRITES[target])
    reads_events = target in ("update_event", "import_sessions") or "append" in target
    others = of_others(target) | (set() if reads_events else FOR_EVENTS)
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
    assert run(tmp_path, SERVER).split()[0] == "True"


def test_no_collection_of_garbage_looks_at_what_a_start_has_imported(tmp_path: Path) -> None:
    assert run(tmp_path, SERVER).split()[1:] == ["True", "True"]
