"""The console of a server that refuses what the managed service refuses."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.support.console import Client, Console, opened
from tests.support.starting import started


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("strict")
    with started("--store=memory", "--strict", folder=folder) as (url, _):
        yield url


def test_the_console_shows_the_sessions_of_a_strict_server(
    console: Console, client: Client
) -> None:
    """It lists over all engines, counts, filters by time and streams, as with any server."""
    engine = client.call("POST", "reasoningEngines", {"displayName": "Support"})["response"]["name"]
    client.engine = engine.rpartition("/")[2]
    session = client.session(displayName="Umbrellas")
    client.say(session, "user", "Will it rain?")
    page = console.go()
    row = page.locator("tr", has_text="Umbrellas")
    expect(row).to_contain_text("ada")
    opened(console, session)
    expect(page.get_by_text("Will it rain?")).to_be_visible()
    client.say(session, "agent", "Take an umbrella.")
    expect(page.get_by_text("Take an umbrella.")).to_be_visible()
