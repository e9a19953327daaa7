"""The compiled filter that list methods use; see google.aip.dev/160."""

import sys
from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeAlias

from functions.aip.filtering.errors import FilterError
from functions.aip.filtering.fields import MAX_LENGTH, FieldType, FilterFields

Get: TypeAlias = Callable[[str], Any]
"""A record's value in a field."""


class Filter:
    """A test of records, and what all matches share: one that is blank, which matches all."""

    is_empty = True
    """Whether it matches everything."""

    def __init__(self, text: str) -> None:
        """`text` is the filter as sent."""
        self.text = text

    def matches(self, get: Get) -> bool:
        """Tells whether a record matches; `get(field)` is its value in that snake_case field.

        STRING and enums: str, None counts as ""; of several in a tuple, one that satisfies a
        comparison is enough. TIMESTAMP: int nanoseconds or None. STRING_MAP:
        dict[str, str]. STRING_LIST: list[str]. A missing timestamp or map key satisfies no
        comparison, and therefore satisfies `!=`, which is NOT `=`.
        """
        return True

    def narrowed(self, field: str, value: str) -> "Filter":
        """This filter AND `field = value` of a STRING field, first among the equalities."""
        from functions.aip.filtering.conditional import equality_filter

        return equality_filter(self.text, field, value)

    def equalities(self) -> list[tuple[str, str | None, str]]:
        """Returns (field, map key or None, text) of `=` restrictions that every match satisfies.

        Only those that an index of present values answers: no wildcards, and no field equal to
        "", since a missing field is.
        """
        return []

    def equality(self, field: str) -> str | None:
        """Returns the text that every match has in a field without keys; None where any will do."""
        return next(
            (text for name, key, text in self.equalities() if (name, key) == (field, None)), None
        )

    def is_equality(self, field: str) -> bool:
        """Whether it is one restriction, and that of `equality`."""
        return False

    def bounds(self, field: str) -> tuple[int | None, int | None]:
        """Returns the first and last nanosecond that any match has in a TIMESTAMP field.

        None is unbounded; a first after the last means that nothing matches.
        """
        return None, None


def compile_filter(
    text: str,
    fields: FilterFields,
    *,
    most_characters: int = MAX_LENGTH,
    most_comparisons: int = sys.maxsize,
) -> Filter:
    """Parses and checks an AIP-160 filter; see google.aip.dev/160.

    A blank filter matches everything. Raises FilterError, also for one that is too long or
    compares with too many values.
    """
    if len(text) > most_characters:
        reason = f"a filter has at most {most_characters} characters, not {len(text)}"
        raise FilterError(text, most_characters, reason)
    if not text.strip():
        return Filter(text)
    return _compile(text, tuple(fields.items()), most_comparisons)


# Every page of a list sends the same filter again.
@lru_cache(maxsize=64)
def _compile(
    text: str, fields: tuple[tuple[str, FieldType | type[StrEnum]], ...], most_comparisons: int
) -> Filter:
    from functions.aip.filtering.checker import check_filter
    from functions.aip.filtering.conditional import ConditionalFilter
    from functions.aip.filtering.parser import parse_filter

    expression = parse_filter(text)
    if expression is None:
        return Filter(text)
    return ConditionalFilter(text, check_filter(expression, dict(fields), text, most_comparisons))
