"""Checks a parsed filter against the fields that it may use; see google.aip.dev/160."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from functions.aip.field_mask import snake_case
from functions.aip.filtering.fields import FieldType, FilterError, FilterFields
from functions.aip.filtering.syntax import (
    Comparator,
    Comparison,
    Condition,
    Expression,
    Function,
    Member,
    Not,
    Restriction,
    Value,
    is_star,
    matches_wildcards,
    replace_leaves,
)
from functions.aip.timestamp import parse_timestamp

WILDCARD_COMPARISONS = 16
"""The number of comparisons that cost as much as one search through a long name."""

_ENUM_COMPARATORS = (Comparator.EQUALS, Comparator.NOT_EQUALS)


def check_filter(
    expression: Expression,
    fields: FilterFields,
    text: str,
    most_comparisons: int | None = None,
) -> Condition:
    """Resolves the fields of a filter and the values that they are compared with.

    `a != b` becomes NOT a = b, and `a = (b OR c)` becomes a = b OR a = c. `most_comparisons` bounds
    the number of values; a wildcard, or the search for a part of a text, counts as
    WILDCARD_COMPARISONS more. None sets no bound.

    Raises FilterError, drawn under `text`, for an unknown field, a comparator that does not fit the
    field's type, a value that does not fit it, a value without a field, a function, and too many
    values.
    """
    return replace_leaves(expression, _Checker(fields, text, most_comparisons).restriction)


@dataclass(slots=True)
class _Checker:
    fields: FilterFields
    text: str
    most_comparisons: int | None
    comparisons: int = 0

    def restriction(self, node: Restriction) -> Condition:
        path = self.member(node.comparable).path
        name, comparator, argument = path[0].text, node.comparator, node.argument
        if comparator is None or argument is None:
            raise self.error(path[0], "a value alone matches nothing; write field = value")
        known_as = snake_case(name)
        if known_as not in self.fields:
            known = ", ".join(self.fields)
            raise self.error(path[0], f'there is no field "{name:.64}"; the fields are {known}')
        field_type, keys = self.fields[known_as], path[1:]
        if misuse := _misuse(name, field_type, keys, comparator):
            raise self.error(path[0], misuse)
        negated = comparator is Comparator.NOT_EQUALS
        template = Comparison(
            known_as,
            field_type
            if isinstance(field_type, FieldType) and field_type is not FieldType.ID
            else FieldType.STRING,
            keys[0].text if keys else None,
            Comparator.EQUALS if negated else comparator,
            (),
        )
        condition = replace_leaves(argument, lambda leaf: self.comparison(template, leaf))
        return Not(condition) if negated else condition

    def comparison(self, template: Comparison, argument: Restriction) -> Comparison:
        path = self.member(argument.comparable).path
        if argument.comparator or len(path) > 1:
            raise self.error(path[0], "expected a single value; quote it")
        comparison = replace(template, operand=self.operand(template, path[0]))
        self.comparisons += 1 + WILDCARD_COMPARISONS * _wildcards(comparison)
        if self.most_comparisons is not None and self.comparisons > self.most_comparisons:
            reason = (
                f"a filter compares with at most {self.most_comparisons} values, where each "
                f"wildcard counts as {WILDCARD_COMPARISONS}"
            )
            raise self.error(path[0], reason)
        return comparison

    def operand(self, template: Comparison, value: Value) -> tuple[str, ...] | int:
        enum = self.fields[template.field]
        if enum is FieldType.ID and template.comparator is not Comparator.HAS:
            return (value.text,)
        if not isinstance(enum, FieldType) and not any(
            matches_wildcards(value.parts, known) for known in enum
        ):
            known = ", ".join(enum)
            raise self.error(value, f'{template.field} is one of {known}, not "{value.text:.64}"')
        if template.type is not FieldType.TIMESTAMP:
            return value.parts
        if template.comparator is Comparator.HAS:
            if is_star(value.parts):
                return value.parts
            raise self.error(value, 'a timestamp takes only * after ":"')
        try:
            return parse_timestamp(value.text)
        except ValueError as error:
            raise self.error(value, str(error)) from None

    def member(self, comparable: Member | Function) -> Member:
        if isinstance(comparable, Function):
            raise self.error(comparable, f'there is no function "{comparable.name:.64}"')
        return comparable

    def error(self, at: Value | Function, reason: str) -> FilterError:
        return FilterError(self.text, at.position, reason)


def _wildcards(comparison: Comparison) -> int:
    """The number of searches through a text that the comparison takes."""
    operand, has = comparison.operand, comparison.comparator is Comparator.HAS
    if isinstance(operand, int) or (has and is_star(operand)):
        return 0
    is_element = comparison.type is not FieldType.STRING and comparison.key is None
    return len(operand) - 1 + (has and not is_element)


def _misuse(
    name: str,
    field_type: FieldType | type[StrEnum],
    keys: Sequence[Value],
    comparator: Comparator,
) -> str | None:
    if field_type is FieldType.STRING_MAP:
        if len(keys) > 1:
            return f'the keys of {name} are not nested; quote a key with dots: {name}."a.b"'
        if not keys and comparator is not Comparator.HAS:
            return f'{name} is a map; write {name}.key = "value", or {name}:key'
    elif keys:
        return f"{name} has no fields of its own"
    elif field_type is FieldType.STRING_LIST and comparator is not Comparator.HAS:
        return f'{name} is a list; write {name}:"value"'
    elif not isinstance(field_type, FieldType) and comparator not in _ENUM_COMPARATORS:
        return f"{name} takes only = and !="
    return None
