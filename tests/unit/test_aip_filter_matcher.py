"""Which records a filter matches."""

from typing import Any

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
T = "2025-01-31T11:30:00Z"
NOW = parse_timestamp(T)
RECORD: dict[str, Any] = {
    "user_id": "ann@example.com",
    "create_time": NOW,
    "labels": {"color": "dark red", "odd key": "1", "empty": ""},
    "authors": ["user", "my agent"],
}
EMPTY: dict[str, Any] = {"labels": {}, "authors": []}


def matches(text: str, record: dict[str, Any]) -> bool:
    return compile_filter(text, FIELDS).matches(record.get)


MATCHING = [
    "",
    " ",
    "user_id=ann@example.com",
    'userId="ann@example.com"',
    "user_id=(bob OR ann@example.com)",
    "user_id=(ann* AND *.com AND NOT bob)",
    "user_id!=(bob OR eve)",
    "user_id!=bob",
    "user_id!=Ann@example.com",
    'user_id="ann*"',
    'user_id="*.com"',
    'user_id="a*@*.com"',
    "user_id=*ann*com*",
    "user_id=*",
    "user_id>ann",
    "user_id<=ann@example.com",
    'user_id<"b"',
    "user_id:example",
    'user_id:"@*com"',
    'user_id:""',
    "user_id:*",
    "NOT display_name:*",
    'display_name=""',
    "display_name<a",
    "display_name!=a",
    f"create_time={T}",
    "create_time=2025-01-31T07:30:00-04:00",
    f"create_time>={T}",
    f'create_time<="{T}"',
    "create_time<2025-01-31T11:30:00.000000001Z",
    "create_time>2025-01-31T11:29:59.999999999Z",
    "create_time!=2025-01-31T11:30:01Z",
    "create_time:*",
    "-expire_time:*",
    f"expire_time!={T}",
    "labels:color",
    'labels:"odd key"',
    "labels:col*",
    "labels:*",
    'labels.color="dark red"',
    'labels.color="dark*"',
    "labels.color:red",
    "labels.color>blue",
    "labels.color:*",
    "labels.empty:*",
    'labels.empty=""',
    'labels."odd key"=1',
    "labels.missing!=a",
    "NOT labels.missing=a",
    "NOT labels.missing<a",
    'authors:"my agent"',
    "authors:my*",
    "authors:*",
    "authors:(user AND my*)",
    "-user_id=bob",
    "user_id=bob OR user_id=ann*",
    "user_id=ann* user_id=*com",
    "user_id=ann* AND user_id=bob OR create_time:*",
    "NOT (user_id=bob OR user_id=eve)",
]
OTHERS = [
    "user_id=ann",
    "user_id=Ann@example.com",
    "user_id=bob",
    "user_id!=ann*",
    "user_id!=(bob OR ann*)",
    "user_id=a*ann@example.com",
    "user_id=*ann",
    "user_id=*nn*n@*",
    "user_id=*com*m",
    r'user_id="ann\*"',
    "user_id<ann",
    "user_id>ann@example.com",
    "user_id>b*",
    "user_id:Example",
    "display_name:*",
    "display_name:a",
    "display_name>a",
    f"create_time<{T}",
    f"create_time>{T}",
    f"create_time!={T}",
    f"expire_time={T}",
    f"expire_time<{T}",
    f"expire_time>={T}",
    "labels:colo",
    "labels:red",
    "labels.color=red",
    "labels.Color:*",
    "labels.missing:*",
    'labels.missing=""',
    "labels.missing<z",
    "labels.missing:a",
    "labels.missing=*",
    "authors:agent",
    "user_id=ann* AND user_id=bob",
    "user_id=ann* user_id=bob",
    "user_id=bob OR user_id=eve",
    "-user_id=ann*",
    "user_id=bob AND create_time:* OR user_id=ann*",
]


@pytest.mark.parametrize("text", MATCHING)
def test_a_record_satisfies(text: str) -> None:
    assert matches(text, RECORD)


@pytest.mark.parametrize("text", OTHERS)
def test_a_record_does_not_satisfy(text: str) -> None:
    assert not matches(text, RECORD)


@pytest.mark.parametrize("text", ["labels:*", "authors:*", "user_id:*", "create_time:*"])
def test_nothing_is_present_in_an_empty_record(text: str) -> None:
    assert not matches(text, EMPTY)
    assert not matches(text, {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("user_id=ann", True),
        ("user_id=bob", True),
        ("user_id=ann AND user_id=bob", True),
        ("user_id=(ann AND eve)", False),
        ("user_id!=eve", True),
        ("user_id!=ann", False),
        ("user_id=b*", True),
        ("user_id:nn", True),
        ("user_id:*", True),
        ("user_id>b", True),
        ("user_id=annbob", False),
    ],
)
def test_of_several_values_one_is_enough_for_each_comparison(text: str, expected: bool) -> None:
    assert matches(text, {"user_id": ("ann", "bob")}) == expected
    assert not matches(text.replace("!=", "="), {"user_id": ()})
