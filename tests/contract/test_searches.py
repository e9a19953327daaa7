"""Filters whose matches are few among many: how far a page looks.

See docs/contract.md, section 6.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from functions.store import paging
from tests.support.api import Api
from tests.support.project import ACROSS_ENGINES, LOCATION
from tests.support.roles import caller

TIMES = [f"2026-01-01T00:00:{second:02}Z" for second in range(60)]


@dataclass
class List:
    """A list of items called by the letters of a word, and the filter for one letter."""

    api: Api
    path: str
    field: str
    filter: str
    name: Callable[[dict[str, Any]], str]

    def pages(self, letter: str, **query: Any) -> Iterator[list[str]]:
        """The letters of each page."""
        query["filter"] = self.filter.replace("LETTER", letter)
        while True:
            page = self.api.ok("GET", self.path, **query)
            yield [self.name(item) for item in page.get(self.field, [])]
            if "nextPageToken" not in page:
                return
            query["pageToken"] = page["nextPageToken"]


def sessions(api: Api, word: str) -> List:
    for number, letter in enumerate(word):
        api.now += 10**9
        api.create(f"s{number}", displayName=letter)
    # A comparison that no index answers.
    text = 'display_name="LETTER" OR display_name="LETTER"'
    path, name = f"{api.engine}/sessions", lambda item: item["displayName"]
    return List(api, path, "sessions", text, name)


def events(api: Api, word: str) -> List:
    session = api.create()
    for number, letter in enumerate(word):
        assert api.append(session, TIMES[number], author=letter).status == 200
    return List(
        api, f"{session}/events", "sessionEvents", "author=LETTER", lambda item: item["author"]
    )


def runs(api: Api, word: str) -> List:
    session = api.create()
    for number, letter in enumerate(word):
        for _ in range(2):
            sent = {"author": letter, "invocationId": f"i{number}"}
            assert api.append(session, TIMES[number], **sent).status == 200
    return List(api, f"{session}/runs", "runs", "author=LETTER", lambda item: item["authors"][0])


def engines(api: Api, word: str) -> List:
    location = api.engine.replace(LOCATION, f"{LOCATION}-").replace("/reasoningEngines/", "")
    for letter in word:
        api.now += 10**9
        api.ok("POST", f"{location}/reasoningEngines", {"displayName": letter})
    text, name = "display_name=LETTER", lambda item: item["displayName"]
    return List(api, f"{location}/reasoningEngines", "reasoningEngines", text, name)


def merged(api: Api, word: str) -> List:
    """The sessions of two engines, which a policy names one by one."""
    other = f"{api.engine}0"
    here, rules = api.engine, [{"principal": "*", "role": "viewer"}]
    for number, letter in enumerate(word):
        api.now += 10**9
        api.engine = other if number % 3 else here
        api.create(f"s{number}", displayName=letter)
    viewer = caller(api, "someone", [{**rules[0], "engines": [here, other]}])
    text = 'display_name="LETTER" OR display_name="LETTER"'
    return List(viewer, ACROSS_ENGINES, "sessions", text, lambda item: item["displayName"])


LISTS = pytest.mark.parametrize("make", [sessions, events, runs, engines, merged])


@LISTS
def test_a_page_looks_on_until_it_has_an_item(
    api: Api, make: Callable[[Api, str], List], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many other items come before it, the match is on the first page."""
    found = make(api, f"x{'y' * 10}x")
    monkeypatch.setattr(paging, "MAX_SCANNED", 2)
    assert list(found.pages("z")) == [[]]
    word = "".join(letter for page in found.pages("x") for letter in page)
    assert word == "xx"
    assert next(found.pages("x"))


@LISTS
@pytest.mark.parametrize("limit", ["MAX_SCANNED", "MAX_SCANNED_BYTES"])
def test_no_token_leads_to_an_empty_page(
    api: Api, make: Callable[[Api, str], List], limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that has looked at much ends early, where another match was seen."""
    found = make(api, "xyxxyyyxyyyyyxxyyy")
    monkeypatch.setattr(paging, limit, 4 if limit == "MAX_SCANNED" else 2_000)
    pages = list(found.pages("x"))
    assert len(pages) > 2
    assert all(pages)
    assert [letter for page in pages for letter in page] == ["x"] * 6


@LISTS
def test_a_page_whose_time_is_up_is_empty_only_at_the_start_of_a_walk(
    api: Api, make: Callable[[Api, str], List]
) -> None:
    """Half of STORE_TIMEOUT without a match: an empty first page with a token, later a 503."""
    found = make(api, f"xx{'y' * 5}")
    if make in (sessions, merged):
        found.filter += " OR display_name=none"
    api, found.api = (
        found.api,
        replace(found.api, settings=replace(found.api.settings, store_timeout=1)),
    )
    text = found.filter.replace("LETTER", "z")
    first = found.api.ok("GET", found.path, filter=text)
    assert set(first) == {"nextPageToken"}
    token = first["nextPageToken"]
    later = found.api.call("GET", found.path, filter=text, pageToken=token)
    assert (later.status, later.json["error"]["status"]) == (503, "UNAVAILABLE")
    assert "Narrow the filter" in later.json["error"]["message"]
    assert api.ok("GET", found.path, filter=text, pageToken=token) == {}


@pytest.mark.parametrize("make", [sessions, events, engines, merged])
def test_a_walk_with_matches_goes_on_though_its_time_is_always_up(
    api: Api, make: Callable[[Api, str], List]
) -> None:
    """Each page looks at one item at least."""
    found = make(api, "xxxxx")
    found.api = replace(found.api, settings=replace(found.api.settings, store_timeout=1))
    pages = [page for page in found.pages("x") if page]
    assert [letter for page in pages for letter in page] == ["x"] * 5


def test_engines_that_are_hidden_leave_no_empty_page(api: Api) -> None:
    """A caller whose token names no user sees the other engines, page by page."""
    found = engines(api, "xxxxxx")
    names = [item["name"] for item in api.ok("GET", found.path)["reasoningEngines"]]
    rules = [
        {"principal": "*", "role": "user", "userIdClaim": "none", "engines": names[1:4]},
        {"principal": "*", "role": "viewer"},
    ]
    found.api, found.name = caller(api, "someone", rules), lambda item: item["name"]
    pages = list(found.pages("x", pageSize=1))
    assert pages == [[names[0]], [names[4]], [names[5]]]
