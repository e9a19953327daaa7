"""Whatever schemathesis makes of the API's description is answered as the description says.

Of its checks these are left out: positive_data_acceptance, since a schema cannot say all (here
every refusal of valid data must be one of REASONS); those of headers and credentials, since none
are demanded here (test_auth.py); unsupported_method, which only its own runner checks
(test_rough_requests.py). In which order calls come is left to tests/property/test_machine.py.

`TORTURE_REQUESTS` is how many requests each store gets; given one, they are other ones each time,
by `--hypothesis-seed`.
"""

import os
import re
from collections.abc import Iterator

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import BaseSchema, Case, CheckContext, GenerationMode, Response
from schemathesis.checks import not_a_server_error
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.feedback import NO_FEEDBACK
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from functions.api.errors import CONTENT_TYPE
from functions.api.routes import METHODS
from tests.support.fuzz_resources import PATIENCE, REGION, FuzzResources, known_document
from tests.support.servers import serving

REQUESTS = os.environ.get("TORTURE_REQUESTS", "")
FEW = {"sqlite": 320, "firestore": 100}
READ_EVENTS = {"get_event", "list_events", "list_runs", "get_run", "watch_events"}
ENDS_SESSIONS = {"delete_session", "update_session", "delete_event", "purge_events", "erase_user"}
SERVER = {"MIN_TTL": "0s", "WATCH_TIME_LIMIT": "0.05s", "GOOGLE_CLOUD_LOCATION": REGION}

STREAMS = {"watch": "text/event-stream", "export": "application/x-ndjson"}
"""The content types of what is no JSON, by the end of the path."""

TIMESTAMP = r"\(type\.googleapis\.com/google\.protobuf\.Timestamp, RFC 3339\)"
REASONS = re.compile(
    r"Session with user-provided ID '.*' already exists\."
    r"|Invalid filter at column"
    r"|pageToken "
    r"|updateMask "
    r"|shard must be i/n with i from 0"
    r"|If-Match and etag name one etag"
    r"|(session\.user_id|session_event\.\w+) is immutable\."
    r"|compaction(\.summarization needs| must have)"
    r"|session\.(ttl|expire_time) (must|reaches beyond)"
    r"|\w+\.labels has an invalid label"
    r"|(session\.(user_id|display_name)|State|An event) is limited to \d+ bytes"
    r"|ReasoningEngine .* still has sessions"
    # A line of an import has its own rules, such as the session before its events.
    r"|.*\blines\[\d+\]"
    # The name of an event may be one of the session that is forked only.
    r"|List of found errors:\t1\.Field: request\.through_event; Message: "
    r"|Session .* exists under several reasoning engines"
    # An offset may lead out of the years 1 to 9999, and leap seconds are not taken.
    rf"|Invalid value at '[\w.\[\]]+' {TIMESTAMP}, \"(0001-01-01|9999-12-31|.*:60)"
    # Of `userId` and `allowMissing`, and of `-` for a session: they go together or not at all.
    r"|List of found errors:\t1\.Field: (user_id|name); Message: ",
    re.DOTALL,
)
"""Why valid data may be refused: what JSON Schema cannot say, or what is there already."""


def refuses_valid_data_for_a_reason(_: CheckContext, answer: Response, case: Case) -> None:
    assert case.meta is not None
    if case.meta.generation.mode.is_positive and answer.status_code == 400:
        assert REASONS.match(answer.json()["error"]["message"]), answer.text


def refuses_invalid_data(context: CheckContext, answer: Response, case: Case) -> bool | None:
    """A body of blanks alone counts as none; all else that is invalid is refused beside it."""
    body = answer.request.body
    assert case.meta is not None
    negative = [where for where, each in case.meta.components.items() if each.mode.is_negative]
    is_blank = isinstance(body, bytes) and body and not body.strip()
    if is_blank and negative == [ParameterLocation.BODY]:
        return None
    return negative_data_rejection(context, answer, case)


def speaks_utf_8_json(_: CheckContext, answer: Response, case: Case) -> None:
    if answer.status_code == 304:
        assert not answer.content
        return
    (content_type,) = answer.headers["content-type"]
    action = case.operation.path.rpartition(":")[2]
    stream = STREAMS.get(action) if answer.status_code == 200 else None
    assert content_type == (stream or CONTENT_TYPE)


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    refuses_invalid_data,
    refuses_valid_data_for_a_reason,
    speaks_utf_8_json,
]


@pytest.fixture(scope="module")
def described() -> BaseSchema:
    schema = schemathesis.openapi.from_dict(known_document())
    # A long parameter makes a large head.
    schema.config.checks.negative_data_rejection.expected_statuses.append("431")
    return schema


@pytest.fixture(scope="module")
def url(store_environment: dict[str, str]) -> Iterator[str]:
    with serving("sessions_api", {**store_environment, **SERVER}) as served:
        yield served


@pytest.mark.parametrize("method", METHODS)
def test_a_method_answers_as_its_description_says(
    described: BaseSchema, url: str, store_environment: dict[str, str], method: str
) -> None:
    """By each of its routes: data as described, and data that is not."""
    store = store_environment["SESSIONS_STORE"].partition(":")[0]
    events = st.nothing()
    if method in READ_EVENTS:
        events = cases(described, "append_event", GenerationMode.POSITIVE)

    @settings(
        max_examples=max((int(REQUESTS) if REQUESTS else FEW[store]) // len(METHODS), 1),
        phases=[Phase.generate],
        derandomize=not REQUESTS,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=cases(described, method, *GenerationMode),
        event=st.none() | events,
        meets_something=st.integers(0, 3).map(bool),
    )
    def send(case: Case, event: Case | None, meets_something: bool) -> None:
        if method == "delete_reasoning_engine" or places[-1].is_crowded:
            places.append(FuzzResources(url, http))
        elif method in ENDS_SESSIONS:
            places[-1].restore()
        if event is not None:
            places[-1].append(url, event)
        if meets_something:
            places[-1].lead(case)
        case.call_and_validate(url, http, checks=CHECKS, timeout=PATIENCE)

    with requests.Session() as http:
        places = [FuzzResources(url, http)]
        send()


def cases(described: BaseSchema, method: str, *modes: GenerationMode) -> st.SearchStrategy[Case]:
    """Requests by all routes of a method."""
    operations = [found.ok() for found in described.get_all_operations()]
    return st.one_of(
        operation.as_strategy(mode, feedback=NO_FEEDBACK)
        for operation in operations
        if operation.definition.raw["operationId"].startswith(f"{method}_v")
        for mode in modes
    )
