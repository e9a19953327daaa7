"""The compiled filter that list methods use; see google.aip.dev/160."""

from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from functions.aip.filtering.fields import MAX_LENGTH, FieldType, FilterError, FilterFields, Get

if TYPE_CHECKING:
    from functions.aip.filtering.syntax import Comparison, Condition

# By comparator: the distance in nanoseconds from a comparison's instant to the first, and to the
# last, instant that satisfies the comparison.
_FIRST = {">": 1, ">=": 0, "=": 0}
_LAST = {"<": -1, "<=": 0, "=": 0}


class Filter:
    """A test of records; a filter without a condition matches every record."""

    def __init__(self, text: str, condition: "Condition | None" = None) -> None:
        """`text` is the filter as sent."""
        self.text = text
        self._condition = condition
        self._conjuncts: list[Comparison] = []
        """The comparisons that every match satisfies."""
        if condition is not None:
            # Most requests have no filter and do not wait for the import.
            from functions.aip.filtering.matcher import conjuncts, record_test

            self._test = record_test(condition)
            self._conjuncts = list(conjuncts(condition))

    @property
    def is_empty(self) -> bool:
        """Whether the filter matches every record."""
        return self._condition is None

    def matches(self, get: Get) -> bool:
        """Tells whether a record matches; `get(field)` returns its value in a snake_case field.

        STRING and enum fields: a str, None for "", or a tuple of which one text must satisfy a
        comparison. TIMESTAMP: int nanoseconds or None. STRING_MAP: dict[str, str]. STRING_LIST:
        list[str]. A missing timestamp or map key satisfies no comparison. It therefore satisfies
        `!=`, which is NOT `=`.
        """
        return self._condition is None or self._test(get)

    def reads(self, field: str) -> bool:
        """Whether a test of a record reads the field."""
        if self._condition is None:
            return False
        from functions.aip.filtering.matcher import comparisons

        return any(each.field == field for each in comparisons(self._condition))

    def narrowed(self, field: str, value: str) -> "Filter":
        """Returns this filter AND `field = value` of a STRING field, first in `equalities`."""
        from functions.aip.filtering.syntax import And, Comparator, Comparison

        only = Comparison(field, FieldType.STRING, None, Comparator.EQUALS, (value,))
        return Filter(self.text, only if self._condition is None else And((only, self._condition)))

    def equalities(self) -> list[tuple[str, str | None, str]]:
        """Returns (field, map key or None, text) of the `=` restrictions that all matches satisfy.

        An index of present values must be able to answer them. Restrictions with wildcards are
        therefore left out, and so is `field = ""`, which records without the field satisfy.
        """
        return [
            (each.field, each.key, each.operand[0])
            for each in self._conjuncts
            if each.comparator == "="
            and isinstance(each.operand, tuple)
            and len(each.operand) == 1
            and (each.operand[0] or each.key is not None)
        ]

    def equality(self, field: str) -> str | None:
        """Returns the text that all matches have in a field without keys; None if it may vary."""
        return next(
            (text for name, key, text in self.equalities() if (name, key) == (field, None)), None
        )

    def bounds(self, field: str) -> tuple[int | None, int | None]:
        """Returns the first and last nanosecond that a match may have in a TIMESTAMP field.

        None is unbounded. If the first is after the last, no record matches.
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
    most_comparisons: int | None = None,
) -> Filter:
    """Parses and checks an AIP-160 filter; see google.aip.dev/160.

    A blank filter matches every record. Raises FilterError, also for a filter that is too long or
    that compares with too many values; None sets no bound to the values.
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
    text: str,
    fields: tuple[tuple[str, FieldType | type[StrEnum]], ...],
    most_comparisons: int | None,
) -> Filter:
    from functions.aip.filtering.checker import check_filter
    from functions.aip.filtering.parser import parse_filter

    expression = parse_filter(text)
    if expression is None:
        return Filter(text)
    return Filter(text, check_filter(expression, dict(fields), text, most_comparisons))
