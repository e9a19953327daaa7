"""One setting: its default, how its text is read, and the sentence about a text that is wrong.

Every start of a process reads all of them, so they do without what takes long to import.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import Field, field, fields
from typing import TYPE_CHECKING, Any

from functions.aip.duration import parse_duration

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Read = Callable[[str], Any]
"""Makes a value of text; raises ValueError saying why there is none."""

_YES = {"1", "on", "t", "true", "y", "yes"}
_NO = {"0", "off", "f", "false", "n", "no"}


def setting(default: Any, description: str, read: Read = str) -> Any:
    """A field of a dataclass of settings."""
    return field(default=default, metadata={"description": description, "read": read})


def read_settings(settings: "DataclassInstance") -> None:
    """Puts a value in the place of each text; raises ValueError with a sentence for each fault."""
    complaints = [complaint for each in fields(settings) for complaint in _read(settings, each)]
    if complaints:
        raise ValueError("\n".join(complaints))


def matching(pattern: str) -> Read:
    """Text of one shape."""

    def read(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"it must match {pattern}")
        return text

    return read


def one_of(*allowed: str) -> Read:
    """One of a few words."""

    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"it must be {_either(allowed)}")
        return text

    return read


def some_of(*allowed: str) -> Read:
    """Some of a few words, in order."""

    def read(text: str) -> tuple[str, ...]:
        words = split(text)
        if not {*words} <= {*allowed}:
            raise ValueError(f"each must be {_either(allowed)}")
        return words

    return read


def truth(text: str) -> bool:
    """Yes or no."""
    if text.lower() not in _YES | _NO:
        raise ValueError("it must be true or false")
    return text.lower() in _YES


def whole(at_least: int, at_most: int | None = None) -> Read:
    """A whole number."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise ValueError("it must be a whole number") from None
        if number < at_least:
            raise ValueError(f"it must be at least {at_least}")
        if at_most is not None and number > at_most:
            raise ValueError(f"it must be at most {at_most}")
        return number

    return read


def duration(text: str) -> int:
    """Nanoseconds, written like `"86400s"`."""
    nanoseconds = parse_duration(text)
    if nanoseconds < 0:
        raise ValueError("it must not be negative")
    return nanoseconds


def patience(text: str) -> int:
    """A duration that is not over as it begins."""
    nanoseconds = duration(text)
    if not nanoseconds:
        raise ValueError("it must be more than 0s")
    return nanoseconds


def split(text: str) -> tuple[str, ...]:
    """Words with commas or white space between them."""
    return tuple(text.replace(",", " ").split())


def _read(settings: object, each: Field[Any]) -> Iterator[str]:
    text = getattr(settings, each.name)
    if not isinstance(text, str) or text == each.default:
        return
    try:
        # The dataclass is frozen, and this is still its making.
        object.__setattr__(settings, each.name, each.metadata["read"](text))
    except ValueError as error:
        # A key in the place of its hash must not reach the log.
        shown = "…" if each.name == "api_keys" else repr(text)
        description = each.metadata["description"]
        yield f"{each.name.upper()}={shown} is not allowed: {error}. {description}"


def _either(words: tuple[str, ...]) -> str:
    *others, last = map(repr, words)
    return f"{', '.join(others)} or {last}"
