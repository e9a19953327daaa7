"""Reads sessions out of other session services, as lines that `:import` takes."""

import asyncio
import contextlib
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import agentplatform
from google.adk.cli.service_registry import get_service_registry
from google.adk.sessions import BaseSessionService, Session
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from google.genai.types import HttpOptions, ResourceScope

from agent_engine_sessions.adk import register
from agent_engine_sessions.adk_events import event_body
from agent_engine_sessions.moving import MANAGED
from agent_engine_sessions.remote import Unreadable, json_line, spell

Lost = Callable[[str], None]
"""Takes a sentence that says what cannot be moved."""

_ID = re.compile("(?!-$)[A-Za-z0-9_-]{1,128}")
_FIRESTORE = "firestore://"
"""The beginning of a URI for a service that ADK has and its command line does not know."""

_SQLITE = re.compile(r"sqlite(?:\+\w+)?:///([^?]+)")
"""The URI of a file, and its path."""

_OUTPUT_ONLY = ("eventType",)


def read_source(
    source: str, apps: Iterable[str], lost: Lost, base_url: str | None = None
) -> Iterator[bytes]:
    """The lines of all sessions of a source.

    `source` is the name of an engine of the managed service, or the URI of one of ADK's session
    services, whose sessions are those of the `apps`. Raises ImportError for a package that the
    service needs. The call, or the first of its lines, raises Unreadable for what the service
    raises.
    """
    if source.startswith(MANAGED):
        return _told(_managed_lines(source, base_url))
    _check_file(source)
    with _telling():
        service = _adk_service(source)
    return _told(_run(_adk_lines(service, apps, lost)))


@contextlib.contextmanager
def _telling() -> Iterator[None]:
    """Raises Unreadable for whatever the code of another service raises."""
    try:
        yield
    except ImportError:
        raise
    except GoogleAuthError as error:
        raise Unreadable(
            "there are no Google credentials: run gcloud auth application-default login, or set "
            f"GOOGLE_APPLICATION_CREDENTIALS ({error})."
        ) from error
    except Exception as error:
        raise Unreadable(f"the source cannot be read: {error}") from error


def _told(lines: Iterator[bytes]) -> Iterator[bytes]:
    with _telling():
        yield from lines


def _check_file(uri: str) -> None:
    """Raises Unreadable for a database of SQLite that is not there: ADK would make it."""
    found = _SQLITE.match(uri)
    if found and found[1] != ":memory:" and not Path(found[1]).is_file():
        raise Unreadable(f"there is no file {found[1]}.")


def _adk_service(uri: str) -> BaseSessionService:
    """ADK's service for Firestore, or the service that ADK's command line makes of the URI."""
    if uri.startswith(_FIRESTORE):
        from google.adk.integrations.firestore.firestore_session_service import (
            FirestoreSessionService,
        )
        from google.cloud.firestore import AsyncClient

        project, _, database = uri.removeprefix(_FIRESTORE).partition("/")
        return FirestoreSessionService(AsyncClient(project=project, database=database or None))
    register()
    try:
        service = get_service_registry().create_session_service(uri, agents_dir=".")
        if service is not None:
            return service
        # It needs sqlalchemy, which the extra `adk` does not install.
        from google.adk.sessions import DatabaseSessionService

        # ADK's command line, too, takes every other URI for that of a database.
        return DatabaseSessionService(db_url=uri)
    except ModuleNotFoundError as error:
        raise ImportError(
            f"--from {uri.partition(':')[0]} needs {error.name}: pip install 'google-adk[db]' and "
            "the database's driver."
        ) from error


def _managed_lines(engine: str, base_url: str | None) -> Iterator[bytes]:
    """The lines of one engine of the managed service."""
    _, project, _, location, *_ = engine.split("/")
    if base_url:
        options = HttpOptions(base_url=base_url, base_url_resource_scope=ResourceScope.COLLECTION)
        nobody = AnonymousCredentials()  # type: ignore[no-untyped-call]
        client = agentplatform.Client(credentials=nobody, http_options=options)
    else:
        client = agentplatform.Client(project=project, location=location)
    api = client.sessions
    shared: set[str] = set()
    for found in api.list(name=engine):
        session = _plain(found)
        yield from _state_lines(session, engine, shared)
        yield json_line({"session": session})
        for event in api.events.list(name=session["name"]):
            yield json_line({"event": _plain(event)})


async def _adk_lines(
    service: BaseSessionService, apps: Iterable[str], lost: Lost
) -> AsyncIterator[bytes]:
    """Lines of ADK's sessions, with the events that ADK's service would append to this API."""
    for app in apps:
        engine, shared = f"reasoningEngines/{app}", set[str]()
        sessions = (await service.list_sessions(app_name=app)).sessions
        if not sessions:
            lost(f"the app {app!r}: the source has no sessions of an app of this name.")
        for listed in sessions:
            found = await service.get_session(
                app_name=app, user_id=listed.user_id, session_id=listed.id
            )
            if found is None:
                continue
            if not _ID.fullmatch(found.id):
                lost(
                    f"session {found.id!r} of {app}: an id has 1 to 128 of A-Z, a-z, 0-9, _ and -."
                )
                continue
            session = _session(engine, found)
            for line in _state_lines(session, engine, shared):
                yield line
            yield json_line({"session": session})
            for event in found.events:
                name = f"{session['name']}/events/{_event_id(event.id)}"
                # Firestore keeps no order of keys, and an event that comes again must be the same.
                yield json_line({"event": {"name": name, **event_body(event)}}, sort_keys=True)
    lost("ADK keeps neither displayName, labels nor expireTime; sessions get the server's default.")


def _session(engine: str, found: Session) -> dict[str, Any]:
    """A session as the API has it; ADK knows when it changed last, not when it was created."""
    changed = found.last_update_time
    created = min([changed, *(event.timestamp for event in found.events)])
    return {
        "name": f"{engine}/sessions/{found.id}",
        "userId": found.user_id,
        "createTime": _time(created),
        "updateTime": _time(changed),
        "sessionState": dict(found.state),
    }


def _event_id(own: str) -> str:
    """The last segment of an event's name; `rawEvent.id` keeps ADK's own id in any case."""
    return own if _ID.fullmatch(own) else hashlib.sha256(own.encode()).hexdigest()[:24]


def _state_lines(session: dict[str, Any], engine: str, shared: set[str]) -> Iterator[bytes]:
    """Takes `app:` and `user:` keys out of a session, into lines of their own the first time."""
    state = session.get("sessionState", {})
    user_id = session["userId"]
    app = {key[4:]: state.pop(key) for key in [*state] if key.startswith("app:")}
    user = {key[5:]: state.pop(key) for key in [*state] if key.startswith("user:")}
    if app and "" not in shared:
        shared.add("")
        yield json_line({"appState": {"name": f"{engine}/state", "state": app}})
    if user and f"user {user_id}" not in shared:
        shared.add(f"user {user_id}")
        name = f"{engine}/users/{spell(user_id)}/state"
        yield json_line({"userState": {"name": name, "state": user}})


def _plain(message: Any) -> dict[str, Any]:
    """A message of the official client as the API's JSON."""
    found: dict[str, Any] = message.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {key: value for key, value in found.items() if key not in _OUTPUT_ONLY}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _run(lines: AsyncIterator[bytes]) -> Iterator[bytes]:
    """The lines of an asynchronous source, one after the other."""
    with asyncio.Runner() as runner:
        while True:
            try:
                yield runner.run(anext(lines))  # type: ignore[arg-type]
            except StopAsyncIteration:
                return
