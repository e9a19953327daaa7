"""One setting: its default, the reader of its text, and the sentence about a wrong text.

Every process reads all settings when it starts. This module therefore imports little; see
docs/decisions/0009-starts-import-little.md.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, field, fields
from typing import TYPE_CHECKING, Any

from functions.aip.duration import parse_duration

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Read = Callable[[str], Any]
"""Makes a value of a text; raises ValueError with the rule that a wrong text breaks."""

LOOPBACK = r"(127\.0\.0\.1|localhost|\[::1\])"
"""The pattern of hosts to which a URL may lead without TLS."""

URL = rf"https://[^\s,?#]+|http://{LOOPBACK}(:\d+)?(/[^\s,?#]*)?"
"""The pattern of URLs that the server calls."""

_YES = {"1", "on", "t", "true", "y", "yes"}
_NO = {"0", "off", "f", "false", "n", "no"}


def setting(default: Any, description: str, read: Read = str) -> Any:
    """Returns a field of a dataclass of settings."""
    return field(default=default, metadata={"description": description, "read": read})


def read_settings(settings: "DataclassInstance", given: Mapping[str, Any]) -> None:
    """Sets each field to what is given, a value or its text, or else to the default.

    Raises ValueError with a sentence for each wrong text, and TypeError for an unknown field.
    """
    known = {each.name: each.default for each in fields(settings)}
    if unknown := given.keys() - known.keys():
        raise TypeError(f"no such settings: {', '.join(sorted(unknown))}")
    vars(settings).update(known | {**given})
    complaints = [complaint for each in fields(settings) for complaint in _read(settings, each)]
    if complaints:
        raise ValueError("\n".join(complaints))


def matching(pattern: str) -> Read:
    """Returns a reader of texts that match a regular expression as a whole."""

    def read(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"it must match {pattern}")
        return text

    return read


def one_of(*allowed: str) -> Read:
    """Returns a reader of one of these words."""

    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"it must be {_either(allowed)}")
        return text

    return read


def some_of(*allowed: str) -> Read:
    """Returns a reader of some of these words, separated by commas, into a tuple in their order."""

    def read(text: str) -> tuple[str, ...]:
        words = split(text)
        if not {*words} <= {*allowed}:
            raise ValueError(f"each must be {_either(allowed)}")
        return words

    return read


def truth(text: str) -> bool:
    """Reads true or false."""
    if text.lower() not in _YES | _NO:
        raise ValueError("it must be true or false")
    return text.lower() in _YES


def whole(at_least: int, at_most: int | None = None) -> Read:
    """Returns a reader of whole numbers between two bounds."""

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
    """Reads a duration such as `86400s`, zero or longer, into nanoseconds."""
    nanoseconds = parse_duration(text)
    if nanoseconds < 0:
        raise ValueError("it must not be negative")
    return nanoseconds


def patience(text: str) -> int:
    """Reads a duration longer than zero into nanoseconds."""
    nanoseconds = duration(text)
    if not nanoseconds:
        raise ValueError("it must be more than 0s")
    return nanoseconds


def split(text: str) -> tuple[str, ...]:
    """Reads words that commas or white space separate."""
    return tuple(text.replace(",", " ").split())


def _read(settings: object, each: Field[Any]) -> Iterator[str]:
    text = getattr(settings, each.name)
    if not isinstance(text, str) or text == each.default:
        return
    try:
        setattr(settings, each.name, each.metadata["read"](text))
    except ValueError as error:
        # Somebody may have set a key instead of its hash, and a key must not reach the log.
        shown = "…" if each.name == "api_keys" else repr(text)
        description = each.metadata["description"]
        yield f"{each.name.upper()}={shown} is not allowed: {error}. {description}"


def _either(words: tuple[str, ...]) -> str:
    *others, last = map(repr, words)
    return f"{', '.join(others)} or {last}"
