"""GET /health and /openapi.json: every target answers them without a credential."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import flask
import pytest
from werkzeug.test import EnvironBuilder

from functions import __version__
from functions.api.endpoint import Endpoint
from functions.api.routes import METHODS
from functions.config.settings import Settings
from functions.rules.errors import StoreUnavailable
from functions.store.opening import open_store
from tests.support.authentication import API_KEYS, AuthApi, open_api
from tests.support.project import ROOT

CLOUD = {"k_service": "f", "google_cloud_project": "p", "log_requests": False}

ANSWER = """
import json, sys
from functions_framework import create_app
answers = {}
for target in sys.argv[1:]:
    answer = create_app(target, "main.py").test_client().get("/health")
    answers[target] = [answer.status_code, answer.get_json()]
print(json.dumps(answers))
"""


class Away:
    """A store that does not answer."""

    def __getattr__(self, method: str) -> Any:
        raise StoreUnavailable


class Broken:
    """A store that fails as nobody foresaw."""

    def __getattr__(self, method: str) -> Any:
        raise RuntimeError("a secret path")


def test_health_is_ok_once_the_store_answers(tmp_path: Path) -> None:
    """Nobody needs the key for it, and the version is that of the package."""
    answer = open_api(tmp_path, auth="api_key", api_keys=API_KEYS).send("GET", "/health")
    assert answer.status_code == 200
    assert answer.get_json() == {"status": "ok", "store": "sqlite", "version": __version__}
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_description_of_the_api_is_served_without_a_credential(tmp_path: Path) -> None:
    answer = open_api(tmp_path, auth="api_key", api_keys=API_KEYS).send("GET", "/openapi.json")
    assert answer.status_code == 200
    assert answer.get_json() == json.loads((ROOT / "functions/api/openapi.json").read_text())


def test_health_on_firestore_reads_one_document(
    emulator: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """An uptime check asks several times a minute. The first call reads the schema, too."""
    chosen = Settings(
        sessions_store="firestore://health", firestore_emulator_host=emulator, log_requests=True
    )
    store = open_store(chosen)
    api = AuthApi(store, settings=chosen)
    api.send("GET", "/health")
    answer = api.send("GET", "/health")
    store.close()
    assert answer.get_json()["store"] == "firestore"
    line = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert (line["method"], line["reads"], line["writes"]) == ("health", 1, 0)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (Away, "The session store is unavailable. Try again."),
        (Broken, "Internal error encountered."),
    ],
)
def test_health_is_503_with_the_reason_while_the_store_does_not_answer(
    make: Any, reason: str
) -> None:
    answer = AuthApi(make(), settings=Settings()).send("GET", "/health")
    assert answer.status_code == 503
    assert answer.get_json()["status"] == "unavailable"
    assert answer.get_json()["reason"] == reason


@pytest.mark.parametrize(("make", "status"), [(None, "ok"), (Away, "unavailable")])
def test_health_tells_no_details_in_the_cloud(tmp_path: Path, make: Any, status: str) -> None:
    """Everybody may ask there."""
    api = open_api(tmp_path, auth="none", policy="", **CLOUD)
    api.store = make() if make else api.store
    assert api.send("GET", "/health").get_json() == {"status": status}


@pytest.mark.parametrize("verb", ["POST", "PUT", "DELETE"])
def test_health_takes_get_alone(tmp_path: Path, verb: str) -> None:
    assert open_api(tmp_path, policy="").send(verb, "/health").status_code == 404


def test_every_target_answers_health(tmp_path: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-c", ANSWER, *METHODS, "sessions_api"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "SESSIONS_STORE": f"sqlite:///{tmp_path}/s.db"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    answers = json.loads(process.stdout)
    assert answers.keys() == {*METHODS, "sessions_api"}
    assert all(status == 200 and body["status"] == "ok" for status, body in answers.values())


def test_a_store_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    """The store opens at the first request, which may be that of the health check."""
    file = tmp_path / "s.db"
    settings = Settings(sessions_store=f"sqlite:///{file}")
    file.write_text("no database" * 1000)
    endpoint = Endpoint(["get_session"], settings, lambda: open_store(settings), lambda: 1)
    answer = endpoint(flask.Request(EnvironBuilder("/health").get_environ()))
    assert answer.status_code == 503
