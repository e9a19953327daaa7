"""Ids that the server chooses: clients can neither guess nor count them."""

import hashlib

from functions.messages.json_text import write_plain
from functions.rules.chance import chance
from functions.rules.limits import MAX_NAME_BYTES

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_LENGTH = 20
_SLUG_LENGTH = 40


def new_session_id(display_name: str) -> str:
    """Returns 20 random characters, or a slug of the display name and 8 random characters.

    The id has the official service's alphabet and at most its 63 characters. Ids of one display
    name may collide; the caller must then ask for another id.
    """
    slug = display_name and _slug(display_name)
    return f"{slug}-{_random(8)}" if slug else _random(_LENGTH)


def session_id_of_request(engine: str, user_id: str, request_id: str) -> str:
    """Returns 20 characters made from a request, so a retry finds the session of its first try."""
    digest = hashlib.sha256(write_plain([engine, user_id, request_id]).encode()).digest()
    number = int.from_bytes(digest)
    return _spell(number, _LENGTH)


def new_engine_id() -> str:
    """Returns 19 random digits: ADK accepts only digits as the id of an engine."""
    return str(10**18 + chance.get().randrange(9 * 10**18))


def _slug(display_name: str) -> str:
    # The import of slugify's tables is slow, and most sessions have no display name.
    from slugify import slugify

    # new_session refuses a longer name afterwards.
    return slugify(display_name[:MAX_NAME_BYTES], max_length=_SLUG_LENGTH, word_boundary=True)


def _random(length: int) -> str:
    return _spell(chance.get().randrange(36**length), length)


def _spell(number: int, length: int) -> str:
    """Returns the last `length` digits of a number to the base 36, the last digit first."""
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 36)
        digits.append(_ALPHABET[digit])
    return "".join(digits)
