"""The root of a function that is deployed alone; see docs/deploy.md, Targets."""

from dataclasses import replace
from typing import Any

import flask
import pytest
from werkzeug.test import EnvironBuilder

from functions.api.endpoint import Endpoint
from functions.api.routes import METHODS
from tests.support.api import SECOND, Api

ONE_SESSION = "/v1beta1/projects/*/locations/*/reasoningEngines/*/sessions/*"


def call_root(api: Api, verb: str, *methods: str) -> tuple[int, Any]:
    """Status and JSON of a target of these methods at its root."""
    endpoint = Endpoint(methods, api.settings, lambda: api.store, lambda: api.now)
    answer = endpoint(flask.Request(EnvironBuilder("/", method=verb).get_environ()))
    return answer.status_code, answer.get_json()


def test_a_lone_purge_purges_at_its_root(api: Api) -> None:
    """Cloud Scheduler may call the function by its URL alone."""
    api.settings = replace(api.settings, min_ttl=0)
    call_root(api, "POST", "purge_expired_sessions")
    api.create(ttl="1s")
    api.now += 2 * SECOND
    status, answer = call_root(api, "POST", "purge_expired_sessions")
    assert (status, answer["purgedSessions"]) == (200, 1)


def test_a_lone_purge_says_which_verb_its_root_takes(api: Api) -> None:
    """405 naming POST: a browser's GET purges nothing."""
    status, answer = call_root(api, "GET", "purge_expired_sessions")
    assert (status, answer["error"]["message"]) == (405, "/ takes POST, not GET.")


def test_lone_methods_that_need_no_name_answer_at_their_root(api: Api) -> None:
    """They do what they do at `reasoningEngines`: in the configured project and location."""
    status, operation = call_root(api, "POST", "create_reasoning_engine")
    assert status == 200
    status, listed = call_root(api, "GET", "list_reasoning_engines")
    assert operation["response"]["name"] in [each["name"] for each in listed["reasoningEngines"]]


@pytest.mark.parametrize(
    ("verb", "methods", "example"),
    [
        ("POST", METHODS, "POST /v1beta1/projects/*/locations/*/reasoningEngines/*/sessions"),
        *((verb, ("get_session",), f"GET {ONE_SESSION}") for verb in ("GET", "POST")),
    ],
    ids=["POST-all", "GET-get_session", "POST-get_session"],
)
def test_any_other_root_is_no_path_and_names_one(
    api: Api, verb: str, methods: tuple[str, ...], example: str
) -> None:
    """404 with a path to try: nothing is purged or made at the root of `sessions_api`.

    Its GET is the page that says what the server is.
    """
    status, answer = call_root(api, verb, *methods)
    assert (status, answer["error"]["status"]) == (404, "NOT_FOUND")
    assert answer["error"]["message"].endswith(f"This function serves paths such as {example}.")
