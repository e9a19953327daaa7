"""Writes docs/images/ from a server that has the conversation of docs/conversation.sh.

Needs Chromium; the pictures on the pages were taken with the fonts Inter and Noto Color Emoji.
"""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs/images"
OTHERS = [
    ("grace", "Refund for order 5521", {"tier": "gold", "channel": "email"}, "support"),
    ("linus", "Password reset", {"channel": "chat"}, "support"),
    ("ada", "Weekly report", {"tier": "gold"}, "reports"),
    ("محمد", "سؤال عن الفاتورة", {"channel": "chat"}, "support"),
    ("alan", "🎉 Party planning", {"channel": "chat"}, "1"),
]
USAGE = {"promptTokenCount": 412, "candidatesTokenCount": 58, "totalTokenCount": 470}


def main() -> None:
    """Serves a new database in memory, seeds it, and takes the pictures."""
    IMAGES.mkdir(exist_ok=True)
    with _server() as url, sync_playwright() as playwright:
        session = _seed(url)
        options = {"executable_path": "/usr/bin/chromium", "args": ["--no-sandbox"]}
        browser = playwright.chromium.launch(**options)  # type: ignore[arg-type]
        page = _page(browser, f"{url}/console/", "light", 1200, 640)
        page.get_by_text("Trip to Oslo").wait_for()
        page.screenshot(path=IMAGES / "console-sessions.png")
        page = _page(browser, f"{url}/console/#{session}", "light", 1200, 760)
        _open(page)
        page.screenshot(path=IMAGES / "console-conversation.png")
        page = _page(browser, f"{url}/console/#{session}", "dark", 1200, 760)
        _open(page)
        page.get_by_role("tab", name="State").click()
        page.get_by_text("Changed by 2 events").click()
        page.screenshot(path=IMAGES / "console-state.png")
        page = _page(browser, f"{url}/console/#{session}", "dark", 390, 760)
        page.get_by_text("Live", exact=True).wait_for()
        page.get_by_text("Turn 3").wait_for()
        page.screenshot(path=IMAGES / "console-narrow.png")
        browser.close()


def _page(browser: Browser, url: str, scheme: Any, width: int, height: int) -> Page:
    size: ViewportSize = {"width": width, "height": height}
    context = browser.new_context(
        viewport=size,
        color_scheme=scheme,
        device_scale_factor=2,
        locale="en-GB",
    )
    page = context.new_page()
    page.goto(url)
    return page


def _open(page: Page) -> None:
    """Waits until the page has read all, and opens the call of a tool."""
    page.get_by_text("Live", exact=True).wait_for()
    page.locator(".timeline li").nth(2).wait_for()
    page.get_by_text("get_forecast").first.click()


@contextmanager
def _server() -> Iterator[str]:
    command = [sys.executable, "-m", "agent_engine_sessions", "start", "--port=0", "--store=memory"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "emulator")}
    server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        # The line ends with the URL.
        yield server.stdout.readline().split()[-1]
    finally:
        server.terminate()
        server.wait()


def _seed(url: str) -> str:
    """Makes the sessions of the pictures; returns the name of the one that is opened."""
    for user, name, labels, engine in OTHERS:
        body = {"userId": user, "displayName": name, "labels": labels}
        other = _call(url, "POST", f"reasoningEngines/{engine}/sessions", body)["response"]["name"]
        _say(url, other, "user", "turn-1", [{"text": "Hello"}])
        _say(url, other, "agent", "turn-1", [{"text": "Hello!"}], rawEvent={"usageMetadata": USAGE})
    script = subprocess.run(
        [ROOT / "docs/conversation.sh", url],
        env={**os.environ, "KEEP": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    session = next(line for line in script.stdout.splitlines() if line.startswith("projects/"))
    change = {
        "displayName": "Trip to Oslo",
        "labels": {"tier": "gold", "channel": "chat"},
        "sessionState": {"city": "Oslo", "user:language": "en", "app:currency": "EUR"},
    }
    _call(url, "PATCH", f"{session}?updateMask=displayName,labels,sessionState", change)
    call = {"id": "call-2", "name": "move_booking", "args": {"id": "B-20441", "to": "Sunday"}}
    answer = {"id": "call-2", "name": "move_booking", "response": {"error": "no room on Sunday"}}
    thought = {"text": "Saturday is wet. Sunday may have room.", "thought": True}
    last: list[tuple[str, Any, dict[str, Any]]] = [
        ("ada", [{"text": "Then move my booking to Sunday, please."}], {}),
        ("agent", [thought, {"functionCall": call}], {"rawEvent": {"usageMetadata": USAGE}}),
        ("agent", [{"functionResponse": answer}], {"actions": {"stateDelta": {"city": "Bergen"}}}),
        ("agent", [], {"errorCode": "NO_ROOM", "errorMessage": "The hotel is full on Sunday."}),
    ]
    for author, parts, more in last:
        _say(url, session, author, "turn-3", parts, **more)
    return session


def _say(url: str, session: str, author: str, turn: str, parts: Any, **more: Any) -> None:
    moment = datetime.now(UTC) + timedelta(minutes=3 if turn == "turn-3" else 0)
    event = {
        "author": author,
        "invocationId": turn,
        "timestamp": moment.isoformat().replace("+00:00", "Z"),
        "content": {"role": "user" if author in ("user", "ada") else "model", "parts": parts},
    }
    _call(url, "POST", f"{session}:appendEvent", {**event, **more})


def _call(url: str, verb: str, path: str, body: Any) -> Any:
    request = urllib.request.Request(
        f"{url}/v1beta1/{path}", json.dumps(body).encode(), method=verb
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


if __name__ == "__main__":
    main()
