"""Text with wildcards, as the parts between them: one part without any."""

from collections.abc import Sequence


def is_star(parts: Sequence[str]) -> bool:
    """Tells the lone wildcard, which asks for presence."""
    return len(parts) > 1 and not any(parts)


def matches_wildcards(parts: tuple[str, ...], text: str) -> bool:
    """Tells whether `text` is the parts in order with anything between them, in linear time."""
    if len(parts) == 1:
        return text == parts[0]
    first, *middle, last = parts
    position, end = len(first), len(text) - len(last)
    if position > end or not (text.startswith(first) and text.endswith(last)):
        return False
    # The leftmost place for each part leaves the most room for those after it.
    for part in middle:
        found = text.find(part, position, end)
        if found < 0:
            return False
        position = found + len(part)
    return True
