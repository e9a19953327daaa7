"""GET {engine}:export: all sessions with their events and all state, one a line."""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from functions.aip.errors import PermissionDenied
from functions.aip.filtering import compile_filter
from functions.aip.ordering import OrderBy
from functions.aip.page_token import InvalidPageToken, decode_page_token, encode_page_token
from functions.calls.answer import LineStream
from functions.calls.filters import SESSION_FIELDS, PageQuery
from functions.calls.request import Request
from functions.messages.json_text import object_text, write_plain
from functions.rules.errors import SessionNotFound
from functions.rules.event_type import with_event_type
from functions.rules.import_line import REMOVED_KEYS
from functions.rules.limits import MAX_SESSIONS_PAGE, MAX_USERS_PAGE
from functions.rules.names import EngineName, SessionName, UserName
from functions.rules.session import SessionRecord
from functions.rules.shared_state import StateOwner
from functions.rules.state import StateChange, join_members
from functions.store.history import HistoryItem, HistoryPiece
from functions.store.in_flight import in_flight
from functions.store.paging import Cursor
from functions.store.protocol import Store

_SCOPE = "export"
_ORDER = OrderBy("create_time", descending=False)
_ALL_USERS = PageQuery(
    compile_filter("", {}), OrderBy("user_id", descending=False), MAX_USERS_PAGE, None
)


def export_sessions(request: Request, store: Store, now: int) -> LineStream:
    """Answers newline-delimited JSON, which import_sessions takes.

    The lines are `{"appState"}` and `{"userState"}` of each engine, then for each session
    `{"session"}`, its `{"event"}`s and the `{"stateChange"}`s between them in the order of their
    arrival. Sessions are in the order of their ids, or with a filter of create_time. The last line
    is `{"end": {"sessions", "events"}}`, or after WORK_TIME_LIMIT `{"nextPageToken"}`. The
    counts are of this answer alone. An answer without either line was cut.

    `filter` has the syntax of list_sessions. If it names a user, the user state is of that user
    alone, else of all. The engine `-` means all engines of the location that have sessions.
    """
    engine = request.engine_or_all
    matching = request.filter(SESSION_FIELDS)
    token = request.query.get("pageToken", "")
    scope = (_SCOPE, str(engine), matching.text)
    start = _Start.read(decode_page_token(token, *scope)) if token else _Start()
    end = time.monotonic() + request.settings.work_time_limit / 1e9
    query = PageQuery(
        filter=matching,
        order=_ORDER,
        page_size=MAX_SESSIONS_PAGE,
        cursor=start.behind or None,
        is_full=True,
    )
    export = _Export(store, engine, query, now, lambda: time.monotonic() >= end)

    def lines() -> Iterator[str]:
        stopped = yield from export.lines(start)
        if stopped is None:
            counts = write_plain({"sessions": export.sessions, "events": export.events})
            yield f'{{"end":{counts}}}'
        else:
            yield write_plain({"nextPageToken": encode_page_token(stopped.cursor(), *scope)})

    return LineStream(lines())


@dataclass(slots=True)
class _Start:
    """Where an export goes on: behind a session of the list, within the next one.

    `session` is the name of the next one, "" to begin at its start. `within` is a place in its
    history, and `last_event` the id of the last event before that place.
    """

    behind: Cursor = field(default_factory=list)
    session: str = ""
    last_event: str = ""
    within: Cursor = field(default_factory=list)

    @classmethod
    def read(cls, cursor: Cursor) -> "_Start":
        count, session, last_event, *rest = cursor if len(cursor) > 2 else (None, None, None)
        if not isinstance(count, int) or count < 0:
            raise InvalidPageToken
        if not (isinstance(session, str) and isinstance(last_event, str)):
            raise InvalidPageToken
        return cls(rest[:count], session, last_event, rest[count:])

    def cursor(self) -> Cursor:
        return [len(self.behind), self.session, self.last_event, *self.behind, *self.within]


class _Export:
    """The lines of one answer, and how many sessions and events they had."""

    def __init__(
        self,
        store: Store,
        engine: EngineName,
        query: PageQuery,
        now: int,
        is_time_up: Callable[[], bool],
    ) -> None:
        self._store, self._engine, self._query = store, engine, query
        self._now, self._is_time_up = now, is_time_up
        self._told: set[str] = set()
        self.sessions = self.events = 0

    def lines(self, start: _Start) -> Generator[str, None, _Start | None]:
        """All lines from a start on; returns where the time was up, None at the end."""
        if not (self._engine.is_wildcard or start.behind or start.session):
            yield from self._states(self._engine)
        behind = start.behind
        query = self._query
        while True:
            # The page before is sent, and the next one takes its room.
            in_flight.release()
            page = self._store.read_sessions(self._engine, query, self._now)
            for place, (record, history) in zip(page.places, page.items, strict=True):
                session = _Start(behind, str(record.name))
                if session.session == start.session:
                    session, history = start, None
                is_complete = yield from self._session(record, session, history)
                if not is_complete:
                    return session
                behind = place
                if self._is_time_up():
                    return _Start(behind)
            if page.cursor is None:
                return None
            behind = page.cursor
            if self._is_time_up():
                return _Start(behind)
            query = query._replace(cursor=behind)

    def _states(self, engine: EngineName) -> Iterator[str]:
        """The app state of an engine and the user states of its users, once an answer."""
        self._told.add(str(engine))
        yield from self._state("appState", engine)
        if asked := self._query.users():
            for user_id in sorted(asked):
                # The sessions of a user whom the caller may not see are no error either.
                with suppress(PermissionDenied):
                    yield from self._state("userState", UserName(engine, user_id))
            return
        query = _ALL_USERS
        while True:
            page = self._store.list_users(engine, query)
            for user in page.items:
                yield from self._state("userState", user.name)
            if page.cursor is None:
                return
            query = query._replace(cursor=page.cursor)

    def _state(self, kind: str, owner: StateOwner) -> Iterator[str]:
        found = self._store.get_shared_state(owner)
        if any(found.members):
            yield f'{{"{kind}":{found.to_json()}}}'

    def _session(
        self, record: SessionRecord, at: _Start, piece: HistoryPiece | None
    ) -> Generator[str, None, bool]:
        """Yields the lines of a session and moves `at` behind each; returns whether it is complete.

        `piece` is the first piece of the history behind `at`; None if the store has to read it. The
        lines end early if a client deletes the session meanwhile.
        """
        engine = EngineName.parse(record.name.engine)
        if self._engine.is_wildcard and str(engine) not in self._told:
            yield from self._states(engine)
        self.sessions += not at.within
        # A reader needs the session before its events, also where an earlier answer had it.
        yield f'{{"session":{record.exported()}}}'
        while True:
            try:
                piece = piece or self._store.read_history(record.name, at.within or None, self._now)
            except SessionNotFound:
                return True
            if piece.create_time != record.create_time:
                return True
            for item in piece.items:
                yield _line(record.name, item, at.last_event)
                if item.event is not None:
                    self.events += 1
                    at.last_event = item.event.id
                at.within = item.place
            if piece.is_last:
                return True
            if self._is_time_up():
                return False
            piece = None


def _line(session: SessionName, item: HistoryItem, last_event: str) -> str:
    if item.event is not None:
        event = with_event_type(item.event.to_json(session))
        if item.event.removed:
            event = f'{event[:-1]},"{REMOVED_KEYS}":{write_plain(sorted(item.event.removed))}}}'
        return f'{{"event":{event}}}'
    return f'{{"stateChange":{_change_json(item, last_event)}}}'


def _change_json(item: HistoryItem, last_event: str) -> str:
    change = item.change or StateChange()
    members = [member for member in change.session.values() if member is not None]
    removed = sorted(key for key, member in change.session.items() if member is None)
    return object_text(
        f'"id":"{item.change_id}"',
        f'"afterEvent":"{last_event}"' if last_event else "",
        f'"state":{{{join_members(members)}}}' if members else "",
        f'"removed":{write_plain(removed)}' if removed else "",
        '"replace":true' if change.replace else "",
    )
