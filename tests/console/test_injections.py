"""Content that tries to be HTML, script or an address that runs stays text, in every field."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import expect

from tests.support.console import Client, Console, agree, choose, opened

HTML = "<img src=x onerror=attack()><script>attack()</script>"
MARKUP = f"'>{HTML}<svg onload=attack()>{{{{attack()}}}}${{attack()}}"
ADDRESS = "javascript:attack()"


def nasty(field: str) -> str:
    """A text that says which field it stands in."""
    return f"{field} {MARKUP}"


def engine_of(client: Client) -> Client:
    """A client whose engine has hostile texts in all its fields."""
    body = {"displayName": nasty("engine"), "description": nasty("description")}
    created = client.call("POST", "reasoningEngines", body)["response"]
    assert created["displayName"] == nasty("engine")
    return Client(client.url, created["name"].rpartition("/")[2])


def everywhere(client: Client) -> str:
    """Makes a session and events with hostile texts in all their fields; returns its name."""
    state = {nasty("key"): nasty("value"), f"user:{MARKUP}": [MARKUP], f"app:{MARKUP}": {MARKUP: 1}}
    session = client.session(nasty("user"), displayName=nasty("name"), sessionState=state)
    parts: list[dict[str, Any]] = [
        {"text": nasty("text")},
        {"text": nasty("thought"), "thought": True},
        {"functionCall": {"id": MARKUP, "name": MARKUP, "args": {MARKUP: nasty("argument")}}},
        {"functionCall": {"id": "open", "name": MARKUP, "args": {}}},
        {"inlineData": {"mimeType": "image/svg+xml", "data": SVG, "displayName": MARKUP}},
        {"inlineData": {"mimeType": 'image/png" onerror="attack()', "data": SVG}},
        {"inlineData": {"mimeType": "text/html", "data": SVG, "displayName": MARKUP}},
        {"fileData": {"mimeType": MARKUP, "fileUri": ADDRESS, "displayName": nasty("file")}},
        {"executableCode": {"language": "PYTHON", "code": nasty("code")}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": nasty("output")}},
    ]
    chunk = {"web": {"uri": ADDRESS, "title": nasty("source")}}
    metadata = {
        "branch": nasty("branch"),
        "customMetadata": {MARKUP: MARKUP},
        "outputTranscription": {"text": nasty("spoken")},
        "groundingMetadata": {"groundingChunks": [chunk]},
    }
    actions = {
        "stateDelta": {nasty("key"): nasty("changed"), "temp:x": MARKUP},
        "artifactDelta": {nasty("artifact"): 1},
        "transferAgent": nasty("agent"),
        "requestedAuthConfigs": {nasty("sign-in"): {}},
        "requestedToolConfirmations": {nasty("confirmation"): {}},
    }
    author, turn = nasty("author"), nasty("invocation")
    client.say(session, author, *parts, turn=turn, eventMetadata=metadata, actions=actions)
    answer = {"id": MARKUP, "name": MARKUP, "response": {MARKUP: nasty("answer")}}
    client.say(session, author, {"functionResponse": answer}, turn=turn)
    client.say(session, author, turn=turn, errorCode=nasty("code"), errorMessage=nasty("error"))
    usage = {"usageMetadata": {"totalTokenCount": MARKUP}}
    client.say(session, author, turn=turn, rawEvent={"actions": {}, MARKUP: MARKUP, **usage})
    return session


SVG = "PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIG9ubG9hZD0iYXR0YWNrKCkiLz4="
"""`<svg xmlns="http://www.w3.org/2000/svg" onload="attack()"/>` in base64."""


@pytest.fixture
def console(console: Console) -> Iterator[Console]:
    """A tab; at its end no script of a text ran, and no request went to another server."""
    page = console.page
    page.add_init_script("window.attacks = 0; window.attack = () => { attacks += 1 }")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).netloc))
    yield console
    assert page.evaluate("attacks") == 0
    elements = "main script, svg[onload], img[onerror], [onclick], [src=x], a[href^=javascript]"
    assert page.locator(elements).count() == 0
    assert {*asked} == {urlsplit(console.url).netloc}


def test_all_content_is_shown_as_text(console: Console, client: Client) -> None:
    """The page shows the texts of an engine, a session, its events, runs and state."""
    page, owner = console.page, engine_of(client)
    session = everywhere(owner)
    console.go(f"reasoningEngines/{owner.engine}")
    expect(page.locator("tbody .name")).to_have_text(nasty("name"))
    expect(page.locator("select option")).to_contain_text([f"{nasty('engine')} ({owner.engine})"])
    expect(page.locator("select option", has_text=owner.engine)).to_have_count(1)
    expect(page.get_by_label("Engine")).to_have_value(owner.engine)
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Raw JSON of the engine").click()
    expect(page.locator("pre.json")).to_contain_text("description '>")
    page.keyboard.press("Escape")
    page.locator("tbody .name").click()
    expect(page.locator(".event")).to_have_count(3)
    for summary in page.locator(".event > .body > details > summary").all():
        summary.click()
    body = page.locator("main")
    for field in ("text", "thought", "argument", "code", "output", "source", "branch", "spoken"):
        expect(body).to_contain_text(nasty(field))
    for field in ("changed", "artifact", "agent", "sign-in", "confirmation", "answer", "error"):
        expect(body).to_contain_text(nasty(field))
    for tab in ("State", "About", "Runs"):
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_role("tabpanel")).to_contain_text("attack()")
    page.get_by_role("button", name="Raw JSON of turn 1").click()
    expect(page.locator("pre.json")).to_contain_text("invocation '>")
    page.keyboard.press("Escape")
    page.get_by_label("Find in the conversation").fill(HTML)
    page.keyboard.press("Enter")
    page.locator(".event").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("pre.json")).to_contain_text("attack()")
    page.keyboard.press("Escape")
    choose(page, "Fork")
    agree(page, "Fork")
    page.get_by_role("tab", name="About").click()
    origin = page.get_by_role("tabpanel").get_by_role("link", name=session.rpartition("/")[2])
    expect(origin).to_be_visible()
    choose(page, "Erase user")
    expect(page.get_by_label("User", exact=True)).to_have_value(nasty("user"))
    page.get_by_role("button", name="Count it").click()
    expect(page.get_by_role("dialog", name="Erase the user?")).to_contain_text(nasty("user"))


def test_messages_about_wrong_input_are_shown_as_text(
    console: Console, client: Client, tmp_path: Path
) -> None:
    """Messages of the server quote filters, labels and lines of files."""
    session = client.session()
    filters = urlencode({"filter": f"{HTML}=1", "user": MARKUP, "order": MARKUP})
    page = console.go(f"reasoningEngines/{client.engine}?{filters}")
    expect(page.get_by_role("alert")).not_to_be_empty()
    expect(page.get_by_label("Filter")).to_have_value(f"{HTML}=1")
    page.get_by_role("button", name="More").click()
    expect(page.get_by_role("menuitem", name="Erase user")).to_contain_text(MARKUP)
    page.get_by_role("menuitem", name="Import sessions").click()
    file = tmp_path / "<img src=x onerror=attack()>.ndjson"
    file.write_text(f'{{"{HTML}": 1}}\n')
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("attack()")
    page.keyboard.press("Escape")
    opened(console, session)
    choose(page, "Labels")
    page.get_by_role("textbox", name="Labels").fill(HTML)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("attack()")
    console.complaints.clear()  # Browsers log every answer of 400.


def test_messages_of_an_issuer_are_shown_as_text(console: Console) -> None:
    """The message is in the address, and anybody may make such an address."""
    page = console.page
    page.add_init_script("""sessionStorage.setItem("sign-in", '{"state": "s", "hash": ""}')""")
    said = urlencode({"state": "s", "error": "no", "error_description": HTML})
    page.goto(f"{console.url}/console/?{said}")
    expect(page.get_by_text("The issuer did not sign you in")).to_contain_text(HTML)


def test_an_address_of_the_console_is_no_way_in(console: Console, server: str) -> None:
    """Whatever stands after the mark: it names a resource, and is text where it shows."""
    page = console.page
    for address in (HTML, f"reasoningEngines/{HTML}", f"reasoningEngines/1/sessions/{HTML}", "%"):
        console.go(address.replace("#", ""))
        expect(page.get_by_role("alert").filter(has_text="n")).not_to_be_empty()
    console.complaints.clear()  # Browsers log the answers of 400 and 404.


def test_the_policy_stops_scripts_that_the_page_did_not_bring(console: Console) -> None:
    """Also those that somebody would get into the document: the second line of defence."""
    page = console.go()
    refused = page.evaluate(
        """() => {
            try {
                document.body.innerHTML = "<p>";
                return false;
            } catch (error) {
                return error instanceof TypeError;
            }
        }"""
    )
    assert refused
    console.complaints.clear()
