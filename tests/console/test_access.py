"""Who may do what in the console: signing in, and what a refusal looks like."""

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.support.console import Console, agree, choose, new_console, new_context, opened
from tests.support.google.identity_provider import AUDIENCE, Provider, providing
from tests.support.project import LOCATION
from tests.support.servers import serving

ADMIN, VIEWER = "an-admin's-key", "a-viewer's-key"
ENGINE = f"{LOCATION}/reasoningEngines/1"
RULES = [
    {"principal": "key:admin", "role": "admin"},
    {"principal": "key:viewer", "role": "viewer", "engines": [ENGINE]},
    {"principal": "claim:sub=ada", "role": "viewer", "engines": [ENGINE]},
    {"principal": "claim:sub=ada", "role": "user", "userIdClaim": "sub"},
]
REFUSED = "Failed to load resource: the server responded with a status of 40"


def hashed(name: str, key: str) -> str:
    return f"{name}:{hashlib.sha256(key.encode()).hexdigest()}"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with providing() as running:
        yield running


@pytest.fixture(scope="module")
def settings(provider: Provider) -> dict[str, str]:
    """The settings of a server that takes keys and tokens of an issuer."""
    return {
        "AUTH": "api_key,id_token",
        "API_KEYS": ",".join([hashed("admin", ADMIN), hashed("viewer", VIEWER)]),
        "AUTH_ISSUERS": provider.url,
        "AUTH_AUDIENCES": AUDIENCE,
        "CONSOLE_CLIENT_ID": AUDIENCE,
        "POLICY": json.dumps(RULES),
    }


@pytest.fixture(scope="module")
def guarded(store_environment: dict[str, str], settings: dict[str, str]) -> Iterator[str]:
    """The URL of the server."""
    with serving("sessions_api", {**store_environment, **settings}) as url:
        yield url


@pytest.fixture(scope="module")
def session(guarded: str) -> str:
    """A session of ada's with one event."""
    headers = {"x-goog-api-key": ADMIN}
    with httpx.Client(base_url=f"{guarded}/v1beta1/", headers=headers, timeout=60) as client:
        body = {"userId": "ada", "displayName": "Hers"}
        name = str(client.post(f"{ENGINE}/sessions", json=body).json()["response"]["name"])
        event = {"author": "ada", "invocationId": "i", "timestamp": "2026-11-20T10:00:00Z"}
        client.post(f"{name}:appendEvent", json=event).raise_for_status()
    return name


@pytest.fixture
def console(browser: Browser, guarded: str) -> Iterator[Console]:
    """A tab in whose log stands nothing but answers of 401 and 403, which browsers note."""
    with new_context(browser) as context:
        opened = new_console(context, guarded)
        yield opened
    assert [line for line in opened.complaints if REFUSED not in line] == []


@pytest.fixture
def implicit(
    browser: Browser, store_environment: dict[str, str], settings: dict[str, str]
) -> Iterator[Console]:
    """A tab with the console of a server whose issuer gives tokens without a code."""
    settings = {**store_environment, **settings, "CONSOLE_RESPONSE_TYPE": "id_token"}
    with serving("sessions_api", settings) as url, new_context(browser) as context:
        opened = new_console(context, url)
        yield opened
    assert [line for line in opened.complaints if REFUSED not in line] == []


def sign_in(page: Page, key: str, kind: str = "API key") -> None:
    page.get_by_role("alert").get_by_role("button", name="Sign in").click()
    page.get_by_label("Kind").select_option(label=kind)
    page.get_by_label("Key or token").fill(key)
    agree(page, "Sign in")


def test_a_key_signs_in_for_this_tab_alone(console: Console, session: str) -> None:
    """It never stands in an address, and a tab that is opened beside asks for its own."""
    page = console.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    console.go()
    expect(page.get_by_role("alert")).to_contain_text("Sign in first, please.")
    sign_in(page, ADMIN)
    expect(page.get_by_role("link", name="Hers")).to_be_visible()
    opened(console, session)
    assert not any("key" in urlsplit(url).query or "token" in url for url in asked)
    beside = new_console(page.context, console.url).go()
    expect(beside.get_by_role("alert")).to_contain_text("Sign in first, please.")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("alert")).to_contain_text("Sign in first, please.")


def test_a_wrong_key_is_told(console: Console, session: str) -> None:
    page = console.go(session)
    sign_in(page, "wrong")
    expect(page.get_by_role("alert")).to_contain_text("invalid authentication credentials")


def test_a_viewer_reads_and_is_told_what_it_may_not_do(console: Console, session: str) -> None:
    """A 403 is a sentence where the person acted, and nothing is lost of what was typed."""
    page = console.go(session)
    sign_in(page, VIEWER)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    choose(page, "Rename")
    page.get_by_role("textbox", name="Name").fill("Mine")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("You may not do this.")
    expect(page.get_by_role("textbox", name="Name")).to_have_value("Mine")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_label("A message of the user").fill("Hello")
    page.keyboard.press("Enter")
    expect(page.get_by_text("You may not do this.")).to_be_visible()
    expect(page.get_by_label("A message of the user")).to_have_value("Hello")


def test_a_caller_whose_rights_differ_is_led_to_one_engine(
    console: Console, provider: Provider, session: str
) -> None:
    """A list over all engines needs the same rights in all; the page says how to go on."""
    page = console.go()
    sign_in(page, provider.token(int(time.time())), "Token")
    expect(page.get_by_role("alert")).to_contain_text("Choose an engine")
    console.go(ENGINE)
    expect(page.get_by_role("link", name="Hers")).to_be_visible()


class SignInPage:
    """The issuer's page and its token endpoint; `seen` has the requests of the console."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.seen: dict[str, str] = {}
        self.claims: dict[str, Any] = {}
        """Claims of the token that differ."""

    def answer(self, route: Route) -> None:
        shared = {"Access-Control-Allow-Origin": "*"}
        path = urlsplit(route.request.url).path
        if path == "/.well-known/openid-configuration":
            places = {"authorization_endpoint": "authorize", "token_endpoint": "token"}
            told = {name: f"{self.provider.url}/{place}" for name, place in places.items()}
            route.fulfill(json=told, headers=shared)
        elif path == "/authorize":
            self.seen = dict(parse_qsl(urlsplit(route.request.url).query))
            route.fulfill(status=302, headers={"Location": self.back()})
        else:
            form = dict(parse_qsl(route.request.post_data or ""))
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            is_proven = form["code"] == "one-time" and challenge == self.seen["code_challenge"]
            told = {"id_token": self.token()} if is_proven else {"error": "invalid_grant"}
            route.fulfill(json=told, headers=shared)

    def back(self) -> str:
        """Where the issuer sends the browser: a code behind `?`, a token behind `#`."""
        kind, mark = self.seen["response_type"], "?"
        sent = {"code": "one-time"}
        if kind == "id_token":
            # Google refuses the parameters of PKCE in this flow.
            assert not any(name.startswith("code_challenge") for name in self.seen)
            sent, mark = {"id_token": self.token(), "authuser": "0"}, "#"
        return (
            f"{self.seen['redirect_uri']}{mark}{urlencode({**sent, 'state': self.seen['state']})}"
        )

    def token(self) -> str:
        claims = {"nonce": self.seen["nonce"], **self.claims}
        return self.provider.token(int(time.time()), **claims)


@pytest.fixture
def issuer(console: Console, provider: Provider) -> SignInPage:
    """The pages of the issuer, in the console's browser."""
    pages = SignInPage(provider)
    console.page.context.route(f"{provider.url}/**", pages.answer)
    return pages


def sign_in_at_the_issuer(page: Page) -> None:
    page.get_by_role("alert").get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Sign in at").click()


def test_a_person_signs_in_at_the_issuer(
    console: Console, issuer: SignInPage, session: str
) -> None:
    """The console uses an authorization code with PKCE, then shows the page of before."""
    page = console.go(session)
    sign_in_at_the_issuer(page)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    assert page.url == f"{console.url}/console/#{session}"
    assert (issuer.seen["client_id"], issuer.seen["code_challenge_method"]) == (AUDIENCE, "S256")
    page.get_by_role("tab", name="State").click()
    expect(page.get_by_role("tabpanel")).to_contain_text("The state is empty")


def test_a_person_signs_in_where_a_code_would_need_a_secret(
    implicit: Console, provider: Provider, session: str
) -> None:
    """Google sends the token behind `#`, where neither a server nor a log sees it."""
    pages, page = SignInPage(provider), implicit.page
    page.context.route(f"{provider.url}/**", pages.answer)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    implicit.go(f"{session}?x=1")
    sign_in_at_the_issuer(page)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    assert page.url == f"{implicit.url}/console/#{session}?x=1"
    assert pages.seen["response_type"] == "id_token"
    assert not any("eyJ" in url.partition("#")[0] for url in asked)


def test_a_token_of_another_sign_in_is_refused(
    implicit: Console, provider: Provider, session: str
) -> None:
    """The nonce ties a token to the visit that asked for it."""
    pages, page = SignInPage(provider), implicit.page
    pages.claims = {"nonce": "of another visit"}
    page.context.route(f"{provider.url}/**", pages.answer)
    implicit.go(session)
    sign_in_at_the_issuer(page)
    expect(page.get_by_text("The issuer's token belongs to another sign-in.")).to_be_visible()
    expect(page.get_by_role("alert").get_by_role("button", name="Sign in")).to_be_visible()


def test_a_sign_in_that_this_tab_did_not_start_is_refused(console: Console) -> None:
    """Somebody else's code would sign the person in as somebody else."""
    console.page.goto(f"{console.url}/console/?code=stolen&state=guessed")
    expect(console.page.get_by_text("The sign-in was not started in this tab.")).to_be_visible()
