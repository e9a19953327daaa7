"""Tokens of AIP-160; see google.aip.dev/160."""

import json
import re
from dataclasses import dataclass
from enum import StrEnum

from functions.aip.filtering.fields import MAX_LENGTH, FilterError

MAX_DEPTH = 50


class Kind(StrEnum):
    """The kind of a token; the kind of a mark or keyword is its text."""

    TEXT = "text"
    STRING = "string"
    COMPARATOR = "comparator"
    CALL = "call"
    LPAREN = "("
    RPAREN = ")"
    DOT = "."
    COMMA = ","
    MINUS = "-"
    AND = "AND"
    OR = "OR"
    NOT = "NOT"
    END = "end"


KEYWORDS = (Kind.AND, Kind.OR, Kind.NOT)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the filter as sent, and its offset in code points."""

    kind: Kind
    text: str
    position: int


_STRING = r"""(?P<string>"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+')"""
_OTHERS = r"""(?P<comparator>[<>!]=|[<>=:])|(?P<mark>[().,]|(?<!\.)-)|(?P<unclosed>["'])"""
_TEXT = r"""(?P<text>(?:[^\s()"',<>=!{}]|!(?!=))++)"""
# A field's text ends at a dot or colon; an argument's runs on: `user_id=a.b@c`, `time>=11:30Z`.
_FIELD = re.compile(rf"\s*+(?:{_STRING}|{_OTHERS}|{_TEXT.format('.:')})", re.DOTALL)
_ARGUMENT = re.compile(rf"\s*+(?:{_STRING}|{_TEXT.format('')}|{_OTHERS})", re.DOTALL)

_JSON_ESCAPES = r'(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))++'
_STRING_PIECE = re.compile(rf"({_JSON_ESCAPES})|\\([*'])|(\*)|([^\\*]++|\\)")
_TEXT_PIECE = re.compile(r"((?!))|\\(\*)|(\*)|([^\\*]++|\\)")


def tokenize(text: str) -> list[Token]:
    """Splits a filter into tokens, the last of kind END.

    Raises FilterError for a string without a closing quote, for more than MAX_LENGTH characters and
    for parentheses nested more than MAX_DEPTH deep.
    """
    if len(text) > MAX_LENGTH:
        raise FilterError(text, MAX_LENGTH, f"a filter has at most {MAX_LENGTH} characters")
    tokens: list[Token] = []
    previous = Token(Kind.END, "", 0)
    patterns = [_FIELD]
    position, end = 0, len(text.rstrip())
    while position < end:
        pattern = _ARGUMENT if previous.kind is Kind.COMPARATOR else patterns[-1]
        previous, position = _next_token(text, position, pattern, previous)
        tokens.append(previous)
        # The content of parentheses is read like the part of the filter that they replace.
        if previous.kind in (Kind.LPAREN, Kind.CALL):
            patterns.append(_ARGUMENT if previous.kind is Kind.CALL else pattern)
        elif previous.kind is Kind.RPAREN and len(patterns) > 1:
            patterns.pop()
        if len(patterns) > MAX_DEPTH + 1:
            reason = f"parentheses may be nested at most {MAX_DEPTH} deep"
            raise FilterError(text, previous.position, reason)
    return [*tokens, Token(Kind.END, "", end)]


def unescape(token: Token) -> tuple[str, ...]:
    r"""Returns the parts between the wildcards of a TEXT or STRING.

    `\*` is a star in both. A STRING also takes JSON's escapes and `\'`. Any other backslash stands
    for itself: clients that do not escape rely on it.
    """
    pieces, body = _TEXT_PIECE, token.text
    if token.kind is Kind.STRING:
        pieces, body = _STRING_PIECE, body[1:-1]
    parts = [""]
    for escapes, escaped, star, plain in pieces.findall(body):
        if star:
            parts.append("")
        else:
            parts[-1] += json.loads(f'"{escapes}"') if escapes else escaped or plain
    return tuple(parts)


def _next_token(
    text: str, position: int, pattern: re.Pattern[str], previous: Token
) -> tuple[Token, int]:
    found = pattern.match(text, position)
    assert found is not None, "the patterns cover every character"
    group = str(found.lastgroup)
    sent, start = found[group], found.start(group)
    if group == "unclosed":
        raise FilterError(text, start, "this string has no closing quote")
    called = sent == "(" and start == position and previous.kind is Kind.TEXT
    if called:
        kind = Kind.CALL
    elif group == "mark" or (group == "text" and sent in KEYWORDS):
        kind = Kind(sent)
    else:
        kind = Kind(group)
    return Token(kind, sent, start), found.end()
