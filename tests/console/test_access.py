"""Who may do what in the console: signing in, and what a refusal looks like."""

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

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
def guarded(store_environment: dict[str, str], provider: Provider) -> Iterator[str]:
    """The URL of a server that takes keys and tokens of an issuer."""
    settings = {
        "AUTH": "api_key,id_token",
        "API_KEYS": ",".join([hashed("admin", ADMIN), hashed("viewer", VIEWER)]),
        "AUTH_ISSUERS": provider.url,
        "AUTH_AUDIENCES": AUDIENCE,
        "CONSOLE_CLIENT_ID": AUDIENCE,
        "POLICY": json.dumps(RULES),
    }
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


def test_a_person_signs_in_at_the_issuer(
    console: Console, provider: Provider, session: str
) -> None:
    """By authorization code with PKCE; afterwards the page is where it was, as that person."""
    page, seen = console.page, {}

    def answer(route: Route) -> None:
        request = route.request
        path = urlsplit(request.url).path
        if path == "/.well-known/openid-configuration":
            endpoints = {
                "authorization_endpoint": f"{provider.url}/authorize",
                "token_endpoint": f"{provider.url}/token",
            }
            route.fulfill(json=endpoints, headers={"Access-Control-Allow-Origin": "*"})
        elif path == "/authorize":
            seen.update(
                {key: value for key, (value,) in parse_qs(urlsplit(request.url).query).items()}
            )
            back = urlencode({"code": "one-time", "state": seen["state"]})
            route.fulfill(status=302, headers={"Location": f"{seen['redirect_uri']}?{back}"})
        else:
            form = {key: value for key, (value,) in parse_qs(request.post_data or "").items()}
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            is_proven = form["code"] == "one-time" and challenge == seen["code_challenge"]
            token = provider.token(int(time.time()), nonce=seen["nonce"])
            told = {"id_token": token} if is_proven else {"error": "invalid_grant"}
            route.fulfill(json=told, headers={"Access-Control-Allow-Origin": "*"})

    page.context.route(f"{provider.url}/**", answer)
    console.go(session)
    page.get_by_role("alert").get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Sign in at").click()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    assert page.url == f"{console.url}/console/#{session}"
    assert (seen["client_id"], seen["code_challenge_method"]) == (AUDIENCE, "S256")
    page.get_by_role("tab", name="State").click()
    expect(page.get_by_role("tabpanel")).to_contain_text("The state is empty")


def test_a_sign_in_that_this_tab_did_not_start_is_refused(console: Console) -> None:
    """Somebody else's code would sign the person in as somebody else."""
    console.page.goto(f"{console.url}/console/?code=stolen&state=guessed")
    expect(console.page.get_by_text("The sign-in was not started in this tab.")).to_be_visible()
