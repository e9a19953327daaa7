"""The console in a browser, and a client of the API beside it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

PATIENCE = 20_000
"""Milliseconds that the page may take for anything."""

LATER = 5_000
"""Milliseconds after which a page has asked the server for changes again."""

_HTTP = httpx.Client(timeout=60)
"""One for all: each new one reads the certificates of the system again."""

START = datetime(2026, 11, 20, 10, tzinfo=UTC)


@dataclass
class Client:
    """Another client of the same server; each has an engine of its own."""

    url: str
    engine: str = field(default_factory=lambda: str(uuid4().int % 10**15))
    moment: datetime = START

    def call(self, verb: str, path: str, body: Any = None, **query: str) -> Any:
        """The JSON of a request that must succeed."""
        url = f"{self.url}/v1beta1/{path}"
        answer = _HTTP.request(verb, url, json=body, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def session(self, user: str = "ada", **more: Any) -> str:
        """The full name of a new session."""
        body = {"userId": user, **more}
        answer = self.call("POST", f"reasoningEngines/{self.engine}/sessions", body)
        return str(answer["response"]["name"])

    def say(
        self, session: str, author: str, *parts: Any, turn: str = "turn-1", **more: Any
    ) -> None:
        """Appends an event a second after the one before; a part that is a text is spoken."""
        event = self._event(author, *parts, turn=turn, **more)
        self.call("POST", f"{session}:appendEvent", event)

    def say_all(self, session: str, count: int, text: str = "Number {}") -> None:
        """Appends so many events of an agent, numbered from 0, a hundred at a time."""
        events = [self._event("agent", text.format(number)) for number in range(count)]
        for start in range(0, count, 100):
            batch = {"events": events[start : start + 100]}
            self.call("POST", f"{session}:batchAppendEvents", batch)

    def _event(self, author: str, *parts: Any, turn: str = "turn-1", **more: Any) -> Any:
        self.moment += timedelta(seconds=1)
        spoken = [{"text": part} if isinstance(part, str) else part for part in parts]
        return {
            "author": author,
            "invocationId": turn,
            "timestamp": self.moment.isoformat().replace("+00:00", "Z"),
            "content": {"role": "user" if author == "user" else "model", "parts": spoken},
            **more,
        }

    def events(self, session: str) -> list[dict[str, Any]]:
        """The events as the API lists them."""
        found: list[dict[str, Any]] = self.call("GET", f"{session}/events").get("sessionEvents", [])
        return found


@dataclass
class Console:
    """One tab with the console; `complaints` is what the browser's log has."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def go(self, address: str = "") -> Page:
        """Opens a page of the console: a resource's name, or nothing for all sessions."""
        self.page.goto(f"{self.url}/console/#{address}")
        return self.page

    def listen(self) -> None:
        """Notes what the browser's log gets from now on."""

        def note(message: ConsoleMessage) -> None:
            self.complaints.append(f"{message.type}: {message.text}")

        self.page.on("console", note)
        self.page.on("pageerror", lambda error: self.complaints.append(f"{error}"))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))


def new_context(browser: Browser, **options: Any) -> BrowserContext:
    """A profile without history, whose clock shows UTC and whose language is English."""
    context = browser.new_context(
        **{"locale": "en-GB", "timezone_id": "Europe/Oslo", "reduced_motion": "reduce", **options}
    )
    context.set_default_timeout(PATIENCE)
    return context


def new_console(context: BrowserContext, url: str) -> Console:
    """A new tab."""
    expect.set_options(timeout=PATIENCE)
    console = Console(context.new_page(), url)
    console.listen()
    return console


def choose(page: Page, action: str) -> None:
    """One of the actions on the session."""
    page.get_by_role("button", name="Actions on the session").click()
    page.get_by_role("menuitem", name=action).click()


def choose_of_event(page: Page, said: str, action: str) -> None:
    """One of the actions on the event that says so."""
    event = page.locator(".event", has_text=said)
    event.get_by_role("button", name="Actions on the event").click()
    page.get_by_role("menuitem", name=action).click()


def agree(page: Page, answer: str) -> None:
    """Presses the button that does it, and waits until the dialog is gone."""
    page.get_by_role("dialog").get_by_role("button", name=answer, exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def opened(console: Console, session: str) -> Page:
    """The page of a session, once it is live."""
    page = console.go(session)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    return page
