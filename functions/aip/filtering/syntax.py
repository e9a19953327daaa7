"""The trees that stand for a filter: of AIP-160's grammar, and of comparisons with known fields.

A position is an offset in code points for error messages. Equality ignores it. Text with wildcards
is a tuple of the parts between them; text without wildcards is one part.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeAlias, TypeVar

from functions.aip.filtering.fields import FieldType

Leaf = TypeVar("Leaf")
NewLeaf = TypeVar("NewLeaf")


class Comparator(StrEnum):
    """The sign between a field and a value."""

    LESS_THAN = "<"
    LESS_EQUALS = "<="
    GREATER_THAN = ">"
    GREATER_EQUALS = ">="
    EQUALS = "="
    NOT_EQUALS = "!="
    HAS = ":"


@dataclass(frozen=True, slots=True)
class Value:
    """A TEXT or STRING, unescaped, as the parts between its wildcards."""

    parts: tuple[str, ...]
    position: int = field(default=0, compare=False)

    @property
    def text(self) -> str:
        """The value as text in which each star is a plain star."""
        return "*".join(self.parts)


@dataclass(frozen=True, slots=True)
class Member:
    """A value, or a path of them: `labels.color`."""

    path: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """A call such as `math.mem("30mb")`."""

    name: str
    arguments: tuple["Expression", ...]
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Restriction:
    """A comparison, or a comparable alone: the argument of `a = b` is the restriction `b`."""

    comparable: Member | Function
    comparator: Comparator | None = None
    argument: "Expression | None" = None


@dataclass(frozen=True, slots=True)
class And(Generic[Leaf]):
    """True if all operands are true."""

    operands: tuple["Tree[Leaf]", ...]


@dataclass(frozen=True, slots=True)
class Or(Generic[Leaf]):
    """True if any operand is true."""

    operands: tuple["Tree[Leaf]", ...]


@dataclass(frozen=True, slots=True)
class Not(Generic[Leaf]):
    """True if the operand is false."""

    operand: "Tree[Leaf]"


Tree: TypeAlias = Leaf | And[Leaf] | Or[Leaf] | Not[Leaf]
Expression: TypeAlias = Tree[Restriction]
"""A filter as parsed."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison of a known field, or of one key of a map; the comparator is never NOT_EQUALS.

    The operand is an instant in nanoseconds, or the parts of a text.
    """

    field: str
    type: FieldType
    key: str | None
    comparator: Comparator
    operand: tuple[str, ...] | int


Condition: TypeAlias = Tree[Comparison]
"""A filter as checked."""


def replace_leaves(tree: Tree[Leaf], replace: Callable[[Leaf], Tree[NewLeaf]]) -> Tree[NewLeaf]:
    """Rebuilds a tree with each leaf replaced by a tree."""
    if isinstance(tree, And):
        return And(tuple(replace_leaves(operand, replace) for operand in tree.operands))
    if isinstance(tree, Or):
        return Or(tuple(replace_leaves(operand, replace) for operand in tree.operands))
    if isinstance(tree, Not):
        return Not(replace_leaves(tree.operand, replace))
    return replace(tree)


def is_star(parts: Sequence[str]) -> bool:
    """Tells whether a text is a lone wildcard, which any present value matches."""
    return len(parts) > 1 and not any(parts)


def matches_wildcards(parts: tuple[str, ...], text: str) -> bool:
    """Tells whether `text` is the parts in order with any text between them, in linear time."""
    if len(parts) == 1:
        return text == parts[0]
    first, *middle, last = parts
    position, end = len(first), len(text) - len(last)
    if position > end or not (text.startswith(first) and text.endswith(last)):
        return False
    # The leftmost place of each part leaves the most room for the parts behind it.
    for part in middle:
        found = text.find(part, position, end)
        if found < 0:
            return False
        position = found + len(part)
    return True
