"""The orderBy parameter of list methods; see google.aip.dev/132#ordering."""

from collections.abc import Sequence
from typing import NamedTuple

from functions.aip.errors import InvalidArgument
from functions.aip.field_mask import snake_case


class OrderBy(NamedTuple):
    """A snake_case field to sort by, and its direction."""

    field: str
    descending: bool


def parse_order_by(text: str, allowed: Sequence[str], default: OrderBy) -> OrderBy:
    """Parses one field with an optional " asc" or " desc"; see google.aip.dev/132#ordering.

    `allowed` names fields in snake_case; `text` may use camelCase. A blank `text` means `default`.
    Raises InvalidArgument naming the allowed fields for any other text.
    """
    words = text.split()
    if not words:
        return default
    field, direction = snake_case(words[0]), " ".join(words[1:])
    if field not in allowed or direction not in ("", "asc", "desc"):
        raise InvalidArgument(
            f"orderBy must be one of {', '.join(allowed)},"
            f' optionally followed by " desc": "{text:.64}"'
        )
    return OrderBy(field, direction == "desc")
