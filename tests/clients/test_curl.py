"""The curl commands of Google's page, run by bash as they are printed there.

See cloud.google.com/vertex-ai/generative-ai/docs/agent-engine/sessions/manage-sessions-api.
"""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.project import PROJECT, REGION

LIST_SESSIONS = r"""
curl -X GET \
     -H "Authorization: Bearer $(gcloud auth print-access-token)" \
     "https://REGION-aiplatform.googleapis.com/v1beta1/projects/PROJECT_ID/locations/REGION/reasoningEngines/AGENT_ENGINE_ID/sessions"
"""

CREATE_SESSION = r"""
curl -X POST \
     -H "Authorization: Bearer $(gcloud auth print-access-token)" \
     -H "Content-Type: application/json; charset=utf-8" \
     -d @request.json \
     "https://REGION-aiplatform.googleapis.com/v1beta1/projects/PROJECT_ID/locations/REGION/reasoningEngines/AGENT_ENGINE_ID/sessions"
"""

CREATE_SESSION_BODY = """{
  "userId": USER_ID
}
"""

GET_SESSION = r"""
curl -X GET \
     -H "Authorization: Bearer $(gcloud auth print-access-token)" \
     "https://REGION-aiplatform.googleapis.com/v1beta1/projects/PROJECT_ID/locations/REGION/reasoningEngines/AGENT_ENGINE_ID/sessions/SESSION_ID"
"""

DELETE_SESSION = r"""
curl -X DELETE \
     -H "Authorization: Bearer $(gcloud auth print-access-token)" \
     "https://REGION-aiplatform.googleapis.com/v1beta1/projects/PROJECT_ID/locations/REGION/sessions/SESSION_ID"
"""

LIST_EVENTS = r"""
curl -X GET \
     -H "Authorization: Bearer $(gcloud auth print-access-token)" \
     "https://REGION-aiplatform.googleapis.com/v1beta1/projects/PROJECT_ID/locations/REGION/reasoningEngines/AGENT_ENGINE_ID/sessions/SESSION_ID/events"
"""

APPEND_EVENT = r"""
curl -X POST \
     -H "Authorization: Bearer $(gcloud auth print-access-token)" \
     -H "Content-Type: application/json; charset=utf-8" \
     -d @request.json \
     "https://REGION-aiplatform.googleapis.com/v1beta1/projects/PROJECT_ID/locations/REGION/reasoningEngines/AGENT_ENGINE_ID/sessions/SESSION_ID"
"""

APPEND_EVENT_BODY = """{
  "author": AUTHOR,
  "invocationId": INVOCATION_ID,
  "timestamp": TIMESTAMP,
}
"""

VALUES = {
    "AUTHOR": '"user"',
    "INVOCATION_ID": '"i-1"',
    "TIMESTAMP": '"2026-01-01T00:00:00Z"',
    "USER_ID": '"me"',
}

Curl = Callable[..., tuple[int, Any]]


@pytest.fixture
def curl(server: str, engine_id: str, tmp_path: Path) -> Curl:
    """Runs a command of the page with a body in request.json: HTTP status and JSON."""
    # curl reads it before its arguments, so that the commands stay as they are.
    (tmp_path / ".curlrc").write_text('silent\nshow-error\nwrite-out = "\\n%{http_code}"\n')
    replacements = {
        "https://REGION-aiplatform.googleapis.com": server,
        "$(gcloud auth print-access-token)": "unused",
        "AGENT_ENGINE_ID": engine_id,
        "PROJECT_ID": PROJECT,
        "REGION": REGION,
        **VALUES,
    }

    def run(command: str, body: str = "", session_id: str = "") -> tuple[int, Any]:
        for printed, meant in {**replacements, "SESSION_ID": session_id}.items():
            command, body = command.replace(printed, meant), body.replace(printed, meant)
        (tmp_path / "request.json").write_text(body)
        output = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path,
            env={**os.environ, "CURL_HOME": str(tmp_path)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        answer, _, status = output.rpartition("\n")
        return int(status), json.loads(answer)

    return run


def test_the_page_s_commands_work_as_printed(curl: Curl, engine: str) -> None:
    """From an empty list to a deleted session; each command succeeds and shows the change."""
    assert curl(LIST_SESSIONS) == (200, {})

    status, operation = curl(CREATE_SESSION, CREATE_SESSION_BODY)
    assert (status, operation["done"]) == (200, True)
    name = operation["response"]["name"]
    session_id = name.removeprefix(f"{engine}/sessions/")

    status, session = curl(GET_SESSION, session_id=session_id)
    assert (status, session["name"], session["userId"]) == (200, name, "me")
    assert curl(LIST_SESSIONS) == (200, {"sessions": [session]})

    assert curl(LIST_EVENTS, session_id=session_id) == (200, {})
    assert curl(APPEND_EVENT, APPEND_EVENT_BODY, session_id) == (200, {})
    status, events = curl(LIST_EVENTS, session_id=session_id)
    (event,) = events["sessionEvents"]
    sent = (event["author"], event["invocationId"], event["timestamp"])
    assert (status, sent) == (200, ("user", "i-1", "2026-01-01T00:00:00Z"))

    status, operation = curl(DELETE_SESSION, session_id=session_id)
    assert (status, operation["done"]) == (200, True)
    status, answer = curl(GET_SESSION, session_id=session_id)
    assert (status, answer["error"]["status"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("command", "body"),
    [
        (GET_SESSION, ""),
        (DELETE_SESSION, ""),
        (LIST_EVENTS, ""),
        (APPEND_EVENT, APPEND_EVENT_BODY),
    ],
    ids=["get", "delete", "events", "append"],
)
def test_an_unknown_session_is_not_found(curl: Curl, command: str, body: str) -> None:
    """Each command that names a session answers 404 in the API's JSON shape."""
    status, answer = curl(command, body, session_id="none")
    assert (status, answer["error"]["code"], answer["error"]["status"]) == (404, 404, "NOT_FOUND")
