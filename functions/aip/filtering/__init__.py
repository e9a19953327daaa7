r"""Filters of list methods; see google.aip.dev/160.

The lexer splits a text into tokens. The parser makes a syntax tree of them. The checker makes a
condition of the tree: known fields and typed values. The matcher compiles the condition into a test
of records. List methods hold the test as a Filter. A blank filter imports none of these modules.

Strings compare exactly, and case counts. After `=`, `!=` and `:` a `*` is a wildcard and `\*` is a
star; an ID takes wildcards after `:` only. `:` asks whether a string contains a text, a list has an
element, or a map has a key. `field:*` asks whether the field has any value. Enums take `=` and `!=`
with the exact name of a value, or with a pattern that some value matches.
"""

from functions.aip.filtering.fields import MAX_LENGTH, FieldType, FilterError, FilterFields
from functions.aip.filtering.filter import Filter, compile_filter

__all__ = [
    "MAX_LENGTH",
    "FieldType",
    "Filter",
    "FilterError",
    "FilterFields",
    "compile_filter",
]
