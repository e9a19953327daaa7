"""Reads, changes and removes events one by one.

A change or a removal is one commit, on condition that neither the event nor its session has changed
since they were read. The document of a removed event stays without the fields that lists go by:
the retry of its append still meets it, and a fork still finds its place and its state delta.
"""

from collections.abc import Callable, Sequence

from functions.rules.errors import EventNotFound
from functions.rules.event import NO_TIME, EventCounts, EventRecord, counted_time
from functions.rules.names import SessionName
from functions.rules.state_history import kept_delta
from functions.rules.token_usage import NO_USAGE, usage_of_text
from functions.store.firestore.condemned import HIDING, live
from functions.store.firestore.counting import COUNTED, count
from functions.store.firestore.documents import timestamp_of
from functions.store.firestore.event_documents import (
    ORIGINALS,
    PARTS,
    TEXT_FIELDS,
    event_record,
    is_event,
    load_parts,
    original_change,
    original_record,
    part_removals,
    text_change,
)
from functions.store.firestore.layouts import micros
from functions.store.firestore.protobuf import Document, Timestamp, Write
from functions.store.firestore.queries import DELETED, latest_events, run_in_steps
from functions.store.firestore.retries import Retries
from functions.store.firestore.rpc import Missing, Rpc, Stale
from functions.store.firestore.values import Fields, update

_OF_LISTS = ("key", "author", "invocationId", *TEXT_FIELDS, *ORIGINALS)
"""What the document of a removed event loses."""

FIELDS = ("expiry", "userId", "lastEventTime", COUNTED, *_OF_LISTS, *HIDING)
"""What is read of a session, its engine and its events."""


def read_events(
    rpc: Rpc,
    name: SessionName,
    event_ids: Sequence[str],
    now: int,
    owner: str | None,
    fields: Sequence[str] = FIELDS,
) -> tuple[Document, list[Document | None], Timestamp]:
    """Reads a session with some of its events, and when they were so; raises SessionNotFound."""
    moment = Timestamp()
    paths = [str(name), name.engine, *(f"{name}/events/{event_id}" for event_id in event_ids)]
    session, engine, *events = rpc.batch_get(paths, fields, moment=moment)()
    return live(name, session, now, owner, engine), events, moment


def get_event(
    rpc: Rpc, name: SessionName, event_id: str, now: int, owner: str | None, *, original: bool
) -> EventRecord:
    """Reads an event, with `original` as it was before its compaction."""
    _, found, moment = _read(rpc, name, event_id, now, owner)
    record = (original_record if original else event_record)(rpc, found, moment)
    if record is None:
        raise EventNotFound(f"{name}/events/{event_id}")
    load_parts([record])
    return record


def update_event(
    rpc: Rpc,
    name: SessionName,
    event_id: str,
    change: Callable[[EventRecord], EventRecord],
    now: int,
    owner: str | None,
    retries: Retries,
) -> EventRecord:
    """Changes an event and its original; writes nothing where nothing changes."""
    while True:
        session, found, moment = _read(rpc, name, event_id, now, owner)
        record = event_record(rpc, found, moment)
        changed = change(record)
        writes = _text_writes(rpc, found, moment, record, changed, change)
        if not writes:
            return changed
        usage = usage_of_text(changed.text).minus(usage_of_text(record.text))
        gained = EventCounts(0, usage if COUNTED in found.fields else NO_USAGE, NO_TIME)
        try:
            rpc.commit([*writes, moved(session, now, gained)])
        except (Stale, Missing):
            retries.wait()
        else:
            return changed


def delete_event(
    rpc: Rpc, name: SessionName, event_id: str, now: int, owner: str | None, retries: Retries
) -> None:
    """Removes an event and its original."""
    has_met = False
    while True:
        try:
            session, found, moment = _read(rpc, name, event_id, now, owner)
        except EventNotFound:
            # Ours is gone, maybe by a commit whose answer was lost.
            if has_met:
                return
            raise
        has_met = True
        try:
            record = event_record(rpc, found, moment)
            rpc.commit(removal_writes(rpc, name, session, [(found, record)], now))
        except (Stale, Missing):
            retries.wait()
        else:
            return


def removal_writes(
    rpc: Rpc,
    name: SessionName,
    session: Document,
    events: Sequence[tuple[Document, EventRecord]],
    now: int,
) -> list[Write]:
    """The writes that remove events and take them from the counts of their session."""
    counted = [record for found, record in events if COUNTED in found.fields]
    usage = NO_USAGE
    for record in counted:
        usage = usage.plus(usage_of_text(record.text))
    lost = EventCounts(-len(counted), NO_USAGE.minus(usage), NO_TIME)
    fields: Fields = {}
    newest = max(counted_time(record.timestamp) for _, record in events)
    if newest >= session.fields["lastEventTime"].integer_value:
        fields = {"lastEventTime": _newest_left(rpc, name, {found.name for found, _ in events})}
    removals = [write for found, record in events for write in _removal(found, record)]
    return [*removals, moved(session, now, lost, fields)]


def moved(session: Document, now: int, gained: EventCounts, fields: Fields | None = None) -> Write:
    """The write that moves a session's updateTime and its counts, unless it has changed."""
    fields = fields or {}
    write = update(session.name, fields, fields, changed_since=session.update_time)
    add = write.update_transforms.add
    # Firestore takes the transforms of one field in their order.
    add(field_path="updated").increment.integer_value = 1
    add(field_path="updated").maximum.integer_value = micros(now)
    count(write, gained)
    return write


def _read(
    rpc: Rpc, name: SessionName, event_id: str, now: int, owner: str | None
) -> tuple[Document, Document, Timestamp]:
    """A session and one of its events, and when they were so."""
    session, (found,), moment = read_events(rpc, name, [event_id], now, owner)
    if not is_event(found):
        raise EventNotFound(f"{name}/events/{event_id}")
    return session, found, moment


def _text_writes(
    rpc: Rpc,
    found: Document,
    moment: Timestamp,
    record: EventRecord,
    changed: EventRecord,
    change: Callable[[EventRecord], EventRecord],
) -> list[Write]:
    """The writes that change the text of an event and that of its original, none for no change."""
    fields: Fields = {}
    mask: tuple[str, ...] = ()
    others = list[Write]()
    if changed.text != record.text:
        fields, others = text_change(found, changed)
        mask = TEXT_FIELDS
    original = original_record(rpc, found, moment) if ORIGINALS[0] in found.fields else None
    if original is not None:
        changed_original = change(original)
        is_like_event = changed_original.text == changed.text
        if is_like_event or changed_original.text != original.text:
            kept = None if is_like_event else changed_original
            more, beside = original_change(found, kept)
            fields, others, mask = {**fields, **more}, [*others, *beside], (*mask, *ORIGINALS)
    if not mask:
        return []
    return [update(found.name, fields, mask, changed_since=found.update_time), *others]


def _removal(event: Document, record: EventRecord) -> list[Write]:
    fields = {DELETED: kept_delta(record.text)}
    mask = (DELETED, *_OF_LISTS)
    return [
        update(event.name, fields, mask, changed_since=event.update_time),
        *part_removals(event, PARTS[0]),
        *part_removals(event, ORIGINALS[0]),
    ]


def _newest_left(rpc: Rpc, name: SessionName, gone: set[str]) -> int:
    """The time of the newest event that counts and is left, NO_TIME for none."""
    for found, _ in run_in_steps(rpc, str(name), latest_events, len(gone) + 1):
        if found is not None and found.name not in gone and COUNTED in found.fields:
            return counted_time(timestamp_of(found))
    return NO_TIME
