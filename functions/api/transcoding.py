"""Makes HTTP requests of gRPC calls, and gRPC messages of JSON answers; see google.aip.dev/127.

Messages are those of google-cloud-aiplatform. Paths and queries are those of the table of routes: a
field of a request fills the path, stands in the query, or is the body.
"""

import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any, NamedTuple
from urllib.parse import quote

from google.cloud.location import locations_pb2
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2, json_format
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import DecodeError, Message

from functions.aip.errors import Internal, InvalidArgument
from functions.api.routes import BOTH, METHODS, ROUTES, Route
from functions.rules.errors import InvalidFields

_SERVICES = {
    "SessionService": {
        "create_session": "Operation",
        "get_session": "Session",
        "list_sessions": "ListSessionsResponse",
        "update_session": "Session",
        "delete_session": "Operation",
        "append_event": "AppendEventResponse",
        "list_events": "ListEventsResponse",
    },
    "ReasoningEngineService": {
        "create_reasoning_engine": "Operation",
        "get_reasoning_engine": "ReasoningEngine",
        "list_reasoning_engines": "ListReasoningEnginesResponse",
        "update_reasoning_engine": "Operation",
        "delete_reasoning_engine": "Operation",
    },
}
"""Each method of a service → the message that it answers."""

_SHARED: dict[str, dict[str, type[Message]]] = {
    "google.longrunning.Operations": {
        "get_operation": operations_pb2.Operation,
        "list_operations": operations_pb2.ListOperationsResponse,
        "delete_operation": empty_pb2.Empty,
        "cancel_operation": empty_pb2.Empty,
        "wait_operation": operations_pb2.Operation,
    },
    "google.cloud.location.Locations": {
        "get_location": locations_pb2.Location,
        "list_locations": locations_pb2.ListLocationsResponse,
    },
}
"""The same of services that other APIs of Google have, too, whose calls have no version."""

_REQUESTS = {
    "google.longrunning.Operations": operations_pb2,
    "google.cloud.location.Locations": locations_pb2,
}

_VERSION_OF_SHARED = "ui"
"""Below it, an operation's messages are of the version that the operation was made with."""

_KINDS = {
    "projects": "Project",
    "locations": "Location",
    "reasoningEngines": "ReasoningEngine",
    "sessions": "Session",
    "operations": "Operation",
}


class HttpRequest(NamedTuple):
    """A request as a client of REST would send it; `body` is empty or JSON."""

    verb: str
    path: str
    query: dict[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Rpc:
    """A method of a gRPC service, in one version of the API."""

    method: str
    version: str
    request: type[Message]
    response: type[Message]

    def to_http(self, data: bytes) -> HttpRequest:
        """The HTTP request of a serialized request.

        Raises InvalidArgument for other bytes and for values without JSON, InvalidFields for a name
        that no path has.
        """
        message = self.request()
        try:
            message.ParseFromString(data)
            return self._to_http(message)
        except (DecodeError, ValueError, json_format.Error) as error:
            raise InvalidArgument(f"The request is malformed: {error}.") from error

    def _to_http(self, message: Message) -> HttpRequest:
        for route in self._routes():
            path = _path(route, message)
            if path is not None:
                fields = _fields(message)
                query = {name: fields.pop(name) for name in route.query if name in fields}
                # What is neither path nor query is the body: the one message of the request.
                bodies = [value for value in fields.values() if isinstance(value, Message)]
                return HttpRequest(
                    route.verb,
                    f"/{self.version}/{path}",
                    {name: _text(value) for name, value in query.items()},
                    json_format.MessageToJson(bodies[0], indent=None) if bodies else "",
                )
        variable, pattern, _ = _split(next(self._routes()).template)
        kind = _KINDS[pattern.split("/")[-2]]
        raise InvalidFields([(variable, f"Invalid {kind} resource name.")])

    def _routes(self) -> Iterator[Route]:
        return (
            route
            for route in ROUTES
            if route.method == self.method and self.version in route.versions
        )

    def from_json(self, text: str) -> Message:
        """The response; fields that the message does not have are left out.

        Raises Internal for numbers and depths that protobuf does not have.
        """
        message = self.response()
        try:
            json_format.Parse(text, message, ignore_unknown_fields=True)
        except (json_format.Error, OverflowError, RecursionError) as error:
            raise Internal(f"Protobuf cannot hold the answer, JSON can: {error}") from error
        return message


# Strangers choose the paths, so what is kept has a bound.
@lru_cache(maxsize=256)
def find_rpc(path: str) -> Rpc | None:
    """The method of a path such as `/google.cloud.aiplatform.v1.SessionService/GetSession`.

    The first method of a version imports its messages, which takes seconds.
    """
    _, service, name = path.split("/") if path.count("/") == 2 else ("", "", "")
    method = re.sub("(?!^)(?=[A-Z])", "_", name).lower()
    # gRPC's names are exact: `getSession` is none.
    if method not in METHODS or name != method.title().replace("_", ""):
        return None
    if response := _SHARED.get(service, {}).get(method):
        request: type[Message] = getattr(_REQUESTS[service], f"{name}Request")
        return Rpc(method, _VERSION_OF_SHARED, request, response)
    package, _, service = service.rpartition(".")
    version = package.removeprefix("google.cloud.aiplatform.")
    if version not in BOTH or method not in _SERVICES.get(service, {}):
        return None
    answer = _SERVICES[service][method]
    types = importlib.import_module(f"google.cloud.aiplatform_{version}.types")
    return Rpc(
        method,
        version,
        getattr(types, f"{name}Request").pb(),
        operations_pb2.Operation if answer == "Operation" else getattr(types, answer).pb(),
    )


def _path(route: Route, message: Message) -> str | None:
    """The path that the message fills; None if its name has another form."""
    variable, pattern, rest = _split(route.template)
    if not variable:
        return rest
    name: str = reduce(getattr, variable.split("."), message)
    form = pattern.replace("projects/*", "projects/[^/]+").replace("*", "[^/:]+")
    return quote(name) + rest if re.fullmatch(form, name) else None


def _split(template: str) -> tuple[str, str, str]:
    """The variable, its pattern, and what follows; see functions.api.path_table."""
    head, brace, rest = template.partition("}")
    if not brace:
        return "", "", head
    variable, _, pattern = head.removeprefix("{").partition("=")
    return variable, pattern, rest


def _fields(message: Message) -> dict[str, Any]:
    """The set fields by their names in JSON, and a message that is not set as an empty one."""
    return {
        field.json_name: getattr(message, field.name)
        for field in message.DESCRIPTOR.fields
        if field.message_type or getattr(message, field.name)
    }


def _text(value: object) -> str:
    """A value of a query."""
    match value:
        case bool():
            return "true" if value else "false"
        case FieldMask():
            # Paths as sent: keys of state have capitals, which the JSON form of a mask has not.
            return ",".join(value.paths)
        case Duration():
            return str(value.ToJsonString())
    return str(value)
