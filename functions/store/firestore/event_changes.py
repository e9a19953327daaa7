"""Reads, changes and removes events one by one.

A change or a removal is one commit, on condition that neither the event nor its session has changed
since they were read. The document of a removed event stays without the fields that lists go by:
the retry of its append still meets it, and a fork still finds its place and its state delta.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeGuard

from functions.messages.json_text import write_json
from functions.rules.errors import EventNotFound, SessionNotFound
from functions.rules.event import NO_TIME, EventCounts, EventRecord, counted_time
from functions.rules.event_type import event_members
from functions.rules.names import SessionName
from functions.rules.token_usage import NO_USAGE, usage_of_text
from functions.store.firestore.counting import COUNTED, count
from functions.store.firestore.documents import event_record, event_time, is_live
from functions.store.firestore.layouts import micros
from functions.store.firestore.originals import (
    ORIGINALS,
    count_of,
    original_removals,
    original_writes,
    originals_of,
)
from functions.store.firestore.protobuf import Document, Write
from functions.store.firestore.queries import DELETED, latest_events, run_in_steps
from functions.store.firestore.retries import Retries
from functions.store.firestore.rpc import Missing, Rpc, Stale
from functions.store.firestore.values import Fields, update

SESSION_FIELDS = ("expiry", "userId", "lastEventTime")
EVENT_FIELDS = ("key", "author", "invocationId", "text", COUNTED, ORIGINALS)

_OF_LISTS = ("key", "author", "invocationId", "text")
"""What the document of a removed event loses."""


def is_event(found: Document | None) -> TypeGuard[Document]:
    """Whether a document is that of an event that was not removed."""
    return found is not None and "key" in found.fields


def read_event(
    rpc: Rpc, name: SessionName, event_id: str, now: int, owner: str | None
) -> tuple[Document, Document]:
    """Reads a session and one of its events; raises SessionNotFound and EventNotFound."""
    path = f"{name}/events/{event_id}"
    session, found = rpc.batch_get([str(name), path], (*SESSION_FIELDS, *EVENT_FIELDS))()
    if not is_live(session, now, owner):
        raise SessionNotFound(name)
    if not is_event(found):
        raise EventNotFound(path)
    return session, found


def get_event(
    rpc: Rpc, name: SessionName, event_id: str, now: int, owner: str | None, *, original: bool
) -> EventRecord:
    """Reads an event, with `original` as it was before its compaction."""
    _, found = read_event(rpc, name, event_id, now, owner)
    record = event_record(found)
    if not original:
        return record
    (text,) = originals_of(rpc, [found])
    if text == "":
        raise EventNotFound(f"{name}/events/{event_id}")
    return record if text is None else replace(record, text=text)


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
        session, found = read_event(rpc, name, event_id, now, owner)
        (original,) = originals_of(rpc, [found])
        record = event_record(found)
        changed = change(record)
        changed_original = change(replace(record, text=original)).text if original else original
        if changed.text == record.text and changed_original == original:
            return changed
        fields, mask, others = {"text": changed.text}, ["text"], list[Write]()
        if original and changed_original:
            mask.append(ORIGINALS)
            kept = 0
            if changed_original != changed.text:
                fields[ORIGINALS] = kept = count_of(changed_original)
                others = original_writes(found, changed_original)
            others += original_removals(found, kept)
        usage = usage_of_text(changed.text).minus(usage_of_text(record.text))
        lost = EventCounts(0, usage if COUNTED in found.fields else NO_USAGE, NO_TIME)
        write = update(found.name, fields, mask, changed_since=found.update_time)
        try:
            rpc.commit([write, *others, moved(session, now, lost)])
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
            session, found = read_event(rpc, name, event_id, now, owner)
        except EventNotFound:
            # Ours is gone, maybe by a commit whose answer was lost.
            if has_met:
                return
            raise
        has_met = True
        try:
            rpc.commit(removal_writes(rpc, name, session, [found], now))
        except (Stale, Missing):
            retries.wait()
        else:
            return


def removal_writes(
    rpc: Rpc, name: SessionName, session: Document, found: Sequence[Document], now: int
) -> list[Write]:
    """The writes that remove events and take them from the counts of their session."""
    writes, usage, counted = list[Write](), NO_USAGE, 0
    for event in found:
        record = event_record(event)
        writes += _removal(event, record)
        if COUNTED in event.fields:
            counted += 1
            usage = usage.plus(usage_of_text(record.text))
    lost = EventCounts(-counted, NO_USAGE.minus(usage), NO_TIME)
    fields: Fields = {}
    newest = max(counted_time(event_time(event)) for event in found)
    if newest >= session.fields["lastEventTime"].integer_value:
        fields = {"lastEventTime": _newest_left(rpc, name, found)}
    return [*writes, moved(session, now, lost, fields)]


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


def _removal(event: Document, record: EventRecord) -> list[Write]:
    actions = event_members(record).get("actions", {})
    fields = {DELETED: write_json(actions.get("stateDelta", {}))}
    mask = (DELETED, *_OF_LISTS, ORIGINALS)
    write = update(event.name, fields, mask, changed_since=event.update_time)
    return [write, *original_removals(event)]


def _newest_left(rpc: Rpc, name: SessionName, gone: Sequence[Document]) -> int:
    """The time of the newest event that is left of those that count, NO_TIME for none."""
    names = {event.name for event in gone}
    for found, _ in run_in_steps(rpc, str(name), latest_events, len(names) + 1):
        if found is not None and found.name not in names and COUNTED in found.fields:
            return counted_time(event_time(found))
    return NO_TIME
