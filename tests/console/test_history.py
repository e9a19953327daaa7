"""What people do to the history of a session: fork, rewind, redact, delete, purge."""

import json

from playwright.sync_api import expect

from tests.support.console import Client, Console, agree, choose, choose_of_event, opened


def test_a_session_is_forked_from_an_event(console: Console, client: Client) -> None:
    """The fork opens; it has what came up to there, and says where it comes from."""
    session = client.session(displayName="Source")
    for said in ("one", "two", "three"):
        client.say(session, "agent", said, actions={"stateDelta": {"last": said}})
    page = opened(console, session)
    choose_of_event(page, "two", "Fork from here")
    page.get_by_label("Name").fill("The fork")
    agree(page, "Fork")
    expect(page.get_by_role("heading", name="The fork")).to_be_visible()
    expect(page.locator(".event .text")).to_have_text(["one", "two"])
    page.get_by_role("tab", name="State").click()
    expect(page.get_by_role("tabpanel")).to_contain_text('last: "two"')
    page.get_by_role("tab", name="About").click()
    page.get_by_role("tabpanel").get_by_role("link", name=session.rpartition("/")[2]).click()
    expect(page.locator(".event", has_text="two")).to_be_focused()


def test_a_session_is_rewound_to_before_a_turn(console: Console, client: Client) -> None:
    """History stays, the state goes back, and the new event says so."""
    session = client.session()
    client.say(session, "agent", "one", actions={"stateDelta": {"plan": "free"}})
    client.say(session, "agent", "two", turn="turn-2", actions={"stateDelta": {"plan": "pro"}})
    page = opened(console, session)
    choose_of_event(page, "two", "Rewind to before this turn")
    expect(page.get_by_role("dialog")).to_contain_text("before invocation turn-2")
    agree(page, "Rewind")
    expect(page.get_by_text("Rewinds the state to before turn-2")).to_be_visible()
    expect(page.locator(".event", has_text="two")).to_be_visible()
    assert client.call("GET", session)["sessionState"] == {"plan": "free"}


def test_an_event_is_redacted_and_another_deleted(console: Console, client: Client) -> None:
    """At once on the page and for everybody; what they did to the state stays."""
    session = client.session()
    secret = {"rawEvent": {"content": {"parts": [{"text": "My card is 4711"}]}}}
    client.say(session, "user", "My card is 4711", actions={"stateDelta": {"a": 1}}, **secret)
    client.say(session, "agent", "Thank you")
    page = opened(console, session)
    choose_of_event(page, "4711", "Redact")
    expect(page.get_by_role("dialog")).to_contain_text("for everybody, for good")
    agree(page, "Redact the event")
    expect(page.locator(".event .text")).to_have_text(["[redacted]", "Thank you"])
    choose_of_event(page, "Thank you", "Delete the event")
    agree(page, "Delete the event")
    expect(page.locator(".event .text")).to_have_text(["[redacted]"])
    stored = client.events(session)
    assert [event["content"]["parts"] for event in stored] == [[{"text": "[redacted]"}]]
    assert "4711" not in json.dumps(stored)
    assert client.call("GET", session)["sessionState"] == {"a": 1}


def test_events_are_purged_by_a_filter_after_their_number_is_known(
    console: Console, client: Client
) -> None:
    session = client.session()
    client.say(session, "agent", {"text": "Hm.", "thought": True})
    client.say(session, "agent", "Said")
    page = opened(console, session)
    choose(page, "Purge events")
    page.get_by_label("Filter").fill('event_type="THINKING"')
    page.get_by_role("button", name="Count them").click()
    expect(page.get_by_role("dialog", name="Purge 1 event?")).to_be_visible()
    agree(page, "Purge the events")
    expect(page.locator(".event")).to_have_count(1)
    assert [event["content"]["parts"] for event in client.events(session)] == [[{"text": "Said"}]]
