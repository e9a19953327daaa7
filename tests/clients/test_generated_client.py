"""openapi-python-client makes a client of functions/api/openapi.json, which calls the server."""

import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest

from tests.support.project import PROJECT, REGION, ROOT

FULL_NAMES = "v_1_beta_1_projects_locations_reasoning_engines"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of the generated package; a warning of the generator fails."""
    name, parent = f"generated_{uuid4().hex}", tmp_path_factory.mktemp("generated")
    config = parent / "config.yaml"
    config.write_text("post_hooks: []\n")
    subprocess.run(
        [
            *(Path(sys.executable).parent / "openapi-python-client", "generate", "--meta=none"),
            *("--path", ROOT / "functions/api/openapi.json", "--output-path", parent / name),
            *("--config", config, "--fail-on-warning"),
        ],
        check=True,
        timeout=300,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(parent))
        yield name


class Client:
    """The generated functions, called for one engine of one server."""

    def __init__(self, package: str, url: str) -> None:
        self.package = package
        self.models: ModuleType = import_module(f"{package}.models")
        self._client = import_module(package).Client(base_url=url)
        self._path = {"project": PROJECT, "location": REGION}
        self._path["reasoning_engine"] = str(uuid4().int)[:18]

    def call(self, method: str, suffix: str = "_sessions", **arguments: Any) -> Any:
        """What the generated function of a method answers."""
        module = import_module(f"{self.package}.api.default.{method}_{FULL_NAMES}{suffix}")
        return module.sync(**self._path, **arguments, client=self._client)


@pytest.fixture
def client(generated: str, server: str) -> Client:
    return Client(generated, server)


def test_every_operation_of_the_description_is_generated(generated: str) -> None:
    """One module for each method of each path."""
    folder = Path(import_module(f"{generated}.api.default").__file__ or "").parent
    description = (ROOT / "functions/api/openapi.json").read_text()
    assert len(list(folder.glob("[a-z]*.py"))) == description.count('"operationId"')


def test_a_generated_client_has_a_conversation(client: Client) -> None:
    """It creates, reads, finds, changes and deletes a session, and appends and lists events."""
    models = client.models
    state = models.NewSessionInputSessionStateType0.from_dict({"seat": [1, None]})
    new = models.NewSessionInput(user_id="ada", display_name="Trip", session_state=state)
    operation = client.call("create_session", body=new, session_id="s")
    assert isinstance(operation, models.OperationSession)
    assert operation.response.user_id == "ada"
    session = client.call("get_session", session="s")
    assert isinstance(session, models.SessionOutput)
    assert (session.name, session.display_name) == (operation.response.name, "Trip")
    assert session.session_state.to_dict() == {"seat": [1, None]}
    event = models.SessionEventInput.from_dict(
        {
            "author": "user",
            "invocationId": "i",
            "timestamp": "2026-01-01T00:00:00Z",
            "content": {"role": "user", "parts": [{"text": "hi"}]},
        }
    )
    answer = client.call("append_event", "_sessions_append_event", session="s", body=event)
    assert isinstance(answer, models.Appended)
    (listed,) = client.call("list_events", "_sessions_events", session="s").session_events
    assert listed.content.parts[0].text == "hi"
    (run,) = client.call("list_runs", "_sessions_runs", session="s").runs
    assert (run.event_count, run.state) == (1, models.RunState.ACTIVE)
    found = client.call("list_sessions", filter_='user_id="ada"')
    assert [each.name for each in found.sessions] == [session.name]
    body = models.SessionInput(display_name="Trip home")
    changed = client.call("update_session", session="s", body=body, update_mask="displayName")
    assert changed.display_name == "Trip home"
    assert isinstance(client.call("delete_session", session="s"), models.OperationEmpty)


def test_a_generated_client_is_told_what_is_wrong(client: Client) -> None:
    """Errors come as the description has them."""
    missing = client.call("get_session", session="none")
    assert isinstance(missing, client.models.Error404)
    assert missing.error.message.endswith("/sessions/none not found.")
    refused = client.call("create_session", body=client.models.NewSessionInput(user_id=""))
    assert isinstance(refused, client.models.Error400)
    (violation,) = refused.error.details[0].field_violations
    assert violation.field == "session.user_id"
