"""What must hold of every text that is sent as a path, a name or an id."""

import re
from contextlib import suppress
from urllib.parse import unquote

from functions.aip.errors import InvalidArgument, MethodNotAllowed, NotFound
from functions.api.path_table import PathTable
from functions.api.routes import ROUTES
from functions.calls.request import Request
from functions.config.settings import Settings
from functions.rules.errors import InvalidFields
from functions.rules.ids import new_session_id, session_id_of_request
from functions.rules.names import (
    EngineName,
    LocationName,
    SessionName,
    check_session_id,
    is_resource_id,
)
from functions.rules.run import invocation_id_of, run_name

_TABLE = PathTable(ROUTES)
_SETTINGS = Settings(google_cloud_project="p")
_SESSION = SessionName("e", "s")
_OFFICIAL_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def check_names(text: str) -> None:
    """A name that is taken is spelled the same again; a path's name is a part of the path."""
    for verb in ("GET", "POST"):
        with suppress(NotFound, MethodNotAllowed, InvalidArgument):
            match = _TABLE.match(verb, text)
            assert match.name.count("/") <= text.count("/")
            assert unquote(text).startswith(f"/{match.version}/{unquote(match.name)}")
    with suppress(InvalidFields):
        session = _request(text).session_name
        engine = EngineName.parse(session.engine)
        assert (str(engine), engine.location) == (session.engine, _request(text).location)
        # A short name or one with collections twice is spelled in full.
        assert _request(str(session)).session_name == session
    segment = text.replace("/", "")
    full = f"{LocationName('p', 'l')}/reasoningEngines/{segment}/sessions/{segment}"
    with suppress(InvalidFields):
        assert str(_request(full).session_name) == full
        assert is_resource_id(segment)
    with suppress(InvalidFields):
        check_session_id(segment)
        assert str(_request(full).session_name) == full


def check_run_names(text: str) -> None:
    """Every invocation id has a name of one segment, and every name that is taken one id."""
    assert _respelled(text) == text
    with suppress(InvalidFields):
        invocation_id = invocation_id_of(text)
        assert _respelled(invocation_id) == invocation_id


def check_ids(text: str) -> None:
    """An id that the server chooses is one of the official service, whatever the display name."""
    assert _OFFICIAL_ID.fullmatch(new_session_id(text))
    chosen = session_id_of_request("e", text, text)
    assert _OFFICIAL_ID.fullmatch(chosen)
    assert session_id_of_request("e", text, text) == chosen


def _request(name: str) -> Request:
    return Request("v1", name, "name", {}, b"", _SETTINGS)


def _respelled(invocation_id: str) -> str:
    segment = run_name(_SESSION, invocation_id).removeprefix("e/sessions/s/runs/")
    assert re.fullmatch(r"(?:[A-Za-z0-9_-]|~[0-9A-F]{2})*", segment)
    return invocation_id_of(segment)
