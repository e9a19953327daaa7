"""ADK's session service over a server of your own; docs/use-it-from-adk.md.

A subclass of VertexAiSessionService, because some code asks for that class. The service sends each
request itself, since ADK's client would take most of the time of a turn.
"""

import asyncio
import json
import os
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit
from weakref import WeakValueDictionary

import httpx
from google.adk.cli.service_registry import get_service_registry
from google.adk.errors import StaleSessionError
from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.adk.events import Event
from google.adk.sessions import Session, VertexAiSessionService
from google.adk.sessions.base_session_service import GetSessionConfig, ListSessionsResponse
from google.auth.credentials import Credentials
from google.auth.transport.requests import Request
from google.genai.errors import APIError, ClientError

from agent_engine_sessions.adk_events import event_body, read_event, seconds
from agent_engine_sessions.connections import Answer, Connections, connections_to
from agent_engine_sessions.event_cache import EventCache
from agent_engine_sessions.remote import spell
from agent_engine_sessions.revisions import RevisedSession
from agent_engine_sessions.serving import URL_VARIABLE, caller_headers

SCHEMES = {"agentsessions": "http", "agentsessions+https": "https"}
"""URI schemes that `register` registers with ADK, and what they stand for."""

_MAX_PAGE = 1000
_TOO_MANY = 429
_PAUSE = 1.0
"""Seconds after which an append that the server answered 429 is sent once more, as ADK does."""

_CHANGED = "The session has changed"
"""The beginning of the message with which the server refuses an append because of its etag."""


class SessionService(VertexAiSessionService):
    """Sessions of ADK on a server of your own.

    An app's sessions live under the engine of the app's name, unless one engine is given.
    """

    def __init__(
        self,
        uri: str = "",
        *,
        token: str = "",
        api_key: str = "",
        credentials: Credentials | None = None,
        check_revision: bool = False,
        **_: Any,
    ) -> None:
        """`uri` is `agentsessions://HOST[:PORT][/ENGINE][?project=P&location=L]`.

        `agentsessions+https`, `http` and `https` work, too. Unset: AGENT_ENGINE_SESSIONS_URL. Of
        the three ways to say who calls, give one: a bearer token, a key of the server's API_KEYS,
        or credentials of google-auth. Unset: AGENT_ENGINE_SESSIONS_TOKEN, then
        AGENT_ENGINE_SESSIONS_API_KEY. With `check_revision`, or `check_revision=true` in the URI,
        an append to a session that others have changed since it was read raises StaleSessionError.
        ADK gives more arguments, which are not used.

        Raises ValueError for a URI of another shape.
        """
        super().__init__(project="", location="")
        base_url, engine, is_checking = _split_uri(uri or os.environ.get(URL_VARIABLE, ""))
        self._base_url = base_url
        self._root = urlsplit(base_url).path
        self._engine = engine
        self._check_revision = check_revision or is_checking
        self._view = {"view": "FULL"} if self._check_revision else {}
        self._headers = {} if credentials is not None else caller_headers(token, api_key)
        self._identity = None if credentials is None else _Identity(credentials)
        self._cache = EventCache()
        self._open: dict[asyncio.AbstractEventLoop, Connections] = {}
        self._locks: WeakValueDictionary[tuple[asyncio.AbstractEventLoop, str], asyncio.Lock] = (
            WeakValueDictionary()
        )

    async def create_session(
        self,
        *,
        app_name: str,
        user_id: str,
        state: dict[str, Any] | None = None,
        session_id: str | None = None,
        display_name: str | None = None,
        labels: Mapping[str, str] | None = None,
        ttl: str | None = None,
        expire_time: datetime | str | None = None,
        **others: Any,
    ) -> Session:
        """Creates a session; `display_name`, `labels`, `ttl`, `expire_time` are the API's.

        Raises AlreadyExistsError, as ADK's own services do, and TypeError for other options than
        `wait_for_completion`, which changes nothing: the session exists when the server answers.
        """
        if unknown := others.keys() - {"wait_for_completion"}:
            raise TypeError(f"create_session does not take {', '.join(sorted(unknown))}.")
        session_id = session_id.strip().rpartition("/")[2] if session_id else ""
        fields = {
            "userId": user_id,
            "sessionState": state or None,
            "displayName": display_name,
            "labels": labels,
            "ttl": ttl,
            "expireTime": (
                expire_time.isoformat() if isinstance(expire_time, datetime) else expire_time
            ),
        }
        body = {name: value for name, value in fields.items() if value is not None}
        query = {"sessionId": session_id} if session_id else {}
        path = f"{self._engine_path(app_name)}/sessions"
        try:
            answer = await self._send("POST", path, query, _encoded(body), repeatable=False)
        except ClientError as error:
            # The managed service answers 400; a later one may answer what AIP-133 says.
            if error.code == 409 or "already exists" in (error.message or ""):
                message = f"Session with id {session_id} already exists."
                raise AlreadyExistsError(message) from error
            raise
        session = _session(app_name, json.loads(answer.body)["response"])
        path = self._session_path(app_name, session.id)
        self._cache.keep(path, answer.etag, (), 0)
        return RevisedSession.of(session, answer.etag) if self._check_revision else session

    async def get_session(
        self,
        *,
        app_name: str,
        user_id: str,
        session_id: str,
        config: GetSessionConfig | None = None,
    ) -> Session | None:
        """Reads a session and those of its events that `config` asks for.

        None for a session that does not exist or belongs to another user.
        """
        path = self._session_path(app_name, session_id)
        try:
            answer = await self._send("GET", path, self._view)
            found = json.loads(answer.body)
            if found["userId"] != user_id:
                return None
            # The events are read after the session, so they are never older than its etag.
            events = await self._events(path, answer.etag, config or GetSessionConfig())
        except ClientError as error:
            if error.code == 404:
                return None
            raise
        session = _session(app_name, found)
        session.events = events
        if events:
            # ADK's other services set the same time, and so does an append to a session in memory.
            session.last_update_time = events[-1].timestamp
        return session

    async def list_sessions(
        self, *, app_name: str, user_id: str | None = None
    ) -> ListSessionsResponse:
        """All sessions of a user or of everybody, with their state, without their events."""
        query = {"pageSize": "100", **self._view}
        if user_id is not None:
            query["filter"] = _of_user(user_id)
        path = f"{self._engine_path(app_name)}/sessions"
        sessions = [
            _session(app_name, each)
            async for page, _ in self._pages(path, query)
            for each in page.get("sessions", ())
        ]
        sessions.sort(key=lambda each: (each.last_update_time, each.user_id, each.id))
        return ListSessionsResponse(sessions=sessions)

    async def delete_session(self, *, app_name: str, user_id: str, session_id: str) -> None:
        """Deletes a session of the user; another user's session stays, without an error."""
        found = await self.get_session(
            app_name=app_name,
            user_id=user_id,
            session_id=session_id,
            config=GetSessionConfig(num_recent_events=0),
        )
        if found is not None:
            await self._send("DELETE", self._session_path(app_name, found.id))

    async def get_user_state(self, *, app_name: str, user_id: str) -> dict[str, Any]:
        """The user's state, whose keys have no prefix; it needs no session."""
        path = f"{self._engine_path(app_name)}/users/{spell(user_id)}/state"
        found: dict[str, Any] = json.loads((await self._send("GET", path)).body)["state"]
        return found

    async def append_event(self, session: Session, event: Event) -> Event:
        """Appends an event; a partial event is streamed text, and ADK's other services drop it.

        An event that is sent again changes nothing. Raises SessionNotFoundError, and
        StaleSessionError where revisions are checked.
        """
        if event.partial:
            return event
        if not isinstance(session, RevisedSession):
            await self._append(session, event)
            return event
        # Appends of this process go on from each other, as in ADK's service for databases.
        path = self._session_path(session.app_name, session.id)
        key = (asyncio.get_running_loop(), path)
        async with self._locks.setdefault(key, asyncio.Lock()):
            session.etag = await self._append(session, event, session.etag)
        return event

    async def _append(self, session: Session, event: Event, expected: str = "") -> str:
        """Appends an event to the stored session, then to `session`; returns the new etag.

        Raises StaleSessionError if `expected` is given and is not the etag of the stored session.
        """
        self._apply_temp_state(session, event)
        self._trim_temp_delta_state(event)
        path = self._session_path(session.app_name, session.id)
        body = event_body(event)
        text, is_checked, entry = _encoded(body), bool(expected), self._cache.take(path)
        if entry is not None and not is_checked:
            # This etag only tells whether the kept events are still those of the server; if not,
            # the append is sent once more without it.
            expected = f'"{entry.version}"'
        try:
            try:
                answer = await self._post(path, text, expected)
            except ClientError as error:
                if error.code == _TOO_MANY:
                    await asyncio.sleep(_PAUSE)
                elif is_checked or not _has_changed(error):
                    raise
                if not is_checked:
                    expected = ""
                answer = await self._post(path, text, expected)
        except ClientError as error:
            if error.code == 404:
                raise SessionNotFoundError(f"Session {session.id} not found.") from error
            if _has_changed(error):
                raise StaleSessionError(f"Read session {session.id} again: {error}") from error
            raise
        if entry is not None and answer.is_first:
            stored = read_event({"name": path, **body})
            entry = entry.after_append(stored, len(text), expected, answer.etag)
            if entry is not None:
                self._cache.put(path, entry)
        session.last_update_time = event.timestamp
        self._commit_event_to_session(session, event)
        return answer.etag

    async def _post(self, path: str, event: bytes, expected: str) -> Answer:
        headers = {"If-Match": expected} if expected else {}
        return await self._send("POST", f"{path}:appendEvent", body=event, headers=headers)

    async def close(self) -> None:
        """Closes the connections of the running event loop."""
        connections = self._open.pop(asyncio.get_running_loop(), None)
        if connections is not None:
            await connections.close()

    def _connections(self) -> Connections:
        """The connections of the running event loop, which no other loop can use."""
        loop = asyncio.get_running_loop()
        if loop not in self._open:
            # Event loops of other threads do the same at any time.
            for closed in [each for each in list(self._open) if each.is_closed()]:
                self._open.pop(closed, None)
            self._open[loop] = connections_to(self._base_url)
        return self._open[loop]

    def _engine_path(self, app_name: str) -> str:
        engine = self._engine or app_name.rpartition("/")[2]
        return f"reasoningEngines/{quote(engine, safe='')}"

    def _session_path(self, app_name: str, session_id: str) -> str:
        """The path of a session by its id, which may be the session's whole name."""
        id_alone = session_id.strip().rpartition("/")[2]
        return f"{self._engine_path(app_name)}/sessions/{quote(id_alone, safe='')}"

    async def _events(self, path: str, etag: str, config: GetSessionConfig) -> list[Event]:
        """The events that `config` asks for, oldest first; the server reads no others.

        `etag` is that of the session, which the caller read before.
        """
        wanted = config.num_recent_events
        if wanted == 0:
            return []
        is_whole = wanted is None and config.after_timestamp is None
        if is_whole and (kept := self._cache.copies(path, etag)) is not None:
            return kept
        query = {"pageSize": str(min(wanted or _MAX_PAGE, _MAX_PAGE))}
        if config.after_timestamp is not None:
            after = datetime.fromtimestamp(config.after_timestamp, UTC).isoformat()
            query["filter"] = f'timestamp>="{after}"'
        if wanted is not None:
            query["orderBy"] = "timestamp desc"
        events, size = list[Event](), 0
        async for page, bytes_of_page in self._pages(f"{path}/events", query):
            events += [read_event(each) for each in page.get("sessionEvents", ())]
            size += bytes_of_page
            if wanted is not None and len(events) >= wanted:
                break
        if is_whole:
            self._cache.keep(path, etag, events, size)
        return events if wanted is None else events[:wanted][::-1]

    async def _pages(
        self, path: str, query: Mapping[str, str]
    ) -> AsyncGenerator[tuple[dict[str, Any], int]]:
        """Yields each page of a list, and its size in bytes."""
        token: dict[str, str] = {}
        while True:
            answer = await self._send("GET", path, {**query, **token})
            page = json.loads(answer.body)
            yield page, len(answer.body)
            if not (next_token := page.get("nextPageToken")):
                return
            token = {"pageToken": next_token}

    async def _send(
        self,
        verb: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        repeatable: bool = True,
    ) -> Answer:
        """Returns the answer 200; raises ClientError or ServerError of google-genai for another."""
        target = f"{self._root}/{path}" + (f"?{urlencode(query)}" if query else "")
        sent = dict(self._headers if self._identity is None else await self._identity.headers())
        sent.update(headers or {})
        if body:
            sent["Content-Type"] = "application/json"
        connections = self._connections()
        answer = await connections.request(verb, target, sent, body, repeatable=repeatable)
        if answer.status != httpx.codes.OK:
            response = httpx.Response(answer.status, content=answer.body)
            await APIError.raise_for_async_response(response)
        return answer


class _Identity:
    """Credentials of google-auth, refreshed before their token expires."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        # Several event loops may share the credentials, and a lock of asyncio is of one loop.
        self._lock = Lock()

    async def headers(self) -> dict[str, str]:
        """The header with the token."""
        if not self._credentials.valid:
            await asyncio.to_thread(self._refresh)
        return {"Authorization": f"Bearer {self._credentials.token}"}

    def _refresh(self) -> None:
        with self._lock:
            if not self._credentials.valid:
                self._credentials.refresh(Request())  # type: ignore[no-untyped-call]


def register() -> None:
    """Has ADK's command line take `agentsessions://` URIs: call it in a services.py."""
    for scheme in SCHEMES:
        get_service_registry().register_session_service(scheme, SessionService)


def _split_uri(uri: str) -> tuple[str, str, bool]:
    """The URL below which engines live, the engine or empty text, and `check_revision`."""
    parts = urlsplit(uri)
    scheme = SCHEMES.get(parts.scheme, parts.scheme)
    engine = parts.path.strip("/")
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    if scheme not in SCHEMES.values() or not parts.hostname or "/" in engine:
        raise ValueError(
            f"{uri!r} is no URI such as agentsessions://127.0.0.1:8080 or "
            f"agentsessions+https://HOST/ENGINE. Without one, {URL_VARIABLE} must be set."
        )
    if unknown := query.keys() - {"project", "location", "check_revision"}:
        raise ValueError(
            f"{uri!r} may have project, location and check_revision, not {', '.join(unknown)}."
        )
    check_revision = query.pop("check_revision", "false")
    if check_revision not in ("true", "false"):
        raise ValueError(f"check_revision must be true or false: {uri!r}")
    base_url = f"{scheme}://{parts.netloc}/v1beta1"
    if query:
        project, location = query.get("project", "local"), query.get("location", "us-central1")
        base_url += f"/projects/{quote(project)}/locations/{quote(location)}"
    return base_url, engine, check_revision == "true"


def _encoded(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def _has_changed(error: ClientError) -> bool:
    """Whether the server refused an append because of its etag."""
    return error.code == 409 and (error.message or "").startswith(_CHANGED)


def _of_user(user_id: str) -> str:
    """The filter for a user's sessions."""
    text = user_id.replace("\\", "\\\\").replace('"', '\\"')
    return f'user_id="{text}"'


def _session(app_name: str, found: dict[str, Any]) -> Session:
    session = Session(
        app_name=app_name,
        user_id=found["userId"],
        id=found["name"].rpartition("/")[2],
        state=found.get("sessionState", {}),
        last_update_time=seconds(found["updateTime"]),
    )
    return RevisedSession.of(session, f'"{found["etag"]}"') if "etag" in found else session
