"""The one error of this package."""

import re

from functions.aip.errors import InvalidArgument

_WINDOW = 60
_SPACE = re.compile(r"\s")


class FilterError(InvalidArgument):
    """The filter cannot be understood; the message draws a caret under the column at fault."""

    def __init__(self, text: str, position: int, reason: str) -> None:
        """`position` counts code points from 0, the message's column from 1."""
        start = max(0, min(position - _WINDOW // 2, len(text) - _WINDOW))
        caret = " " * (position - start) + "^"
        # Line breaks of the filter's own would part the caret from its column.
        reason, window = (_SPACE.sub(" ", line) for line in (reason, text[start : start + _WINDOW]))
        super().__init__(f"Invalid filter at column {position + 1}: {reason}.\n{window}\n{caret}")
