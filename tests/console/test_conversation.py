"""One session in a real Chromium, while another client appends to it."""

import json
import re

from playwright.sync_api import Page, expect

from tests.support.console import Client, Console, choose

CALL = {"functionCall": {"id": "c1", "name": "get_forecast", "args": {"city": "Oslo"}}}
ANSWER = {"functionResponse": {"id": "c1", "name": "get_forecast", "response": {"celsius": 4}}}
PIXEL = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


def texts(page: Page) -> list[str]:
    """What the messages in the page say, in their order."""
    return page.locator(".event .text").all_inner_texts()


def test_a_conversation_shows_as_it_happens(console: Console, client: Client) -> None:
    """What was there and what another client appends, each once and in the order of the list."""
    session = client.session(displayName="Trip to Oslo")
    client.say(session, "user", "Will it rain?")
    page = console.go(session)
    expect(page.get_by_role("heading", name="Trip to Oslo")).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    for number in range(3):
        client.say(session, "agent", f"Answer {number}")
    expect(page.get_by_text("Answer 2")).to_be_visible()
    assert texts(page) == ["Will it rain?", "Answer 0", "Answer 1", "Answer 2"]


def test_an_event_that_comes_late_shows_at_its_place(console: Console, client: Client) -> None:
    """Streams go by arrival, and the page by timestamp, as lists do."""
    session = client.session()
    client.say(session, "user", "first")
    client.say(session, "agent", "third")
    page = console.go(session)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    client.say(session, "agent", "second", timestamp="2026-11-20T10:00:01.5Z")
    expect(page.get_by_text("second")).to_be_visible()
    assert texts(page) == ["first", "second", "third"]


def test_a_tool_call_and_its_answer_are_one_row(console: Console, client: Client) -> None:
    """The answer folds into the call when it comes, with how long it took."""
    session = client.session()
    client.say(session, "agent", CALL)
    page = console.go(session)
    expect(page.locator(".tool")).to_contain_text("no answer yet")
    client.say(session, "agent", ANSWER, actions={"stateDelta": {"celsius": 4}})
    tool = page.locator(".tool")
    expect(tool.locator("summary").first).to_have_text('get_forecast(city: "Oslo") → {"celsius":4}')
    assert page.locator(".event").count() == 1
    tool.locator("summary").first.click()
    expect(tool).to_contain_text("Answer after 1.0 s")
    expect(page.locator("details.state")).to_contain_text("celsius 4")


def test_every_kind_of_event_has_its_look(console: Console, client: Client) -> None:
    """Thoughts fold, images show, errors stand out, hand-overs are told."""
    session = client.session()
    client.say(session, "agent", {"text": "Let me think.", "thought": True})
    image = {"inlineData": {"mimeType": "image/gif", "data": PIXEL, "displayName": "A dot"}}
    client.say(session, "agent", image, {"executableCode": {"language": "PYTHON", "code": "1 + 1"}})
    client.say(session, "agent", errorCode="QUOTA", errorMessage="No more today.")
    client.say(session, "agent", "Bye", actions={"transferAgent": "booker"})
    client.say(session, "agent")
    page = console.go(session)
    expect(page.locator(".thought .text")).to_be_hidden()
    page.locator(".thought summary").click()
    expect(page.locator(".thought .text")).to_have_text("Let me think.")
    expect(page.get_by_role("img", name="A dot")).to_have_js_property("naturalWidth", 1)
    expect(page.locator(".event .code")).to_have_text("1 + 1")
    expect(page.locator(".error-box")).to_have_text("QUOTANo more today.")
    expect(page.get_by_text("Hands over to booker")).to_be_visible()
    expect(page.get_by_text("An event without content.")).to_be_visible()


def test_runs_show_their_state_and_duration(console: Console, client: Client) -> None:
    """Beside the conversation and above each turn; a run that goes on changes in place."""
    session = client.session()
    client.say(session, "user", "one")
    client.say(session, "agent", "two")
    client.say(session, "user", "three", turn="turn-2")
    page = console.go(session)
    runs = page.locator(".timeline li")
    expect(runs).to_contain_text([re.compile("Turn 1completed, 1.0 s"), re.compile("Turn 2active")])
    client.say(session, "agent", turn="turn-2", errorCode="E", errorMessage="It broke.")
    expect(runs.nth(1)).to_contain_text("failed, 1.0 s")
    expect(runs.nth(1)).to_contain_text("It broke.")
    expect(page.locator(".run").nth(1)).to_contain_text("failed, 1.0 s")
    runs.nth(1).get_by_role("button", name="Turn 2 failed").click()
    expect(page.locator(".run").nth(1)).to_be_in_viewport()


def test_the_state_is_a_tree_that_says_which_event_changed_a_key(
    console: Console, client: Client
) -> None:
    """By scope; the history of a key leads to its events, and an event shows before and after."""
    session = client.session(sessionState={"plan": "free", "user:language": "en"})
    client.say(session, "agent", "one", actions={"stateDelta": {"trip": {"to": "Oslo"}}})
    client.say(session, "agent", "two", actions={"stateDelta": {"trip": {"to": "Bergen"}}})
    page = console.go(session)
    page.get_by_role("tab", name="State").click()
    panel = page.get_by_role("tabpanel")
    expect(panel.locator(".scope").nth(0)).to_contain_text("trip")
    expect(panel.locator(".scope").nth(1)).to_contain_text('user:language: "en"')
    panel.get_by_text("Changed by 2 events").click()
    expect(panel.locator(".history li")).to_have_count(2)
    last = page.locator(".event", has_text="two")
    last.locator(".state summary").first.click()
    expect(last.locator(".changes tbody td")).to_have_count(2)
    expect(last.locator(".changes")).to_contain_text("Bergen")
    panel.locator(".history button").last.click()
    expect(page.locator(".event", has_text="one")).to_be_focused()


def test_raw_json_is_exact(console: Console, client: Client) -> None:
    """Integers beyond 2^53 and decimals stay as the server wrote them."""
    session = client.session()
    exact = {"big": 2**70, "small": 0.1, "list": [1, [2, {}]]}
    client.say(session, "agent", rawEvent=exact, actions={"stateDelta": exact})
    page = console.go(session)
    page.get_by_role("button", name="Actions on the event of agent").click()
    page.get_by_role("menuitem", name="Raw JSON").click()
    expect(page.locator("pre.json")).to_contain_text(f'"big": {2**70},')
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    page.get_by_role("tab", name="State").click()
    expect(page.get_by_role("tabpanel")).to_contain_text(f"big: {2**70}")


def test_the_raw_json_of_a_run_and_of_its_session_is_at_hand(
    console: Console, client: Client
) -> None:
    session = client.session(displayName="Hers")
    client.say(session, "agent", rawEvent={"usageMetadata": {"totalTokenCount": 470}})
    page = console.go(session)
    page.get_by_role("button", name="Raw JSON of turn 1").click()
    run = page.get_by_role("dialog", name="Run").locator("pre")
    (expected,) = client.call("GET", f"{session}/runs")["runs"]
    assert json.loads(run.inner_text()) == expected
    page.keyboard.press("Escape")
    choose(page, "Raw JSON")
    shown = page.get_by_role("dialog", name="Session").locator("pre")
    assert json.loads(shown.inner_text()) == client.call("GET", session, view="FULL")


def test_an_address_leads_to_an_event(console: Console, client: Client) -> None:
    """Also to one that is far down, and from one event to another of the same session."""
    session = client.session()
    client.say_all(session, 40, "Number {}\n\n\n")
    events = client.events(session)
    page = console.go(events[35]["name"])
    expect(page.locator(".event", has_text="Number 35")).to_be_in_viewport()
    expect(page.locator(".event", has_text="Number 35")).to_be_focused()
    console.go(events[2]["name"])
    expect(page.locator(".event", has_text="Number 2")).to_be_focused()
    console.go(f"{session}/events/nowhere")
    page.reload()
    expect(page.get_by_text("The event of this address is not in the session.")).to_be_visible()


def test_nothing_jumps_while_somebody_reads(console: Console, client: Client) -> None:
    """New events come below and are counted; a line marks where they begin."""
    session = client.session()
    client.say_all(session, 40, "Number {}\n\n\n")
    page = console.go(session)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    scroller = page.get_by_role("region", name="Conversation")
    scroller.evaluate("element => element.scrollTop = 900")
    reading = page.locator(".event", has_text="Number 8")
    before = reading.bounding_box()
    client.say(session, "agent", "News", turn="turn-2")
    client.say(session, "agent", "Late", timestamp="2026-11-20T10:00:00.5Z")
    expect(page.get_by_role("button", name="new event")).to_have_text("2 new events")
    assert reading.bounding_box() == before
    page.get_by_role("button", name="new event").click()
    expect(page.get_by_text("News")).to_be_in_viewport()
    expect(page.locator(".run.unread")).to_be_in_viewport()


def test_a_reader_at_the_end_stays_at_the_end(console: Console, client: Client) -> None:
    session = client.session()
    client.say_all(session, 30, "Number {}\n\n\n")
    page = console.go(session)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    page.keyboard.press("Shift+G")
    expect(page.get_by_text("Number 29")).to_be_in_viewport()
    client.say(session, "agent", "The newest")
    expect(page.get_by_text("The newest")).to_be_in_viewport()


def test_the_document_holds_few_rows_of_a_long_session(console: Console, client: Client) -> None:
    """A few dozen of 2,000, wherever the reader is in them."""
    session = client.session()
    client.say_all(session, 2000)
    page = console.go(session)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    scroller = page.get_by_role("region", name="Conversation")
    for share in (0, 0.5, 1):
        scroller.evaluate("(it, share) => it.scrollTop = share * it.scrollHeight", share)
        expect(page.locator(".row").nth(5)).to_be_attached()
        assert page.locator(".row").count() < 50
    expect(page.get_by_text("Number 1999")).to_be_in_viewport()


def test_keys_lead_through_a_conversation(console: Console, client: Client) -> None:
    """The keys j, k, Enter, /, ? and u do what the list of keys says."""
    session = client.session()
    client.say_all(session, 5)
    page = console.go(session)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    for key, number in [("j", 0), ("j", 1), ("k", 0), ("Shift+G", 4), ("g", 0)]:
        page.keyboard.press(key)
        expect(page.locator(".event", has_text=f"Number {number}")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Event")).to_contain_text("Number 0")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("/")
    page.keyboard.type("number 3")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 of 1")).to_be_visible()
    expect(page.locator(".event.found")).to_contain_text("Number 3")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("u")
    expect(page.get_by_role("heading", name="Sessions of engine")).to_be_visible()


def test_a_session_that_goes_says_so(console: Console, client: Client) -> None:
    """What was read stays."""
    session = client.session()
    client.say(session, "agent", "Still here")
    page = console.go(session)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    client.call("DELETE", session)
    expect(page.get_by_text("The session is gone")).to_be_visible()
    expect(page.get_by_text("Ended", exact=True)).to_be_visible()
    expect(page.get_by_text("Still here")).to_be_visible()


def test_text_runs_in_its_own_direction(console: Console, client: Client) -> None:
    """Right to left, left to right, and emoji of several code points, in one session."""
    session = client.session(displayName="سؤال")
    for said in ("שלום עולם", "مرحبا", "👩‍👩‍👧 family"):
        client.say(session, "user", said)
    page = console.go(session)
    shown = page.locator(".event .text")
    expect(shown).to_have_text(["שלום עולם", "مرحبا", "👩‍👩‍👧 family"])
    for place, direction in enumerate(("rtl", "rtl", "ltr")):
        expect(shown.nth(place)).to_have_css("direction", direction)
    expect(page.get_by_role("heading", name="سؤال").locator("bdi")).to_have_css("direction", "rtl")


def test_times_are_those_of_the_readers_zone(console: Console, client: Client) -> None:
    """With the exact one, as the API spells it, at hand."""
    session = client.session()
    client.say(session, "agent", "Hello", timestamp="2026-11-20T10:00:00.123456789Z")
    page = console.go(session)
    shown = page.locator(".event time")
    expect(shown).to_contain_text("11:00:00")
    expect(shown).to_have_attribute("title", re.compile("2026-11-20T10:00:00.123456789Z"))
