"""Query parameters that are not what they should be are refused, even where nothing reads them."""

from typing import Any

import pytest

from tests.support.api import Api
from tests.support.errors import check

LISTS = ("sessions", "sessions/s/events", "sessions/s/runs", "operations")


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("size", ["1_0", " 5", "٣", "1.0", "0x1", "ten", "2147483648", "9" * 5000])
def test_a_page_size_is_an_int32_in_ascii_digits(api: Api, path: str, size: str) -> None:
    """Other spellings of numbers are 400, as numbers beyond int32 are."""
    api.create("s")
    answer = api.call("GET", f"{api.engine}/{path}", pageSize=size)
    assert "pageSize" in check(answer, 400, "INVALID_ARGUMENT")["message"]
    assert len(answer.text) < 1000


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("size", ["", "0", "-0", "+7", "007", "2147483647"])
def test_any_int32_that_is_not_negative_is_a_page_size(api: Api, path: str, size: str) -> None:
    api.create("s")
    api.ok("GET", f"{api.engine}/{path}", pageSize=size)


def test_operations_take_no_negative_page_size(api: Api) -> None:
    answer = api.call("GET", f"{api.engine}/operations", pageSize="-1")
    check(answer, 400, "INVALID_ARGUMENT")


@pytest.mark.parametrize("flag", ["null", "1", "yes"])
def test_whether_a_partial_list_of_operations_will_do_is_true_or_false(api: Api, flag: str) -> None:
    answer = api.call("GET", f"{api.engine}/operations", returnPartialSuccess=flag)
    assert "returnPartialSuccess" in check(answer, 400, "INVALID_ARGUMENT")["message"]
    assert api.ok("GET", f"{api.engine}/operations", returnPartialSuccess="true") == {}


@pytest.mark.parametrize("timeout", ["5", "abc", "5m", "1e3s"])
def test_the_timeout_of_wait_is_a_duration(api: Api, timeout: str) -> None:
    operation = api.ok("POST", f"{api.engine}/sessions", {"userId": "u"})["name"]
    answer = api.call("POST", f"{operation}:wait", timeout=timeout)
    assert "timeout" in check(answer, 400, "INVALID_ARGUMENT")["message"]
    assert api.ok("POST", f"{operation}:wait", timeout="3.5s")["done"]


@pytest.mark.parametrize(
    "parent",
    [
        "abc",
        "foo/bar",
        "projects/p",
        "locations/l",
        "projects/p/locations/l/reasoningEngines/1",
        "projects//locations/l",
        "projects/p/places/l",
    ],
)
def test_the_parent_of_engines_is_a_location(api: Api, parent: str) -> None:
    """Anything else is 400 and not the location of the settings."""
    calls: list[tuple[str, Any]] = [("GET", None), ("POST", {})]
    for verb, body in calls:
        error = check(
            api.call(verb, "reasoningEngines", body, parent=parent), 400, "INVALID_ARGUMENT"
        )
        assert "Field: parent; Message: Invalid Location resource name." in error["message"]


def test_without_a_parent_engines_are_in_the_location_of_the_settings(api: Api) -> None:
    assert api.ok("POST", "reasoningEngines", {}, parent="")["done"]
