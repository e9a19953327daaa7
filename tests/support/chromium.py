"""The system's own Chromium, driven by Playwright; nothing is downloaded."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")


class ChromiumMissing(Exception):
    """This machine has no Chromium; the message says how to install it."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that ends with the block; raises ChromiumMissing."""
    executable = next(filter(None, map(shutil.which, _NAMES)), None)
    if executable is None:
        raise ChromiumMissing("no Chromium on the path: Debian's package is `chromium`")
    with sync_playwright() as playwright:
        # Its sandbox does not work for root, as whom containers often run.
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def chromium_or_skip() -> Iterator[Browser]:
    """The same browser; skips the test where there is none, and fails it where CI is set."""
    with ExitStack() as stack:
        try:
            browser = stack.enter_context(chromium())
        except ChromiumMissing as error:
            if os.environ.get("CI"):
                pytest.fail(str(error))
            pytest.skip(str(error))
        yield browser
