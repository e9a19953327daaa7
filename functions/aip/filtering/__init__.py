r"""Filters of list methods; see google.aip.dev/160.

Text becomes tokens (lexer), a tree (syntax, parser), a condition on known fields (checker), a
test of records (matcher) and what list methods hold (filter, conditional). Only a text that is not
blank imports what turns it into a test.

Strings compare exactly, case included. `*` is a wildcard after `=`, `!=` and `:`, and `\*` a
star; in an id, stars are stars after `=` and `!=`. `:` asks whether a string contains, a list has,
or a map has the key; `field:*` whether there is anything at all. Enums take `=` and `!=` with a
value's exact name, or a pattern of some.
"""

from functions.aip.filtering.errors import FilterError
from functions.aip.filtering.fields import MAX_LENGTH, FieldType, FilterFields
from functions.aip.filtering.filter import Filter, compile_filter

__all__ = [
    "MAX_LENGTH",
    "FieldType",
    "Filter",
    "FilterError",
    "FilterFields",
    "compile_filter",
]
