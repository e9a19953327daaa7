"""Finds the route of a path by its shape, in one dictionary look-up.

Paths alternate collections and ids, so a path's shape is the path with `*` for every second
segment; a variable matches one or more characters other than `/` and `:`. Only a project's id may
hold a colon, and it is never the last segment, where a colon stands before the verb.
"""

import re
from collections.abc import Collection, Iterable
from typing import NamedTuple

from functions.aip.errors import MethodNotAllowed, NotFound
from functions.api.routes import METHODS, Route

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
    """All routes, whatever a target serves of them."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._entries: dict[str, dict[str, _Entry]] = {}
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

    def match(self, verb: str, path: str, methods: Collection[str] = METHODS) -> Match:
        """The route of a request to a target that serves these methods.

        Raises NotFound, or MethodNotAllowed naming what is allowed.
        """
        parents, _, last = path.rpartition("/")
        last, _, action = last.partition(":")
        segments = [*parents.split("/"), last]
        shape = "/".join([*segments[:2], *_shape(segments[2:])])
        entries = self._entries.get(f"{shape}:{action}" if action else shape)
        if entries is None or "" in segments[1:] or path.endswith(":"):
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


def _shape(segments: list[str]) -> list[str]:
    collections = ["", *segments]
    return [
        "*" if position % 2 and (":" not in id or collection == "projects") else id
        for position, (collection, id) in enumerate(zip(collections, segments, strict=False))
    ]
