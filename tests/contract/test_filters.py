"""Filters of lists, AIP-160, over HTTP.

See docs/contract.md, section 6.
"""

import pytest

from tests.support.api import SECOND, Api

SESSIONS = [
    ("", "abcd"),
    ('user_id="u1"', "ab"),
    ('userId="u1"', "ab"),
    ("user_id=u1", "ab"),
    ("user_id = 'u1'", "ab"),
    ('user_id!="u1"', "cd"),
    ('NOT user_id="u1"', "cd"),
    ('-user_id="u1"', "cd"),
    ('user_id="u*"', ""),
    ('user_id="*2"', ""),
    ("user_id=*", ""),
    ("user_id:*", "abcd"),
    ('user_id:"u*2"', "c"),
    ('user_id!="*"', "abcd"),
    ('display_name="*"', "abcd"),
    ('display_name="A*"', "a"),
    (r'user_id="a\"b\\c"', "d"),
    ('user_id="u1" OR user_id="u2"', "abc"),
    ('user_id="u1" AND display_name="B"', "b"),
    ('user_id="u1" AND user_id="u2"', ""),
    ('displayName="A"', "a"),
    ('display_name=""', "cd"),
    ('labels.k="v"', "a"),
    ("labels.k=v OR labels.k=w", "ab"),
    ('labels.k!="v"', "bcd"),
    ("labels:k", "ab"),
    ('labels.k=""', ""),
    ('labels.empty=""', "c"),
    ('user_id="u1" AND labels.k="w"', "b"),
    ('labels.k="w" AND user_id="u1" AND display_name="B"', "b"),
    ('(user_id="u1" OR user_id="u2") AND NOT display_name="A"', "bc"),
    ('user_id="u1" AND (labels.k="v" OR display_name="B")', "ab"),
    ('user_id=("u1" OR "u2")', "abc"),
    ('create_time>"2026-11-22T00:00:01Z"', "cd"),
    ('create_time>="2026-11-22T00:00:01Z"', "bcd"),
    ('createTime<"2026-11-22T00:00:01Z"', "a"),
    ('create_time<="2026-11-22T00:00:01Z"', "ab"),
    ('create_time="2026-11-22T00:00:01Z"', "b"),
    ('create_time!="2026-11-22T00:00:01Z"', "acd"),
    ('create_time>="2026-11-21T19:00:01-05:00" AND create_time<"2026-11-22T00:00:03Z"', "bc"),
    ('update_time>="2026-11-22T00:00:04Z"', "a"),
    ('update_time<"2026-11-22T00:00:04Z"', "bcd"),
    ('expire_time>"2030-01-01T00:00:00Z"', "d"),
    ('expire_time<="2030-01-01T00:00:00Z"', "abc"),
    ('create_time>"9999-01-01T00:00:00Z"', ""),
    ('create_time>"0001-01-01T00:00:00Z"', "abcd"),
    ("  ", "abcd"),
]


@pytest.mark.parametrize(("text", "expected"), SESSIONS, ids=[case[0] for case in SESSIONS])
def test_sessions_can_be_filtered(api: Api, text: str, expected: str) -> None:
    """Sessions: `user_id`, `display_name`, `labels.k`, and create, update, expire time ranges."""
    fields: dict = {"displayName": "A", "labels": {"k": "v"}}
    api.create("a", "u1", **fields)
    api.now += SECOND
    api.create("b", "u1", displayName="B", labels={"k": "w"})
    api.now += SECOND
    api.create("c", "u2", labels={"empty": ""})
    api.now += SECOND
    api.create("d", 'a"b\\c', expireTime="2031-01-01T00:00:00Z")
    api.now += SECOND
    api.append(f"{api.engine}/sessions/a")
    for order in ("create_time", "update_time desc", "update_time"):
        for size in (1, 100):
            found = api.walk(
                f"{api.engine}/sessions", "sessions", filter=text, orderBy=order, pageSize=size
            )
            names = [session["name"].rpartition("/")[2] for session in found]
            assert "".join(sorted(names)) == expected


EVENTS = [
    ('timestamp>="2025-01-31T11:30:00-04:00"', "bcd"),
    ('timestamp>"2025-01-31T15:30:00Z"', "cd"),
    ('timestamp<"2025-01-31T15:30:00Z"', "a"),
    ('timestamp<="2025-01-31T15:30:00Z"', "ab"),
    ("timestamp>=2025-01-31T15:30:00Z", "bcd"),
    ('timestamp="2025-01-31T15:30:00.000000001Z"', "c"),
    ('timestamp!="2025-01-31T15:30:00Z"', "acd"),
    ('timestamp<"2025-01-31T15:30:00Z" OR timestamp>"2026-01-01T00:00:00Z"', "ad"),
    ('timestamp>"2025-01-31T15:30:00Z" AND timestamp<"2026-01-01T00:00:00Z"', "c"),
    ('timestamp<"0001-01-01T00:00:00Z"', ""),
    ('timestamp>="0001-01-01T00:00:00Z"', "abcd"),
    ('author="user"', "ac"),
    ('author!="user"', "bd"),
    ("author=agent AND invocation_id=i2", "d"),
    ('invocationId="i1"', "ab"),
    ('branch="x.y"', "b"),
    ("branch=x.y", "b"),
    ('branch="x.*"', "bc"),
    ('branch=""', "ad"),
    ('NOT (author="user" OR branch="x.y")', "d"),
    ('author="us*"', "ac"),
]


@pytest.mark.parametrize(("text", "expected"), EVENTS, ids=[case[0] for case in EVENTS])
def test_events_can_be_filtered(api: Api, text: str, expected: str) -> None:
    """Events: `timestamp`, `author`, `invocation_id`, `branch`; `>=` is inclusive."""
    session = api.create()
    for name, time, author, run, branch in (
        ("a", "0001-01-01T00:00:00Z", "user", "i1", ""),
        ("b", "2025-01-31T15:30:00Z", "agent", "i1", "x.y"),
        ("c", "2025-01-31T15:30:00.000000001Z", "user", "i2", "x.z"),
        ("d", "2026-02-01T00:00:00Z", "agent", "i2", ""),
    ):
        fields: dict = {"errorCode": name, "eventMetadata": {"branch": branch}}
        assert api.append(session, time, author=author, invocationId=run, **fields).status == 200
    for query in ({}, {"orderBy": "timestamp desc"}, {"pageSize": 1}):
        found = api.walk(f"{session}/events", "sessionEvents", filter=text, **query)
        assert "".join(sorted(event["errorCode"] for event in found)) == expected


BAD = [
    "user_id=",
    "user_id",
    '"u1"',
    "user_id=u1)",
    '(user_id="u1"',
    'user_id="u1',
    "user_id==u1",
    'user_id="u1" AND',
    "AND",
    'nonsense="x"',
    'create_time>"yesterday"',
    'user_id.x="u1"',
    'labels="x"',
    "f(user_id)",
]


@pytest.mark.parametrize("text", BAD)
def test_a_bad_filter_is_refused_and_says_where(api: Api, text: str) -> None:
    """A bad filter is 400 and says where: the message quotes the filter."""
    answer = api.call("GET", f"{api.engine}/sessions", filter=text)
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert text in answer.json["error"]["message"]
    assert "^" in answer.json["error"]["message"]


@pytest.mark.parametrize("text", ["user_id=u1", "update_time>x", "timestamp>1", "timestamp"])
def test_a_filter_of_events_knows_fields_of_events_only(api: Api, text: str) -> None:
    """Fields of sessions are no fields of events."""
    assert api.call("GET", f"{api.create()}/events", filter=text).status == 400


def test_a_filter_sees_what_an_update_changed(api: Api) -> None:
    """Filters hold for a session as it is now."""
    session = api.create(displayName="A", labels={"k": "v"})
    api.ok("PATCH", session, {"displayName": "B", "labels": {"k": "w"}})
    for text, count in (
        ('display_name="A"', 0),
        ('display_name="B"', 1),
        ('labels.k="v"', 0),
        ('labels.k="w"', 1),
    ):
        found = api.walk(f"{api.engine}/sessions", "sessions", filter=text)
        assert len(found) == count, text


@pytest.mark.parametrize("user", ["é" * 300, "x" * 1000, "a=b", "*", "u\x00"])
def test_sessions_of_any_user_can_be_found(api: Api, user: str) -> None:
    """`user_id` finds users of any spelling, quoted as clients quote it."""
    api.create("s", user)
    api.create("t", f"{user}2")
    quoted = user.replace("\\", "\\\\").replace('"', '\\"').replace("*", "\\*")
    found = api.walk(f"{api.engine}/sessions", "sessions", filter=f'user_id="{quoted}"')
    assert [session["userId"] for session in found] == [user]


@pytest.mark.parametrize(
    "text", ['user_id="USER"', "user_id=USER", 'userId = "USER" AND -labels:x']
)
@pytest.mark.parametrize("user", ["*", "a*b", "*a", "**"])
def test_a_user_id_with_stars_is_that_user_id(api: Api, user: str, text: str) -> None:
    """`user_id` is no pattern, alone and across engines: ADK sends ids as they are."""
    for number, other in enumerate((user, "a", "axb", "b", f"{user}2", "\\*")):
        api.create(f"s{number}", other)
    query = {"filter": text.replace("USER", user)}
    for order in ("update_time", "create_time desc"):
        found = api.walk(f"{api.engine}/sessions", "sessions", orderBy=order, pageSize=1, **query)
        assert [session["userId"] for session in found] == [user]
    query["filter"] = query["filter"].replace("=", "!=")
    others = api.walk(f"{api.engine}/sessions", "sessions", **query)
    assert len(others) == 5
