"""A session's history in pieces, and the lines of an import as documents."""

from collections.abc import Iterator, Sequence

from functions.rules.errors import AfterNoEvent, SessionNotFound
from functions.rules.event import EventRecord, counts_of
from functions.rules.import_line import HistoryLine
from functions.rules.names import SessionName
from functions.rules.state import StateChange
from functions.store.firestore import arrivals, documents, values
from functions.store.firestore.condemned import live, reading
from functions.store.firestore.counting import count
from functions.store.firestore.event_documents import event_record, event_writes
from functions.store.firestore.event_keys import EventKeys
from functions.store.firestore.forking import BYTES, WRITES
from functions.store.firestore.history import change_write
from functions.store.firestore.protobuf import Document, Write
from functions.store.firestore.rpc import AlreadyExists, Missing, Rpc
from functions.store.firestore.values import by_field_name, nanoseconds
from functions.store.history import MAX_BYTES, MAX_ITEMS, HistoryItem, HistoryPiece, ImportedHistory
from functions.store.paging import Cursor, checked_cursor


def read_history(
    rpc: Rpc,
    name: SessionName,
    behind: Cursor | None,
    now: int,
    owner: str | None,
) -> HistoryPiece:
    """The next events and changes of a session behind a place; raises SessionNotFound.

    Reads the session and its engine, then the documents in calls of a thousand. A place is that of
    a document, and when the earliest of those that follow may have arrived.
    """
    start = [int(part) for part in checked_cursor(behind, int, int, int)]
    found, engine = reading(rpc, name, "createTime")()
    session = live(name, found, now, owner, engine)
    created = nanoseconds(session.fields["createTime"].timestamp_value)
    history = arrivals.History(rpc, name, None)
    if start:
        place, number, since = start
        history = arrivals.History(rpc, name, None, behind=(place, number), since=since)
    items: list[HistoryItem] = []
    size = 0
    for document in history:
        if len(items) >= MAX_ITEMS or size >= MAX_BYTES:
            return HistoryPiece(items, created, is_last=False)
        for item in items_of(rpc, document, history.left_since):
            items.append(item)
            size += item.size()
    return HistoryPiece(items, created, is_last=True)


def import_history(
    rpc: Rpc, name: SessionName, lines: Sequence[HistoryLine], now: int, keys: EventKeys
) -> ImportedHistory:
    """Adds what a session lacks, in commits of some hundred writes; see the protocol.

    Each commit fails if one of its documents is there. Only then does the server read which of
    them are, and sends the others.
    """
    _check_places(rpc, name, lines)
    path, done = f"{rpc.root}/{name}", ImportedHistory()
    for some in _commits(path, lines, keys):
        while some:
            try:
                answer = rpc.commit([_session_write(path, some), *_documents(some)])
            except AlreadyExists:
                some = _missing(rpc, name, some, done)
                continue
            except Missing:
                raise SessionNotFound(name) from None
            if answer.write_results[0].transform_results[0].integer_value <= now // 1000:
                raise SessionNotFound(name)
            done.events += sum(line.event is not None for line, _ in some)
            break
    return done


_Line = tuple[HistoryLine, list[Write]]
"""A line, and the writes of its document and of the document's parts."""


def items_of(rpc: Rpc, found: Document, left_since: int) -> Iterator[HistoryItem]:
    """The event of a document, or its change; a deleted event that changed no state has neither."""
    place: Cursor = [*arrivals.place(found), left_since]
    if arrivals.is_event(found):
        event = event_record(rpc, found, None)
        event.removed = arrivals.removed_keys(found)
        yield HistoryItem(place, event)
        return
    members, replace = arrivals.changes_of(found, None)
    change = StateChange(session=dict(members), replace=replace)
    if change.is_of_session:
        yield HistoryItem(place, None, change, found.name.rpartition("/")[2])


def _check_places(rpc: Rpc, name: SessionName, lines: Sequence[HistoryLine]) -> None:
    """Raises AfterNoEvent for a change behind an event that the session does not have."""
    seen: set[str] = set()
    unknown: dict[str, None] = {}
    for line in lines:
        if line.event is not None:
            seen.add(line.event.id)
        elif line.after_event and line.after_event not in seen:
            unknown[line.after_event] = None
    if unknown:
        found = rpc.batch_get([f"{name}/events/{event}" for event in unknown], ["arrived"])()
        for event, document in zip(unknown, found, strict=True):
            if document is None:
                raise AfterNoEvent(event)


def _commits(path: str, lines: Sequence[HistoryLine], keys: EventKeys) -> Iterator[list[_Line]]:
    """The lines of each commit with their writes; `n` keeps their order."""
    some: list[_Line] = []
    count_of_writes = size = 0
    for line in lines:
        writes = _writes(path, line, keys)
        bytes_of_line = sum(write.ByteSize() for write in writes)
        is_full = count_of_writes + len(writes) > WRITES or size + bytes_of_line > BYTES
        if some and is_full:
            yield some
            some, count_of_writes, size = [], 0, 0
        if some:
            writes[0].update.fields["n"].integer_value = len(some)
        some.append((line, writes))
        count_of_writes += len(writes)
        size += bytes_of_line
    if some:
        yield some


def _writes(path: str, line: HistoryLine, keys: EventKeys) -> list[Write]:
    event = line.event
    if event is None:
        change = line.change or StateChange()
        members = by_field_name(change.session)
        return [change_write(path, members, replace=change.replace, change_id=line.change_id)]
    fields = documents.event_fields(event, keys.next(event.timestamp))
    writes = event_writes(f"{path}/events/{event.id}", event, fields)
    values.stamp(writes[0], "arrived")
    return writes


def _session_write(path: str, some: Sequence[_Line]) -> Write:
    """Counts the events, and asks when the session expires; its updateTime stays."""
    write = values.update(path, {}, ())
    write.update_transforms.add(field_path="expiry").increment.integer_value = 0
    events = [line.event for line, _ in some if line.event is not None]
    if events:
        count(write, counts_of(events))
    return write


def _documents(some: Sequence[_Line]) -> Iterator[Write]:
    for _, writes in some:
        yield from writes


def _missing(rpc: Rpc, name: SessionName, some: list[_Line], done: ImportedHistory) -> list[_Line]:
    """The lines whose documents are not there; notes the others."""
    paths = [writes[0].update.name.removeprefix(f"{rpc.root}/") for _, writes in some]
    missing: list[_Line] = []
    there = rpc.batch_get(paths)()
    for (line, writes), found in zip(some, there, strict=True):
        if found is None:
            missing.append((line, writes))
        elif (
            line.event is not None
            and arrivals.is_event(found)
            and not _is_same(event_record(rpc, found, None), line.event)
        ):
            done.conflicts.append(line.event.id)
        else:
            done.skipped += 1
    return missing


def _is_same(found: EventRecord, event: EventRecord) -> bool:
    return (found.timestamp, found.text) == (event.timestamp, event.text)
