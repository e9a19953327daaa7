"""A browser, the console in it, and another client of the same server."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.support.chromium import chromium_or_skip
from tests.support.console import Client, Console, new_console, new_context


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium_or_skip() as started:
        yield started


@pytest.fixture
def client(server: str) -> Client:
    return Client(server)


@pytest.fixture
def console(browser: Browser, server: str) -> Iterator[Console]:
    """A tab in which nothing may complain: the browser's log is empty at the end."""
    with new_context(browser) as context:
        opened = new_console(context, server)
        yield opened
    assert opened.complaints == []


@pytest.fixture
def page(console: Console) -> Page:
    return console.page
