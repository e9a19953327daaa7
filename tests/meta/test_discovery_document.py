"""Messages and routes held against the discovery documents of the official service."""

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any, get_args

import pytest
from pydantic.fields import FieldInfo

from functions.api.routes import ROUTES, official_routes
from functions.messages import (
    compaction,
    content,
    grounding,
    reasoning_engine,
    session,
    session_event,
)
from functions.messages.message import ADK, Message
from functions.messages.scalars import (
    Bytes,
    Double,
    DoubleItem,
    Duration,
    Enum,
    Int32,
    Int32Item,
    Timestamp,
)

VERSIONS = ("v1", "v1beta1")
MESSAGES = {
    message.__name__: message
    for module in (compaction, content, grounding, reasoning_engine, session, session_event)
    for message in vars(module).values()
    if isinstance(message, type)
    and issubclass(message, Message)
    and message not in (Message, reasoning_engine.DeleteReasoningEngineRequest)
}
"""The messages of the discovery document, which has no body for the DELETE of an engine."""

UNTYPED = "ReasoningEngine"
"""Its specs describe code that we do not run, so we keep them as sent."""

ITEMS = {Int32Item: Int32, DoubleItem: Double, str: str | None}
"""What stands in lists and maps, where null stands for nothing."""

SCALARS = {
    ("string", "google-datetime"): Timestamp,
    ("string", "google-duration"): Duration,
    ("string", "byte"): Bytes,
    ("integer", "int32"): Int32,
    ("number", "double"): Double,
    ("number", "float"): Double,
    ("string", None): str | None,
    ("boolean", None): bool | None,
}


@cache
def document(version: str) -> dict[str, Any]:
    path = files("googleapiclient") / f"discovery_cache/documents/aiplatform.{version}.json"
    parsed: dict[str, Any] = json.loads(path.read_text())
    return parsed


def schema(version: str, message: str) -> dict[str, Any] | None:
    prefix = f"GoogleCloudAiplatform{version.capitalize()}"
    found: dict[str, Any] | None = document(version)["schemas"].get(prefix + message)
    return found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_has_the_official_fields(version: str, name: str) -> None:
    official = schema(version, name)
    assert official is not None, f"{name} is not in the discovery document"
    ours = {field.alias for field in published_fields(name)}
    missing_in_v1 = ours - set(official["properties"]) if version == "v1" else set()
    assert ours - missing_in_v1 == set(official["properties"])


@pytest.mark.parametrize("name", [name for name in MESSAGES if name != UNTYPED])
def test_a_field_has_the_official_type(name: str) -> None:
    official = schema("v1beta1", name)
    assert official is not None
    for field in published_fields(name):
        assert describe(field) == expected(official["properties"][field.alias]), field.alias


def test_fields_of_adk_clients_are_those_that_the_contract_names() -> None:
    """And the published schema has none of them."""
    beyond = {
        (name, field.alias)
        for name in MESSAGES
        for field in MESSAGES[name].model_fields.values()
        if ADK in field.metadata
    }
    assert beyond == {
        ("EventActions", "requestedToolConfirmations"),
        ("EventActions", "agentState"),
        ("EventActions", "endOfAgent"),
        ("EventActions", "transferToAgent"),
        ("EventMetadata", "usageMetadata"),
    }


def test_every_message_below_session_and_event_is_modelled() -> None:
    wanted, seen = ["Session", "SessionEvent", "CompactSessionRequest"], set()
    while wanted:
        name = wanted.pop()
        seen.add(name)
        text = json.dumps(schema("v1beta1", name))
        below = set(re.findall(r'"\$ref": "GoogleCloudAiplatformV1beta1(\w+)"', text))
        wanted.extend(below - seen)
    assert seen == set(MESSAGES) - {UNTYPED}


def published_fields(name: str) -> list[FieldInfo]:
    return [field for field in MESSAGES[name].model_fields.values() if ADK not in field.metadata]


def expected(official: dict[str, Any]) -> Any:
    """An official field as `describe` describes ours."""
    if "$ref" in official:
        return official["$ref"].removeprefix("GoogleCloudAiplatformV1beta1")
    if official["type"] == "array":
        return ["list", expected(official["items"])]
    if official["type"] == "object":
        values = official["additionalProperties"]
        return "struct" if values["type"] == "any" else ["map", expected(values)]
    if "enum" in official:
        return tuple(official["enum"])
    return SCALARS[official["type"], official.get("format")]


def describe(field: FieldInfo) -> Any:
    for annotation in field.metadata:
        if isinstance(annotation, Enum):
            return annotation.names
    if field.metadata:
        return next(kind for kind in SCALARS.values() if same_scalar(kind, field))
    return describe_type(field.annotation)


def describe_type(annotation: Any) -> Any:
    if annotation in SCALARS.values():
        return annotation
    kind = next(kind for kind in get_args(annotation) if kind is not type(None))
    if isinstance(kind, type) and issubclass(kind, Message):
        return kind.__name__
    item = get_args(kind)[-1]
    if kind.__name__ == "list":
        return ["list", item.__name__ if is_message(item) else describe_item(item)]
    return "struct" if item is Any else ["map", describe_item(item)]


def describe_item(item: Any) -> Any:
    return ITEMS.get(item, item)


def is_message(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Message)


def same_scalar(kind: Any, field: FieldInfo) -> bool:
    return list(getattr(kind, "__metadata__", ())) == field.metadata


def official_paths(version: str) -> dict[tuple[str, str], set[str]]:
    """`(verb, path with * for variables)` of every official method → its query parameters."""
    found: dict[tuple[str, str], set[str]] = {}

    def visit(resource: dict[str, Any]) -> None:
        for method in resource.get("methods", {}).values():
            path = method.get("flatPath", method["path"])
            found[method["httpMethod"], re.sub(r"\{[^}]*\}", "*", path)] = {
                name
                for name, parameter in method.get("parameters", {}).items()
                if parameter["location"] == "query"
            }
        for below in resource.get("resources", {}).values():
            visit(below)

    visit(document(version))
    return found


NOT_OURS = re.compile(r":(\w*[qQ]uery|executeCode|\w+IamPolicy|testIamPermissions)$")
SESSIONS = re.compile(
    r"^(projects/\*/locations/\*/)?reasoningEngines(/\*(/sessions(/\*(/events)?)?)?)?(:\w+)?$"
)


@pytest.mark.parametrize("version", VERSIONS)
def test_without_the_extensions_the_routes_are_the_official_ones(version: str) -> None:
    """GAPIC sends no others than these methods of sessions and engines, with their parameters."""
    ours = {
        (route.verb, re.sub(r"\{[^=]+=([^}]+)\}", r"\1", route.template)): {*route.query}
        for route in official_routes()
        if version in route.versions
    }
    official = {
        (verb, path.removeprefix(f"{version}/")): parameters
        for (verb, path), parameters in official_paths(version).items()
    }
    wanted = {
        (verb, path): parameters
        for (verb, path), parameters in official.items()
        if SESSIONS.match(path) and not NOT_OURS.search(path)
    }
    assert wanted, "the discovery document was not understood"
    for (_, path), parameters in wanted.items():
        if path.endswith("sessions/*") and "updateMask" in parameters:
            parameters.add("sessionId")  # vertexai's client sends it.
    assert {key: query for key, query in ours.items() if SESSIONS.match(key[1])} == wanted


@pytest.mark.parametrize("version", VERSIONS)
def test_operations_of_sessions_and_engines_have_their_routes(version: str) -> None:
    """The discovery document leaves the names of most operations open; their verbs it tells."""
    for parent in (
        "projects/*/locations/*/reasoningEngines/*/sessions/*",
        "reasoningEngines/*/sessions/*",
    ):
        for verb, suffix in (
            ("GET", "/operations"),
            ("GET", "/operations/*"),
            ("DELETE", "/operations/*"),
            ("POST", "/operations/*:cancel"),
            ("POST", "/operations/*:wait"),
        ):
            path = f"{parent}{suffix}"
            assert (verb, f"{version}/{path}") in official_paths(version)
            assert any(
                route.verb == verb
                and version in route.versions
                and re.sub(r"\{[^=]+=([^}]+)\}", r"\1", route.template) == path
                for route in ROUTES
            )
