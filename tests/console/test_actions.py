"""What people do in the console, and that each dangerous action says what it will do."""

from playwright.sync_api import expect

from tests.support.console import Client, Console, agree, choose, opened


def test_a_person_speaks_as_the_user(console: Console, client: Client) -> None:
    """Enter sends; the event is the user's, of a turn of its own, and after all others."""
    session = client.session()
    client.say(session, "agent", "Hello", timestamp="2036-01-01T00:00:00Z")
    page = opened(console, session)
    page.get_by_label("A message of the user").fill("What is new?")
    page.keyboard.press("Enter")
    expect(page.locator(".event.user .text")).to_have_text("What is new?")
    said = client.events(session)[-1]
    assert (said["author"], said["content"]["role"]) == ("user", "user")
    assert said["invocationId"].startswith("console-")


def test_a_session_is_renamed_labelled_and_extended(console: Console, client: Client) -> None:
    session = client.session(displayName="Before", ttl="90000s")
    before = client.call("GET", session)["expireTime"]
    page = opened(console, session)
    choose(page, "Rename")
    page.get_by_role("textbox", name="Name").fill("After")
    agree(page, "Rename")
    expect(page.get_by_role("heading", name="After")).to_be_visible()
    choose(page, "Labels")
    page.get_by_role("textbox", name="Labels").fill("tier=gold\nstage=")
    agree(page, "Save")
    expect(page.locator(".subtitle .chip")).to_have_text(["stage", "tier: gold"])
    choose(page, "Extend")
    page.get_by_label("Days from now").fill("30")
    agree(page, "Extend")
    stored = client.call("GET", session)
    assert stored["displayName"] == "After"
    assert stored["labels"] == {"tier": "gold", "stage": ""}
    assert stored["expireTime"] > before


def test_a_dialog_stays_and_says_why_nothing_happened(console: Console, client: Client) -> None:
    """The words of the server, in the place where the person can correct it."""
    session = client.session()
    page = opened(console, session)
    choose(page, "Labels")
    page.get_by_role("textbox", name="Labels").fill("Not A Key=x")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("Not A Key")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    console.complaints.clear()  # Browsers log every answer of 400.


def test_a_session_is_deleted_after_a_question(console: Console, client: Client) -> None:
    """The question has the number of events; the answer at hand is to cancel."""
    session = client.session(displayName="Doomed")
    client.say(session, "user", "Hello")
    page = opened(console, session)
    expect(page.get_by_text("1 event", exact=True).first).to_be_visible()
    choose(page, "Delete the session")
    expect(page.get_by_role("dialog")).to_contain_text("The session and 1 event are gone")
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    agree(page, "Delete the session")
    expect(page.get_by_role("heading", name="Sessions of engine")).to_be_visible()
    expect(page.get_by_text("No sessions yet")).to_be_visible()


def test_a_user_is_erased_once_it_is_said_how_much_that_is(
    console: Console, client: Client
) -> None:
    """Odd user ids, too; others stay."""
    for number in range(2):
        session = client.session("~ada/ö?", displayName=f"Hers {number}")
        client.say(session, "user", "Hello")
    client.session("grace", displayName="Not hers")
    page = opened(console, session)
    choose(page, "Erase user")
    page.get_by_role("button", name="Count it").click()
    dialog = page.get_by_role("dialog", name="Erase the user?")
    expect(dialog).to_contain_text("2 sessions with 2 events and the user's state are gone")
    agree(page, "Erase the user")
    expect(page.get_by_text("Erased 2 sessions with 2 events.")).to_be_visible()
    expect(page.get_by_role("heading", name="Sessions", exact=True)).to_be_visible()
    console.go(f"reasoningEngines/{client.engine}")
    expect(page.locator("tbody .name")).to_have_text(["Not hers"])


def test_what_has_expired_is_counted_and_then_purged(console: Console, client: Client) -> None:
    """First a dry run, whose number the question has."""
    client.session(ttl="0.01s")
    page = console.go(f"reasoningEngines/{client.engine}")
    expect(page.get_by_role("heading", name="No sessions yet")).to_be_visible()
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Purge what has expired").click()
    expect(page.get_by_role("dialog")).to_contain_text("expired session")
    agree(page, "Purge them")
    expect(page.get_by_text("Purged")).to_be_visible()
    assert client.call("POST", "sessions:purgeExpired", dryRun="true") == {"expiredSessions": 0}
