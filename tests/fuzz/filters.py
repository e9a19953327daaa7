"""What must hold of every text that is sent as a filter."""

import json
from typing import Any

from functions.aip.filtering import Filter, FilterError, FilterFields, compile_filter
from functions.aip.filtering.lexer import MAX_DEPTH, MAX_LENGTH
from functions.aip.filtering.parser import parse_filter
from functions.aip.filtering.syntax import And, Function, Not, Or, Restriction, Value
from functions.calls.filters import ENGINE_FIELDS, EVENT_FIELDS, RUN_FIELDS, SESSION_FIELDS

ALL_FIELDS: tuple[FilterFields, ...] = (SESSION_FIELDS, EVENT_FIELDS, RUN_FIELDS, ENGINE_FIELDS)
MOST_COMPARISONS = 256

_TIMES = ("timestamp", "create_time", "update_time", "expire_time", "start_time", "end_time")
RECORDS: list[dict[str, Any]] = [
    {},
    {"user_id": "u", "display_name": "", "labels": {}, **dict.fromkeys(_TIMES, 0)},
    {"user_id": "a*b", "labels": {"k": "v", "": ""}, **dict.fromkeys(_TIMES, 10**18)},
    {"author": "user", "invocation_id": "i", "branch": None, "event_type": "ERROR"},
    {"author": ("user", "agent"), "event_type": ("THINKING", "ERROR"), "state": "ACTIVE"},
    {"author": (), "event_type": (), "invocation_id": "\0\U0001f600", "timestamp": -(10**18)},
]


def check_filter(text: str) -> None:
    """A filter is refused under a caret, or means the same when it is written out again."""
    try:
        tree = parse_filter(text)
    except FilterError as error:
        check_error(error, text)
        return
    again = "" if tree is None else printed(tree)
    is_too_large = len(again) > MAX_LENGTH or nesting(again) > MAX_DEPTH
    if is_too_large or '".' in again:  # a function's name with quotes reads otherwise elsewhere
        again = text
    assert parse_filter(again) == tree
    for fields in ALL_FIELDS:
        try:
            compiled = compile_filter(text, fields, most_comparisons=MOST_COMPARISONS)
        except FilterError as error:
            check_error(error, text)
        else:
            check_matches(compiled, compile_filter(again, fields), fields)


def check_error(error: FilterError, text: str) -> None:
    """The message is three lines, and its column is one of the filter's, or just behind it."""
    headline, _, caret = error.message.split("\n")
    column = int(headline.removeprefix("Invalid filter at column ").partition(":")[0])
    assert 1 <= column <= len(text) + 1
    assert caret.strip() == "^"


def check_matches(compiled: Filter, again: Filter, fields: FilterFields) -> None:
    """Both decide alike, and what matches has the equalities and lies within the bounds."""
    assert compiled.equalities() == again.equalities()
    for record in RECORDS:
        matches = compiled.matches(record.get)
        assert matches == again.matches(record.get)
        if not matches:
            continue
        for field, key, text in compiled.equalities():
            found = record.get(field)
            found = (found or {}).get(key) if key is not None else found
            assert text in (found if isinstance(found, tuple) else (found,))
        for field in set(_TIMES) & fields.keys():
            first, last = compiled.bounds(field)
            assert first is None or record[field] >= first
            assert last is None or record[field] <= last


def printed(tree: Any) -> str:
    """A filter that parses to the tree."""
    match tree:
        case And(operands):
            return "(" + " AND ".join(map(printed, operands)) + ")"
        case Or(operands):
            return "(" + " OR ".join(map(printed, operands)) + ")"
        case Not(operand):
            return f"(NOT ({printed(operand)}))"
        case Restriction(comparable, None, None):
            return _comparable(comparable)
        case Restriction(comparable, sign, argument):
            return f"({_comparable(comparable)} {sign} {_argument(argument)})"
    raise AssertionError(tree)


def nesting(text: str) -> int:
    """How deep parentheses are nested, those in strings counted too."""
    depth = deepest = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    return deepest


def _argument(tree: Any) -> str:
    is_bare = isinstance(tree, Restriction) and tree.comparator is None
    return printed(tree) if is_bare else f"({printed(tree)})"


def _comparable(comparable: Any) -> str:
    if isinstance(comparable, Function):
        return f"{comparable.name}({','.join(map(_argument, comparable.arguments))})"
    return ".".join(map(_quoted, comparable.path))


def _quoted(value: Value) -> str:
    return '"' + "*".join(json.dumps(part)[1:-1].replace("*", r"\*") for part in value.parts) + '"'
