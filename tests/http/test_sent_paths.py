"""Both servers under functions-framework hand on the path as the client sent it."""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import flask
import pytest
from werkzeug.serving import make_server

from functions.api.endpoint import Endpoint
from functions.api.routes import METHODS
from functions.config.settings import Settings
from functions.store.opening import open_store
from tests.support.http import send
from tests.support.servers import serving

ENGINE = "/v1beta1/projects/test-project/locations/us-central1/reasoningEngines/1"
SESSION = f"{ENGINE}/sessions/first"


def gunicorn_server(folder: Path) -> Iterator[str]:
    """What a deployment runs."""
    with serving("sessions_api", {"SESSIONS_STORE": f"sqlite:///{folder}/s.db"}) as url:
        yield url


def werkzeug_server(folder: Path) -> Iterator[str]:
    """What functions-framework runs with --debug."""
    settings = Settings(
        google_cloud_project="test-project", sessions_store=f"sqlite:///{folder}/s.db"
    )
    store = open_store(settings)
    endpoint = Endpoint(METHODS, settings, lambda: store, lambda: 1_795_305_600 * 10**9)
    app = flask.Request.application(endpoint)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()
    store.close()


@pytest.fixture(scope="module", params=[gunicorn_server, werkzeug_server])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with one session, first."""
    for served in request.param(tmp_path_factory.mktemp("paths")):
        assert call(served, "POST", f"{ENGINE}/sessions?sessionId=first", b'{"userId":"u"}') == 200
        yield served


def call(url: str, verb: str, target: str, body: bytes | None = None) -> int:
    """The status of a request whose target is sent as it stands; its answer must be JSON."""
    answer = send(url, verb, target, body)
    assert answer.json is not None
    return answer.status


@pytest.mark.parametrize(
    ("verb", "target", "status"),
    [
        ("DELETE", f"{ENGINE}%2Fsessions%2Ffirst", 400),
        ("GET", f"{SESSION}%2Fevents", 400),
        ("GET", f"{ENGINE}/sessions%2Ffirst", 404),
        ("GET", f"{SESSION}%", 400),
        ("GET", f"{SESSION}%FF", 400),
        ("GET", f"{SESSION}%00", 400),
        ("GET", f"{ENGINE}/sessions/%66irst", 200),
        ("GET", f"http://anything{SESSION}?alt=json", 200),
        ("POST", f"{SESSION}%3AappendEvent", 400),
    ],
)
def test_a_path_is_matched_as_sent(url: str, verb: str, target: str, status: int) -> None:
    """What is no path of the API stays none, and the session stays."""
    assert call(url, verb, target) == status
    assert call(url, "GET", SESSION) == 200


@pytest.mark.parametrize("slashes", ["/", "//"])
def test_more_slashes_before_a_path_make_it_none(tmp_path: Path, slashes: str) -> None:
    """404 in a deployment; Python's own server, which is below werkzeug's, hands on one slash."""
    for url in gunicorn_server(tmp_path):
        assert call(url, "POST", f"{ENGINE}/sessions?sessionId=first", b'{"userId":"u"}') == 200
        assert call(url, "GET", f"{slashes}{SESSION}") == 404
