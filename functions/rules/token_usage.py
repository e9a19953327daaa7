"""Tokens that an event says its model took, and their sums over events."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from functions.messages.json_text import read_json

_MAX_TOKENS = 2**31 - 1
"""The models' API has these counts as int32; no other number counts."""

_KEYS = (
    ("promptTokenCount", "prompt_token_count"),
    ("candidatesTokenCount", "candidates_token_count"),
    ("totalTokenCount", "total_token_count"),
)


TOKEN_COUNTS = tuple(name for name, _ in _KEYS)
"""The names of the counts in the API."""


class TokenUsage(NamedTuple):
    """Tokens of one event or of several; None where none of them says a number."""

    prompt: int | None = None
    candidates: int | None = None
    total: int | None = None

    def plus(self, other: "TokenUsage") -> "TokenUsage":
        """The sums of both."""
        return TokenUsage(*map(_sum, self, other))

    def minus(self, other: "TokenUsage") -> "TokenUsage":
        """What is left of a sum without the other."""
        return self.plus(TokenUsage(*(None if tokens is None else -tokens for tokens in other)))

    def named(self) -> dict[str, int]:
        """The counts by their names in the API, without those that no event says."""
        named = zip(TOKEN_COUNTS, self, strict=True)
        return {name: tokens for name, tokens in named if tokens is not None}

    @staticmethod
    def of(counts: Mapping[str, int]) -> "TokenUsage":
        """The inverse of `named`."""
        return TokenUsage(*(counts.get(name) for name in TOKEN_COUNTS))


NO_USAGE = TokenUsage()


def usage_of(raw_event: Mapping[str, Any] | None, metadata: object) -> TokenUsage:
    """The tokens that an event says in its rawEvent, else in its eventMetadata.usageMetadata."""
    raw = raw_event or {}
    for said in (raw.get("usageMetadata"), raw.get("usage_metadata"), metadata):
        if isinstance(said, dict):
            return TokenUsage(*(_tokens(said, spellings) for spellings in _KEYS))
    return NO_USAGE


def usage_of_text(text: str) -> TokenUsage:
    """The tokens that a stored event says; `text` is that of its EventRecord."""
    if '"usageMetadata"' not in text and '"usage_metadata"' not in text:
        return NO_USAGE
    event = read_json(b"{" + text.encode())
    return usage_of(event.get("rawEvent"), event.get("eventMetadata", {}).get("usageMetadata"))


def _tokens(said: Mapping[str, Any], spellings: tuple[str, str]) -> int | None:
    for name in spellings:
        tokens = said.get(name)
        if type(tokens) is int and 0 <= tokens <= _MAX_TOKENS:
            return tokens
    return None


def _sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else one + other
