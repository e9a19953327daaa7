"""The gateway's document is the table of routes, and OpenAPI."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import yaml
from openapi_spec_validator import OpenAPIV2SpecValidator

from functions.api.path_table import PathTable
from functions.api.routes import METHODS, ROUTES, Route
from infra.generate.openapi import PRIVATE, is_public, path_of, render
from tests.support.project import INFRA
from tests.support.terraform.configuration import read_configuration

COMMITTED = (INFRA / "openapi.yaml").read_text()
PUBLIC = [route for route in ROUTES if is_public(route)]
LONGEST_DEADLINE = 600


class Operation(NamedTuple):
    verb: str
    path: str
    parameters: list[str]
    body: dict[str, Any]

    @property
    def backend(self) -> dict[str, Any]:
        backend: dict[str, Any] = self.body["x-google-backend"]
        return backend

    @property
    def example(self) -> str:
        """A path that it serves."""
        return re.sub(r"{\w+}", "x", self.path)


def deployed(text: str) -> dict[str, Any]:
    """The document as Terraform hands it over."""
    document: dict[str, Any] = yaml.safe_load(re.sub(r"\${(\w+)}", r"https://\1.example", text))
    return document


def operations(document: dict[str, Any]) -> Iterator[Operation]:
    for path, item in document["paths"].items():
        shared = item.get("parameters", [])
        for verb, body in item.items():
            if verb != "parameters":
                references = [*shared, *body.get("parameters", [])]
                names = [reference["$ref"].rpartition("/")[2] for reference in references]
                yield Operation(verb.upper(), path, names, body)


DOCUMENT = deployed(COMMITTED)
PREFLIGHTS = [found for found in operations(DOCUMENT) if found.verb == "OPTIONS"]
OPERATIONS = [found for found in operations(DOCUMENT) if found.verb != "OPTIONS"]


def test_the_committed_document_is_what_the_routes_make() -> None:
    assert render() == COMMITTED, "run `python -m infra.generate.openapi > infra/openapi.yaml`"


@pytest.mark.parametrize(
    "change",
    [
        Route("list_events", "GET", "{parent=sessions/*}/events"),
        Route("get_session", "GET", "{name=reasoningEngines/*/sessions/*}", ("v2",)),
        Route("append_event", "POST", "{name=reasoningEngines/*/sessions/*}:append", ("v1",)),
    ],
    ids=lambda route: route.template,
)
def test_a_route_that_is_only_in_the_table_is_noticed(change: Route) -> None:
    assert render([*ROUTES, change]) != COMMITTED


@pytest.mark.parametrize("missing", range(0, len(PUBLIC), 20))
def test_a_route_that_is_only_in_the_document_is_noticed(missing: int) -> None:
    assert render([*PUBLIC[:missing], *PUBLIC[missing + 1 :]]) != COMMITTED


def test_a_query_parameter_that_is_only_in_the_table_is_noticed() -> None:
    first, *others = ROUTES
    changed = Route(first.method, first.verb, first.template, first.versions, ("view",))
    assert render([changed, *others]) != COMMITTED


def test_a_path_that_is_there_twice_is_refused() -> None:
    again = Route("get_session", "GET", "{parent=reasoningEngines/*/sessions/*}", ("v1beta1",))
    with pytest.raises(ValueError, match=r"GET .*/sessions/\{session\} is there twice"):
        render([*ROUTES, again])


def test_it_is_openapi() -> None:
    OpenAPIV2SpecValidator(DOCUMENT).validate()


def test_it_has_every_public_route_and_nothing_else() -> None:
    table = PathTable(ROUTES)
    served = []
    for operation in OPERATIONS:
        match = table.match(operation.verb, operation.example)
        served.append((match.version, match.route))
    expected = [(version, route) for route in PUBLIC for version in route.versions]
    assert Counter(served) == Counter(expected)


def test_every_operation_calls_the_function_of_its_method() -> None:
    table = PathTable(ROUTES)
    for operation in OPERATIONS:
        method = table.match(operation.verb, operation.example).route.method
        assert operation.backend["address"] == f"https://{method}.example", operation
        assert operation.backend["jwt_audience"] == operation.backend["address"], operation


def test_every_path_hands_preflights_to_a_function_of_its_own() -> None:
    own: dict[str, list[dict[str, Any]]] = {}
    for operation in OPERATIONS:
        own.setdefault(operation.path, []).append(operation.backend)
    assert [preflight.path for preflight in PREFLIGHTS] == list(own)
    for preflight in PREFLIGHTS:
        assert preflight.backend in own[preflight.path], preflight
        assert preflight.parameters == re.findall(r"{(\w+)}", preflight.path)


def test_functions_get_the_path_as_it_was_called() -> None:
    everything = [*OPERATIONS, *PREFLIGHTS]
    translations = {operation.backend["path_translation"] for operation in everything}
    assert translations == {"APPEND_PATH_TO_ADDRESS"}


def test_the_gateway_waits_as_long_as_the_function_may_take() -> None:
    targets = read_configuration().locals["targets"]
    for operation in OPERATIONS:
        method = operation.backend["address"].removeprefix("https://").removesuffix(".example")
        timeout = int(targets[method]["timeout"])
        assert operation.backend["deadline"] == min(timeout, LONGEST_DEADLINE), method


def test_parameters_are_the_variables_of_the_path_and_the_query_of_the_route() -> None:
    table = PathTable(ROUTES)
    for operation in OPERATIONS:
        variables = re.findall(r"{(\w+)}", operation.path)
        query = table.match(operation.verb, operation.example).route.query
        assert operation.parameters == [*variables, *query], operation
        assert [DOCUMENT["parameters"][name]["in"] for name in operation.parameters] == [
            *("path" for _ in variables),
            *("query" for _ in query),
        ]


def test_no_two_paths_differ_only_in_the_names_of_their_variables() -> None:
    shapes = Counter(re.sub(r"{\w+}", "*", path) for path in DOCUMENT["paths"])
    assert set(shapes.values()) == {1}


def test_variables_are_whole_segments_up_to_a_verb() -> None:
    """cloud.google.com/api-gateway/docs/openapi-limitations refuses others."""
    for path in DOCUMENT["paths"]:
        assert re.fullmatch(r"(/(\w+|{\w+}))+(:\w+)?", path), path


def test_ids_of_operations_differ_as_api_gateway_reads_them() -> None:
    """It drops what is neither a letter, a digit nor an underscore, and capitalizes the first."""
    ids = [operation.body["operationId"] for operation in [*OPERATIONS, *PREFLIGHTS]]
    assert all(re.fullmatch(r"[a-z]\w*", name) for name in ids)
    assert len(set(ids)) == len(ids)


def test_no_variable_takes_in_a_verb() -> None:
    """The gateway may match `1:fork` with `{session}`: GoogleCloudPlatform/esp-v2#639."""
    served = {(found.verb, found.path) for found in OPERATIONS}
    for verb, path in served:
        plain, is_custom, _ = path.partition(":")
        assert not (is_custom and (verb, plain) in served), path


def test_every_method_but_the_private_ones_is_on_the_gateway_by_all_its_versions() -> None:
    """Only one spelling of an append is left out, and each of its names has the other."""
    table = PathTable(ROUTES)
    left_out = [route for route in ROUTES if route not in PUBLIC and route.method not in PRIVATE]
    assert {(route.method, route.verb) for route in left_out} == {("append_event", "POST")}
    served = {operation.path for operation in OPERATIONS}
    for route in left_out:
        for version in route.versions:
            path = f"{path_of(version, route.template)}:appendEvent"
            assert path in served
            found = table.match("POST", re.sub(r"{\w+}", "x", path)).route
            assert (found.method, found.query) == (route.method, route.query)


def test_terraform_fills_in_targets_and_nothing_else() -> None:
    assert set(re.findall(r"[$%]{([^}]*)}", COMMITTED)) == set(METHODS) - PRIVATE


def test_neither_the_purge_nor_streams_are_on_the_gateway() -> None:
    """Only the scheduler calls the one, and API Gateway does not carry the others."""
    assert {"export_sessions", "purge_expired_sessions", "watch_events"} == PRIVATE
    assert ":export" not in COMMITTED
    assert "purgeExpired" not in COMMITTED
    assert "events:watch" not in COMMITTED


def test_no_client_is_locked_out() -> None:
    assert "security" not in DOCUMENT
    assert "securityDefinitions" not in DOCUMENT
    assert all("security" not in found.body for found in [*OPERATIONS, *PREFLIGHTS])
