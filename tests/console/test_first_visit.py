"""What a person does first: from the landing page to a conversation that appears live."""

import os
import subprocess

from playwright.sync_api import expect

from tests.support.console import LATER, Console, agree, choose
from tests.support.project import ROOT


def test_a_conversation_appears_is_forked_and_its_user_erased(
    console: Console, server: str
) -> None:
    """The script of the docs holds the conversation; the browser's log stays empty."""
    page = console.page
    page.clock.install()
    page.goto(server)
    page.get_by_role("link", name="Console").click()
    expect(page.get_by_role("heading", name="No sessions yet")).to_be_visible()
    environment = {**os.environ, "KEEP": "yes", "PAUSE": "0.2"}
    script = [ROOT / "docs/conversation.sh", server]
    with subprocess.Popen(
        script, env=environment, stdout=subprocess.PIPE, text=True
    ) as conversation:
        assert conversation.stdout is not None
        name = next(line.strip() for line in conversation.stdout if line.startswith("projects/"))
        page.clock.run_for(LATER)
        page.locator("tbody .name").click()
        expect(page.get_by_text("Take an umbrella.")).to_be_visible()
        conversation.stdout.read()
        assert conversation.wait() == 0
    assert page.url.endswith(f"/console/#{name}")
    expect(page.locator(".timeline li")).to_contain_text(["get_forecast", "Turn 2"])
    choose(page, "Fork")
    page.get_by_role("textbox", name="Name").fill("Another weather")
    agree(page, "Fork")
    expect(page.get_by_role("heading", name="Another weather")).to_be_visible()
    expect(page.get_by_text("Take an umbrella.")).to_be_visible()
    choose(page, "Erase user")
    page.get_by_role("button", name="Count it").click()
    expect(page.get_by_role("dialog", name="Erase the user?")).to_contain_text("2 sessions")
    agree(page, "Erase the user")
    expect(page.get_by_role("heading", name="No sessions yet")).to_be_visible()
