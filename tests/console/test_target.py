"""The target `console`: the page on an origin of its own, pointed at another deployment."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.support.console import Client, Console, new_console, new_context, opened
from tests.support.servers import serving


@pytest.fixture(scope="module")
def api(store_environment: dict[str, str]) -> Iterator[str]:
    """The URL of a deployment of the API that takes pages of every origin, and holds one stream."""
    settings = {"CORS_ORIGINS": "*", "CONSOLE": "false", "WATCHERS": "1"}
    with serving("sessions_api", {**store_environment, **settings}) as url:
        yield url


@pytest.fixture
def console(browser: Browser, api: str) -> Iterator[Console]:
    """A tab with the page of the target."""
    settings = {"SESSIONS_STORE": "sqlite:///:memory:", "CONSOLE_API_URL": api}
    with serving("console", settings) as url, new_context(browser) as context:
        started = new_console(context, url)
        yield started
    assert started.complaints == []


def test_the_console_works_for_another_deployment(console: Console, api: str) -> None:
    """It lists, follows and appends there; its own server has no sessions."""
    client = Client(api)
    session = client.session(displayName="Over there")
    console.page.goto(console.url)
    console.page.get_by_role("link", name="Over there").click()
    page = opened(console, session)
    client.say(session, "agent", "Hello")
    expect(page.locator(".event .text")).to_have_text(["Hello"])
    page.get_by_label("A message of the user").fill("Hello yourself")
    page.keyboard.press("Enter")
    expect(page.locator(".event .text")).to_have_text(["Hello", "Hello yourself"])


def test_a_page_that_gets_no_stream_shows_what_is_there(console: Console, api: str) -> None:
    """And says that it does not follow; once the server has room again, the person may try."""
    client = Client(api)
    session = client.session()
    client.say(session, "agent", "Hello")
    first = opened(console, session)
    beside = new_console(first.context, console.url)
    page = beside.go(session)
    expect(page.get_by_text("The page does not follow the session.")).to_be_visible()
    expect(page.locator(".event .text")).to_have_text(["Hello"])
    first.close()
    client.say(session, "agent", "Hello again")
    expect(page.get_by_text("Not live")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".event .text")).to_have_text(["Hello", "Hello again"])
