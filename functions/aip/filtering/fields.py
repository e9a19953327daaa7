"""What a filter may use: the fields of its records, and so many characters."""

from collections.abc import Mapping
from enum import Enum, StrEnum, auto
from typing import TypeAlias

MAX_LENGTH = 8192


class FieldType(Enum):
    """What a record holds in a field: str, int nanoseconds, dict[str, str] or list[str].

    An ID is a str whose stars are no wildcards, but after `:`.
    """

    STRING = auto()
    ID = auto()
    TIMESTAMP = auto()
    STRING_MAP = auto()
    STRING_LIST = auto()


FilterFields: TypeAlias = Mapping[str, FieldType | type[StrEnum]]
"""The snake_case fields that a filter may use; an enum's are text, and no other than its values."""
