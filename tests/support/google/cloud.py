"""A Google Cloud in one process: answers what gcloud asks while it deploys, and records it all.

A new project is as slow as it is on record: Firestore makes one change of its indexes at a time and
answers 409 to others, and once even to the first; a build fails while the grants have not spread.

Every API lives below a path of its own, `http://127.0.0.1:PORT/SERVICE/`, where gcloud's endpoint
overrides find it. What would leave the machine comes here, too, as a CONNECT to a proxy.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl

NUMBER = "123456789012"
ACCESS_TOKEN = "an-access-token"
ID_TOKEN = "an.id.token"

_APIS = (
    "cloudfunctions",
    "cloudresourcemanager",
    "cloudscheduler",
    "firestore",
    "iam",
    "run",
    "serviceusage",
)


_BUSY = "Too much contention on these documents. Please try again."
_DENIED = (
    "Access to bucket gcf-v2-sources-123456789012-us-central1 denied. You must grant Storage "
    "Object Viewer permission to sessions-build@my-project.iam.gserviceaccount.com."
)


class Busy(Exception):
    """Firestore changes another index."""


@dataclass(frozen=True)
class Call:
    """One request as it came."""

    verb: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        """The JSON that was sent."""
        return json.loads(self.content)


@dataclass
class FakeGoogle:
    """The requests so far, and the resources that they made."""

    url: str
    calls: list[Call] = field(default_factory=list)
    resources: dict[str, Any] = field(default_factory=dict)
    indexes: list[Any] = field(default_factory=list)
    fields: list[Any] = field(default_factory=list)
    unfinished: set[str] = field(default_factory=set)
    """Operations on indexes that nobody has waited for."""

    refusals: list[str] = field(default_factory=lambda: [_BUSY, _DENIED])
    """What is still to go wrong, once each."""

    @property
    def environment(self) -> dict[str, str]:
        """The variables that send gcloud and curl here, and nowhere else."""
        overrides = {
            f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{name.upper()}": f"{self.url}/{name}/"
            for name in _APIS
        }
        proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTPS_PROXY"), self.url)
        exempt = dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1")
        return {**overrides, **proxies, **exempt, "CLOUDSDK_AUTH_TOKEN_HOST": f"{self.url}/token"}

    def sent(self, verb: str, pattern: str) -> list[Call]:
        """The requests whose verb and path match a pattern from end to end."""
        return [
            call
            for call in self.calls
            if re.fullmatch(verb, call.verb) and re.fullmatch(pattern, call.path)
        ]

    def answer(self, call: Call) -> tuple[int, Any]:
        """A status, and JSON; gcloud gives up at once where nothing is foreseen."""
        self.calls.append(call)
        message = {"error": {"message": f"{call.verb} {call.path}"}}
        for verb, pattern, reply in _REPLIES:
            match = re.fullmatch(pattern, call.path)
            if match and verb == call.verb:
                try:
                    answer = reply(self, call, *match.groups())
                except Busy as busy:
                    return 409, {"error": {"code": 409, "message": str(busy), "status": "ABORTED"}}
                return (404, message) if answer is None else (200, answer)
        return 400, message


@contextmanager
def fake_google() -> Iterator[FakeGoogle]:
    """Serves an empty Google Cloud until the block ends."""
    google = FakeGoogle("")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, google)) as server:
        google.url = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, daemon=True).start()
        yield google
        server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, google: FakeGoogle, *args: Any) -> None:
        self._google = google
        super().__init__(*args)

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        call = Call(
            self.command,
            path,
            dict(parse_qsl(query)),
            {name.lower(): value for name, value in self.headers.items()},
            self.rfile.read(int(self.headers.get("Content-Length", 0))),
        )
        status, answer = self._google.answer(call)
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_CONNECT = do_GET  # noqa: N815

    def log_message(self, *args: Any) -> None:
        pass


def _enable(google: FakeGoogle, call: Call) -> Any:
    for name in call.body["serviceIds"]:
        google.resources[name] = {"name": name, "state": "ENABLED"}
    return {"name": "operations/1", "done": True, "response": {}}


def _change_index(google: FakeGoogle, call: Call, database: str, place: str) -> Any:
    if google.unfinished:
        raise Busy(_BUSY)
    if _BUSY in google.refusals:
        google.refusals.remove(_BUSY)
        raise Busy(_BUSY)
    made = google.fields if call.verb == "PATCH" else google.indexes
    name = f"{database}/collectionGroups/{place}"
    if call.verb == "POST":
        name = f"{name}/{len(made)}"
        last = call.body["fields"][-1]
        named = {"fieldPath": "__name__", "order": last.get("order", "ASCENDING")}
        made.append({**call.body, "name": name, "fields": [*call.body["fields"], named]})
    else:
        made.append({**call.body, "name": name})
    operation = f"{database}/operations/{len(google.calls)}"
    google.unfinished.add(operation)
    return {"name": operation, "metadata": {}}


def _await(google: FakeGoogle, call: Call, operation: str) -> Any:
    """Done when it is asked for the second time."""
    done = google.resources.setdefault(operation, {"name": operation}).copy()
    google.resources[operation]["done"] = True
    if "done" in done:
        google.unfinished.discard(operation)
    return done


def _list_indexes(google: FakeGoogle, call: Call) -> Any:
    return {"indexes": [{**index, "state": "READY"} for index in google.indexes]}


def _list_fields(google: FakeGoogle, call: Call) -> Any:
    return {"fields": google.fields}


def _create_function(google: FakeGoogle, call: Call, parent: str) -> Any:
    if _DENIED in google.refusals:
        google.refusals.remove(_DENIED)
        operation = _operation(google, call, parent)
        del operation["response"]
        return {
            **operation,
            "error": operation.setdefault("error", {"code": 7, "message": _DENIED}),
        }
    name = f"{parent}/functions/{call.query['functionId']}"
    config = call.body["serviceConfig"] | {
        "service": name.replace("/functions/", "/services/"),
        "uri": f"{google.url}/called/{call.query['functionId']}",
    }
    google.resources[name] = {**call.body, "environment": "GEN_2", "serviceConfig": config}
    return _operation(google, call, parent)


def _operation(google: FakeGoogle, call: Call, parent: str) -> Any:
    name = f"{parent}/operations/{len(google.calls)}"
    google.resources[name] = {"name": name, "metadata": {}, "done": True, "response": {}}
    return google.resources[name]


def _set_policy(google: FakeGoogle, call: Call, resource: str) -> Any:
    google.resources[f"{resource}:getIamPolicy"] = call.body["policy"]
    return call.body["policy"]


def _get(google: FakeGoogle, call: Call, name: str) -> Any:
    return google.resources.get(name)


def _get_policy(google: FakeGoogle, call: Call, name: str) -> Any:
    return google.resources.get(name, {"etag": "AA==", "version": 1})


def _upload_url(google: FakeGoogle, call: Call) -> Any:
    source = {"bucket": "uploads", "object": "source.zip"}
    return {"uploadUrl": f"{google.url}/uploads/source.zip", "storageSource": source}


def _echo(google: FakeGoogle, call: Call) -> Any:
    return call.body


def _always(answer: Any) -> Callable[..., Any]:
    return lambda google, call: answer


_PROJECT = {"projectId": "my-project", "projectNumber": NUMBER, "lifecycleState": "ACTIVE"}
_PYTHON = {"name": "python313", "environment": "GEN_2", "stage": "GA"}
_TOKENS = {"access_token": ACCESS_TOKEN, "id_token": ID_TOKEN, "expires_in": 3600}

_REPLIES: tuple[tuple[str, str, Callable[..., Any]], ...] = (
    ("POST", "/token", _always(_TOKENS)),
    ("GET", "/cloudresourcemanager/v1/projects/my-project", _always(_PROJECT)),
    ("POST", "/serviceusage/v1/projects/my-project/services:batchEnable", _enable),
    ("GET", "/serviceusage/v1/projects/my-project/services/(.+)", _get),
    ("POST", "/firestore/v1/(projects/my-project)/databases", _operation),
    ("POST", "/firestore/v1/(.+)/collectionGroups/([^/]+/indexes)", _change_index),
    ("PATCH", "/firestore/v1/(.+)/collectionGroups/([^/]+/fields/[^/]+)", _change_index),
    ("GET", "/firestore/v1/(projects/my-project/databases/[^/]+/operations/[^/]+)", _await),
    ("GET", "/firestore/v1/.+/collectionGroups/-/indexes", _list_indexes),
    ("GET", "/firestore/v1/.+/collectionGroups/-/fields", _list_fields),
    ("POST", "/firestore/v1/(projects/my-project)/databases/[^/]+/backupSchedules", _operation),
    ("POST", "/iam/v1/projects/my-project/serviceAccounts", _echo),
    ("POST", "/cloudresourcemanager/v1/(.+:getIamPolicy)", _get_policy),
    ("POST", "/cloudresourcemanager/v1/(.+):setIamPolicy", _set_policy),
    ("GET", "/cloudfunctions/v2/(projects/.+/functions/[^/]+)", _get),
    ("GET", "/cloudfunctions/v2/(projects/.+/operations/[^/]+)", _get),
    ("GET", "/cloudfunctions/v2/.+/runtimes", _always({"runtimes": [_PYTHON]})),
    ("POST", "/cloudfunctions/v2/.+/functions:generateUploadUrl", _upload_url),
    ("PUT", "/uploads/source.zip", _always({})),
    ("POST", "/cloudfunctions/v2/(projects/.+)/functions", _create_function),
    ("GET", "/run/v1/(.+:getIamPolicy)", _get_policy),
    ("POST", "/run/v1/(.+):setIamPolicy", _set_policy),
    ("POST", "/cloudscheduler/v1/.+/jobs", _echo),
    ("POST", "/called/sessions-api/.+", _always({"done": True})),
)
