"""Ids that the server chooses: nobody guesses them or counts by them."""

import hashlib
import secrets

from functions.messages.json_text import write_plain
from functions.rules.limits import MAX_NAME_BYTES

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_LENGTH = 20
_SLUG_LENGTH = 40


def new_session_id(display_name: str) -> str:
    """20 random characters, or a slug of the display name and 8 of them.

    It keeps to the official service's own alphabet and its 63 characters. A slug of a common
    name may meet another's id, so the caller must be ready to ask again.
    """
    slug = display_name and _slug(display_name)
    return f"{slug}-{_random(8)}" if slug else _random(_LENGTH)


def session_id_of_request(engine: str, user_id: str, request_id: str) -> str:
    """20 characters made from a request: its retry meets the session of the first try."""
    digest = hashlib.sha256(write_plain([engine, user_id, request_id]).encode()).digest()
    number = int.from_bytes(digest)
    return _spell(number, _LENGTH)


def new_engine_id() -> str:
    """19 random digits, since ADK takes only digits for an engine's id."""
    return str(10**18 + secrets.randbelow(9 * 10**18))


def _slug(display_name: str) -> str:
    # Its tables of letters take long to import, and most sessions have no display name.
    from slugify import slugify

    # A longer name is refused once it is looked at.
    return slugify(display_name[:MAX_NAME_BYTES], max_length=_SLUG_LENGTH, word_boundary=True)


def _random(length: int) -> str:
    return _spell(secrets.randbelow(36**length), length)


def _spell(number: int, length: int) -> str:
    """The last so many digits of a number to the base 36, the last one first."""
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 36)
        digits.append(_ALPHABET[digit])
    return "".join(digits)
