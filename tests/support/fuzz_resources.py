"""Resources that a fuzzer's requests find, since random names seldom name any."""

import json
from typing import Any

import requests
from schemathesis import Case
from schemathesis.core.parameters import ParameterLocation

from infra.generate.description.document import document
from tests.support.project import PROJECT

REGION = "fuzzed"
"""A location of its own, since other tests list the resources of a location."""

PATIENCE = 60
"""Seconds that an answer may take, a whole stream, too."""

_MANY_EVENTS = 30

_KNOWN: dict[str, list[str]] = {
    "alt": ["json;enum-encoding=int"],
    "filter": ["", 'create_time > "2020-01-01T00:00:00Z"', 'author:"u"', 'labels.k="v"'],
    "pageToken": [""],
    "userId": ["user"],
    "allowMissing": ["true"],
    "updateMask": ["displayName", "labels,sessionState.k", "sessionState", "*"],
    "reasoningEngineOrAny": ["-"],
    "sessionOrAny": ["-"],
}
"""Parameters that a random value seldom gets anywhere with."""


def known_document() -> dict[str, Any]:
    """The OpenAPI document of the API; half the values of some parameters are known ones."""
    made: dict[str, Any] = json.loads(json.dumps(document()))
    for key, values in _KNOWN.items():
        parameter = made["components"]["parameters"][key]
        parameter["schema"] = {"anyOf": [{"enum": values}, parameter["schema"]]}
    return made


class FuzzResources:
    """An engine on a server with a session of `user` that has an event."""

    def __init__(self, url: str, http: requests.Session) -> None:
        self._base = f"{url}/v1beta1/projects/{PROJECT}/locations/{REGION}/reasoningEngines"
        self._http = http
        self._events = 0
        *_, engine, _, operation = self._post("", {})["name"].split("/")
        self._ids = {"project": PROJECT, "location": REGION, "reasoningEngine": engine}
        self._ids |= {"session": "made", "run": "made", "user": "user"}
        self._engine_operation, self._session_operation = operation, ""
        self.restore()

    @property
    def is_crowded(self) -> bool:
        """Whether its session has so many events that reading them takes long."""
        return self._events > _MANY_EVENTS

    def restore(self) -> None:
        """Makes the session and its event where they are missing."""
        sessions = f"/{self._ids['reasoningEngine']}/sessions"
        answer = self._post(f"{sessions}?sessionId=made", {"userId": "user", "labels": {"k": "v"}})
        if "name" in answer:
            self._session_operation = answer["name"].rpartition("/")[2]
        event = {"author": "user", "invocationId": "made", "timestamp": "2026-01-01T00:00:00Z"}
        while not (events := self._events_of(f"{sessions}/made")):
            self._post(f"{sessions}/made:appendEvent", event)
        self._ids["event"] = events[0]["name"].rpartition("/")[2]

    def lead(self, case: Case) -> None:
        """Puts the ids of these resources into a path that is well formed."""
        assert case.meta is not None
        if case.meta.is_negative_at(ParameterLocation.PATH):
            return
        is_of_session = "session" in case.path_parameters
        operation = self._session_operation if is_of_session else self._engine_operation
        for name, value in {**self._ids, "operation": operation}.items():
            if case.path_parameters.get(name, "-") != "-":
                case.path_parameters[name] = value

    def append(self, url: str, case: Case) -> None:
        """Sends an event that is as valid as a schema can say."""
        self.lead(case)
        for name in ("allowMissing", "userId", "etag"):
            case.query.pop(name, None)
        case.headers.pop("If-Match", None)
        case.path_parameters["session"] = "made"
        case.body["invocationId"] = "made"
        answer = case.call(url, self._http, timeout=PATIENCE)
        assert answer.status_code in (200, 400), answer.text
        self._events += 1

    def _events_of(self, session: str) -> list[dict[str, Any]]:
        answer = self._http.get(f"{self._base}{session}/events?pageSize=1", timeout=PATIENCE)
        events: list[dict[str, Any]] = answer.json().get("sessionEvents", [])
        return events

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._http.post(f"{self._base}{path}", json=body, timeout=PATIENCE)
        assert answer.status_code in (200, 400), answer.text
        made: dict[str, Any] = answer.json()
        return made
