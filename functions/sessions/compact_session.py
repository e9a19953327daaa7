"""POST {session}:compact: makes older events smaller, or has a summary stand for them."""

import time
from dataclasses import replace

from functions.aip.errors import FailedPrecondition, InvalidArgument, Unavailable
from functions.aip.filtering import compile_filter
from functions.aip.ordering import OrderBy
from functions.aip.timestamp import format_timestamp
from functions.calls.answer import Answer
from functions.calls.filters import EVENT_DEFAULT_ORDER, EVENT_FIELDS, PageQuery
from functions.calls.request import Request
from functions.config.settings import Settings
from functions.messages.compaction import CompactSessionRequest
from functions.rules.compaction import OlderEvents, Range, compacted_range, edited, summary_event
from functions.rules.event import EventRecord
from functions.rules.limits import MAX_EVENTS_PAGE, MAX_PAGE_BYTES
from functions.rules.names import EngineName
from functions.rules.operation import Operation
from functions.rules.session import SessionRecord, check_version
from functions.store.in_flight import in_flight
from functions.store.protocol import Store

_MICROSECOND = 1_000


class CompactionTookTooLong(Unavailable):
    """A session has more older events than one request can look at."""

    def __init__(self) -> None:
        super().__init__(
            "The compaction has worked for WORK_TIME_LIMIT. Send it again: it keeps what is done."
        )


def compact_session(request: Request, store: Store, now: int) -> Answer:
    """Answers a finished Operation with the session; a second run changes nothing more.

    Event editing makes the events before the last COMPACT_KEEP_INVOCATIONS invocations smaller.
    Summarization then adds a summary of them, if they have more than SUMMARIZER_TARGET_BYTES. Both
    leave the session itself as it is, so that no writer's etag changes.

    Raises SessionNotFound, SessionHasChanged, CompactionTookTooLong, and SummarizerFailed. Raises
    InvalidArgument for a request without a kind of compaction, and FailedPrecondition for
    summarization without SUMMARIZER_URL.
    """
    name = request.session_name
    edits, summarizes = _kinds(request)
    session = store.get_session(name, now)
    check_version(name, session.version, request.if_match)
    compaction = _Compaction(request.settings, store, session, now)
    older = compaction.edit_older(edits=edits)
    if summarizes:
        covered = older.unsummarized(request.settings.summarizer_target_bytes)
        if covered is not None:
            compaction.summarize(covered)
    operation = Operation(
        "CompactSession", *EngineName.parse(name.engine), name.session, now, request.version
    )
    text = operation.to_json(request.version, session.to_json(official=True))
    return Answer(text, session.etag)


def _kinds(request: Request) -> tuple[bool, bool]:
    """Whether the request asks for event editing, and whether for summarization."""
    compaction = request.message(CompactSessionRequest, "request").compaction
    editing = None if compaction is None else compaction.event_editing
    summarization = None if compaction is None else compaction.summarization
    if editing is None and summarization is None:
        raise InvalidArgument(
            "compaction must have eventEditing or summarization: "
            '{"compaction": {"eventEditing": {"mode": "AUTO"}}}.'
        )
    for field, kind in (("eventEditing", editing), ("summarization", summarization)):
        if kind is not None and kind.mode != "AUTO":
            raise InvalidArgument(f"compaction.{field}.mode must be AUTO: {kind.mode}.")
    if summarization is not None and not request.settings.summarizer_url:
        raise FailedPrecondition(
            "compaction.summarization needs a summarizer: set SUMMARIZER_URL of the server."
        )
    return editing is not None, summarization is not None


class _Compaction:
    """The steps of one compaction, within WORK_TIME_LIMIT."""

    def __init__(self, settings: Settings, store: Store, session: SessionRecord, now: int) -> None:
        self._settings = settings
        self._store, self._session, self._now = store, session, now
        # Another user's session may take the name meanwhile.
        self._name, self._owner = session.name, session.user_id
        self._end = time.monotonic() + self._settings.work_time_limit / 1e9

    def edit_older(self, *, edits: bool) -> OlderEvents:
        """Walks through the events from the newest to the oldest, and edits the older ones.

        Without `edits` it only measures them.
        """
        older = OlderEvents(self._settings.compact_keep_invocations)
        query = PageQuery(
            compile_filter("", EVENT_FIELDS),
            OrderBy("timestamp", descending=True),
            MAX_EVENTS_PAGE,
            None,
            is_whole=True,
        )
        while True:
            page = self._store.list_events(self._name, query, self._now, self._owner)
            changed = []
            for event in filter(older.has, page.items):
                smaller = self._edited(event) if edits else None
                older.measure(smaller or event)
                if smaller is not None:
                    changed.append(event)
            # Without events it only checks that the caller may change them.
            self._store.rewrite_events(self._name, changed, self._edited, self._now, self._owner)
            if page.cursor is None:
                return older
            if time.monotonic() >= self._end:
                raise CompactionTookTooLong
            # The page is over, and the next one takes its room.
            in_flight.release()
            query = query._replace(cursor=page.cursor)

    def summarize(self, covered: Range) -> None:
        """Asks for a summary of the events of a range, and adds it."""
        # Only a compaction that needs a summary waits for the import.
        from functions.sessions.summarizer import SummarizerFailed, ask_for_summary

        events = self._events_of(covered)
        if not events:
            return
        texts = [event.to_json(self._session.name) for event in events]
        covered = replace(covered, end=events[-1].timestamp // _MICROSECOND)
        content = ask_for_summary(self._settings, self._session, texts)
        try:
            summary = summary_event(content, covered, self._now)
        except InvalidArgument as error:
            where = ", ".join(each.field for each in error.violations)
            raise SummarizerFailed(f"its content is refused at {where or 'content'}") from error
        self._store.add_summary(self._name, summary, self._now, self._owner)

    def _edited(self, event: EventRecord) -> EventRecord | None:
        return edited(event, self._settings.compact_tool_response_bytes)

    def _events_of(self, covered: Range) -> list[EventRecord]:
        """The events of a range but for compactions; only the first where they exceed a page.

        Then the events of one microsecond stay together: ADK knows no shorter time.
        """
        start, end = (
            format_timestamp(time * _MICROSECOND) for time in (covered.start, covered.end + 1)
        )
        between = compile_filter(f'timestamp >= "{start}" AND timestamp < "{end}"', EVENT_FIELDS)
        query = PageQuery(between, EVENT_DEFAULT_ORDER, MAX_EVENTS_PAGE, None)
        events, size = list[EventRecord](), 0
        while True:
            page = self._store.list_events(self._name, query, self._now, self._owner)
            for event in page.items:
                if compacted_range(event) is not None:
                    continue
                size += event.size()
                if size > MAX_PAGE_BYTES:
                    time = event.timestamp // _MICROSECOND
                    before = [each for each in events if each.timestamp // _MICROSECOND < time]
                    if before:
                        return before
                events.append(event)
            if page.cursor is None:
                return events
            query = query._replace(cursor=page.cursor)
