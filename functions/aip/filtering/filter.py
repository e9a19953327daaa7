"""The compiled filter that list methods use; see google.aip.dev/160."""

import sys
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache

from functions.aip.filtering.checker import (
    Comparison,
    Condition,
    FieldType,
    FilterFields,
    check_filter,
)
from functions.aip.filtering.errors import FilterError
from functions.aip.filtering.lexer import MAX_LENGTH
from functions.aip.filtering.matcher import Get, record_test
from functions.aip.filtering.parser import parse_filter
from functions.aip.filtering.syntax import And, Comparator

# From the instant of a comparison to the first and last one that satisfy it, in nanoseconds.
_FIRST = {Comparator.GREATER_THAN: 1, Comparator.GREATER_EQUALS: 0, Comparator.EQUALS: 0}
_LAST = {Comparator.LESS_THAN: -1, Comparator.LESS_EQUALS: 0, Comparator.EQUALS: 0}


class Filter:
    """A test of records, and what all matches share; `text` is the filter as sent."""

    def __init__(self, text: str, condition: Condition | None) -> None:
        """None matches everything."""
        self.text = text
        self._condition = condition
        self._test = record_test(condition) if condition else None
        self._conjuncts = list(_conjuncts(condition)) if condition else []

    @property
    def is_empty(self) -> bool:
        """Whether it matches everything."""
        return self._test is None

    def matches(self, get: Get) -> bool:
        """Tells whether a record matches; `get(field)` is its value in that snake_case field.

        STRING and enums: str, None counts as ""; of several in a tuple, one that satisfies a
        comparison is enough. TIMESTAMP: int nanoseconds or None. STRING_MAP:
        dict[str, str]. STRING_LIST: list[str]. A missing timestamp or map key satisfies no
        comparison, and therefore satisfies `!=`, which is NOT `=`.
        """
        return self._test is None or self._test(get)

    def narrowed(self, field: str, value: str) -> "Filter":
        """This filter AND `field = value` of a STRING field, first among the equalities."""
        equal = Comparison(field, FieldType.STRING, None, Comparator.EQUALS, (value,))
        return Filter(self.text, And((equal, self._condition)) if self._condition else equal)

    def equalities(self) -> list[tuple[str, str | None, str]]:
        """Returns (field, map key or None, text) of `=` restrictions that every match satisfies.

        Only those that an index of present values answers: no wildcards, and no field equal to
        "", since a missing field is.
        """
        return [
            (each.field, each.key, each.operand[0])
            for each in self._conjuncts
            if each.comparator is Comparator.EQUALS
            and isinstance(each.operand, tuple)
            and len(each.operand) == 1
            and (each.operand[0] or each.key is not None)
        ]

    def equality(self, field: str) -> str | None:
        """Returns the text that every match has in a field without keys; None where any will do."""
        return next(
            (text for name, key, text in self.equalities() if (name, key) == (field, None)), None
        )

    def is_equality(self, field: str) -> bool:
        """Whether it is one restriction, and that of `equality`."""
        return isinstance(self._condition, Comparison) and self.equality(field) is not None

    def bounds(self, field: str) -> tuple[int | None, int | None]:
        """Returns the first and last nanosecond that any match has in a TIMESTAMP field.

        None is unbounded; a first after the last means that nothing matches.
        """
        instants = [
            (each.comparator, each.operand)
            for each in self._conjuncts
            if each.field == field and isinstance(each.operand, int)
        ]
        first = [instant + _FIRST[sign] for sign, instant in instants if sign in _FIRST]
        last = [instant + _LAST[sign] for sign, instant in instants if sign in _LAST]
        return max(first, default=None), min(last, default=None)


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
    return _compile(text, tuple(fields.items()), most_comparisons)


# Every page of a list sends the same filter again.
@lru_cache(maxsize=64)
def _compile(
    text: str, fields: tuple[tuple[str, FieldType | type[StrEnum]], ...], most_comparisons: int
) -> Filter:
    expression = parse_filter(text)
    if expression is None:
        return Filter(text, None)
    return Filter(text, check_filter(expression, dict(fields), text, most_comparisons))


def _conjuncts(condition: Condition) -> Iterator[Comparison]:
    if isinstance(condition, And):
        for operand in condition.operands:
            yield from _conjuncts(operand)
    elif isinstance(condition, Comparison):
        yield condition
