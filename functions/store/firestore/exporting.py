"""Reads sessions with their histories, for an export: one query finds the documents of many."""

from collections.abc import Iterator
from contextlib import closing

from functions.rules.names import EngineName, SessionName
from functions.store.exporting import page_by_id
from functions.store.firestore import arrivals
from functions.store.firestore.condemned import HIDING, is_condemned
from functions.store.firestore.documents import is_live, session_record
from functions.store.firestore.moving import items_of
from functions.store.firestore.protobuf import Document
from functions.store.firestore.queries import LAST_NAME, documents_by_name, whole_sessions
from functions.store.firestore.rpc import Rpc
from functions.store.history import MAX_BYTES, MAX_ITEMS, HistoryPiece, WholeSession
from functions.store.paging import Cursor, Page, checked_cursor

_PAGE = 5_000
"""Documents that one query finds at most; the reader stops earlier, after MAX_BYTES."""

_HISTORY = ("events", "changes")

_Found = list[tuple[Document, list[Document]]]
"""The document of each session, with the documents of its history."""


def next_engine(rpc: Rpc, location: str, behind: str) -> str | None:
    """The name of the next engine behind `behind` in a location, of those that have sessions."""
    start = f"{rpc.root}/{behind}/sessions/{LAST_NAME}" if behind else ""
    query = documents_by_name("sessions", (), 1, start, everywhere=True)
    for found, _ in rpc.run_query(location, query):
        if found is not None:
            return found.name.removeprefix(f"{rpc.root}/").partition("/sessions/")[0]
    return None


def read_sessions(
    rpc: Rpc, engine: EngineName, behind: Cursor | None, now: int
) -> Page[WholeSession]:
    """The next sessions of an engine behind the cursor `[id]`; a large one has no history here."""
    (start,) = checked_cursor(behind, str) or [""]
    reading = rpc.batch_get([str(engine)], HIDING)
    found, large, last = _read(rpc, engine, str(start))
    (mark,) = reading()
    if is_condemned(mark):
        return Page([], None)
    sessions: list[WholeSession] = []
    for session, contents in found:
        if not is_live(session, now, None, mark):
            continue
        record = session_record(SessionName(str(engine), _id(session)), session)
        history = None
        if session is not large:
            contents.sort(key=lambda each: (arrivals.place(each), each.name))
            items = [item for each in contents for item in items_of(rpc, each, 0)]
            history = HistoryPiece(items, record.create_time, is_last=True)
        sessions.append(WholeSession(record, history))
    return page_by_id(sessions, last)


def _read(rpc: Rpc, engine: EngineName, start: str) -> tuple[_Found, Document | None, str | None]:
    """Sessions, the last of them if it is too large, and the id behind which the next page starts.

    The id is None at the end. Every session but the large one has all of its history.
    """
    collection = f"{rpc.root}/{engine}/sessions"
    found: _Found = []
    count = size = 0
    whole, current = None, ""
    query = whole_sessions(collection, start, _PAGE)
    with closing(rpc.run_query(str(engine), query)) as answers:
        for each in _documents(answers):
            count, size = count + 1, size + each.ByteSize()
            session_id, _, path = each.name.removeprefix(f"{collection}/").partition("/")
            if session_id != current:
                whole, current = current or None, session_id
            if not path:
                found.append((each, []))
            elif found and _id(found[-1][0]) == session_id and path.split("/")[-2] in _HISTORY:
                found[-1][1].append(each)
            is_large = not path and each.fields["eventCount"].integer_value > MAX_ITEMS
            if is_large:
                return found, each, session_id
            if count == _PAGE or size >= MAX_BYTES:
                break
        else:
            return found, None, None
    if whole is None:
        return found, found[0][0] if found else None, current
    return [each for each in found if _id(each[0]) != current], None, whole


def _documents(answers: Iterator[tuple[Document | None, object]]) -> Iterator[Document]:
    return (found for found, _ in answers if found is not None)


def _id(session: Document) -> str:
    return session.name.rpartition("/")[2]
