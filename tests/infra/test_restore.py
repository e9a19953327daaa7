"""The drill of docs/runbook.md, "Restore", as far as the emulator goes."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from functions.config.settings import Settings
from functions.store.opening import open_store
from tests.support.api import Api
from tests.support.http import send
from tests.support.project import LOCATION
from tests.support.stores import PATIENCE

PROJECT = "restore-drill"
DATABASE = f"projects/{PROJECT}/databases/(default)"


def asking(emulator: str) -> Callable[..., None]:
    def ask(verb: str, path: str, **body: str) -> None:
        headers = {"Content-Type": "application/json"}
        answer = send(f"http://{emulator}", verb, f"/emulator/v1/{path}", body, headers)
        assert answer.status == 200, answer.body

    return ask


def everything(api: Api, session: str) -> list[Any]:
    return [
        api.ok("GET", session),
        api.walk(f"{session}/events", "sessionEvents"),
        api.walk(f"{api.engine}/sessions", "sessions"),
    ]


def test_an_export_brings_back_a_lost_session_and_leaves_newer_ones(
    emulator: str, tmp_path: Path
) -> None:
    ask = asking(emulator)
    environment = {
        "SESSIONS_STORE": f"firestore://{PROJECT}",
        "FIRESTORE_EMULATOR_HOST": emulator,
        **PATIENCE,
    }
    with closing(open_store(Settings.from_environment(environment))) as store:
        settings = Settings(google_cloud_project=PROJECT)
        api = Api(store, f"{LOCATION}/reasoningEngines/e", settings=settings)
        lost = api.create("lost", sessionState={"plan": "pro", "app:a": 1, "user:u": 2})
        api.append(lost, actions={"stateDelta": {"n": 1}})
        before = everything(api, lost)

        ask(
            "POST",
            f"projects/{PROJECT}:export",
            database=DATABASE,
            export_directory=str(tmp_path),
            export_name="backup",
        )
        ask("DELETE", f"{DATABASE}/documents")
        assert api.call("GET", lost).status == 404
        newer = api.create("newer")

        metadata = tmp_path / "backup/backup.overall_export_metadata"
        ask(
            "POST",
            f"projects/{PROJECT}:import",
            database=DATABASE,
            export_directory=str(metadata),
        )
        assert api.ok("GET", newer)["name"] == newer
        api.ok("DELETE", newer)
        assert everything(api, lost) == before
        api.append(lost)
        assert len(api.walk(f"{lost}/events", "sessionEvents")) == 2
