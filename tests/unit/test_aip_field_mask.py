"""Field masks of AIP-161."""

import pytest

from functions.aip.errors import InvalidArgument
from functions.aip.field_mask import FieldPath, parse_field_mask, snake_case

PARSED = {
    "": [],
    "  ": [],
    "*": [FieldPath("*", None, "*")],
    "displayName": [FieldPath("display_name", None, "displayName")],
    "display_name": [FieldPath("display_name", None, "display_name")],
    " ttl ,\tlabels ": [FieldPath("ttl", None, "ttl"), FieldPath("labels", None, "labels")],
    "sessionState.myKey": [FieldPath("session_state", "myKey", "sessionState.myKey")],
    "labels.a.b": [FieldPath("labels", "a.b", "labels.a.b")],
    "labels. odd key ,ttl": [
        FieldPath("labels", " odd key", "labels. odd key"),
        FieldPath("ttl", None, "ttl"),
    ],
    "labels.*": [FieldPath("labels", "*", "labels.*")],
    "labels.`a,b.c` , ttl": [
        FieldPath("labels", "a,b.c", "labels.`a,b.c`"),
        FieldPath("ttl", None, "ttl"),
    ],
    "labels.`a``b`": [FieldPath("labels", "a`b", "labels.`a``b`")],
    "labels.````": [FieldPath("labels", "`", "labels.````")],
    r"labels.`a\`": [FieldPath("labels", "a\\", r"labels.`a\`")],
    "labels.` `": [FieldPath("labels", " ", "labels.` `")],
    "labels.``": [FieldPath("labels", "", "labels.``")],
    "labels.``,ttl": [FieldPath("labels", "", "labels.``"), FieldPath("ttl", None, "ttl")],
}


@pytest.mark.parametrize("text", PARSED)
def test_a_mask_is_fields_and_verbatim_map_keys(text: str) -> None:
    assert parse_field_mask(text) == PARSED[text]


REFUSED = {
    ",": "",
    "ttl,": "",
    "ttl,,labels": "",
    "ttl,.x": ".x",
    "labels.": "labels.",
    "labels. ,ttl": "labels.",
    "labels.```": "labels.```",
    "labels.`a": "labels.`a",
    "labels.a`": "labels.a`",
    "labels.`a`b`": "labels.`a`b`",
    "labels.`a`.b": "labels.`a`.b",
    "`ttl`": "`ttl`",
    "*.x": "*.x",
    "t*": "t*",
    "ttl labels": "ttl labels",
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_refusal_names_update_mask_and_the_offending_path(text: str) -> None:
    with pytest.raises(InvalidArgument, match="updateMask") as error:
        parse_field_mask(text)
    assert error.value.message.endswith(f': "{REFUSED[text]}"')


NAMES = {
    "userId": "user_id",
    "user_id": "user_id",
    "ttl": "ttl",
    "aBC": "a_b_c",
    "sha256Sum": "sha256_sum",
    "userID": "user_i_d",
}


@pytest.mark.parametrize("name", NAMES)
def test_each_capital_of_a_camel_case_name_begins_a_word(name: str) -> None:
    assert snake_case(name) == NAMES[name]
