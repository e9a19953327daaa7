"""The description of the whole API is what the code makes, and OpenAPI."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from functions.aip.errors import ApiError, MethodNotAllowed
from functions.api.path_table import PathTable
from functions.api.routes import ROUTES, Route
from infra.generate.description.document import render
from tests.support.project import ROOT

COMMITTED = (ROOT / "functions/api/openapi.json").read_text()
DOCUMENT = json.loads(COMMITTED)
SCHEMAS = DOCUMENT["components"]["schemas"]


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Verb, path and operation."""
    for path, item in DOCUMENT["paths"].items():
        for verb, operation in item.items():
            yield verb.upper(), path, operation


def parameters(operation: dict[str, Any]) -> list[dict[str, Any]]:
    keys = [found["$ref"].rpartition("/")[2] for found in operation["parameters"]]
    return [DOCUMENT["components"]["parameters"][key] for key in keys]


def test_the_committed_description_is_what_the_code_makes() -> None:
    assert render() == COMMITTED, "run `make openapi`"


def test_it_is_openapi() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()


@pytest.mark.parametrize(
    "change",
    [
        Route("list_events", "GET", "{parent=sessions/*}/events"),
        Route("get_session", "GET", "{name=reasoningEngines/*/sessions/*}", ("v2",)),
        Route(
            "get_session", "GET", "{name=reasoningEngines/*/sessions/*}", ("v1beta1",), ("filter",)
        ),
    ],
    ids=lambda route: "-".join([route.template, *route.versions, *route.query]),
)
def test_a_route_that_is_only_in_the_table_is_noticed(change: Route) -> None:
    assert render([*ROUTES, change]) != COMMITTED


def test_it_has_every_route_and_nothing_else() -> None:
    table = PathTable(ROUTES)
    served = []
    for verb, path, operation in operations():
        match = table.match(verb, re.sub(r"{\w+}", "x", path))
        served.append((match.version, match.route))
        assert operation["operationId"].startswith(f"{match.route.method}_{match.version}_")
    assert Counter(served) == Counter((version, r) for r in ROUTES for version in r.versions)


def test_parameters_are_the_variables_of_the_path_and_the_query_of_the_route() -> None:
    """Where the query may have an etag, a header may; a GET of a session may name one, too."""
    table = PathTable(ROUTES)
    for verb, path, operation in operations():
        variables = re.findall(r"{(\w+)}", path)
        route = table.match(verb, re.sub(r"{\w+}", "x", path)).route
        headers = ["If-Match"] if "etag" in route.query else []
        headers += ["If-None-Match"] if route.method == "get_session" else []
        found = [(parameter["in"], parameter["name"]) for parameter in parameters(operation)]
        expected = [("path", name) for name in variables]
        expected += [("query", name) for name in route.query]
        expected += [("header", name) for name in headers]
        assert found == [*expected, ("query", "$alt")]


def test_ids_of_operations_differ() -> None:
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(ids)) == len(ids)


def test_every_error_of_the_tree_is_described_with_its_statuses() -> None:
    tree = [error for error in ApiError.__subclasses__() if error is not MethodNotAllowed]
    responses = DOCUMENT["components"]["responses"]
    for error in tree:
        schema = responses[str(error.code)]["content"]["application/json"]["schema"]
        described = SCHEMAS[schema["$ref"].rpartition("/")[2]]["properties"]["error"]["properties"]
        assert described["code"] == {"const": error.code}
        assert error.status in described["status"]["enum"]


def test_what_is_written_holds_no_null_and_nothing_unknown() -> None:
    for name, schema in SCHEMAS.items():
        if not name.endswith("-Output"):
            continue
        assert schema["additionalProperties"] is False, name
        for field, described in schema["properties"].items():
            assert {"type": "null"} not in described.get("anyOf", []), f"{name}.{field}"


def test_what_is_read_may_be_null_unless_it_is_required() -> None:
    for name, schema in SCHEMAS.items():
        if not name.endswith("-Input"):
            continue
        for field, described in schema["properties"].items():
            is_required = field in schema.get("required", [])
            assert ({"type": "null"} in described.get("anyOf", [])) is not is_required, (
                f"{name}.{field}"
            )
