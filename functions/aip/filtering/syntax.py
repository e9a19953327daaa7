"""The syntax tree of AIP-160's grammar; see google.aip.dev/160.

Positions are offsets in code points, for error messages, and take no part in equality.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeAlias, TypeVar

Leaf = TypeVar("Leaf")
NewLeaf = TypeVar("NewLeaf")


class Comparator(StrEnum):
    """What may stand between a field and a value."""

    LESS_THAN = "<"
    LESS_EQUALS = "<="
    GREATER_THAN = ">"
    GREATER_EQUALS = ">="
    EQUALS = "="
    NOT_EQUALS = "!="
    HAS = ":"


@dataclass(frozen=True, slots=True)
class Value:
    """A TEXT or STRING, unescaped: what stood between its `*` wildcards, one part without any."""

    parts: tuple[str, ...]
    position: int = field(default=0, compare=False)

    @property
    def text(self) -> str:
        """The value where a star is only a star."""
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
    """A comparison, or a comparable alone: `a = b` has the restriction `b` as its argument."""

    comparable: Member | Function
    comparator: Comparator | None = None
    argument: "Expression | None" = None


@dataclass(frozen=True, slots=True)
class And(Generic[Leaf]):
    """True where all operands are."""

    operands: tuple["Tree[Leaf]", ...]


@dataclass(frozen=True, slots=True)
class Or(Generic[Leaf]):
    """True where any operand is."""

    operands: tuple["Tree[Leaf]", ...]


@dataclass(frozen=True, slots=True)
class Not(Generic[Leaf]):
    """True where the operand is not."""

    operand: "Tree[Leaf]"


Tree: TypeAlias = Leaf | And[Leaf] | Or[Leaf] | Not[Leaf]
Expression: TypeAlias = Tree[Restriction]


def replace_leaves(tree: Tree[Leaf], replace: Callable[[Leaf], Tree[NewLeaf]]) -> Tree[NewLeaf]:
    """Rebuilds a tree with each leaf replaced by a tree."""
    if isinstance(tree, And):
        return And(tuple(replace_leaves(operand, replace) for operand in tree.operands))
    if isinstance(tree, Or):
        return Or(tuple(replace_leaves(operand, replace) for operand in tree.operands))
    if isinstance(tree, Not):
        return Not(replace_leaves(tree.operand, replace))
    return replace(tree)
