"""Content that tries to be HTML, script or an address that runs stays text, in every field."""

from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import expect

from tests.support.console import Client, Console

HTML = "<img src=x onerror=attack()><script>attack()</script>"
MARKUP = f"'>{HTML}<svg onload=attack()>{{{{attack()}}}}${{attack()}}"
ADDRESS = "javascript:attack()"


def nasty(field: str) -> str:
    """A text that says which field it stands in."""
    return f"{field} {MARKUP}"


def everywhere(client: Client) -> None:
    """Makes a session and events with such texts in all their fields."""
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


SVG = "PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIG9ubG9hZD0iYXR0YWNrKCkiLz4="
"""`<svg xmlns="http://www.w3.org/2000/svg" onload="attack()"/>` in base64."""


def test_no_content_becomes_anything_but_text(console: Console, client: Client) -> None:
    """Nothing runs, no address of another server is asked, and all of it can be read."""
    page = console.page
    page.add_init_script("window.attacks = 0; window.attack = () => { attacks += 1 }")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).netloc))
    everywhere(client)
    console.go(f"reasoningEngines/{client.engine}")
    expect(page.locator("tbody .name")).to_have_text(nasty("name"))
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
    page.get_by_label("Find in the conversation").fill(HTML)
    page.keyboard.press("Enter")
    page.locator(".event").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("pre.json")).to_contain_text("attack()")
    page.keyboard.press("Escape")
    assert page.evaluate("attacks") == 0
    assert page.locator("main script, main svg[onload], main img[onerror], [onclick]").count() == 0
    assert page.locator("a[href^=javascript]").count() == 0
    assert {*asked} == {urlsplit(client.url).netloc}


def test_an_address_of_the_console_is_no_way_in(console: Console, server: str) -> None:
    """Whatever stands after the mark: it names a resource, and is text where it shows."""
    page = console.page
    page.add_init_script("window.attacks = 0; window.attack = () => { attacks += 1 }")
    for address in (HTML, f"reasoningEngines/{HTML}", f"reasoningEngines/1/sessions/{HTML}", "%"):
        console.go(address.replace("#", ""))
        expect(page.get_by_role("alert").filter(has_text="n")).not_to_be_empty()
    assert page.evaluate("attacks") == 0
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
