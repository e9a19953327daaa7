"""Locations, which GAPIC's mixins ask for: the one that the server is configured for."""

import pytest

from tests.support.api import Api
from tests.support.project import LOCATION

PROJECT = LOCATION.partition("/locations/")[0]
HERE = {"name": LOCATION, "locationId": LOCATION.rpartition("/")[2]}


@pytest.mark.parametrize("version", ["v1", "v1beta1", "ui"])
def test_a_project_has_the_configured_location(api: Api, version: str) -> None:
    assert api.ok("GET", f"/{version}/{PROJECT}/locations") == {"locations": [HERE]}
    assert api.ok("GET", f"/{version}/{LOCATION}") == HERE


def test_another_location_is_not_found(api: Api) -> None:
    answer = api.call("GET", f"{PROJECT}/locations/mars-north1")
    assert (answer.status, answer.json["error"]["status"]) == (404, "NOT_FOUND")


def test_a_list_of_locations_takes_no_page_token(api: Api) -> None:
    """The server never answers with one."""
    assert api.call("GET", f"{PROJECT}/locations", pageToken="t").status == 400
    assert api.call("GET", f"{PROJECT}/locations", pageSize="-1").status == 400
