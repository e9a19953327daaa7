"""Web pages and a server that lets anybody in, as on a laptop: which pages it answers."""

from pathlib import Path
from typing import Any

import flask
import pytest

from tests.support.authentication import (
    API_KEYS,
    ENGINE_PATH,
    KEY,
    SESSIONS_PATH,
    AuthApi,
    open_api,
)

JSON = {"Content-Type": "application/json"}
BODY = b'{"userId":"u"}'
LOCAL = "localhost:8080"
APP = "https://app.example"
EVIL = "http://evil.example:8080"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0"


@pytest.fixture
def api(tmp_path: Path) -> AuthApi:
    """Lets anybody in, and pages of one origin."""
    return open_api(tmp_path, policy="", cors_origins=APP)


def post(api: AuthApi, host: str, body: bytes | None = BODY, **headers: str) -> flask.Response:
    """A POST of a session; `_` in names of headers is `-`."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.send("POST", SESSIONS_PATH, body, {"Host": host, **sent})


def get(api: AuthApi, host: str, **headers: str) -> flask.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.send("GET", SESSIONS_PATH, headers={"Host": host, **sent})


def check_refused(answer: flask.Response, *words: str) -> None:
    """403 with a message that has the words."""
    error: dict[str, Any] = answer.get_json()["error"]
    assert (answer.status_code, error["status"]) == (403, "PERMISSION_DENIED")
    for word in words:
        assert word in error["message"], error["message"]


@pytest.mark.parametrize("host", [LOCAL, "127.0.0.1:8080", "[::1]:8080", "sessions:8080", "a.b.c"])
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", ""])
@pytest.mark.parametrize("agent", ["curl/8.14", "python-requests/2.32", "node", ""])
def test_what_is_no_browser_is_answered_as_ever(
    api: AuthApi, host: str, kind: str, agent: str
) -> None:
    """The command curl -d, SDKs, and another container that calls by name."""
    headers = {"Content-Type": kind, "User-Agent": agent}
    assert post(api, host, **headers).status_code == 200
    assert get(api, host, **headers).status_code == 200


@pytest.mark.parametrize("origin", [EVIL, "null", f"{APP}.evil", f"http://{LOCAL}.evil", "x"])
def test_a_page_of_another_origin_is_refused(api: AuthApi, origin: str) -> None:
    """Whatever it sends, and nothing is stored; the message names the origin and the setting."""
    for body in (BODY, None):
        answer = post(api, LOCAL, body, Origin=origin, **JSON)
        check_refused(answer, origin, "CORS_ORIGINS")
    check_refused(get(api, LOCAL, Origin=origin, Sec_Fetch_Site="cross-site"), origin)
    assert get(api, LOCAL).get_json() == {}


def test_a_page_that_hides_its_origin_is_refused(api: AuthApi) -> None:
    """An image or a link of another site sends no Origin, but Sec-Fetch-Site."""
    check_refused(get(api, LOCAL, Sec_Fetch_Site="cross-site"), "CORS_ORIGINS")


@pytest.mark.parametrize("site", ["none", "same-origin", "same-site"])
def test_an_address_typed_into_a_browser_is_answered(api: AuthApi, site: str) -> None:
    """As are requests of pages of this machine."""
    assert get(api, LOCAL, Sec_Fetch_Site=site, User_Agent=CHROME).status_code == 200


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        (LOCAL, f"http://{LOCAL}"),
        (LOCAL, f"https://{LOCAL}"),
        (LOCAL, "http://localhost:3000"),
        ("127.0.0.1:8080", "http://localhost:3000"),
        ("app.localhost", "http://app.localhost"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("192.168.1.7:8080", "http://192.168.1.7:8080"),
        (LOCAL, APP),
        ("sessions.lan:8080", APP),
        ("app.example", APP),
    ],
)
def test_pages_of_this_machine_and_of_the_setting_are_answered(
    api: AuthApi, host: str, origin: str
) -> None:
    """A server's own origin, other ports of this machine, and CORS_ORIGINS."""
    answer = post(api, host, Origin=origin, User_Agent=CHROME, **JSON)
    assert answer.status_code == 200, answer.get_json()


@pytest.mark.parametrize("host", ["evil.example:8080", "localhost.evil.example", "127.0.0.1.evil"])
def test_a_name_that_was_pointed_at_this_machine_is_refused(api: AuthApi, host: str) -> None:
    """DNS rebinding: the page is of the server's own origin, so that its GETs send no Origin."""
    check_refused(get(api, host, User_Agent=CHROME), host, "CORS_ORIGINS")
    check_refused(post(api, host, Origin=f"http://{host}", **JSON), host, "CORS_ORIGINS")
    check_refused(get(api, host, Sec_Fetch_Site="same-origin"), host, "CORS_ORIGINS")


def test_an_address_of_another_machine_is_no_origin_of_this_one(api: AuthApi) -> None:
    """A page of one address does not call another."""
    check_refused(post(api, "192.168.1.7:8080", Origin="http://192.168.1.8:8080", **JSON))
    check_refused(post(api, "192.168.1.7:8080", Origin="http://localhost:3000", **JSON))


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "x/y", ""])
@pytest.mark.parametrize("origin", [f"http://{LOCAL}", APP])
def test_a_page_sends_json_as_json(api: AuthApi, kind: str, origin: str) -> None:
    """415 for what a form could send without a preflight, from every page."""
    answer = post(api, LOCAL, Origin=origin, Content_Type=kind)
    error = answer.get_json()["error"]
    assert (answer.status_code, error["status"]) == (415, "INVALID_ARGUMENT")
    assert "application/json" in error["message"]
    assert get(api, LOCAL).get_json() == {}


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON"])
def test_the_type_of_json_may_have_parameters(api: AuthApi, kind: str) -> None:
    """The type counts, in any letters."""
    assert post(api, LOCAL, Origin=APP, Content_Type=kind).status_code == 200


def test_a_page_may_post_without_a_body(api: AuthApi) -> None:
    """What has no body has no type."""
    answer = api.send(
        "POST", "/v1beta1/sessions:purgeExpired", headers={"Host": LOCAL, "Origin": APP}
    )
    assert answer.status_code == 200


def test_every_page_is_answered_where_the_setting_says_so(tmp_path: Path) -> None:
    """CORS_ORIGINS=*, whatever name the server is called by."""
    api = open_api(tmp_path, policy="", cors_origins="*")
    assert post(api, "evil.example:8080", Origin=EVIL, **JSON).status_code == 200
    assert get(api, "evil.example:8080", User_Agent=CHROME).status_code == 200


def test_who_needs_a_credential_may_call_from_any_page(tmp_path: Path) -> None:
    """With AUTH a page has no more than its own credential; in the cloud there is no laptop."""
    keys = open_api(tmp_path, auth="api_key", api_keys=API_KEYS, policy="")
    assert post(keys, "a.b", Origin=EVIL, X_Goog_Api_Key=KEY).status_code == 200
    cloud = open_api(tmp_path, auth="none", policy="", k_service="sessions")
    assert post(cloud, "a.b", Origin=EVIL).status_code == 200
    both = open_api(tmp_path, auth="api_key,none", api_keys=API_KEYS, policy="")
    check_refused(post(both, LOCAL, Origin=EVIL))


def test_no_path_is_told_to_a_page_that_is_refused(api: AuthApi) -> None:
    """The page is looked at first."""
    check_refused(
        api.send("GET", f"{ENGINE_PATH}/nonsense", headers={"Host": LOCAL, "Origin": EVIL})
    )
