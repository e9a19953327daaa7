"""The function of docs/react-to-events.md, which Firestore's trigger calls for each event."""

import json
import sys
import time
from pathlib import Path

import pytest
from google.cloud.firestore_v1.services.firestore import FirestoreClient
from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcTransport
from google.cloud.firestore_v1.types import Document, GetDocumentRequest
from google.events.cloud.firestore import DocumentEventData
from grpc import insecure_channel

from tests.support.http import ok, send
from tests.support.project import ROOT
from tests.support.servers import free_port, running, serving

WEBHOOK = Path(__file__).parent / "webhook"


def test_the_page_shows_the_function_that_this_test_calls() -> None:
    code = (WEBHOOK / "main.py").read_text().split('"""', 2)[2].strip()
    assert f"```python\n{code}\n```" in (ROOT / "docs/react-to-events.md").read_text()


def test_the_function_is_given_each_event_as_lists_answer_it(
    emulator: str, capfd: pytest.CaptureFixture[str]
) -> None:
    project = f"webhook-{time.time_ns()}"
    store = {
        "SESSIONS_STORE": f"firestore://{project}",
        "FIRESTORE_EMULATOR_HOST": emulator,
        "GOOGLE_CLOUD_PROJECT": project,
    }
    with serving("sessions_api", store) as url:
        sessions = "/v1beta1/reasoningEngines/1/sessions"
        ok(url, "POST", f"{sessions}?sessionId=s", {"userId": "u"})
        said = {"role": "user", "parts": [{"text": 'a "quoted" – word'}]}
        event = {"author": "u", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
        ok(url, "POST", f"{sessions}/s:appendEvent", {**event, "content": said})
        image = {"parts": [{"text": "x" * 2_000_000}]}
        ok(url, "POST", f"{sessions}/s:appendEvent", {**event, "content": image})
        listed, large = ok(url, "GET", f"{sessions}/s/events")["sessionEvents"]
    port = free_port()
    command = [sys.executable, "-m", "functions_framework", "--target=on_event"]
    command += [f"--source={WEBHOOK / 'main.py'}", "--host=127.0.0.1", f"--port={port}"]
    with running(command, f"http://127.0.0.1:{port}/robots.txt"):
        for each in (listed, large):
            deliver(f"http://127.0.0.1:{port}", document(emulator, project, each["name"]))
    printed = [line for line in capfd.readouterr().out.splitlines() if line.startswith("{")]
    told = [json.loads(line) for line in printed]
    assert [each for each in told if "name" in each] == [listed, {"name": large["name"]}]


def document(emulator: str, project: str, name: str) -> Document:
    """The event's document as Firestore has it."""
    transport = FirestoreGrpcTransport(channel=insecure_channel(emulator))
    path = f"projects/{project}/databases/(default)/documents/{name}"
    return FirestoreClient(transport=transport).get_document(GetDocumentRequest(name=path))


def deliver(url: str, created: Document) -> None:
    """Posts the CloudEvent of a new document in binary mode, as Eventarc does."""
    database, _, path = created.name.partition("/documents/")
    headers = {
        "Content-Type": "application/protobuf",
        "ce-specversion": "1.0",
        "ce-id": "3f1c8a52",
        "ce-type": "google.cloud.firestore.document.v1.created",
        "ce-source": f"//firestore.googleapis.com/{database}",
        "ce-subject": f"documents/{path}",
        "ce-document": path,
        "ce-database": "(default)",
    }
    fields = Document.to_dict(created, use_integers_for_enums=True)
    data = DocumentEventData.serialize(DocumentEventData(value=fields))
    assert send(url, "POST", "/", data, headers).status == 200
