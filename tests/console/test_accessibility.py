"""What axe finds on every page and dialog, in light and dark, wide and narrow; nothing."""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.support.console import Client, new_console, new_context

# What a page looks like does not depend on the store.
pytestmark = pytest.mark.parametrize("store_environment", ["sqlite"], indirect=True)

AXE = Axe()
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "narrow": {"color_scheme": "dark", "viewport": {"width": 390, "height": 800}},
}


@pytest.fixture(scope="module")
def seeded(server: str) -> Client:
    """A client whose engine holds a conversation of every kind of event."""
    client = Client(server)
    state = {"plan": "free", "user:language": "en", "trip": {"to": ["Oslo"]}}
    labels = {"tier": "gold"}
    session = client.session(displayName="Seeded", labels=labels, sessionState=state)
    client.say(session, "user", "Will it rain?")
    client.say(session, "agent", {"text": "Hm.", "thought": True})
    call = {"functionCall": {"id": "c", "name": "look", "args": {"at": [1, {"a": None}]}}}
    client.say(session, "agent", call, actions={"stateDelta": {"plan": "pro"}})
    client.say(session, "agent", {"functionCall": {"name": "wait", "args": {}}})
    client.say(session, "agent", {"functionResponse": {"id": "c", "response": {"a": True}}})
    client.say(session, "agent", errorCode="E", errorMessage="It broke.")
    code = {"executableCode": {"language": "PYTHON", "code": "1"}}
    client.say(session, "agent", "Yes.", code, turn="turn-2", actions={"transferAgent": "other"})
    return client


@pytest.fixture(params=LOOKS)
def page(request: pytest.FixtureRequest, browser: Browser, server: str) -> Iterator[Page]:
    """The policy of the page would refuse the script that axe brings."""
    with new_context(browser, bypass_csp=True, **LOOKS[request.param]) as context:
        yield new_console(context, server).page


def check(page: Page) -> None:
    found = AXE.run(page)
    assert found.violations_count == 0, found.generate_report()


def test_axe_finds_nothing(page: Page, seeded: Client) -> None:
    """Of the landing page, the documentation, the list, a conversation, menus and dialogs."""
    for path in ("", "/README.md", "/docs/settings.md"):
        page.goto(f"{seeded.url}{path}")
        check(page)
    page.goto(f"{seeded.url}/console/#reasoningEngines/{seeded.engine}")
    expect(page.locator("tbody tr")).to_have_count(1)
    check(page)
    page.get_by_role("button", name="More").click()
    check(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="New session").click()
    check(page)
    page.keyboard.press("Escape")
    page.locator("tbody .name").click()
    expect(page.locator(".event")).to_have_count(6)
    for summary in page.locator(".event > .body > details > summary").all():
        summary.click()
    for tab in page.get_by_role("tab").all():
        tab.click()
        check(page)
    page.get_by_role("button", name="Actions on the session").click()
    page.get_by_role("menuitem", name="Delete").click()
    check(page)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    check(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Actions on the session").click()
    page.get_by_role("menuitem", name="Raw JSON").click()
    check(page)
