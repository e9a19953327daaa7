"""Paths are matched as the client sent them: `%2F` separates nothing.

See docs/contract.md, section 2.
"""

import pytest

from tests.support.api import Api
from tests.support.errors import check

EVENT = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize("slash", ["%2F", "%2f", "%252F"])
def test_an_encoded_slash_reaches_no_other_resource(api: Api, slash: str) -> None:
    """400, and the session that the path would name with slashes is untouched."""
    session = api.create("first")
    before = api.ok("GET", session)
    check(api.call("DELETE", f"{api.engine}{slash}sessions{slash}first"), 400, "INVALID_ARGUMENT")
    for verb, path, body in [
        ("GET", f"{session}{slash}events", None),
        ("GET", f"{api.engine}/sessions{slash}first", None),
        ("PATCH", f"{api.engine}{slash}sessions{slash}first", {"displayName": "x"}),
        ("POST", f"{session}{slash}x:appendEvent", EVENT),
    ]:
        assert api.call(verb, path, body).status in (400, 404), path
    assert api.ok("GET", session) == before
    assert api.ok("GET", f"{session}/events") == {}


def test_the_colon_of_a_verb_may_be_encoded(api: Api) -> None:
    """`%3A` and `%3a` are colons."""
    session = api.create()
    for colon in ("%3A", "%3a"):
        assert api.call("POST", f"{session}{colon}appendEvent", EVENT).status == 200
    assert len(api.ok("GET", f"{session}/events")["sessionEvents"]) == 2
    api.ok("POST", "sessions%3ApurgeExpired")


@pytest.mark.parametrize("end", [":", "%3A", ":%3A", "%3Anonsense", "%3AappendEvent%3A"])
def test_a_colon_without_a_verb_of_the_api_is_no_path(api: Api, end: str) -> None:
    """404, and nothing is appended."""
    session = api.create()
    check(api.call("POST", f"{session}{end}", EVENT), 404, "NOT_FOUND")
    assert api.ok("GET", f"{session}/events") == {}


def test_other_escapes_are_decoded_exactly_once(api: Api) -> None:
    """`%66` is `f`, in ids and in collections alike; `%2566` is the text `%66`, which is no id."""
    session = api.create("first")
    found = api.ok("GET", session)
    assert api.ok("GET", f"{api.engine}/sessions/%66ir%73t") == found
    assert api.ok("GET", f"{api.engine}/%73essions/first") == found
    check(api.call("GET", f"{api.engine}/sessions/%2566irst"), 400, "INVALID_ARGUMENT")


@pytest.mark.parametrize("escape", ["%", "%4", "%zz", "%FF", "%C3", "%ED%A0%80", "%C3%2F%A9"])
def test_an_escape_that_is_none_of_utf_8_is_refused(api: Api, escape: str) -> None:
    """400 in JSON, naming the segment as sent."""
    for path in (f"{api.engine}/sessions/a{escape}", f"{api.engine}{escape}/sessions/a"):
        error = check(api.call("GET", path), 400, "INVALID_ARGUMENT")
        assert escape in error["message"]


def test_raw_utf_8_is_taken_as_it_is_meant(api: Api) -> None:
    """The error names the path in the client's own letters."""
    error = check(api.call("GET", f"{api.engine}/é"), 404, "NOT_FOUND")
    assert error["message"] == f"There is no path /v1beta1/{api.engine}/é."


def test_a_project_may_have_a_colon(api: Api) -> None:
    """Only the last segment has a verb; no other id than a project's has a colon."""
    tail = "locations/us-central1/reasoningEngines/1/sessions"
    assert api.call("GET", f"projects/example.com:p/{tail}").status != 404
    check(api.call("GET", "projects/p/locations/l:x/reasoningEngines/1/sessions"), 404, "NOT_FOUND")
