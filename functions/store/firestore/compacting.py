"""Compaction: events are rewritten in place, and summaries added beside them.

Each commit fails once an event that it rewrites, or the session, has changed since they were read.
It leaves the session's document as it is, so that its version stands.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from functions.rules.event import EventRecord
from functions.rules.names import SessionName
from functions.store.firestore.counting import COUNTED
from functions.store.firestore.documents import event_fields, expiry_of
from functions.store.firestore.event_changes import read_events
from functions.store.firestore.event_documents import (
    ORIGINALS,
    TEXT_FIELDS,
    event_record,
    event_writes,
    is_compacted,
    is_event,
    load_parts,
    original_change,
    text_change,
)
from functions.store.firestore.layouts import micros
from functions.store.firestore.protobuf import Document, Write
from functions.store.firestore.retries import Retries
from functions.store.firestore.rpc import AlreadyExists, Missing, Rpc, Stale
from functions.store.firestore.values import stamp, update

_EVENTS = 100
_BYTES = 3 * 2**19
"""Events, and bytes of them, after which a commit ends: it writes a text twice at most."""

_SPARE = 600 * 10**9
"""Nanoseconds for which a session that is compacted must still live; see `unchanged`."""

_Item = TypeVar("_Item")


def rewrite_events(
    rpc: Rpc,
    name: SessionName,
    events: Sequence[EventRecord],
    edit: Callable[[EventRecord], EventRecord | None],
    now: int,
    owner: str | None,
    retries: Callable[[], Retries],
) -> None:
    """Stores what `edit` makes of events, and keeps the originals of those that have none yet."""
    for some in in_batches(events, EventRecord.size):
        _rewrite(rpc, name, some, edit, now, owner, retries())


def add_summary(
    rpc: Rpc,
    name: SessionName,
    event: EventRecord,
    key: str,
    now: int,
    owner: str | None,
    retries: Retries,
) -> None:
    """Adds an event that no session counts."""
    while True:
        session, _, _ = read_events(rpc, name, (), now, owner)
        fields = {**event_fields(event, key), ORIGINALS[0]: 0}
        del fields[COUNTED]
        addition, *parts = event_writes(f"{session.name}/events/{event.id}", event, fields)
        stamp(addition, "arrived")
        try:
            rpc.commit([addition, *parts, unchanged(session, now)])
        except (Stale, Missing):
            retries.wait()
        except AlreadyExists:
            return
        else:
            return


def unchanged(session: Document, now: int) -> Write:
    """A write that leaves a session as it is, and fails once it has changed or is gone.

    The removal of a session reads what is below it and fails once the session has changed. An
    expired session is removed without a change before. So the write does change a session that
    expires soon, by the clock of any server: else its removal could miss what this commit adds.
    """
    write = update(session.name, {}, (), changed_since=session.update_time)
    if expiry_of(session) <= (now + _SPARE) // 1000:
        add = write.update_transforms.add
        add(field_path="updated").increment.integer_value = 1
        add(field_path="updated").maximum.integer_value = micros(now)
    return write


def _rewrite(
    rpc: Rpc,
    name: SessionName,
    events: Sequence[EventRecord],
    edit: Callable[[EventRecord], EventRecord | None],
    now: int,
    owner: str | None,
    retries: Retries,
) -> None:
    ids = [event.id for event in events]
    while True:
        session, documents, moment = read_events(rpc, name, ids, now, owner)
        found = list(filter(is_event, documents))
        records = [event_record(rpc, each, moment) for each in found]
        load_parts(records)
        writes = [
            write
            for each, record in zip(found, records, strict=True)
            for write in _edits(each, record, edit(record))
        ]
        if not writes:
            return
        try:
            rpc.commit([*writes, unchanged(session, now)])
        except (Stale, Missing):
            retries.wait()
        else:
            return


def _edits(found: Document, record: EventRecord, edited: EventRecord | None) -> list[Write]:
    if edited is None:
        return []
    fields, others = text_change(found, edited)
    mask: tuple[str, ...] = TEXT_FIELDS
    if not is_compacted(found):
        more, originals = original_change(found, record)
        fields, others, mask = {**fields, **more}, [*others, *originals], (*mask, *ORIGINALS)
    return [update(found.name, fields, mask, changed_since=found.update_time), *others]


def in_batches(items: Iterable[_Item], size: Callable[[_Item], int]) -> Iterator[list[_Item]]:
    """Events that one commit writes, by their number and their bytes, one at least."""
    batch, total = list[_Item](), 0
    for item in items:
        bytes_of_item = size(item)
        if batch and (len(batch) == _EVENTS or total + bytes_of_item > _BYTES):
            yield batch
            batch, total = [], 0
        batch.append(item)
        total += bytes_of_item
    if batch:
        yield batch
