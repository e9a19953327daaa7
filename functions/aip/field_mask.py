"""Field masks of update methods; see google.aip.dev/161."""

import re
from functools import lru_cache
from typing import NamedTuple

from functions.aip.errors import InvalidArgument

_LONGEST_NAME = 64
_UPPER = re.compile("[A-Z]")
_PATH = re.compile(
    r"\s*+(?P<text>\*|"
    r"(?P<field>[^\s.,`*]++)(?:\.(?:(?P<key>[^,`]*[^\s,`])|`(?P<quoted>(?:[^`]|``)*+)`))?)"
    r"\s*+(?=,|\Z)"
)


class FieldPath(NamedTuple):
    """One path of a mask: a snake_case field, the map key if it has one, and the path as sent."""

    field: str
    key: str | None
    text: str


def parse_field_mask(text: str) -> list[FieldPath]:
    """Parses comma-separated paths such as "displayName,labels.color"; see google.aip.dev/161.

    The text behind the first dot is one map key, taken literally. A key between backticks may hold
    any characters or none; a backtick inside it is written twice. "*" is a path of its own. A blank
    mask has no paths. Raises InvalidArgument naming the first malformed path.
    """
    paths: list[FieldPath] = []
    if not text.strip():
        return paths
    position = 0
    while position <= len(text):
        found = _PATH.match(text, position)
        if found is None:
            offender = text[position:].split(",", 1)[0].strip()
            raise InvalidArgument(
                "updateMask must be comma-separated paths such as displayName, labels.key or"
                f' labels.`odd, key`: "{offender:.64}"'
            )
        quoted = found["quoted"]
        key = found["key"] if quoted is None else quoted.replace("``", "`")
        paths.append(FieldPath(snake_case(found["field"] or "*"), key, found["text"]))
        position = found.end() + 1
    return paths


def snake_case(name: str) -> str:
    """Turns camelCase into snake_case by the rule of proto3 JSON; snake_case stays as it is."""
    # A client's text may be as long as a body; the cache keeps only texts as short as names.
    return _snake_case(name) if len(name) <= _LONGEST_NAME else _to_snake_case(name)


def _to_snake_case(name: str) -> str:
    return _UPPER.sub(lambda upper: f"_{upper[0].lower()}", name)


_snake_case = lru_cache(maxsize=1024)(_to_snake_case)
