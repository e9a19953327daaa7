"""Queries with bytes that clients should have percent-encoded."""

import flask
import pytest
from werkzeug.test import EnvironBuilder

from functions.api.endpoint import Endpoint
from functions.api.routes import METHODS
from tests.support.api import Api
from tests.support.roles import caller


@pytest.mark.parametrize(
    ("query", "code"), [(b"pageSize=1&key=\xc3\xa9", 200), (b"filter=\xff", 400), (b"\xff", 400)]
)
def test_a_query_that_is_not_utf_8_is_refused(api: Api, query: bytes, code: int) -> None:
    """400, whoever sends it; raw UTF-8 is taken as it is meant."""
    for sender in (api, caller(api, "admin", auth="iam")):
        environ = EnvironBuilder(
            path=f"/v1beta1/{api.engine}/sessions", headers=sender.headers
        ).get_environ()
        environ["QUERY_STRING"] = query.decode("latin-1")
        endpoint = Endpoint(METHODS, sender.settings, lambda: api.store, lambda: api.now)
        assert endpoint(flask.Request(environ)).status_code == code
