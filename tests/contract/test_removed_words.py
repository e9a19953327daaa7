"""What a removed or changed event said is in no document and in no row any more."""

import secrets

from tests.support.api import Api
from tests.support.store_contents import mentions


def test_no_store_holds_the_words_of_an_event_that_is_gone(api: Api) -> None:
    """Neither its text nor its original, whether it was removed, purged or changed."""
    word, session = secrets.token_hex(8), api.create()
    for number in range(8):
        content = {"parts": [{"text": word, "thought": True}, {"text": word}]}
        time = f"2026-01-01T00:00:0{number}Z"
        fields = {"content": content, "rawEvent": {"content": content}}
        assert api.append(session, time, invocationId=f"i{number}", **fields).status == 200
    api.ok("POST", f"{session}:compact", {"compaction": {"eventEditing": {"mode": "AUTO"}}})
    assert _tables(api, word)
    first, second, *_ = api.walk(f"{session}/events", "sessionEvents")
    api.ok("DELETE", first["name"])
    api.ok("PATCH", second["name"], {}, updateMask="content,rawEvent")
    text = 'invocation_id!="i1"'
    api.ok("POST", f"{session}/events:purge", {"filter": text, "force": True})
    assert not _tables(api, word)


def _tables(api: Api, word: str) -> list[str]:
    """Where the word stands, but for the bytes of a file that SQLite has freed."""
    return [place for place in mentions(api.store, word) if ".db" not in place]
