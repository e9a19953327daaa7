"""The pages for people as the server answers them: landing page, console, headers, settings."""

import html
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import flask
import pytest
from werkzeug.test import EnvironBuilder

from functions import __version__
from functions.api.endpoint import Endpoint
from functions.api.routes import METHODS
from functions.config.settings import Settings
from tests.support.project import ROOT

BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"
FILES = sorted(path.name for path in (ROOT / "functions/console").iterdir())
TEMPLATES = ["docs.html", "landing.html"]
DOCS = ["README.md", *(f"{path.relative_to(ROOT)}" for path in (ROOT / "docs").glob("**/*.md"))]
CLOUD: dict[str, Any] = {"k_service": "f", "google_cloud_project": "p", "log_requests": False}
POLICY = json.dumps([{"principal": "*", "role": "admin"}])


def nothing() -> Any:
    raise AssertionError("a page asks no store")


def get(path: str, *methods: str, accept: str = "*/*", **settings: Any) -> flask.Response:
    """The answer of a target of these methods, by default of all."""
    return send(path, {"Accept": accept}, *methods, **settings)


def send(path: str, headers: dict[str, str], *methods: str, **settings: Any) -> flask.Response:
    endpoint = Endpoint(methods or METHODS, Settings(**settings), nothing, lambda: 1)
    environ = EnvironBuilder(path, headers=headers).get_environ()
    return endpoint(flask.Request({**environ, "RAW_URI": path}))


def page_settings(answer: flask.Response) -> Any:
    """What the console's page tells its scripts."""
    found = re.search(r'<meta name="settings" content="(.*?)">', answer.get_data(as_text=True))
    assert found is not None
    return json.loads(html.unescape(found[1]))


def test_the_root_tells_a_browser_what_the_server_is() -> None:
    answer = get("/", accept=BROWSER)
    text = answer.get_data(as_text=True)
    assert answer.content_type == "text/html; charset=utf-8"
    assert f"Version {__version__}" in text
    links = ["console/", "health", "openapi.json", "README.md"]
    assert re.findall(r'<li ?>\s*<a href="(.+?)"', text) == links


@pytest.mark.parametrize("accept", ["*/*", "application/json", ""])
def test_the_root_answers_other_clients_in_json(accept: str) -> None:
    answer = get("/", accept=accept)
    assert answer.content_type == "application/json; charset=UTF-8"
    links = {
        "console": "console/",
        "health": "health",
        "openapi": "openapi.json",
        "docs": "README.md",
    }
    assert answer.get_json() == {
        "name": "Agent Engine Sessions",
        "version": __version__,
        "links": links,
    }


@pytest.mark.parametrize("accept", [BROWSER, "*/*"])
def test_the_root_tells_no_version_and_no_console_in_the_cloud(accept: str) -> None:
    """The health check tells no version there, either."""
    answer = get("/", accept=accept, **CLOUD)
    text = answer.get_data(as_text=True)
    assert __version__ not in text
    for link in ("console/", "README.md"):
        assert f'<li hidden><a href="{link}"' in text if accept == BROWSER else link not in text


@pytest.mark.parametrize("path", ["/", "/console", "/console/", "/console/app.js", "/README.md"])
def test_a_lone_method_has_no_page(path: str) -> None:
    assert get(path, "get_session", accept=BROWSER).status_code == 404


@pytest.mark.parametrize(
    ("settings", "status"),
    [({}, 200), ({"console": False}, 404), (CLOUD, 404), ({**CLOUD, "console": True}, 200)],
    ids=["laptop", "laptop, off", "cloud", "cloud, on"],
)
def test_the_setting_turns_the_console_on(settings: dict[str, Any], status: int) -> None:
    """Unset, it is on for a laptop and off in the cloud."""
    for path in ("/console/", "/console/app.js", "/README.md", "/docs/settings.md"):
        assert get(path, **settings).status_code == status


@pytest.mark.parametrize(
    "settings", [{}, CLOUD, {"console": False}], ids=["laptop", "cloud", "off"]
)
def test_the_target_console_serves_the_page_and_no_method(settings: dict[str, Any]) -> None:
    """Its root leads to the page by a relative address: a proxy may put it below a path."""
    moved = get("/", "console", accept=BROWSER, **settings)
    assert (moved.status_code, moved.headers["Location"]) == (302, "console/")
    assert get("/console/", "console", **settings).status_code == 200
    sessions = get(
        "/v1beta1/reasoningEngines/1/sessions", "console", **{**settings, "auth": "none"}
    )
    assert sessions.status_code == 404


@pytest.mark.parametrize("name", [name for name in FILES if name not in TEMPLATES])
def test_every_file_of_the_console_is_served_under_a_strict_policy(name: str) -> None:
    """No script but the page's own, no other origin, no framing, no guess of types."""
    answer = get(f"/console/{name}")
    assert answer.status_code == 200
    policy = dict(
        part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; ")
    )
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("name", [*TEMPLATES, "x.js", "../api/console.py", "%2e%2e/main.py", ""])
def test_nothing_beside_the_files_is_served(name: str) -> None:
    answer = get(f"/console/{name or 'a/b'}")
    assert (answer.status_code, answer.get_json()["error"]["status"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("path", DOCS)
def test_every_page_of_the_documentation_is_drawn_and_its_links_hold(path: str) -> None:
    """Links to pages, headings and pictures work; links to source files become text."""
    text = get(f"/{path}", accept=BROWSER).get_data(as_text=True)
    assert text.count("<h1 ") == 1
    for link in re.findall(r'(?:href|src)="([^"]+)"', text):
        if not re.match("[a-z]+:", link):
            page, _, anchor = urljoin(f"/{path}", link).partition("#")
            answer = get(page, accept=BROWSER)
            assert answer.status_code == 200, link
            assert not anchor or f'id="{anchor}"' in answer.get_data(as_text=True), link


def test_clients_other_than_browsers_get_the_markdown_of_the_documentation() -> None:
    answer = get("/docs/settings.md")
    assert answer.content_type == "text/plain; charset=utf-8"
    assert answer.data == (ROOT / "docs/settings.md").read_bytes()
    assert answer.headers["Vary"] == "Accept"


@pytest.mark.parametrize("path", ["/README.md", "/docs/console.md"])
def test_a_page_of_the_documentation_may_run_no_script(path: str) -> None:
    policy = get(path, accept=BROWSER).headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert policy.endswith("style-src 'self'; img-src 'self'")


@pytest.mark.parametrize("path", ["/docs/", "/docs/x.md", "/docs/../main.py", "/README.md/x"])
def test_the_documentation_has_no_other_files(path: str) -> None:
    assert get(path, accept=BROWSER).status_code == 404


def test_a_file_that_is_unchanged_is_not_sent_again() -> None:
    etag = get("/console/app.js").headers["ETag"]
    answer = send("/console/app.js", {"If-None-Match": etag})
    assert answer.status_code == 304


def test_the_page_names_every_module_that_it_loads() -> None:
    """The browser fetches them side by side, and not one after the other."""
    named = set(re.findall(r'(?:href|src)="(\w+\.js)"', get("/console/").get_data(as_text=True)))
    assert named == {name for name in FILES if name.endswith(".js")}


def test_the_page_may_call_the_api_and_the_issuer_that_the_settings_name() -> None:
    """And its scripts learn no secrets: hashes of keys and policies stay in the server."""
    answer = get(
        "/console/",
        auth="id_token,api_key",
        auth_issuers="https://accounts.example/tenant https://other.example",
        auth_audiences="web",
        api_keys=f"a:{64 * '0'}",
        policy=POLICY,
        console_api_url="https://api.example/base",
        console_client_id="web",
    )
    assert page_settings(answer) == {
        "version": __version__,
        "api": "https://api.example/base",
        "auth": ["id_token", "api_key"],
        "issuer": "https://accounts.example/tenant",
        "clientId": "web",
        "responseType": "code",
    }
    allowed = re.search("connect-src ([^;]+)", answer.headers["Content-Security-Policy"])
    assert allowed is not None
    assert allowed[1] == "'self' https://api.example https://accounts.example"


@pytest.mark.parametrize(
    ("issuer", "setting", "expected"),
    [
        ("https://accounts.google.com", "", "id_token"),
        ("https://accounts.google.com", "code", "code"),
        ("https://accounts.example", "", "code"),
        ("https://accounts.example", "id_token", "id_token"),
    ],
)
def test_google_gives_tokens_without_a_code_unless_the_setting_says_otherwise(
    issuer: str, setting: str, expected: str
) -> None:
    """Google's token endpoint refuses a code of a web client that sends no secret."""
    answer = get(
        "/console/",
        auth="id_token",
        auth_issuers=issuer,
        auth_audiences="web",
        policy=POLICY,
        console_response_type=setting,
    )
    assert page_settings(answer)["responseType"] == expected


@pytest.mark.parametrize("url", ["api.example", "http://api.example", "https://a;b", "https://a/"])
def test_the_url_of_the_api_is_checked_at_the_start(url: str) -> None:
    with pytest.raises(ValueError, match="CONSOLE_API_URL"):
        Settings(console_api_url=url)


def test_a_page_of_another_origin_may_lead_to_the_console() -> None:
    """A link in a chat; the API behind the console refuses such pages as ever."""
    headers = {"Sec-Fetch-Site": "cross-site", "User-Agent": "Mozilla/5.0", "Host": "evil.example"}
    assert send("/console/", headers).status_code == 200
    assert send("/v1beta1/reasoningEngines/1/sessions", headers).status_code == 403


def test_the_console_ships_with_the_package() -> None:
    """The wheel has all of `functions` and the documentation; gcloud uploads `functions`."""
    for name in ("functions", "README.md", "docs"):
        included = f'"{name}" = "agent_engine_sessions/_server/{name}"'
        assert included in Path(ROOT / "pyproject.toml").read_text()
    ignored = (ROOT / ".gcloudignore").read_text().splitlines()
    assert not {line.lstrip("*") for line in ignored} & {".html", ".css", ".js", ".svg"}
