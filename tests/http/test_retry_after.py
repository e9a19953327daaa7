"""Which errors tell a client when to try again."""

import flask
import pytest
from werkzeug.test import EnvironBuilder

from functions.aip.errors import ApiError, NotFound, ResourceExhausted
from functions.api.cors import allow_origins
from functions.api.errors import error_response
from functions.rules.errors import Contention, SessionNotFound, StoreUnavailable


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (Contention("s"), "1"),
        (StoreUnavailable(), "1"),
        (SessionNotFound("s"), None),
        (NotFound("n"), None),
        (ResourceExhausted("r"), None),
    ],
)
def test_409_and_503_tell_the_seconds(error: ApiError, seconds: str | None) -> None:
    """The same request may succeed then; for the others it would not."""
    assert error_response(error).headers.get("Retry-After") == seconds


def test_pages_of_other_origins_may_read_the_seconds() -> None:
    """Browsers hide headers that the answer does not name."""
    origin = "https://app.example"
    serve = allow_origins(lambda request: error_response(StoreUnavailable()), {origin})
    answer = serve(flask.Request(EnvironBuilder("/", headers={"Origin": origin}).get_environ()))
    assert answer.headers["Access-Control-Expose-Headers"] == "ETag, Retry-After"
