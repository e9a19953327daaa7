"""The purge of a session's events, in batches of one commit each.

    {session}/events/{receipt}      purge: the answer of a purge that is done, as JSON

A receipt is no event: lists and readers go by fields that it lacks. Its `deleted`, the field of
deleted events, tells removals of sessions not to count it.
"""

import json
from collections.abc import Callable, Iterator, Sequence

from functions.calls.filters import PageQuery, event_matches
from functions.messages.json_text import write_plain
from functions.rules.event import EventRecord
from functions.rules.names import SessionName
from functions.store.firestore.compacting import in_batches, unchanged
from functions.store.firestore.documents import event_key
from functions.store.firestore.event_changes import FIELDS, read_events, removal_writes
from functions.store.firestore.event_documents import event_record, is_event
from functions.store.firestore.protobuf import Document, StructuredQuery
from functions.store.firestore.queries import DELETED, events_in_order, run_in_steps
from functions.store.firestore.retries import Retries
from functions.store.firestore.rpc import AlreadyExists, Missing, Rpc, Stale
from functions.store.firestore.values import creation
from functions.store.protocol import MOST_SAMPLED, EventPurge

_RECEIPT = "purge"
_Event = tuple[Document, EventRecord]

_FIRST = 100
"""Events that the first query of a purge finds at most."""


def purge_events(
    rpc: Rpc,
    name: SessionName,
    query: PageQuery,
    now: int,
    owner: str | None,
    retries: Callable[[], Retries],
    *,
    force: bool,
    receipt: str,
) -> EventPurge:
    """Removes the events that match at the moment when it begins, until the time is up."""
    kept = [receipt] if force and receipt else []
    _, receipts, _ = read_events(rpc, name, kept, now, owner, (*FIELDS, _RECEIPT))
    for found in receipts:
        if found is not None:
            return _purge_of(found)
    count, sample, done = 0, list[str](), True
    for batch in in_batches(_matching(rpc, name, query), lambda event: event[1].size()):
        gone = _remove(rpc, name, query, batch, now, owner, retries()) if force else batch
        count += len(gone)
        sample += [record.id for _, record in gone]
        if query.is_time_up():
            done = False
            break
    purge = EventPurge(count, tuple(sample[:MOST_SAMPLED]), done)
    if kept and done:
        _keep(rpc, name, receipt, purge, now, owner, retries())
    return purge


def _matching(rpc: Rpc, name: SessionName, query: PageQuery) -> Iterator[_Event]:
    def request(last: Document | None) -> StructuredQuery:
        return events_in_order(query, None if last is None else event_key(last))

    for found, moment in run_in_steps(rpc, str(name), request, _FIRST):
        if found is not None:
            record = event_record(rpc, found, moment)
            if event_matches(query.filter, record):
                yield found, record


def _remove(
    rpc: Rpc,
    name: SessionName,
    query: PageQuery,
    events: Sequence[_Event],
    now: int,
    owner: str | None,
    retries: Retries,
) -> Sequence[_Event]:
    """Removes the events that still match, and returns them."""
    ids = [record.id for _, record in events]
    session, _, _ = read_events(rpc, name, (), now, owner)
    while events:
        try:
            rpc.commit(removal_writes(rpc, name, session, events, now))
        except (Stale, Missing):
            retries.wait()
        else:
            return events
        session, documents, moment = read_events(rpc, name, ids, now, owner)
        there = [(each, event_record(rpc, each, moment)) for each in filter(is_event, documents)]
        events = [event for event in there if event_matches(query.filter, event[1])]
    return events


def _keep(
    rpc: Rpc,
    name: SessionName,
    receipt: str,
    purge: EventPurge,
    now: int,
    owner: str | None,
    retries: Retries,
) -> None:
    """Keeps the answer of a purge that is done."""
    kept = {_RECEIPT: write_plain([purge.events, purge.sample]), DELETED: "{}"}
    while True:
        session, _, _ = read_events(rpc, name, (), now, owner)
        try:
            addition = creation(f"{session.name}/events/{receipt}", kept)
            rpc.commit([addition, unchanged(session, now)])
        except (Stale, Missing):
            retries.wait()
        except AlreadyExists:
            return
        else:
            return


def _purge_of(receipt: Document) -> EventPurge:
    count, sample = json.loads(receipt.fields[_RECEIPT].string_value)
    return EventPurge(count, tuple(sample), done=True)
