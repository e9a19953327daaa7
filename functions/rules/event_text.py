"""The text that stores keep of an event: one copy of a large `rawEvent.content`.

ADK sends the content of each event twice, in `content` and in `rawEvent.content`. The two differ in
the order and spelling of keys and in the alphabet of base64. Where the second is large and follows
from the first to the letter, stores keep `[place, pieces]` as JSON, and behind it the event's text
without the value of `rawEvent.content`. `place` is where that value stands. A piece is a text, or
`[start, length, isUrlSafe]`: characters of the text behind, with base64 in its URL-safe alphabet.
docs/decisions/0014-one-copy-of-large-content.md gives the reasons.
"""

from collections.abc import Iterable
from json import JSONDecoder
from typing import Any

from functions.messages.json_text import read_json, utf8_size, write_json
from functions.rules.event import EventRecord

LEAST_BYTES = 16_384
"""Characters of an event from which on stores keep one copy; below, a copy costs less than this."""

_LEAST_COPY = 32
"""Characters of a value that is worth a piece of its own."""

_MOST_LEVELS = 8
"""Levels of `rawEvent.content` in which keys may be spelled differently; Content has fewer."""

_URL_SAFE = str.maketrans("+/", "-_")
_STANDARD = str.maketrans("-_", "+/")

_read_first = JSONDecoder().raw_decode

Piece = str | tuple[int, int, bool]


def shorter_text(text: str, content: str, raw_content: Any) -> str:
    """Returns what a store keeps in place of an event's text, "" where it keeps the text.

    `content` is the JSON of the event's content in the text, and `raw_content` the parsed value of
    `rawEvent.content`.
    """
    if len(text) < LEAST_BYTES or not isinstance(raw_content, dict):
        return ""
    raw = write_json(raw_content)
    start = text.find(content)
    place = text.find(raw, start + len(content))
    if start < 0 or place < 0:
        return ""
    pieces = _Pieces(text, start).of(raw_content, read_json(content.encode()))
    header = write_json([place, _joined(pieces)])
    stored = f"{header}{text[:place]}{text[place + len(raw) :]}"
    is_shorter = utf8_size(stored) < utf8_size(text)
    return stored if is_shorter and whole_text(stored) == text else ""


def with_text(event: EventRecord, text: str, content: str, raw_content: Any) -> EventRecord:
    """Returns the event with another text, of which the others are parts as in `shorter_text`."""
    shorter = shorter_text(text, content, raw_content)
    place = event.id, event.timestamp, event.author, event.invocation_id
    return EventRecord(*place, text, shorter=shorter)


def whole_text(stored: str) -> str:
    """Returns the text of an event, of which a store has `stored`."""
    if not stored.startswith("["):
        return stored
    (place, pieces), end = _read_first(stored)
    text = stored[end:]
    return f"{text[:place]}{''.join(_text_of(piece, text) for piece in pieces)}{text[place:]}"


def _text_of(piece: str | list[int], text: str) -> str:
    if isinstance(piece, str):
        return piece
    start, length, is_url_safe = piece
    copy = text[start : start + length]
    return copy.translate(_URL_SAFE) if is_url_safe else copy


def _joined(pieces: Iterable[Piece]) -> list[Piece]:
    """Returns the pieces with neighbouring texts as one."""
    joined: list[Piece] = []
    texts: list[str] = []
    for piece in pieces:
        if isinstance(piece, str):
            texts.append(piece)
            continue
        joined += ["".join(texts), piece] if texts else [piece]
        texts = []
    return [*joined, "".join(texts)] if texts else joined


class _Pieces:
    """Finds the values of `rawEvent.content` in the text, which has those of `content` in order."""

    def __init__(self, text: str, start: int) -> None:
        self._text = text
        self._start = start

    def of(self, raw: Any, value: Any, levels: int = _MOST_LEVELS) -> list[Piece]:
        """Returns the pieces of the JSON of `raw`; `value` is at its place in `content`."""
        text = write_json(value) if raw == value else ""
        # Equal objects may have their keys in another order, and 1 is equal to true.
        if text and text == write_json(raw):
            return [self._copy(text)]
        if isinstance(raw, str) and isinstance(value, str):
            if value.rstrip("=").startswith(raw.translate(_STANDARD).rstrip("=")):
                copy = self._copy(write_json(value)[1 : len(raw) + 1], is_url_safe=True)
                return [write_json(raw)] if isinstance(copy, str) else ['"', copy, '"']
        elif levels and isinstance(raw, dict) and isinstance(value, dict):
            keys = {_letters(key): key for key in raw}
            known = {
                key: self.of(raw[key], item, levels - 1)
                for name, item in value.items()
                if (key := keys.get(_letters(name))) is not None
            }
            members = [
                [f"{write_json(key)}:", *(known.get(key) or [write_json(item)])]
                for key, item in raw.items()
            ]
            return _listed("{", members, "}")
        elif levels and isinstance(raw, list) and isinstance(value, list):
            pairs = zip(raw, value[: len(raw)], strict=False)
            items = [self.of(item, other, levels - 1) for item, other in pairs]
            items += [[write_json(item)] for item in raw[len(items) :]]
            return _listed("[", items, "]")
        return [write_json(raw)]

    def _copy(self, text: str, *, is_url_safe: bool = False) -> Piece:
        """Returns where the text is, behind what was found before; the text if it is short."""
        start = self._text.find(text, self._start) if len(text) >= _LEAST_COPY else -1
        if start < 0:
            return text
        self._start = start + len(text)
        return start, len(text), is_url_safe


def _letters(key: str) -> str:
    """Returns what the spellings `inline_data` and `inlineData` have in common."""
    return key.replace("_", "").lower()


def _listed(opening: str, items: Iterable[list[Piece]], closing: str) -> list[Piece]:
    pieces: list[Piece] = [opening]
    for number, item in enumerate(items):
        pieces += [",", *item] if number else item
    return [*pieces, closing]
