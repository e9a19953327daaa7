"""Sessions that people export to a file and import from one."""

import json
from pathlib import Path

from playwright.sync_api import expect

from tests.support.console import Client, Console, agree, choose, opened


def test_a_session_goes_to_a_file_and_comes_back(
    console: Console, client: Client, tmp_path: Path
) -> None:
    """The export of one session has that session alone; its import restores it."""
    session = client.session(displayName="Kept", sessionState={"plan": "free"})
    client.say(session, "user", "Hello")
    client.session(displayName="Another")
    page = opened(console, session)
    with page.expect_download() as download:
        choose(page, "Export to a file")
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["session"]["name"] for line in lines if "session" in line] == [session]
    assert lines[-1] == {"end": {"sessions": 1, "events": 1}}
    client.call("DELETE", session)
    console.go(f"reasoningEngines/{client.engine}")
    expect(page.locator("tbody .name")).to_have_text(["Another"])
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Import sessions").click()
    page.get_by_label("File").set_input_files(file)
    agree(page, "Import")
    expect(page.get_by_text("Imported 1 session with 1 event")).to_be_visible()
    expect(page.locator("tbody .name")).to_contain_text(["Kept"])
    assert client.call("GET", session)["sessionState"] == {"plan": "free"}
