"""Turns a checked filter into a test of records; see google.aip.dev/160."""

import operator
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from functions.aip.filtering.fields import FieldType, Get
from functions.aip.filtering.syntax import (
    And,
    Comparator,
    Comparison,
    Condition,
    Not,
    Or,
    is_star,
    matches_wildcards,
)

ValueTest: TypeAlias = Callable[[Any], bool]

_COMPARE: dict[Comparator, Callable[[Any, Any], bool]] = {
    Comparator.LESS_THAN: operator.lt,
    Comparator.LESS_EQUALS: operator.le,
    Comparator.GREATER_THAN: operator.gt,
    Comparator.GREATER_EQUALS: operator.ge,
    Comparator.EQUALS: operator.eq,
}


def record_test(condition: Condition) -> Callable[[Get], bool]:
    """Compiles a condition into a test of a record, given as the function from field to value."""
    if isinstance(condition, And | Or):
        tests = [record_test(operand) for operand in condition.operands]
        combine = all if isinstance(condition, And) else any
        return lambda get: combine(test(get) for test in tests)
    if isinstance(condition, Not):
        negated = record_test(condition.operand)
        return lambda get: not negated(get)
    return _comparison_test(condition)


def comparisons(condition: Condition) -> Iterator[Comparison]:
    """Yields every comparison of the condition."""
    if isinstance(condition, And | Or):
        for operand in condition.operands:
            yield from comparisons(operand)
    elif isinstance(condition, Not):
        yield from comparisons(condition.operand)
    else:
        yield condition


def conjuncts(condition: Condition) -> Iterator[Comparison]:
    """Yields the comparisons that stand beside each other in an AND, or alone."""
    if isinstance(condition, And):
        for operand in condition.operands:
            yield from conjuncts(operand)
    elif isinstance(condition, Comparison):
        yield condition


def _comparison_test(comparison: Comparison) -> Callable[[Get], bool]:
    field, key, test = comparison.field, comparison.key, _value_test(comparison)
    if comparison.type is FieldType.STRING:
        return lambda get: _any_text(test, get(field))
    if comparison.type is FieldType.TIMESTAMP:
        return lambda get: test(get(field))
    if key is not None:
        return lambda get: test((get(field) or {}).get(key))
    if isinstance(comparison.operand, tuple) and len(comparison.operand) == 1:
        (element,) = comparison.operand
        return lambda get: element in (get(field) or ())
    return lambda get: any(map(test, get(field) or ()))


def _any_text(test: ValueTest, value: str | tuple[str, ...] | None) -> bool:
    return any(map(test, value)) if isinstance(value, tuple) else test(value or "")


def _value_test(comparison: Comparison) -> ValueTest:
    """Returns the test of one value: a string, an instant, a map's key or a list's element.

    `=` and `:` take wildcards. For `<`, `<=`, `>` and `>=` a star is a plain star.
    """
    operand, has = comparison.operand, comparison.comparator is Comparator.HAS
    if isinstance(operand, tuple):
        if has and is_star(operand):
            return bool if comparison.type is FieldType.STRING else _is_present
        is_scalar = comparison.type is FieldType.STRING or comparison.key is not None
        if has and is_scalar:
            return _wildcard_test(("", *operand, ""))
        if has or (comparison.comparator is Comparator.EQUALS and len(operand) > 1):
            return _wildcard_test(operand)
    compare = _COMPARE[comparison.comparator]
    bound = "*".join(operand) if isinstance(operand, tuple) else operand
    return lambda value: value is not None and compare(value, bound)


def _wildcard_test(parts: tuple[str, ...]) -> ValueTest:
    return lambda value: value is not None and matches_wildcards(parts, value)


def _is_present(value: object) -> bool:
    return value is not None
