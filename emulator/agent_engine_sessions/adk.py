"""ADK's session service over a server of your own; docs/use-it-from-adk.md.

A subclass of VertexAiSessionService: ADK's own code creates sessions and appends events. This
module reads them itself, since ADK reads all events of a session to keep the last ten.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Generator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit
from weakref import WeakKeyDictionary, WeakValueDictionary

import agentplatform
import httpx
from google.adk.cli.service_registry import get_service_registry
from google.adk.errors import StaleSessionError
from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.adk.events import Event
from google.adk.sessions import Session, VertexAiSessionService
from google.adk.sessions.base_session_service import GetSessionConfig, ListSessionsResponse
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.transport.requests import Request
from google.genai.errors import APIError, ClientError
from google.genai.types import HttpOptions, ResourceScope

from agent_engine_sessions.remote import spell
from agent_engine_sessions.revisions import RevisedSession, exchanging, keep_etag, send_etag
from agent_engine_sessions.serving import URL_VARIABLE, caller_headers

SCHEMES = {"agentsessions": "http", "agentsessions+https": "https"}
"""URI schemes that `register` registers with ADK, and what they stand for."""

_MAX_PAGE = 1000
_TIMEOUT = 60.0
_MICROSECOND = 1e-6

_NO_INVOCATION = "-"
"""What the server keeps as the invocation of an event without one."""

_CHANGED = "The session has changed"
"""How the message begins with which the server refuses an append by its etag."""


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
        self._agent_engine_id = engine or None
        self._check_revision = check_revision or is_checking
        self._view = {"view": "FULL"} if self._check_revision else {}
        self._headers: dict[str, str] = {}
        self._auth: httpx.Auth | None = None
        if credentials is not None:
            self._auth = _GoogleAuth(credentials)
        else:
            self._headers |= caller_headers(token, api_key)
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = (
            WeakKeyDictionary()
        )
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
        **options: Any,
    ) -> Session:
        """Creates a session; `display_name`, `labels`, `ttl`, `expire_time` are the API's.

        Raises AlreadyExistsError, as ADK's own services do.
        """
        session_id = session_id.strip() if session_id else None
        # The server answers with the session; waiting for it would cost two calls more.
        options.setdefault("wait_for_completion", False)
        try:
            with exchanging("") as exchange:
                session = await super().create_session(
                    app_name=app_name,
                    user_id=user_id,
                    state=state,
                    session_id=session_id or None,
                    **options,
                )
        except ClientError as error:
            # The managed service answers 400; a later one may answer what AIP-133 says.
            if error.code == 409 or "already exists" in (error.message or ""):
                message = f"Session with id {session_id} already exists."
                raise AlreadyExistsError(message) from error
            raise
        return RevisedSession.of(session, exchange.etag) if self._check_revision else session

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
            found = await self._call("GET", path, self._view)
            if found.get("userId") != user_id:
                return None
            events = await self._events(path, config or GetSessionConfig())
        except ClientError as error:
            if error.code == 404:
                return None
            raise
        session = _session(app_name, found)
        session.events = events
        if events:
            # As ADK's other services have it, and as an append leaves the session in memory.
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
        found = [each async for each in self._pages(path, "sessions", query)]
        sessions = [_session(app_name, each) for each in found]
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
            await self._call("DELETE", self._session_path(app_name, found.id))

    async def get_user_state(self, *, app_name: str, user_id: str) -> dict[str, Any]:
        """The user's state, whose keys have no prefix; it needs no session."""
        path = f"{self._engine_path(app_name)}/users/{spell(user_id)}/state"
        found: dict[str, Any] = (await self._call("GET", path))["state"]
        return found

    async def append_event(self, session: Session, event: Event) -> Event:
        """Appends an event; a partial event is streamed text, and ADK's other services drop it.

        An event that is sent again changes nothing. Raises SessionNotFoundError, and
        StaleSessionError where revisions are checked.
        """
        if event.partial:
            return event
        if not isinstance(session, RevisedSession):
            return await self._append(session, event)
        # Appends of this process go on from each other, as in ADK's service for databases.
        path = self._session_path(session.app_name, session.id)
        key = (asyncio.get_running_loop(), path)
        async with self._locks.setdefault(key, asyncio.Lock()):
            with exchanging(session.etag) as exchange:
                event = await self._append(session, event)
            session.etag = exchange.etag
            return event

    async def _append(self, session: Session, event: Event) -> Event:
        invocation = event.invocation_id
        # The API requires one, ADK does not.
        event.invocation_id = invocation or _NO_INVOCATION
        try:
            return await super().append_event(session, event)
        except ClientError as error:
            if error.code == 404:
                raise SessionNotFoundError(f"Session {session.id} not found.") from error
            if error.code == 409 and (error.message or "").startswith(_CHANGED):
                raise StaleSessionError(f"Read session {session.id} again: {error}") from error
            raise
        finally:
            event.invocation_id = invocation

    async def close(self) -> None:
        """Closes the connections of the running event loop."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    def _get_reasoning_engine_id(self, app_name: str) -> str:
        return self._agent_engine_id or app_name.rpartition("/")[2]

    def _build_api_client(self) -> Any:
        options = HttpOptions(
            base_url=self._base_url,
            base_url_resource_scope=ResourceScope.COLLECTION,
            httpx_async_client=self._client(),
        )
        # Without credentials the client would send the GOOGLE_API_KEY of the model.
        nobody = AnonymousCredentials()  # type: ignore[no-untyped-call]
        return agentplatform.Client(credentials=nobody, http_options=options).aio

    def _client(self) -> httpx.AsyncClient:
        """The connections of the running event loop, which no other loop can use."""
        loop = asyncio.get_running_loop()
        if loop not in self._clients or self._clients[loop].is_closed:
            self._clients[loop] = httpx.AsyncClient(
                headers=self._headers,
                auth=self._auth,
                timeout=_TIMEOUT,
                event_hooks={"request": [send_etag], "response": [keep_etag]},
            )
        return self._clients[loop]

    def _engine_path(self, app_name: str) -> str:
        return f"reasoningEngines/{quote(self._get_reasoning_engine_id(app_name), safe='')}"

    def _session_path(self, app_name: str, session_id: str) -> str:
        """The path of a session by its id, which may be the session's whole name."""
        id_alone = session_id.strip().rpartition("/")[2]
        return f"{self._engine_path(app_name)}/sessions/{quote(id_alone, safe='')}"

    async def _events(self, path: str, config: GetSessionConfig) -> list[Event]:
        """The events that `config` asks for, oldest first; the server reads no others."""
        wanted = config.num_recent_events
        if wanted == 0:
            return []
        query = {"pageSize": str(min(wanted or _MAX_PAGE, _MAX_PAGE))}
        if config.after_timestamp is not None:
            after = datetime.fromtimestamp(config.after_timestamp, UTC).isoformat()
            query["filter"] = f'timestamp>="{after}"'
        if wanted is None:
            return [_event(each) async for each in self._pages(f"{path}/events", _EVENTS, query)]
        query["orderBy"] = "timestamp desc"
        events: list[Event] = []
        async for each in self._pages(f"{path}/events", _EVENTS, query):
            events.append(_event(each))
            if len(events) == wanted:
                break
        return events[::-1]

    async def _pages(
        self, path: str, field: str, query: dict[str, str]
    ) -> AsyncGenerator[dict[str, Any]]:
        """What every page of a list holds in `field`."""
        token = ""
        while True:
            page = await self._call(
                "GET", path, {**query, **({"pageToken": token} if token else {})}
            )
            for each in page.get(field, []):
                yield each
            token = page.get("nextPageToken", "")
            if not token:
                return

    async def _call(
        self, verb: str, path: str, query: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """The JSON of an answer; raises ClientError or ServerError of google-genai."""
        answer = await self._client().request(verb, f"{self._base_url}/{path}", params=query)
        await APIError.raise_for_async_response(answer)
        found: dict[str, Any] = answer.json()
        return found


_EVENTS = "sessionEvents"


class _GoogleAuth(httpx.Auth):
    """Sends the token of google-auth's credentials, and gets the next one in time."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._lock = asyncio.Lock()

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        raise NotImplementedError("The service is asynchronous.")

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        async with self._lock:
            if not self._credentials.valid:
                await asyncio.to_thread(self._credentials.refresh, Request())
        request.headers["Authorization"] = f"Bearer {self._credentials.token}"
        yield request


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
        last_update_time=_seconds(found["updateTime"]),
    )
    return RevisedSession.of(session, f'"{found["etag"]}"') if "etag" in found else session


def _event(found: dict[str, Any]) -> Event:
    """An event as it was appended by ADK, or one of another client as ADK has it."""
    if raw := found.get("rawEvent"):
        fields = {"id": found["name"].rpartition("/")[2], **raw}
    else:
        actions = dict(found.get("actions", {}))
        if "transferAgent" in actions:
            actions["transferToAgent"] = actions.pop("transferAgent")
        fields = {
            **found.get("eventMetadata", {}),
            **{key: found[key] for key in _EVENT_FIELDS if key in found},
            "id": found["name"].rpartition("/")[2],
            "actions": actions,
        }
    fields |= {key: found[key] for key in ("invocationId", "author") if key in found}
    if fields.get("invocationId") == _NO_INVOCATION:
        fields["invocationId"] = ""
    time, exact = _seconds(found["timestamp"]), fields.get("timestamp")
    # ADK's own copy has what the API's timestamp, sent in microseconds, has lost.
    if not isinstance(exact, float) or abs(exact - time) > _MICROSECOND:
        fields["timestamp"] = time
    return Event.model_validate(fields)


_EVENT_FIELDS = ("content", "errorCode", "errorMessage")


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()
