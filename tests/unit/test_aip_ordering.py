"""The orderBy parameter of AIP-132."""

import pytest

from functions.aip.errors import InvalidArgument
from functions.aip.ordering import OrderBy, parse_order_by

ALLOWED = ("create_time", "update_time")
DEFAULT = OrderBy("update_time", descending=True)

PARSED = {
    "": DEFAULT,
    " \t": DEFAULT,
    "create_time": OrderBy("create_time", descending=False),
    "createTime": OrderBy("create_time", descending=False),
    "update_time asc": OrderBy("update_time", descending=False),
    "  updateTime \t desc ": OrderBy("update_time", descending=True),
}


@pytest.mark.parametrize("text", PARSED)
def test_an_order_is_one_field_and_a_direction(text: str) -> None:
    assert parse_order_by(text, ALLOWED, DEFAULT) == PARSED[text]


@pytest.mark.parametrize(
    "text",
    ["foo desc", "desc", "create_time DESC", "create_time desc asc", "create_time,update_time"],
)
def test_a_refusal_names_the_allowed_fields_and_what_was_sent(text: str) -> None:
    with pytest.raises(InvalidArgument) as error:
        parse_order_by(text, ALLOWED, DEFAULT)
    assert error.value.message == (
        f'orderBy must be one of create_time, update_time, optionally followed by " desc": "{text}"'
    )
