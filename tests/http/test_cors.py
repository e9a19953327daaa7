"""Calls from pages of other origins: what a browser asks before them, and what it must be told."""

import json
from collections.abc import Iterator

import pytest

from functions.api.path_table import PathTable
from functions.api.routes import ROUTES
from functions.config.settings import Settings
from tests.support.authentication import API_KEYS, KEY
from tests.support.http import HttpAnswer, send
from tests.support.servers import serving

ENGINE = "/v1beta1/projects/test-project/locations/us-central1/reasoningEngines/1"
SESSION = f"{ENGINE}/sessions/s"
APP = "https://app.example"
LAPTOP = "http://localhost:3000"
STRANGER = "https://stranger.example"
ALLOW = "Access-Control-Allow-"
EXPOSED = {"access-control-expose-headers": "ETag, Retry-After"}
CLIENT_HEADERS = {
    "authorization",
    "content-type",
    "if-match",
    "if-none-match",
    "last-event-id",
    "x-goog-api-client",
    "x-goog-api-key",
    "x-goog-user-project",
}


class Answer(HttpAnswer):
    """An answer as a browser looks at it."""

    @property
    def cors(self) -> dict[str, str]:
        """The headers that a browser looks at, in small letters."""
        found = {name.lower(): value for name, value in self.headers.items()}
        return {name: value for name, value in found.items() if name.startswith("access-control")}

    def names(self, header: str) -> set[str]:
        """A header's list of names, in small letters."""
        return {name.strip().lower() for name in (self.headers[header] or "").split(",")}


def call(
    url: str, verb: str, path: str, origin: str | None = None, body: str | None = None, **more: str
) -> Answer:
    """One request as it stands; `more` are headers, `_` for `-`."""
    headers = {name.replace("_", "-"): value for name, value in more.items()}
    if origin is not None:
        headers["Origin"] = origin
    return Answer(**vars(send(url, verb, path, None if body is None else body.encode(), headers)))


def preflight(url: str, verb: str, path: str, origin: str, *headers: str) -> Answer:
    """What a browser asks before a request that a form could not send."""
    asked = {"Access_Control_Request_Headers": ",".join(headers)} if headers else {}
    return call(url, "OPTIONS", path, origin, Access_Control_Request_Method=verb, **asked)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One SQLite file."""
    return {"SESSIONS_STORE": f"sqlite:///{tmp_path_factory.mktemp('cors')}/s.db"}


@pytest.fixture(scope="module")
def url(store: dict[str, str]) -> Iterator[str]:
    """A server that two origins may call, with one session, s."""
    settings = {"CORS_ORIGINS": f"{APP}, {LAPTOP}", "WATCH_TIME_LIMIT": "0.1s"}
    with serving("sessions_api", {**store, **settings}) as served:
        path = f"{ENGINE}/sessions?sessionId=s"
        assert call(served, "POST", path, body='{"userId": "u"}').status == 200
        yield served


@pytest.fixture(scope="module")
def open_url(store: dict[str, str]) -> Iterator[str]:
    """A server that every page may call."""
    with serving("sessions_api", {**store, "CORS_ORIGINS": "*"}) as served:
        yield served


@pytest.fixture(scope="module")
def lone_url(store: dict[str, str]) -> Iterator[str]:
    """A lone target that one origin may call."""
    with serving("get_session", {**store, "CORS_ORIGINS": APP}) as served:
        yield served


@pytest.fixture(scope="module")
def keys_url(store: dict[str, str], url: str) -> Iterator[str]:
    """A server that one origin may call, with a key, over the session of `url`."""
    settings = {"CORS_ORIGINS": APP, "AUTH": "api_key", "API_KEYS": API_KEYS}
    with serving("sessions_api", {**store, **settings}) as served:
        yield served


@pytest.fixture(scope="module")
def closed_url(store: dict[str, str]) -> Iterator[str]:
    """A server without the setting."""
    with serving("sessions_api", store) as served:
        yield served


def test_a_preflight_is_granted_on_every_route(url: str) -> None:
    """204 without a body, allowing the route's verb to an origin of the setting, for a while."""
    table = PathTable(ROUTES)
    for route in ROUTES:
        template = route.template.partition("=")[2].replace("}", "") or route.template
        path = f"/{route.versions[0]}/{template.replace('*', 'x')}"
        assert table.match(route.verb, path).route == route
        answer = preflight(url, route.verb, path, APP, "authorization", "content-type")
        assert (answer.status, answer.body) == (204, b""), path
        assert answer.headers[f"{ALLOW}Origin"] == APP
        assert route.verb.lower() in answer.names(f"{ALLOW}Methods")
        assert int(answer.headers["Access-Control-Max-Age"]) > 0


def test_a_preflight_allows_what_clients_send_and_what_is_asked(url: str) -> None:
    """The headers of Google's clients always, others when the browser asks for them."""
    asked = ("x-http-method-override", "traceparent")
    assert preflight(url, "GET", SESSION, APP).names(f"{ALLOW}Headers") == CLIENT_HEADERS
    answer = preflight(url, "GET", SESSION, APP, *asked)
    assert answer.names(f"{ALLOW}Headers") == {*CLIENT_HEADERS, *asked}


@pytest.mark.parametrize("origin", [APP, LAPTOP])
def test_each_origin_is_answered_with_its_own_name(url: str, origin: str) -> None:
    """Caches are told that the next origin's answer differs; scripts may read the etag."""
    answer = call(url, "GET", SESSION, origin)
    assert answer.status == 200
    assert answer.cors == {"access-control-allow-origin": origin, **EXPOSED}
    assert "origin" in answer.names("Vary")


@pytest.mark.parametrize(
    ("verb", "path", "body", "status"),
    [
        ("GET", f"{SESSION}0", None, 404),
        ("POST", f"{SESSION}:appendEvent", "{", 400),
        ("PUT", SESSION, None, 405),
        ("OPTIONS", SESSION, None, 405),
        ("GET", "/nonsense", None, 404),
        ("POST", "/", None, 404),
        ("GET", "/favicon.ico", None, 404),
        ("POST", "/robots.txt", None, 404),
    ],
)
def test_a_page_can_read_every_error(
    url: str, verb: str, path: str, body: str | None, status: int
) -> None:
    """The API's errors and the framework's, in the API's shape, shared like any answer."""
    assert preflight(url, verb, path, APP).status == 204
    answer = call(url, verb, path, APP, body, Content_Type="application/json")
    assert answer.status == status
    assert json.loads(answer.body)["error"]["code"] == status
    assert answer.cors == {"access-control-allow-origin": APP}


def test_a_page_can_read_a_stream(url: str) -> None:
    """Server-Sent Events are shared like any answer."""
    answer = call(url, "GET", f"{SESSION}/events:watch", APP)
    assert (answer.status, answer.headers.get_content_type()) == (200, "text/event-stream")
    assert answer.cors == {"access-control-allow-origin": APP}
    assert "origin" in answer.names("Vary")


OTHERS = [
    STRANGER,
    "null",
    f"{APP}:8443",
    "http://app.example",
    f"{APP}.evil",
    f"{APP}, {LAPTOP}",
]


@pytest.mark.parametrize("origin", OTHERS)
def test_other_origins_are_told_nothing(url: str, origin: str) -> None:
    """An origin that only resembles an allowed one is another: 403, which its page cannot read."""
    answers = [call(url, "GET", SESSION, origin), preflight(url, "GET", SESSION, origin)]
    assert [(answer.status, answer.cors) for answer in answers] == [(403, {}), (403, {})]
    assert all("origin" in answer.names("Vary") for answer in answers)


@pytest.mark.parametrize("origin", OTHERS)
def test_where_a_credential_is_asked_for_other_origins_may_send_one(
    keys_url: str, origin: str
) -> None:
    """The answer is as ever, and the browser keeps it from the page."""
    answer = call(keys_url, "GET", SESSION, origin, X_Goog_Api_Key=KEY)
    assert (answer.status, answer.cors) == (200, {})
    assert preflight(keys_url, "GET", SESSION, origin).status == 403


def test_an_empty_origin_is_none(url: str) -> None:
    """No browser sends it."""
    answers = [call(url, "GET", SESSION, ""), preflight(url, "GET", SESSION, "")]
    assert [(answer.status, answer.cors) for answer in answers] == [(200, {}), (405, {})]


def test_a_preflight_that_is_refused_says_why(url: str, closed_url: str) -> None:
    """403 naming the setting and the origin: whoever looks at the network knows what to set."""
    for served, reason in [
        (url, f"CORS_ORIGINS does not name {STRANGER}"),
        (closed_url, "CORS_ORIGINS is not set"),
    ]:
        answer = preflight(served, "GET", SESSION, STRANGER)
        error = json.loads(answer.body)["error"]
        assert (answer.status, error["code"], error["status"]) == (403, 403, "PERMISSION_DENIED")
        assert error["message"] == f"Pages of {STRANGER} cannot call this server: {reason}."


def test_callers_that_are_no_pages_are_answered_as_ever(url: str) -> None:
    """Clients without an Origin get the same answer, and no permission."""
    answer = call(url, "GET", SESSION)
    assert (answer.status, answer.cors) == (200, {})


@pytest.mark.parametrize("origin", [APP, STRANGER, "null"])
def test_a_star_allows_every_page(open_url: str, origin: str) -> None:
    """Files and sandboxed frames, whose origin is null, included."""
    assert preflight(open_url, "PATCH", SESSION, origin).status == 204
    answers = [call(open_url, "GET", path, origin) for path in (SESSION, f"{SESSION}0")]
    assert [answer.status for answer in answers] == [200, 404]
    allowed = {"access-control-allow-origin": "*"}
    assert [answer.cors for answer in answers] == [{**allowed, **EXPOSED}, allowed]


def test_a_lone_target_allows_origins_too(lone_url: str) -> None:
    """Each function of a deployment answers for itself."""
    assert preflight(lone_url, "GET", SESSION, APP).status == 204
    for verb, status in (("GET", 200), ("DELETE", 404)):
        answer = call(lone_url, verb, SESSION, APP)
        assert answer.status == status
        exposed = EXPOSED if status == 200 else {}
        assert answer.cors == {"access-control-allow-origin": APP, **exposed}
    answer = call(lone_url, "GET", SESSION, STRANGER)
    assert (answer.status, answer.cors) == (403, {})


def test_without_the_setting_nothing_is_shared(closed_url: str) -> None:
    """No header more than before, and OPTIONS is a method that no path takes."""
    answers = [
        call(closed_url, "GET", SESSION),
        call(closed_url, "OPTIONS", SESSION),
        call(closed_url, "GET", SESSION, APP),
        preflight(closed_url, "GET", SESSION, APP),
    ]
    assert [answer.status for answer in answers] == [200, 405, 403, 403]
    assert all(answer.cors == {} for answer in answers)
    assert all(answer.headers["Vary"] is None for answer in answers)


@pytest.mark.parametrize(
    "value",
    [
        "*",
        "https://app.example",
        "http://localhost:3000,https://app.example",
        " https://a.example , https://b.example:8443,",
        "http://[::1]:3000",
        "http://192.0.2.1",
        "capacitor://localhost",
        "https://app.example:80",
    ],
)
def test_origins_are_taken_as_browsers_send_them(value: str) -> None:
    """One or several, with spaces between them or not."""
    settings = Settings.from_environment({"CORS_ORIGINS": value})
    assert sorted(settings.cors_origins) == sorted(
        part.strip() for part in value.split(",") if part.strip()
    )


@pytest.mark.parametrize(
    "value",
    [
        "app.example",
        "https://app.example/",
        "https://app.example/page",
        "https://App.example",
        "https://app.example:443",
        "http://app.example:80",
        "https://*.app.example",
        "https://user@app.example",
        "https://",
        "https://app.example https://other.example",
        "null",
        "https://app.example,nonsense",
        "https://app\n.example",
    ],
)
def test_an_origin_that_no_browser_sends_stops_the_start(value: str) -> None:
    """It would never match; the sentence says what an origin looks like."""
    with pytest.raises(SystemExit) as stop:
        Settings.from_environment({"CORS_ORIGINS": value})
    sentence = str(stop.value)
    assert sentence.startswith(f"CORS_ORIGINS={value!r} is not allowed: ")
    assert "scheme://host:port" in sentence
    assert "`https://app.example,http://localhost:3000`" in sentence
