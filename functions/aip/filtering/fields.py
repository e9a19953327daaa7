"""The fields that a filter may use, and the error of a filter that cannot be understood."""

import re
from collections.abc import Callable, Mapping
from enum import Enum, StrEnum, auto
from typing import Any, TypeAlias

from functions.aip.errors import InvalidArgument

MAX_LENGTH = 8192
"""Characters of the longest filter."""

_WINDOW = 60
_SPACE = re.compile(r"\s")


class FieldType(Enum):
    """The Python type of a record's value in a field.

    STRING and ID are str, TIMESTAMP is int nanoseconds, STRING_MAP is dict[str, str] and
    STRING_LIST is list[str]. In an ID a star is a wildcard after `:` only.
    """

    STRING = auto()
    ID = auto()
    TIMESTAMP = auto()
    STRING_MAP = auto()
    STRING_LIST = auto()


FilterFields: TypeAlias = Mapping[str, FieldType | type[StrEnum]]
"""The snake_case fields that a filter may use; an enum's field holds one of the enum's values."""

Get: TypeAlias = Callable[[str], Any]
"""Returns a record's value in a field."""


class FilterError(InvalidArgument):
    """The filter cannot be understood; the message draws a caret under the column at fault."""

    def __init__(self, text: str, position: int, reason: str) -> None:
        """`position` counts code points from 0, the message's column from 1."""
        start = max(0, min(position - _WINDOW // 2, len(text) - _WINDOW))
        caret = " " * (position - start) + "^"
        # A line break inside the filter would separate the caret from its column.
        reason, window = (_SPACE.sub(" ", line) for line in (reason, text[start : start + _WINDOW]))
        super().__init__(f"Invalid filter at column {position + 1}: {reason}.\n{window}\n{caret}")
