"""What a filter promises of all its matches, for a store that has indexes."""

import pytest

from functions.aip.filtering import FieldType, compile_filter
from functions.aip.timestamp import parse_timestamp

FIELDS = {
    "user_id": FieldType.STRING,
    "display_name": FieldType.STRING,
    "create_time": FieldType.TIMESTAMP,
    "expire_time": FieldType.TIMESTAMP,
    "labels": FieldType.STRING_MAP,
    "authors": FieldType.STRING_LIST,
}
T, LATER = "2025-01-31T11:30:00Z", "2025-01-31T11:30:01Z"
NOW, AFTER = parse_timestamp(T), parse_timestamp(LATER)

EQUALITIES: dict[str, list[tuple[str, str | None, str]]] = {
    "": [],
    "userId=a": [("user_id", None, "a")],
    r'user_id="a\*"': [("user_id", None, "a*")],
    'labels."odd key"=a': [("labels", "odd key", "a")],
    'labels.k=""': [("labels", "k", "")],
    "user_id=a (labels.k=b AND (display_name=c authors:d))": [
        ("user_id", None, "a"),
        ("labels", "k", "b"),
        ("display_name", None, "c"),
    ],
    "user_id=(a AND b)": [("user_id", None, "a"), ("user_id", None, "b")],
    "user_id=(a OR b)": [],
    "user_id=a OR user_id=b": [],
    "NOT user_id=a": [],
    "user_id!=a": [],
    "user_id=a*": [],
    "user_id:a": [],
    "user_id>=a": [],
    'display_name=""': [],
    f"create_time={T}": [],
}


@pytest.mark.parametrize("text", EQUALITIES)
def test_equalities_are_what_every_match_equals(text: str) -> None:
    assert compile_filter(text, FIELDS).equalities() == EQUALITIES[text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("user_id=a", "a"),
        ("user_id=a AND user_id=b", "a"),
        ("display_name=b user_id=a", "a"),
        ("user_id=a OR user_id=b", None),
        ("labels.user_id=a", None),
        ("user_id=a*", None),
        ("", None),
    ],
)
def test_an_equality_is_what_every_match_has_in_a_field(text: str, expected: str | None) -> None:
    assert compile_filter(text, FIELDS).equality("user_id") == expected


BOUNDS: dict[str, tuple[int | None, int | None]] = {
    "": (None, None),
    f"create_time>={T}": (NOW, None),
    f"create_time>{T}": (NOW + 1, None),
    f"create_time<={T}": (None, NOW),
    f"create_time<{T}": (None, NOW - 1),
    f"create_time={T}": (NOW, NOW),
    f"create_time>={T} (create_time>{LATER} AND user_id=a)": (AFTER + 1, None),
    f"create_time<{T} create_time<={LATER}": (None, NOW - 1),
    f"create_time>={T} create_time<{LATER}": (NOW, AFTER - 1),
    f"create_time={T} create_time={LATER}": (AFTER, NOW),
    f"create_time>=({T} AND {LATER})": (AFTER, None),
    f"create_time>={T} OR user_id=a": (None, None),
    f"NOT create_time>={T}": (None, None),
    f"create_time!={T}": (None, None),
    "create_time:*": (None, None),
    f"expire_time>={T}": (None, None),
}


@pytest.mark.parametrize("text", BOUNDS)
def test_bounds_enclose_every_match(text: str) -> None:
    assert compile_filter(text, FIELDS).bounds("create_time") == BOUNDS[text]
