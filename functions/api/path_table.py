"""Finds the route of a path by its shape, in one dictionary look-up.

Paths alternate collections and ids, so a path's shape is the path with `*` for every second
segment; a variable matches one or more characters other than `/` and `:`. Only a project's id may
hold a colon, and it is never the last segment, where a colon stands before the verb. The path is
split as sent. Each segment is percent-decoded once, except for `%2F`, which stays as it is: see
google.api.http on variables of several segments.
"""

import re
from collections.abc import Collection, Iterable
from typing import NamedTuple
from urllib.parse import unquote

from functions.aip.errors import InvalidArgument, MethodNotAllowed, NotFound
from functions.api.routes import METHODS, Route

_ROOT = "/"
_SLASH = re.compile("%(?=2[Ff])")
_MALFORMED = re.compile("%(?![0-9A-Fa-f]{2})")
_TEMPLATE = re.compile(r"(?:\{(?P<variable>[a-z_.]+)=(?P<pattern>[^}]+)\})?(?P<rest>[^{}]*)")


class Match(NamedTuple):
    """A route, the version it was found under, and the name that the path fills in."""

    route: Route
    version: str
    name: str
    name_field: str


class _Entry(NamedTuple):
    route: Route
    version: str
    name_field: str
    segments: int


class PathTable:
    """The routes of all targets; a target passes its methods to `match`."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._entries: dict[str, dict[str, _Entry]] = {}
        self._roots: dict[str, dict[str, _Entry]] = {}
        self._first: dict[str, str] = {}
        for route in routes:
            match = _TEMPLATE.fullmatch(route.template)
            if match is None:
                raise ValueError(f"not a template of one variable: {route.template}")
            pattern = match["pattern"] or ""
            segments = pattern.count("/") + 1 if pattern else 0
            for version in route.versions:
                entry = _Entry(route, version, match["variable"] or "parent", segments)
                shape = f"/{version}/{pattern}{match['rest']}"
                self._entries.setdefault(shape, {})[route.verb] = entry
                self._first.setdefault(route.method, f"{route.verb} {shape}")
                if not match["variable"]:
                    self._roots.setdefault(route.method, {}).setdefault(route.verb, entry)

    def match(self, verb: str, path: str, methods: Collection[str] = METHODS) -> Match:
        """The route of a request to a target that serves these methods.

        `path` is as sent, from its first slash on. A target of one method answers at its root, too,
        where the method has a route that names no resource.

        Raises NotFound, MethodNotAllowed naming what is allowed, and InvalidArgument for
        malformed percent-escapes and those that are not UTF-8.
        """
        segments = path.split("/")
        if "%" in path:
            segments = [_decoded(segment) for segment in segments]
        segments[-1], colon, action = segments[-1].partition(":")
        shape = "/".join([*segments[:2], *_shape(segments[2:])]) + colon + action
        entries = self._root(methods) if path == _ROOT else self._entries.get(shape)
        if entries is None or ("" in segments[1:] and path != _ROOT):
            raise NotFound(f"There is no path {path}.")
        entry = entries.get(verb)
        if entry is None or entry.route.method not in methods:
            served = sorted(
                other for other, each in entries.items() if each.route.method in methods
            )
            # What another target serves is not found here, as if no method had it.
            if entry is not None or not served:
                raise NotFound(f"There is no path {path}.")
            message = f"{path} takes {' or '.join(served)}, not {verb}."
            raise MethodNotAllowed(message, served)
        name = "/".join(segments[2 : 2 + entry.segments])
        return Match(entry.route, entry.version, name, entry.name_field)

    def _root(self, methods: Collection[str]) -> dict[str, _Entry]:
        found = self._roots.get(next(iter(methods))) if len(methods) == 1 else None
        if found is None:
            examples = [text for method, text in self._first.items() if method in methods]
            example = f" This function serves paths such as {examples[0]}." if examples else ""
            raise NotFound(f"There is no path /.{example}")
        return found


def _shape(segments: list[str]) -> list[str]:
    return [
        "*" if place % 2 and (":" not in word or segments[place - 1] == "projects") else word
        for place, word in enumerate(segments)
    ]


def _decoded(segment: str) -> str:
    if _MALFORMED.search(segment):
        raise InvalidArgument(f"The path has a % without two hexadecimal digits: {segment}.")
    try:
        return unquote(_SLASH.sub("%25", segment), errors="strict")
    except UnicodeDecodeError as error:
        raise InvalidArgument(f"A percent-escape in the path is not UTF-8: {segment}.") from error
