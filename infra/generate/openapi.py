"""Makes the document that API Gateway serves the shape `per_method` by, from the table of routes.

    python -m infra.generate.openapi > infra/openapi.yaml

OpenAPI 2.0, although API Gateway takes 3.x, too: its manual refuses variables that are part of a
segment, and only for 2.0 is it public (github.com/googleapis/api-compiler) that `{session}:verb`
is none of those.
"""

import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import yaml

from functions.api.routes import ROUTES, Route

PRIVATE = {"purge_expired_sessions", "watch_events"}
"""Called at their own addresses: by Cloud Scheduler, and by those who follow a session."""

DEADLINES = {"delete_reasoning_engine": 300}
"""Seconds that a function may take, where the table in functions.tf gives it more than 60."""

HEAD = """\
# Made by `python -m infra.generate.openapi` from functions/api/routes.py; change that instead.
#
# A Terraform template: the name of a target stands for the address of its function.
#
# The gateway demands no credentials. It calls each function with a token of its own service
# account, for the function's address, and hands what the caller sent as Authorization on as
# X-Forwarded-Authorization, which the function verifies as the setting AUTH says. To demand tokens
# here, too, add securityDefinitions and security; once every path has them, the setting
# AUTH_GATEWAY_USERINFO=true and AUTH=iam make the function take the gateway's word for them.
# Leave OPTIONS without: with it, browsers ask whether a page may call, and send no credentials.
#
# Parameters are listed for readers; the gateway checks none, and passes others on as they are. It
# does not stream, and takes and answers at most 32 MB: cloud.google.com/api-gateway/docs/quotas.
#
# The purge is not here: only Cloud Scheduler calls it. Nor is watch_events, which streams: it is
# called at its own address, the output watch_url.
"""

TYPES = {
    "allowMissing": "boolean",
    "dryRun": "boolean",
    "force": "boolean",
    "pageSize": "integer",
    "returnPartialSuccess": "boolean",
}
"""Of query parameters that are no strings."""


def render(routes: Iterable[Route] = ROUTES) -> str:
    """The whole file."""
    text: str = yaml.dump(document(routes), Dumper=_Dumper, sort_keys=False, width=1000)
    return HEAD + text


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """The OpenAPI of all routes but the private ones."""
    paths: dict[str, Any] = {}
    parameters: dict[str, Any] = {}
    for route in routes:
        if route.method in PRIVATE:
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
    """A template with a variable for each `*`, called like the collection before it.

    Paths of one shape then are one path: those that differ in their variables' names would clash.
    """
    segments = re.sub(r"{[a-z_.]+=|}", "", template).split("/")
    named = [
        segment.replace("*", f"{{{collection.removesuffix('s')}}}")
        for collection, segment in zip(["", *segments], segments, strict=False)
    ]
    return "/".join(["", version, *named])


def operation_id(route: Route, path: str) -> str:
    """The method and the words of its path, so that no two are the same."""
    return "_".join([route.method, *re.findall(r"\w+", re.sub(r"{\w+}", "", path))])


def _operation(route: Route, path: str) -> dict[str, Any]:
    return {
        "operationId": operation_id(route, path),
        **_references(route.query),
        "responses": {"200": {"description": "What the method answers."}},
        "x-google-backend": _backend(route.method),
    }


def _preflight(path: str, item: dict[str, Any]) -> dict[str, Any]:
    """Any function answers it for any path; here one of the path's own."""
    backends = (item[verb]["x-google-backend"] for verb in item if verb != "parameters")
    return {
        "operationId": "_".join(["preflight", *re.findall(r"\w+", path)]),
        "responses": {"204": {"description": "Who may call, and how; see CORS_ORIGINS."}},
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
    """Indents lists, writes keys of any length before a colon, and no aliases: 200 are allowed."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def check_simple_key(self) -> bool:
        return isinstance(self.event, yaml.ScalarEvent) or super().check_simple_key()

    def ignore_aliases(self, data: Any) -> bool:
        return True


if __name__ == "__main__":
    sys.stdout.write(render())
