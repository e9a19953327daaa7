"""Makes API Gateway's document for the shape `per_method` from the table of routes.

    python -m infra.generate.openapi > infra/openapi.yaml

The document is OpenAPI 2.0, although API Gateway also takes 3.x. Its manual refuses variables that
are part of a segment. Only for 2.0 a public source (github.com/googleapis/api-compiler) shows that
`{session}:verb` is allowed.

ESPv2, the public proxy for such documents, tries `{session}` before `{session}:verb` of the same
HTTP method. There `{session}` matches a colon, too; see `src/go/util/httppattern/sort_test.go` and
pull request 639 of github.com/GoogleCloudPlatform/esp-v2. Where the table has both paths, the
document therefore has only one.
"""

import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import yaml

from functions.api.routes import ROUTES, Route

PRIVATE = {"export_sessions", "purge_expired_sessions", "watch_events"}
"""Methods outside the gateway: Cloud Scheduler and clients call them at their own addresses."""

DEADLINES = {
    "compact_session": 300,
    "delete_reasoning_engine": 300,
    "erase_user": 300,
    "fork_session": 300,
    "import_sessions": 300,
    "purge_events": 300,
    "rewind_session": 300,
}
"""Seconds that a function may take, if the table in functions.tf gives it more than 60."""

HEAD = """\
# Made by `python -m infra.generate.openapi` from functions/api/routes.py; change that instead.
#
# A Terraform template: the name of a target stands for the address of its function.
#
# The gateway requires no credentials. It calls each function with a token of its own service
# account for the function's address. It forwards the client's header Authorization as
# X-Forwarded-Authorization, and the function checks that header by the setting AUTH. To require
# tokens at the gateway, too, add securityDefinitions and security. If every path has them, set
# AUTH=iam and AUTH_GATEWAY_USERINFO=true: the function then trusts the claims that the gateway
# forwards. Do not add security to OPTIONS: browsers send preflights without credentials.
#
# The parameters are here for readers. The gateway checks none, and forwards all others unchanged.
# It does not stream, and a request or an answer may have at most 32 MB; see
# cloud.google.com/api-gateway/docs/quotas.
#
# The document lacks three methods. Only Cloud Scheduler calls the purge. watch_events and
# export_sessions stream, so clients call them at their own addresses, the outputs watch_url and
# export_url. It also lacks the short spelling of an append, POST on the name of a session: that
# path may take in all other POSTs of a session, such as `:fork`. Clients append by `:appendEvent`.
"""

TYPES = {
    "allowMissing": "boolean",
    "dryRun": "boolean",
    "force": "boolean",
    "pageSize": "integer",
    "returnPartialSuccess": "boolean",
}
"""The types of query parameters that are not strings."""


def is_public(route: Route) -> bool:
    """Whether the gateway has this route.

    It lacks POST on the name of a session: that path may take in `:fork` and all other verbs.
    Every official client appends by `:appendEvent`.
    """
    is_bare = route.verb == "POST" and route.template.endswith("/sessions/*}")
    return route.method not in PRIVATE and not is_bare


def render(routes: Iterable[Route] = ROUTES) -> str:
    """Returns the text of the file."""
    text: str = yaml.dump(document(routes), Dumper=_Dumper, sort_keys=False, width=1000)
    return HEAD + text


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """Returns the OpenAPI document of the public routes."""
    paths: dict[str, Any] = {}
    parameters: dict[str, Any] = {}
    for route in routes:
        if not is_public(route):
            continue
        parameters |= {name: _query_parameter(name) for name in route.query}
        for version in route.versions:
            path = path_of(version, route.template)
            variables = re.findall(r"{(\w+)}", path)
            parameters |= {name: _path_parameter(name) for name in variables}
            item = paths.setdefault(path, _references(variables))
            if route.verb.lower() in item:
                raise ValueError(f"{route.verb} {path} is there twice")
            item[route.verb.lower()] = _operation(route, path)
    for path, item in paths.items():
        item["options"] = _preflight(path, item)
    return {
        "swagger": "2.0",
        "info": {"title": "Agent Engine Sessions", "version": "1"},
        "schemes": ["https"],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "paths": paths,
        "parameters": dict(sorted(parameters.items())),
    }


def path_of(version: str, template: str) -> str:
    """Replaces each `*` of a template by a variable with the name of the collection before it.

    Paths of one shape become one path. Paths that differ only in variable names would clash.
    """
    segments = re.sub(r"{[a-z_.]+=|}", "", template).split("/")
    named = [
        segment.replace("*", f"{{{collection.removesuffix('s')}}}")
        for collection, segment in zip(["", *segments], segments, strict=False)
    ]
    return "/".join(["", version, *named])


def operation_id(route: Route, path: str) -> str:
    """Joins the method and the words of its path; no two operations have the same."""
    return "_".join([route.method, *re.findall(r"\w+", re.sub(r"{\w+}", "", path))])


def _operation(route: Route, path: str) -> dict[str, Any]:
    return {
        "operationId": operation_id(route, path),
        **_references(route.query),
        "responses": {"200": {"description": "The method's answer."}},
        "x-google-backend": _backend(route.method),
    }


def _preflight(path: str, item: dict[str, Any]) -> dict[str, Any]:
    """The preflight of a path; every function can answer it, and one of the path's does."""
    backends = (item[verb]["x-google-backend"] for verb in item if verb != "parameters")
    return {
        "operationId": "_".join(["preflight", *re.findall(r"\w+", path)]),
        "responses": {"204": {"description": "The origins and methods that CORS_ORIGINS allows."}},
        "x-google-backend": next(backends),
    }


def _backend(method: str) -> dict[str, Any]:
    address = f"${{{method}}}"
    return {
        "address": address,
        "jwt_audience": address,
        "path_translation": "APPEND_PATH_TO_ADDRESS",
        "deadline": DEADLINES.get(method, 60),
    }


def _references(names: Sequence[str]) -> dict[str, Any]:
    return {"parameters": [{"$ref": f"#/parameters/{name}"} for name in names]} if names else {}


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "type": "string"}


def _query_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "type": TYPES.get(name, "string")}


class _Dumper(yaml.SafeDumper):
    """Indents lists, writes keys of any length on one line, and writes no aliases."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def check_simple_key(self) -> bool:
        return isinstance(self.event, yaml.ScalarEvent) or super().check_simple_key()

    def ignore_aliases(self, data: Any) -> bool:
        return True


if __name__ == "__main__":
    sys.stdout.write(render())
