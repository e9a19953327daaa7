"""Page tokens that belong to one request; see google.aip.dev/158."""

import base64
import hashlib
import json
from collections.abc import Sequence

from functions.aip.errors import InvalidArgument

MAX_LENGTH = 8192
_CHECKSUM_BYTES = 8
_encode_json = json.JSONEncoder(separators=(",", ":")).encode


class InvalidPageToken(InvalidArgument):
    """The token does not belong to this request."""

    def __init__(self) -> None:
        super().__init__(
            "pageToken is not valid for this request: it belongs to another parent, filter or"
            " order, or was changed."
        )


def encode_page_token(cursor: Sequence[str | int], *scope: str) -> str:
    """Packs a cursor into URL-safe text that only the same `scope` opens; see google.aip.dev/158.

    `scope` holds the parameters that must not change between pages: parent, filter, order. The
    checksum finds mistakes and needs no secret: a token grants nothing that its request does not.
    """
    payload = _encode_json(list(cursor))
    # One JSON array frames cursor and scope, so ("ab", "c") and ("a", "bc") differ.
    framed = f"[{payload},{','.join(map(_encode_json, scope))}]".encode()
    checksum = hashlib.sha256(framed).digest()[:_CHECKSUM_BYTES]
    return base64.urlsafe_b64encode(checksum + payload.encode()).rstrip(b"=").decode()


def decode_page_token(token: str, *scope: str) -> list[str | int]:
    """Unpacks the cursor that `encode_page_token` packed with the same `scope`.

    Raises InvalidPageToken for every other token.
    """
    try:
        cursor = _unpack(token)
        # Encoding again also refuses other spellings of the same cursor, such as spaces or "1e0".
        if encode_page_token(cursor, *scope) == token:
            return cursor
    except (ValueError, RecursionError):
        pass
    raise InvalidPageToken


def _unpack(token: str) -> list[str | int]:
    if len(token) > MAX_LENGTH:
        raise ValueError
    packed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    cursor = json.loads(packed[_CHECKSUM_BYTES:])
    if not isinstance(cursor, list) or any(type(item) not in (str, int) for item in cursor):
        raise ValueError
    return cursor
