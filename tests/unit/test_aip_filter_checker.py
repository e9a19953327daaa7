"""What a filter may ask of which field, refused before any record is read."""

from enum import StrEnum

import pytest

from functions.aip.filtering import FieldType, FilterError, FilterFields, compile_filter


class Color(StrEnum):
    RED = "RED"
    DARK_RED = "DARK_RED"


FIELDS: FilterFields = {
    "user_id": FieldType.STRING,
    "create_time": FieldType.TIMESTAMP,
    "labels": FieldType.STRING_MAP,
    "authors": FieldType.STRING_LIST,
    "color": Color,
}


@pytest.mark.parametrize(
    "text",
    [
        *("userId=a", "user_id=a", '"user_id"=a', "user_id:*", "user_id<a"),
        *("create_time>2025-01-31T11:30:00Z", 'createTime != "2025-01-31T11:30:00+05:30"'),
        "create_time=(2025-01-31T11:30:00Z OR '2025-02-01T11:30:00Z')",
        *("create_time:*", 'create_time:"*"'),
        *("labels:k", "labels:*", "labels.k=v", 'labels."a.b" < v', "labels.k:*"),
        *("authors:a", "authors:(a OR b)"),
        *("color=RED", 'color!="DARK_RED"', "color=(RED OR DARK_RED)", "color=*RED", "color=*"),
    ],
)
def test_a_fitting_filter_compiles(text: str) -> None:
    assert compile_filter(text, FIELDS).text == text


REFUSED = {
    "userID=a": (1, 'there is no field "userID"; the fields are user_id, create_time, labels'),
    "user_id=a AND foo:b": (15, 'there is no field "foo"'),
    "prod": (1, "a value alone matches nothing"),
    "user_id": (1, "a value alone matches nothing"),
    'user_id="a" "b"': (13, "a value alone matches nothing"),
    "user_id.x=a": (1, "user_id has no fields of its own"),
    "createTime.x=a": (1, "createTime has no fields of its own"),
    "authors.x:a": (1, "authors has no fields of its own"),
    "labels=a": (1, 'labels is a map; write labels.key = "value", or labels:key'),
    "labels<a": (1, "labels is a map"),
    "labels.a.b=c": (1, 'the keys of labels are not nested; quote a key with dots: labels."a.b"'),
    "authors=a": (1, 'authors is a list; write authors:"value"'),
    "authors!=a": (1, "authors is a list"),
    "create_time>yesterday": (13, "expected an RFC 3339 timestamp"),
    "create_time>2025-01-31T11:30:00": (13, 'not "2025-01-31T11:30:00"'),
    'create_time="2025*"': (13, 'not "2025*"'),
    "create_time=(2025-01-31T11:30:00Z OR b)": (38, 'not "b"'),
    "create_time:2025-01-31T11:30:00Z": (13, 'a timestamp takes only * after ":"'),
    "now()": (1, 'there is no function "now"'),
    "math.abs(user_id) > 3": (1, 'there is no function "math.abs"'),
    "color=BLUE": (7, 'color is one of RED, DARK_RED, not "BLUE"'),
    "color=(RED OR red)": (15, 'color is one of RED, DARK_RED, not "red"'),
    'color=""': (7, 'color is one of RED, DARK_RED, not ""'),
    "color!=BLUE*": (8, 'color is one of RED, DARK_RED, not "BLUE*"'),
    r'color="\*RED"': (7, 'color is one of RED, DARK_RED, not "*RED"'),
    "color:RED": (1, "color takes only = and !="),
    "color>RED": (1, "color takes only = and !="),
    "color:*": (1, "color takes only = and !="),
    "color.x=RED": (1, "color has no fields of its own"),
    "user_id=f(a)": (9, 'there is no function "f"'),
    "user_id=(a OR f(b))": (15, 'there is no function "f"'),
    "user_id=(a=b)": (10, "expected a single value; quote it"),
    'user_id="a".b': (9, "expected a single value; quote it"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_filter_that_does_not_fit_is_refused_at_its_column(text: str) -> None:
    column, reason = REFUSED[text]
    with pytest.raises(FilterError) as error:
        compile_filter(text, FIELDS)
    first_line, shown, caret = error.value.message.split("\n")
    assert first_line.startswith(f"Invalid filter at column {column}: ")
    assert reason in first_line
    assert (shown, caret) == (text, " " * (column - 1) + "^")


def test_each_schema_has_its_own_compiled_filter() -> None:
    compile_filter("user_id=a", FIELDS)
    with pytest.raises(FilterError, match="user_id"):
        compile_filter("user_id=a", {"author": FieldType.STRING})
