"""Bodies with a Content-Encoding: gzip is taken, within the limits.

See docs/contract.md, section 2.
"""

import gzip
import json
import tracemalloc
import zlib
from dataclasses import replace
from typing import Any

import pytest

from tests.support.api import Answer, Api

EVENT = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
PLAIN = json.dumps(EVENT).encode()


def send(api: Api, session: str, body: bytes, encoding: str = "gzip") -> Answer:
    """Appends what the bytes say."""
    sender = replace(api, headers={"Content-Encoding": encoding})
    return sender.call("POST", f"{session}:appendEvent", body)


def events(api: Api, session: str) -> list[Any]:
    found: list[Any] = api.ok("GET", f"{session}/events").get("sessionEvents", [])
    return found


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip", " gzip "])
def test_a_gzip_body_is_what_it_unpacks_to(api: Api, encoding: str) -> None:
    """Google's Java clients send all of theirs so."""
    session = api.create()
    assert send(api, session, gzip.compress(PLAIN), encoding).status == 200
    assert [event["author"] for event in events(api, session)] == ["a"]


@pytest.mark.parametrize("encoding", ["identity", "Identity", ""])
def test_identity_says_nothing(api: Api, encoding: str) -> None:
    """The body is taken as it is."""
    assert send(api, api.create(), PLAIN, encoding).status == 200


def test_a_gzip_body_may_have_several_members(api: Api) -> None:
    """They are one text, as where gzip files are joined."""
    session = api.create()
    members = [gzip.compress(part) for part in (PLAIN[:9], b"", PLAIN[9:])]
    assert send(api, session, b"".join(members)).status == 200
    assert len(events(api, session)) == 1


def test_a_gzip_body_may_have_256_members(api: Api) -> None:
    """To the member."""
    session = api.create()
    for empty, status in ((255, 200), (256, 400)):
        body = gzip.compress(b"") * empty + gzip.compress(PLAIN)
        assert send(api, session, body).status == status
    assert len(events(api, session)) == 1


def test_a_gzip_body_of_very_many_members_is_refused(api: Api) -> None:
    """Members without anything in them would cost more and more the more there are."""
    session = api.create()
    answer = send(api, session, gzip.compress(b"") * 50_000 + gzip.compress(PLAIN))
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert "256 members" in answer.json["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(PLAIN)[:-1],
        gzip.compress(PLAIN)[:20],
        gzip.compress(PLAIN)[:3],
        gzip.compress(PLAIN) + b"garbage",
        gzip.compress(PLAIN) + b"\0",
        gzip.compress(PLAIN)[:-8] + bytes(8),
        zlib.compress(PLAIN),
        PLAIN,
    ],
    ids=["trailer", "half", "head", "garbage", "padding", "checksum", "zlib", "plain"],
)
def test_a_body_that_is_not_whole_gzip_is_refused(api: Api, body: bytes) -> None:
    """400, and nothing is stored."""
    session = api.create()
    answer = send(api, session, body)
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert "gzip" in answer.json["error"]["message"]
    assert events(api, session) == []


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "identity, gzip", "x"])
def test_another_encoding_is_415_and_says_what_is_taken(api: Api, encoding: str) -> None:
    """In the API's shape."""
    answer = send(api, api.create(), PLAIN, encoding)
    error = answer.json["error"]
    assert (answer.status, error["code"], error["status"]) == (415, 415, "INVALID_ARGUMENT")
    assert encoding in error["message"]
    assert "gzip" in error["message"]


@pytest.mark.parametrize("excess", [0, 1, 1000])
def test_the_limit_of_a_body_holds_for_what_it_unpacks_to(api: Api, excess: int) -> None:
    """To the byte: 413 names the limit."""
    few, session = replace(api, settings=replace(api.settings, max_body_bytes=500)), api.create()
    answer = send(few, session, gzip.compress(PLAIN.ljust(500 + excess)))
    assert answer.status == (413 if excess else 200)
    assert len(events(api, session)) == (0 if excess else 1)
    if excess:
        assert "limit: 500 bytes" in answer.json["error"]["message"]


def test_a_bomb_is_unpacked_to_the_limit_and_no_further(api: Api) -> None:
    """A megabyte that stands for a gigabyte takes no more memory than the largest body."""
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(bytes(2**20)) for _ in range(2**10)) + packer.flush()
    limit = api.settings.max_body_bytes
    session = api.create()
    tracemalloc.start()
    try:
        answer = send(api, session, bomb)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert answer.status == 413
    assert peak < 2 * limit + 4 * len(bomb)
