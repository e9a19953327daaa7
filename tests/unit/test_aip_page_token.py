"""Page tokens of AIP-158."""

import base64
import re
from typing import Any

import pytest

from functions.aip.errors import InvalidArgument
from functions.aip.page_token import InvalidPageToken, decode_page_token, encode_page_token

SCOPE = ("projects/p/locations/l", 'user_id="u"', "update_time desc")
CURSOR = ["s-1", 1_738_323_000_000_000_000, -1, "", "é😀\ud800"]


def unpacked(token: str) -> bytes:
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


def packed(payload: bytes, checksum: bytes = b"checksum") -> str:
    return base64.urlsafe_b64encode(checksum + payload).rstrip(b"=").decode()


def test_a_token_opens_with_the_scope_it_was_made_for() -> None:
    assert decode_page_token(encode_page_token(CURSOR, *SCOPE), *SCOPE) == CURSOR


def test_a_token_needs_no_escaping_in_a_url() -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]+", encode_page_token(CURSOR, *SCOPE))


@pytest.mark.parametrize(
    "scope",
    [
        (),
        SCOPE[:2],
        (*SCOPE, ""),
        ("projects/q/locations/l", *SCOPE[1:]),
        (SCOPE[0] + SCOPE[1], "", SCOPE[2]),
        (SCOPE[0], SCOPE[2], SCOPE[1]),
    ],
)
def test_a_token_of_another_scope_is_refused(scope: tuple[str, ...]) -> None:
    token = encode_page_token(CURSOR, *SCOPE)
    with pytest.raises(InvalidPageToken):
        decode_page_token(token, *scope)


def test_a_part_of_the_scope_does_not_pass_for_a_part_of_the_cursor() -> None:
    checksum = unpacked(encode_page_token(["a"], "b", "c"))[:8]
    with pytest.raises(InvalidPageToken):
        decode_page_token(packed(b'["a","b"]', checksum), "c")


GOOD = encode_page_token(["a"])


@pytest.mark.parametrize(
    "token",
    [
        *("", "a", "!!!!", "é", "\ud800", "\0", "AAAAAAAAAAA", GOOD + "=", GOOD + "A", GOOD[:-1]),
        *(" " + GOOD, GOOD + "\n", GOOD[:5] + "!" + GOOD[5:], GOOD * 2),
        "A" * 8193,
        "A" * 1_000_000,
        packed(b"\xff"),
        packed(b"1"),
        packed(b"{}"),
        packed(b"[" * 6000),
        packed(b"[" + b"9" * 5000 + b"]"),
    ],
)
def test_whatever_was_never_issued_is_refused(token: str) -> None:
    with pytest.raises(InvalidArgument) as error:
        decode_page_token(token)
    assert type(error.value) is InvalidPageToken
    assert error.value.message == (
        "pageToken is not valid for this request: it belongs to another parent, filter or order,"
        " or was changed."
    )


def test_a_payload_that_means_the_same_in_other_bytes_is_refused() -> None:
    checksum = unpacked(GOOD)[:8]
    assert decode_page_token(packed(b'["a"]', checksum)) == ["a"]
    with pytest.raises(InvalidPageToken):
        decode_page_token(packed(b'[ "a"]', checksum))


@pytest.mark.parametrize("cursor", [[True], [1.5], [float("nan")], [None], [["a"]], [{}]])
def test_a_cursor_holds_only_text_and_integers(cursor: list[Any]) -> None:
    with pytest.raises(InvalidPageToken):
        decode_page_token(encode_page_token(cursor))


def test_a_token_beyond_the_limit_is_refused_unread() -> None:
    assert decode_page_token(encode_page_token(["x" * 6000])) == ["x" * 6000]
    with pytest.raises(InvalidPageToken):
        decode_page_token(encode_page_token(["x" * 7000]))
