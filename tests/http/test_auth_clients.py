"""A real server with AUTH on, as the official clients and a browser reach it."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.api_core.exceptions import Forbidden, NotFound
from google.auth.exceptions import RefreshError
from google.cloud.aiplatform_v1beta1 import SessionServiceClient
from google.genai.errors import ClientError
from google.oauth2.credentials import Credentials

from tests.clients.snippets import vertexai_client
from tests.support.authentication import API_KEYS, KEY, USERS
from tests.support.google.identity_provider import AUDIENCE, INFO, Provider, providing
from tests.support.project import PROJECT, REGION, ROOT
from tests.support.servers import serving

ENGINE = f"projects/{PROJECT}/locations/{REGION}/reasoningEngines/1"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with providing() as running:
        for user in ("ada", "bob"):
            running.access_tokens[f"ya29.{user}"] = {**INFO, "sub": user}
        yield running


@pytest.fixture(scope="module")
def server(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = tmp_path_factory.mktemp("auth") / "sessions.db"
    environment = {
        "SESSIONS_STORE": f"sqlite:///{path}",
        "AUTH": "id_token, access_token, api_key",
        "AUTH_ISSUERS": provider.url,
        "AUTH_AUDIENCES": AUDIENCE,
        "AUTH_TOKENINFO_URL": provider.token_info,
        "API_KEYS": API_KEYS,
        "POLICY": USERS,
        "MIN_TTL": "0s",
    }
    with serving("sessions_api", environment) as url:
        yield url


def gapic(server: str, token: str) -> SessionServiceClient:
    options = {"api_endpoint": server}
    return SessionServiceClient(
        transport="rest", credentials=Credentials(token), client_options=options
    )


@pytest.fixture(scope="module")
def adas(server: str) -> str:
    """A session that ada made with her own token."""
    made = gapic(server, "ya29.ada").create_session(parent=ENGINE, session={"user_id": "ada"})
    name: str = made.result().name
    return name


def test_gapic_with_an_access_token_has_its_own_sessions(server: str, adas: str) -> None:
    assert gapic(server, "ya29.ada").get_session(name=adas).user_id == "ada"
    assert [each.name for each in gapic(server, "ya29.ada").list_sessions(parent=ENGINE)] == [adas]
    bob = gapic(server, "ya29.bob")
    assert not [*bob.list_sessions(parent=ENGINE)]
    with pytest.raises(NotFound):
        bob.get_session(name=adas)
    with pytest.raises(Forbidden):
        bob.create_session(parent=ENGINE, session={"user_id": "ada"})
    # It takes 401 for a token that has expired.
    with pytest.raises(RefreshError):
        gapic(server, "ya29.nobody").get_session(name=adas)


def test_the_sdk_with_an_api_key_has_the_role_of_the_key(server: str, adas: str) -> None:
    sessions = vertexai_client.connect_express(server, KEY).agent_engines.sessions
    assert sessions.get(name="reasoningEngines/1/sessions/" + adas.rpartition("/")[2]).name == adas
    sessions = vertexai_client.connect_express(server, "junk").agent_engines.sessions
    with pytest.raises(ClientError) as caught:
        sessions.get(name="reasoningEngines/1/sessions/" + adas.rpartition("/")[2])
    assert caught.value.code == 401


def test_a_browser_may_put_its_token_into_the_url(
    server: str, adas: str, provider: Provider
) -> None:
    """An EventSource sends no headers."""
    url = f"{server}/v1beta1/{adas}?access_token="
    token = provider.token(time.time())
    with urllib.request.urlopen(url + token, timeout=60) as answer:
        assert json.load(answer)["userId"] == "ada"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url + token[:-2], timeout=60)
    with caught.value as refused:
        assert refused.code == 401
        assert refused.headers["WWW-Authenticate"].startswith("Bearer ")
        assert json.load(refused)["error"]["status"] == "UNAUTHENTICATED"


@pytest.mark.parametrize(("auth", "is_said"), [("none", True), ("", False)])
def test_letting_everybody_in_is_said_at_the_start_in_the_cloud(
    tmp_path: Path, auth: str, is_said: bool
) -> None:
    """Once a process, and not in the cloud's default."""
    environment = {"K_SERVICE": "s", "SESSIONS_STORE": f"sqlite:///{tmp_path}/s.db", "AUTH": auth}
    run = subprocess.run(
        [sys.executable, "-c", "import main"],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    lines = [json.loads(line) for line in run.stderr.splitlines()]
    expected = [("WARNING", "AUTH=none: everybody who reaches this function is let in")]
    assert [(line["severity"], line["message"]) for line in lines] == expected * is_said


def test_a_start_imports_what_its_kinds_need_and_no_more() -> None:
    """A cold start pays for nothing that it does not use."""
    heavy = "{'jwt', 'cryptography', 'functions.api.auth.id_token', 'functions.api.auth.api_key'}"
    script = f"import sys, main; print(sorted({heavy} & sys.modules.keys()))"
    environment = {**os.environ, "AUTH": "none", "SESSIONS_STORE": "sqlite:///unused.db"}
    command = [sys.executable, "-c", script]
    run = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    assert run.stdout.strip() == "[]"
