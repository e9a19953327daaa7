"""The system's own Chromium; nothing is downloaded."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

_MISSING = "no Chromium on the path: Debian's package is `chromium`"


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, without a window; skips the test where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = next(filter(None, map(shutil.which, names)), None)
    if executable is None:
        pytest.skip(_MISSING)
    with sync_playwright() as playwright:
        # Its sandbox does not work for root, as whom containers often run.
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()
