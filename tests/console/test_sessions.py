"""The list of sessions in a real Chromium: engines, filters, pages, orders, and news."""

import json
import re

from playwright.sync_api import Page, expect

from tests.support.console import LATER, Client, Console


def names(page: Page) -> list[str]:
    """The sessions in the table, in their order."""
    return page.locator("tbody .name").all_inner_texts()


def test_sessions_of_all_engines_come_first_and_appear_by_themselves(
    console: Console, client: Client
) -> None:
    """Engines need not exist; the page asks again while somebody looks at it."""
    client.session(displayName="The first", labels={"tier": "gold"})
    console.page.clock.install()
    page = console.go()
    row = page.locator("tr", has_text="The first")
    expect(row.locator("td")).to_contain_text(["The first", "ada", "tier: gold", client.engine])
    client.session(displayName="A newcomer")
    page.clock.run_for(LATER)
    expect(page.locator("tbody tr").first).to_contain_text("A newcomer")


def test_an_engine_has_a_list_of_its_own(console: Console, client: Client) -> None:
    """Chosen from the box, where an engine that nobody created stands, too."""
    client.session(displayName="Inside")
    Client(client.url).session(displayName="Elsewhere")
    page = console.go()
    expect(page.get_by_text("Elsewhere").first).to_be_visible()
    page.get_by_label("Engine").select_option(label=client.engine)
    expect(page.get_by_role("heading", name=f"Sessions of engine {client.engine}")).to_be_visible()
    expect(page.locator("tbody .name")).to_have_text(["Inside"])


def test_the_menu_shows_the_raw_json_of_an_engine(console: Console, client: Client) -> None:
    """If nobody has created the engine, the page says so."""
    created = client.call("POST", "reasoningEngines", {"displayName": "Support"})["response"]
    page = console.go(created["name"])
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Raw JSON of the engine").click()
    shown = page.get_by_role("dialog", name="Engine").locator("pre")
    assert json.loads(shown.inner_text()) == client.call("GET", created["name"])
    page.keyboard.press("Escape")
    console.go(f"reasoningEngines/{client.engine}")
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Raw JSON of the engine").click()
    expect(page.get_by_text("Nobody has created this engine.")).to_be_visible()
    console.complaints.clear()  # Browsers log every answer of 404.


def test_filters_narrow_the_list_and_stand_in_the_address(console: Console, client: Client) -> None:
    """A user, the last days, and the whole of AIP-160; a reload shows the same."""
    quoted = 'a"b\\c*'
    client.session("ada", displayName="Gold", labels={"tier": "gold"})
    client.session("ada", displayName="Plain")
    client.session(quoted, displayName="Quoted")
    engine = f"projects/test-project/locations/us-central1/reasoningEngines/{client.engine}"
    page = console.go(engine)
    expect(page.locator("tbody tr")).to_have_count(3)
    page.get_by_label("User").fill(quoted)
    page.keyboard.press("Enter")
    expect(page.locator("tbody .name")).to_have_text(["Quoted"])
    page.get_by_label("User").fill("ada")
    page.get_by_label("Last days").fill("1")
    page.get_by_label("Filter").fill('labels.tier="gold" OR labels.tier="silver"')
    page.keyboard.press("Enter")
    expect(page.locator("tbody .name")).to_have_text(["Gold"])
    page.reload()
    expect(page.locator("tbody .name")).to_have_text(["Gold"])
    expect(page.get_by_label("User")).to_have_value("ada")
    page.get_by_label("User").fill("nobody")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No session passes these filters")).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    expect(page.locator("tbody tr")).to_have_count(3)


def test_a_wrong_filter_is_explained_under_its_place(console: Console, client: Client) -> None:
    """The caret stands under the character at fault, whatever the other boxes hold."""
    client.session()
    page = console.go()
    page.get_by_label("User").fill("ada")
    page.get_by_label("Filter").fill('user_id="ada" AND colour=1')
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text('There is no field "colour"')
    expect(page.get_by_role("alert").locator("pre")).to_have_text(
        'user_id="ada" AND colour=1\n' + " " * 18 + "^", use_inner_text=True
    )
    expect(page.get_by_label("Filter")).to_have_attribute("aria-invalid", "true")
    console.complaints.clear()  # Browsers log every answer of 400.


def test_the_list_sorts_and_pages(console: Console, client: Client) -> None:
    """By both times and both ways; each session stands on one page."""
    for number in range(53):
        client.session(displayName=f"Number {number:02}")
    engine = f"projects/test-project/locations/us-central1/reasoningEngines/{client.engine}"
    page = console.go(engine)
    expect(page.locator("tbody tr")).to_have_count(50)
    first = names(page)
    assert first[0] == "Number 52"
    page.get_by_role("button", name="Next").click()
    expect(page.locator("tbody tr")).to_have_count(3)
    expect(page.get_by_text("51 to 53")).to_be_visible()
    assert sorted(first + names(page)) == [f"Number {number:02}" for number in range(53)]
    page.get_by_role("button", name="Previous").click()
    expect(page.locator("tbody tr")).to_have_count(50)
    page.get_by_role("button", name="Created").click()
    expect(page.get_by_role("columnheader", name="Created")).to_have_attribute(
        "aria-sort", "descending"
    )
    page.get_by_role("button", name="Created").click()
    expect(page.locator("tbody tr").first).to_contain_text("Number 00")


def test_an_empty_list_says_how_to_begin(console: Console, client: Client) -> None:
    """A new session opens at once, empty, and takes a message."""
    page = console.go(f"reasoningEngines/{client.engine}")
    expect(page.get_by_role("heading", name="No sessions yet")).to_be_visible()
    page.get_by_role("button", name="New session").last.click()
    page.get_by_label("User", exact=True).last.fill("ada")
    page.get_by_label("Name").fill("From the page")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name="From the page")).to_be_visible()
    expect(page.get_by_text("Nothing was said yet")).to_be_visible()


def test_keys_lead_through_the_list(console: Console, client: Client) -> None:
    """The keys j, k, Enter, / and ?; a field takes letters as letters."""
    for number in range(3):
        client.session(displayName=f"Number {number}")
    page = console.go(f"reasoningEngines/{client.engine}")
    expect(page.locator("tbody tr")).to_have_count(3)
    page.keyboard.press("/")
    expect(page.get_by_label("User")).to_be_focused()
    page.keyboard.type("jk?")
    expect(page.get_by_label("User")).to_have_value("jk?")
    page.get_by_label("User").fill("")
    page.keyboard.press("Escape")
    for key, number in [("j", 2), ("j", 1), ("k", 2), ("j", 1)]:
        page.keyboard.press(key)
        expect(page.get_by_role("link", name=f"Number {number}")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Number 1")).to_be_visible()


def test_the_landing_page_leads_to_the_console(console: Console, server: str) -> None:
    page = console.page
    page.goto(server)
    page.get_by_role("link", name="Console").click()
    expect(page.get_by_role("heading", name="Sessions", exact=True)).to_be_visible()
    assert re.fullmatch(r"http://[^/]+/console/(#.*)?", page.url)
