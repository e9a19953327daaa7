"""The page shows what another client changes or removes, without a reload."""

import re

from playwright.sync_api import Page, expect

from tests.support.console import LATER, Client, Console, opened


def live(console: Console, session: str) -> Page:
    """The page of a session, whose clock the test can move."""
    console.page.clock.install()
    return opened(console, session)


def test_a_redaction_by_another_client_shows(console: Console, client: Client) -> None:
    """The event changes where it stands. The page does not scroll, and other events stay open."""
    session = client.session()
    client.say(session, "user", "My card is 4711")
    client.say(session, "agent", {"text": "Hm.", "thought": True})
    page = live(console, session)
    page.locator(".thought summary").click()
    (secret, _) = client.events(session)
    body = {"content": {"role": "user", "parts": [{"text": "[redacted]"}]}}
    client.call("PATCH", secret["name"], body, updateMask="content,rawEvent")
    page.clock.run_for(LATER)
    expect(page.locator(".event.user .text")).to_have_text("[redacted]")
    expect(page.locator(".thought .text")).to_be_visible()


def test_a_redaction_shows_beside_appends(console: Console, client: Client) -> None:
    """An append moves the session's updateTime, too, so the page cannot tell both by the time."""
    session = client.session()
    client.say(session, "user", "My card is 4711")
    page = live(console, session)
    (secret,) = client.events(session)
    body = {"content": {"role": "user", "parts": [{"text": "[redacted]"}]}}
    client.call("PATCH", secret["name"], body, updateMask="content,rawEvent")
    client.say(session, "agent", "Thank you")
    expect(page.get_by_text("Thank you")).to_be_visible()
    page.clock.run_for(LATER)
    expect(page.locator(".event .text")).to_have_text(["[redacted]", "Thank you"])


def test_a_deletion_by_another_client_shows(console: Console, client: Client) -> None:
    """The event goes, its run goes if it has no other event, and the session's numbers change."""
    session = client.session()
    client.say(session, "user", "one")
    client.say(session, "agent", "two", turn="turn-2")
    client.say(session, "agent", "three", turn="turn-3")
    page = live(console, session)
    expect(page.locator(".timeline li")).to_have_count(3)
    client.call("DELETE", client.events(session)[1]["name"])
    page.clock.run_for(LATER)
    expect(page.locator(".event .text")).to_have_text(["one", "three"])
    expect(page.locator(".timeline li")).to_have_count(2)
    expect(page.locator(".subtitle")).to_contain_text("2 events")


def test_a_purge_by_another_client_shows_near_the_window(console: Console, client: Client) -> None:
    """The page follows also if the purge removes more events than fit the window."""
    session = client.session()
    client.say_all(session, 200, "Number {}\n\n\n")
    client.say(session, "agent", "The last")
    page = live(console, session)
    everything = 'timestamp < "2026-11-20T10:03:21Z"'
    client.call("POST", f"{session}/events:purge", {"filter": everything, "force": True})
    page.clock.run_for(LATER)
    expect(page.locator(".event .text")).to_have_text(["The last"])


def test_events_far_from_the_window_are_read_again_when_they_come_near(
    console: Console, client: Client
) -> None:
    session = client.session()
    client.say_all(session, 100, "Number {}\n\n\n")
    page = live(console, session)
    last = client.events(session)[-1]
    body = {"content": {"parts": [{"text": "[redacted]"}]}}
    client.call("PATCH", last["name"], body, updateMask="content")
    page.clock.run_for(LATER)
    page.keyboard.press("Shift+G")
    expect(page.get_by_text("[redacted]")).to_be_in_viewport()


def test_a_rewind_by_another_client_shows(console: Console, client: Client) -> None:
    """The page shows the event of the rewind, and the state after it."""
    session = client.session()
    client.say(session, "agent", "one", actions={"stateDelta": {"plan": "free"}})
    client.say(session, "agent", "two", turn="turn-2", actions={"stateDelta": {"plan": "pro"}})
    page = live(console, session)
    page.get_by_role("tab", name="State").click()
    expect(page.get_by_role("tabpanel")).to_contain_text('plan: "pro"')
    client.call("POST", f"{session}:rewind", {"beforeInvocationId": "turn-2"})
    expect(page.get_by_text("Rewinds the state to before turn-2")).to_be_visible()
    page.clock.run_for(LATER)
    expect(page.get_by_role("tabpanel")).to_contain_text('plan: "free"')


def test_edits_of_a_compaction_show_with_the_next_event(console: Console, client: Client) -> None:
    """A compaction does not change the etag, so the page learns of it by a later write."""
    session = client.session()
    client.say(session, "agent", {"functionCall": {"id": "c", "name": "look", "args": {}}})
    answer = {"id": "c", "name": "look", "response": {"page": "x" * 6000}}
    client.say(session, "agent", {"functionResponse": answer})
    for number in range(2, 8):
        client.say(session, "user", f"Turn {number}", turn=f"turn-{number}")
    page = live(console, session)
    expect(page.locator(".tool")).to_contain_text("xxx")
    client.call("POST", f"{session}:compact", {"compaction": {"eventEditing": {"mode": "AUTO"}}})
    client.say(session, "user", "What is new?", turn="turn-8")
    page.clock.run_for(LATER)
    expect(page.locator(".tool")).to_contain_text('"compacted":true')


def test_a_new_name_and_new_labels_show(console: Console, client: Client) -> None:
    session = client.session(displayName="Before")
    page = live(console, session)
    body = {"displayName": "After", "labels": {"tier": "gold"}}
    client.call("PATCH", session, body, updateMask="displayName,labels")
    page.clock.run_for(LATER)
    expect(page.get_by_role("heading", name="After")).to_be_visible()
    expect(page.locator(".subtitle .chip")).to_have_text(["tier: gold"])


def test_an_unchanged_session_is_not_sent_again(console: Console, client: Client) -> None:
    """The server answers 304 without a body, and no event is read."""
    session = client.session()
    client.say(session, "agent", "Hello")
    page = live(console, session)
    expect(page.get_by_text("1 event", exact=True).first).to_be_visible()
    seen: list[tuple[int, str]] = []
    page.on("response", lambda answer: seen.append((answer.status, answer.url.split("?")[0])))
    with page.expect_response(lambda answer: answer.url.endswith("view=FULL")):
        page.clock.run_for(LATER)
    page.clock.run_for(LATER)
    assert seen
    assert {*seen} == {(304, f"{console.url}/v1beta1/{session}")}


def test_the_page_repeats_a_check_that_fails(console: Console, client: Client) -> None:
    """The page shows no error of a check: the stream shows errors that last."""
    session = client.session(displayName="Before")
    page = live(console, session)
    expect(page.get_by_role("heading", name="Before")).to_be_visible()
    address = re.compile(re.escape(session) + r"\?view=FULL$")
    page.route(address, lambda route: route.fulfill(status=503, json={}))
    with page.expect_response(address):
        page.clock.run_for(LATER)
    page.unroute(address)
    client.call("PATCH", session, {"displayName": "After"}, updateMask="displayName")
    page.clock.run_for(LATER)
    expect(page.get_by_role("heading", name="After")).to_be_visible()
    expect(page.locator(".notice")).to_have_count(0)
    console.complaints.clear()  # Browsers log every answer of 503.
