"""Filters that hold a condition; see functions.aip.filtering.filter.Filter."""

from collections.abc import Iterator

from functions.aip.filtering.checker import Comparison, Condition
from functions.aip.filtering.fields import FieldType
from functions.aip.filtering.filter import Filter, Get
from functions.aip.filtering.matcher import record_test
from functions.aip.filtering.syntax import And, Comparator

# From the instant of a comparison to the first and last one that satisfy it, in nanoseconds.
_FIRST = {Comparator.GREATER_THAN: 1, Comparator.GREATER_EQUALS: 0, Comparator.EQUALS: 0}
_LAST = {Comparator.LESS_THAN: -1, Comparator.LESS_EQUALS: 0, Comparator.EQUALS: 0}


class ConditionalFilter(Filter):
    """Matches where its condition holds."""

    is_empty = False

    def __init__(self, text: str, condition: Condition) -> None:
        super().__init__(text)
        self._condition = condition
        self._test = record_test(condition)
        self._conjuncts = list(_conjuncts(condition))

    def matches(self, get: Get) -> bool:
        """Tests the record."""
        return self._test(get)

    def narrowed(self, field: str, value: str) -> Filter:
        """Both conditions."""
        return ConditionalFilter(self.text, And((_equal(field, value), self._condition)))

    def equalities(self) -> list[tuple[str, str | None, str]]:
        """Those that stand beside each other in an AND, or alone."""
        return [
            (each.field, each.key, each.operand[0])
            for each in self._conjuncts
            if each.comparator is Comparator.EQUALS
            and isinstance(each.operand, tuple)
            and len(each.operand) == 1
            and (each.operand[0] or each.key is not None)
        ]

    def is_equality(self, field: str) -> bool:
        """Whether nothing else stands beside it."""
        return isinstance(self._condition, Comparison) and self.equality(field) is not None

    def bounds(self, field: str) -> tuple[int | None, int | None]:
        """The narrowest of those that stand beside each other in an AND, or alone."""
        instants = [
            (each.comparator, each.operand)
            for each in self._conjuncts
            if each.field == field and isinstance(each.operand, int)
        ]
        first = [instant + _FIRST[sign] for sign, instant in instants if sign in _FIRST]
        last = [instant + _LAST[sign] for sign, instant in instants if sign in _LAST]
        return max(first, default=None), min(last, default=None)


def equality_filter(text: str, field: str, value: str) -> Filter:
    """The filter `field = value` of a STRING field, whose text as sent is another."""
    return ConditionalFilter(text, _equal(field, value))


def _equal(field: str, value: str) -> Comparison:
    return Comparison(field, FieldType.STRING, None, Comparator.EQUALS, (value,))


def _conjuncts(condition: Condition) -> Iterator[Comparison]:
    if isinstance(condition, And):
        for operand in condition.operands:
            yield from _conjuncts(operand)
    elif isinstance(condition, Comparison):
        yield condition
