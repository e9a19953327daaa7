"""The one JSON reader and writer; see protobuf.dev/programming-guides/json."""

import json
import re
from json.encoder import encode_basestring
from typing import Any

from functions.aip.errors import InvalidArgument

MAX_DEPTH = 200
"""Levels of nesting that the server accepts: twice as many as the official service. Pydantic's
writer fails beyond 255."""

_LARGEST_INT_FLOAT = 2.0**63
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_STRING = r'"(?:[^"\\]|\\.?)*+(?:"|\Z)'
"""A string without a closing quote reaches to the end of the text, so that the search is linear."""

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""Spells floats differently from `write_json`: 1e+16 instead of 1e16."""

_encode_sorted = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode

_TRAILING_COMMA = re.compile(rf"({_STRING}|[{{\[]\s*+,)|,(?=\s*+[}}\]])", re.DOTALL)
_STRINGS = re.compile(_STRING.encode(), re.DOTALL)


def read_json(body: bytes, *, max_depth: int = MAX_DEPTH, max_values: int | None = None) -> Any:
    """Parses a request body: integers exact at any size, integral floats as integers.

    Official clients send the numbers of a Struct as doubles, so `1.0` means 1. A trailing comma is
    accepted, as in the documented body of appendEvent. Raises InvalidArgument for other text that
    is not JSON, for NaN and Infinity, for lone surrogates, for more levels than `max_depth`, and
    for more keys and list items than `max_values`, which it counts before it parses.
    """
    if max_values is not None:
        _check_values(body, max_values)
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise InvalidArgument(f"Invalid JSON payload received. Not UTF-8: {error}.") from error
    try:
        value = _loads(text)
    except json.JSONDecodeError:
        value = _read_with_trailing_commas(text)
    if body.count(b"[") + body.count(b"{") > max_depth and _depth(value) > max_depth:
        raise _too_deep(max_depth)
    # After the check of the depth: the writer's message for a deep value is another one.
    if _SURROGATE.search(text):
        write_json(value)
    return value


def write_json(value: Any) -> str:
    """Writes a value as compact JSON; raises InvalidArgument for text that UTF-8 cannot encode."""
    if isinstance(value, str):
        return write_plain(value)
    # Reads that write only texts do not wait for the import.
    import pydantic_core

    try:
        return pydantic_core.to_json(value, inf_nan_mode="constants").decode()
    except (pydantic_core.PydanticSerializationError, UnicodeEncodeError) as error:
        raise unencodable() from error


def integral(number: float) -> int | float:
    """Returns an integral float below 2**63 as an integer, and any other float as it is."""
    is_integer = abs(number) < _LARGEST_INT_FLOAT and number.is_integer()
    return int(number) if is_integer else number


def write_plain(value: Any) -> str:
    """Does the same as `write_json` without pydantic; the value must not hold any float."""
    text = encode_basestring(value) if type(value) is str else _encode(value)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise unencodable() from error
    return text


def object_text(*members: str) -> str:
    """Joins texts `"name":value` to the text of an object; empty texts are left out.

    A text may also hold several members with commas between them.
    """
    return f"{{{','.join(filter(None, members))}}}"


def write_sorted(value: Any) -> str:
    """Writes a value as JSON with sorted keys, for hashes: equal values give equal texts."""
    return _encode_sorted(value)


def utf8_size(text: str) -> int:
    """Returns the number of bytes that the text has in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


def unencodable() -> InvalidArgument:
    """Returns the error for a lone surrogate, which JSON can spell and UTF-8 cannot encode."""
    return InvalidArgument("Invalid JSON payload received. A string is not valid Unicode.")


def _loads(text: str) -> Any:
    try:
        return _decode(text)
    except RecursionError:
        raise _too_deep(MAX_DEPTH) from None
    except json.JSONDecodeError:
        raise
    except ValueError as error:
        raise InvalidArgument(f"Invalid JSON payload received. {error}") from error


def _read_with_trailing_commas(text: str) -> Any:
    try:
        return _loads(_TRAILING_COMMA.sub(lambda match: match[1] or "", text))
    except json.JSONDecodeError as error:
        raise InvalidArgument(f"Invalid JSON payload received. {error}") from error


def _number(text: str) -> int | float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise InvalidArgument(f"Invalid JSON payload received. Number out of range: {text:.64}")
    return integral(number)


def _refuse_constant(text: str) -> None:
    raise InvalidArgument(f"Invalid JSON payload received. {text} is not a JSON value.")


def _too_deep(limit: int) -> InvalidArgument:
    return InvalidArgument(f"Invalid JSON payload received. Nesting is limited to {limit} levels.")


def most_values(body: bytes) -> int:
    """Counts commas and opening brackets; a body has at most as many keys and list items.

    Those inside strings count, too.
    """
    return body.count(b",") + body.count(b"[") + body.count(b"{")


def _check_values(body: bytes, limit: int) -> None:
    """Refuses a body of too many values; counts exactly only if the first count is too high."""
    if most_values(body) > limit and (found := most_values(_STRINGS.sub(b"", body))) > limit:
        raise InvalidArgument(
            f"Invalid JSON payload received. Keys and list items are limited to {limit}; "
            f"about {found} were sent."
        )


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level := [item for item in level if type(item) is dict or type(item) is list]:
        depth += 1
        inner: list[Any] = []
        for item in level:
            inner += item.values() if type(item) is dict else item
        level = inner
    return depth


_decode = json.JSONDecoder(parse_float=_number, parse_constant=_refuse_constant).decode
