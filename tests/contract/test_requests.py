"""Paths, methods and parameters: the edge of the API.

See docs/contract.md, sections 1 and 6.
"""

import pytest

from tests.support.api import Api
from tests.support.errors import EVENT, check


@pytest.mark.parametrize(
    ("verb", "path", "code"),
    [
        ("POST", "", 404),
        ("POST", "/", 404),
        ("GET", "/v1beta1", 404),
        ("GET", "/v2/projects/p/locations/l/reasoningEngines/1/sessions/s", 404),
        ("GET", "/v1beta1/projects/p/locations/l/reasoningEngines/1/sessions/s/", 404),
        ("GET", "/v1beta1/projects/p/locations/l/reasoningEngines/1//sessions/s", 404),
        ("GET", "/v1beta1/projects/p/locations/l/reasoningEngines//sessions/s", 404),
        ("GET", "/v1beta1/projects/p/locations/l/reasoningengines/1/sessions/s", 404),
        ("GET", "/v1beta1/projects/p/locations/l/sessions", 404),
        ("POST", "/v1beta1/projects/p/locations/l/reasoningEngines/1/sessions/s:nonsense", 404),
        ("POST", "/v1beta1/projects/p/locations/l/reasoningEngines/1/sessions/s:", 404),
        ("POST", "/v1beta1/projects/p/locations/l/reasoningEngines/1/sessions:appendEvent", 404),
        ("GET", "/v1beta1/projects/p/locations/l/reasoningEngines/1/sessions/s:appendEvent", 405),
        ("DELETE", "/v1beta1/projects/p/locations/l/reasoningEngines/1/sessions", 405),
        ("PUT", "/v1beta1/projects/p/locations/l/reasoningEngines/1/sessions/s", 405),
        ("OPTIONS", "/v1beta1/projects/p/locations/l/reasoningEngines/1/sessions/s", 405),
        ("POST", "/v1beta1/projects/p/locations/l/reasoningEngines/1/sessions/s/events", 405),
        ("PATCH", "/v1beta1/projects/p/locations/l/operations/1", 405),
    ],
)
def test_an_unknown_path_or_a_wrong_method_has_the_same_shape(
    api: Api, verb: str, path: str, code: int
) -> None:
    """404 / 405, in the same JSON shape."""
    answer = api.call(verb, path or "/")
    check(answer, code, "NOT_FOUND" if code == 404 else "UNIMPLEMENTED")


@pytest.mark.parametrize("name", ["nonsense", "session_ID", "filter", "pageSize"])
def test_an_unknown_parameter_is_refused_by_name(api: Api, name: str) -> None:
    """What a method does not take is named."""
    error = check(api.call("GET", api.create(), **{name: "1"}), 400, "INVALID_ARGUMENT")
    assert name in error["message"]


SYSTEM = {
    "alt": "json",
    "$alt": "json",
    "$.xgafv": "2",
    "key": "k",
    "access_token": "t",
    "fields": "name",
    "prettyPrint": "true",
    "quotaUser": "q",
    "callback": "f",
    "uploadType": "media",
    "upload_protocol": "raw",
}


def test_system_parameters_are_accepted_and_ignored(api: Api) -> None:
    """alt, `$alt`, `$.xgafv`, key, access_token, fields and the rest change nothing."""
    session = api.create()
    plain = api.call("GET", session).text
    for name, value in SYSTEM.items():
        assert api.call("GET", session, **{name: value}).text == plain
    assert api.call("GET", session, **SYSTEM).text == plain
    assert api.call("POST", f"{session}:appendEvent", EVENT, **SYSTEM).text == "{}"
