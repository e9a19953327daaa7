"""A page of another origin in a real Chromium: it follows a session live, and appends to it."""

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser, Error, Page

from tests.support.chromium import chromium_or_skip
from tests.support.project import PROJECT, REGION, ROOT
from tests.support.servers import free_port, serving

CODE = (Path(__file__).parent / "snippets/browser.js").read_text()
PAGE = f"<!doctype html><title>A conversation</title><script>{CODE}</script>".encode()
TOKEN = "a token / with + odd = characters"
PATIENCE = 60_000
"""Milliseconds that the page may take for anything."""
ENOUGH = 10_000
"""Appends, one after the other, that take many times longer than a stream."""

WATCH = """([session, token]) => {
    window.shown = []
    window.opened = 0
    window.deleted = false
    window.source = follow(session, token, (event) => shown.push(event.author))
    source.addEventListener("open", () => opened++)
    source.addEventListener("deleted", () => deleted = true)
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium_or_skip() as started:
        yield started


class _Handler(BaseHTTPRequestHandler):
    """Serves the page under every path."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_: object) -> None:
        pass


def page_server() -> Iterator[str]:
    """An origin that serves the page."""
    server = ThreadingHTTPServer(("127.0.0.1", free_port()), _Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


origin = pytest.fixture(scope="module")(page_server)
other_origin = pytest.fixture(scope="module")(page_server)


@pytest.fixture(scope="module")
def url(browser: Browser, origin: str, store_environment: dict[str, str]) -> Iterator[str]:
    """A server that the one origin may call, and whose streams are soon over."""
    settings = {"CORS_ORIGINS": origin, "WATCH_TIME_LIMIT": "2s", "WATCH_HEARTBEAT": "1s"}
    with serving("sessions_api", {**store_environment, **settings}) as served:
        yield served


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[[str], Page]]:
    """Opens the page of an origin."""
    with browser.new_context() as context:
        context.set_default_timeout(PATIENCE)

        def open_page(origin: str) -> Page:
            page = context.new_page()
            page.goto(origin)
            return page

        yield open_page


@pytest.fixture
def page(open_page: Callable[[str], Page], origin: str) -> Page:
    """The page of the origin that may call."""
    return open_page(origin)


@pytest.fixture
def session(url: str) -> str:
    """The address of a new session."""
    engine = f"projects/{PROJECT}/locations/{REGION}/reasoningEngines/{uuid4().int % 10**18}"
    body = {"userId": "ada"}
    answer = httpx.post(f"{url}/v1beta1/{engine}/sessions", json=body, timeout=60)
    return f"{url}/v1beta1/{answer.json()['response']['name']}"


def event(author: str) -> dict[str, str]:
    """Events of equal timestamps keep the order in which they were appended."""
    return {"author": author, "invocationId": "turn-1", "timestamp": "2026-01-01T00:00:00Z"}


def append(session: str, author: str) -> None:
    httpx.post(f"{session}:appendEvent", json=event(author), timeout=60).raise_for_status()


def authors(session: str) -> list[str]:
    answer = httpx.get(f"{session}/events", params={"pageSize": 1000}, timeout=60).json()
    return [found["author"] for found in answer.get("sessionEvents", [])]


def wait_until_shown(page: Page, count: int) -> None:
    page.wait_for_function("count => shown.length >= count", arg=count)


def test_a_page_follows_a_session(page: Page, session: str) -> None:
    """What was there and what is appended arrives once and in order."""
    for author in ("one", "two"):
        append(session, author)
    page.evaluate(WATCH, [session, TOKEN])
    wait_until_shown(page, 2)
    for author in ("three", "four", "five"):
        append(session, author)
    wait_until_shown(page, 5)
    assert page.evaluate("shown") == ["one", "two", "three", "four", "five"]


def test_a_page_misses_nothing_and_sees_nothing_twice_between_streams(
    page: Page, session: str
) -> None:
    """A stream ends at its time limit; the browser comes back by itself and goes on after it."""
    page.evaluate(WATCH, [session, TOKEN])
    sent: list[str] = []
    while page.evaluate("opened") < 3 and len(sent) < ENOUGH:
        sent.append(str(len(sent)))
        append(session, sent[-1])
    assert page.evaluate("opened") >= 3
    append(session, "last")
    page.wait_for_function("shown.includes('last')")
    assert page.evaluate("shown") == [*sent, "last"]


def test_a_page_learns_that_the_session_is_deleted(page: Page, session: str) -> None:
    """The stream says so, and the browser does not come back."""
    page.evaluate(WATCH, [session, TOKEN])
    append(session, "one")
    wait_until_shown(page, 1)
    httpx.delete(session, timeout=60).raise_for_status()
    page.wait_for_function("source.readyState === EventSource.CLOSED")
    assert page.evaluate("[shown, deleted]") == [["one"], True]


def test_a_page_appends(page: Page, session: str) -> None:
    """JSON and a token are no simple request: the browser asks first."""
    arguments = [session, TOKEN, event("page")]
    assert page.evaluate("([...arguments]) => append(...arguments)", arguments) == {}
    assert authors(session) == ["page"]


def test_a_page_reads_why_it_was_refused(page: Page, session: str) -> None:
    """The API's own words reach the script."""
    arguments = [f"{session}0", TOKEN, event("page")]
    name = session.partition("/v1beta1/")[2]
    with pytest.raises(Error, match=rf"Session {name}0 not found\."):
        page.evaluate("([...arguments]) => append(...arguments)", arguments)


def test_a_page_of_another_origin_neither_appends_nor_reads(
    open_page: Callable[[str], Page], other_origin: str, session: str
) -> None:
    """The browser asks, hears no, and does not send the event."""
    page = open_page(other_origin)
    append(session, "server")
    arguments = [session, TOKEN, event("page")]
    with pytest.raises(Error, match="Failed to fetch"):
        page.evaluate("([...arguments]) => append(...arguments)", arguments)
    with pytest.raises(Error, match="Failed to fetch"):
        page.evaluate("session => fetch(session).then((answer) => answer.text())", session)
    page.evaluate(WATCH, [session, TOKEN])
    page.wait_for_function("source.readyState === EventSource.CLOSED")
    assert page.evaluate("shown") == []
    assert authors(session) == ["server"]


def test_the_readme_shows_the_code_of_the_page() -> None:
    """What these tests run is what users read."""
    assert f"```js\n{CODE}```" in (ROOT / "docs/clients.md").read_text()
