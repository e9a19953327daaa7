import re
from unittest.mock import patch

import pytest

from functions.rules import ids


@pytest.mark.parametrize(
    ("display_name", "slug"),
    [
        ("Order #12345", "order-12345"),
        ("Żółć gęślą", "zolc-gesla"),
        ("Привет, мир", "privet-mir"),
        ("日本語", "ri-ben-yu"),
        ("  --A__b--  ", "a-b"),
        ("word " * 30, "word-word-word-word-word-word-word-word"),
        ("x" * 100, "x" * 40),
    ],
)
def test_an_id_is_a_slug_of_the_display_name_and_random_characters(
    display_name: str, slug: str
) -> None:
    assert re.fullmatch(rf"{slug}-[0-9a-z]{{8}}", ids.new_session_id(display_name))


@pytest.mark.parametrize("display_name", ["", "🎉", "---", "\x00"])
def test_without_a_name_to_make_a_slug_of_an_id_is_random_only(display_name: str) -> None:
    assert re.fullmatch(r"[0-9a-z]{20}", ids.new_session_id(display_name))


def test_the_id_of_a_request_is_its_own_and_stays() -> None:
    """No two framings of the same characters meet."""
    requests = [("e", "u", "r"), ("e", "u", "s"), ("e", "v", "r"), ("f", "u", "r"), ("e", "ur", "")]
    made = [ids.session_id_of_request(*request) for request in requests]
    assert made == [ids.session_id_of_request(*request) for request in requests]
    assert len(set(made)) == len(requests)
    assert all(re.fullmatch(r"[0-9a-z]{20}", each) for each in made)


def test_engine_ids_are_digits_of_one_length() -> None:
    assert all(re.fullmatch(r"[1-9]\d{18}", ids.new_engine_id()) for _ in range(100))
    with patch("secrets.randbelow", return_value=9 * 10**18 - 1):
        assert len(ids.new_engine_id()) == 19
