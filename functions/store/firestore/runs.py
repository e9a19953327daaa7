"""Runs are folded from events; Firestore stores none.

A query over a few fields of the events finds where runs begin. The server then reads these runs
whole, several at a time, as of the moment of that query.
"""

from collections.abc import Iterator, Sequence

from functions.calls.filters import PageQuery
from functions.rules.names import SessionName
from functions.rules.run import Run
from functions.store.firestore.documents import event_key
from functions.store.firestore.event_documents import event_record
from functions.store.firestore.layouts import MAX_IN
from functions.store.firestore.protobuf import Document, StructuredQuery, Timestamp
from functions.store.firestore.queries import (
    MAX_DOCUMENTS,
    event_places,
    events_of_runs,
    next_limit,
    run_in_steps,
)
from functions.store.firestore.rpc import Rpc
from functions.store.paging import Cursor, checked_cursor

_EVENTS_PER_RUN = 10
"""Events that a run is assumed to have, for the limit of the first query."""


def runs_by_event(
    rpc: Rpc, name: SessionName, query: PageQuery
) -> Iterator[tuple[Cursor, Run | None]]:
    """Every event's place, `[key]`, and at the first event of a run the run.

    Each query begins with the last event of the query before, or of the page before. The run of
    that event was answered already, so the server does not read it again.
    """
    limit = min(_EVENTS_PER_RUN * (query.page_size + 1), MAX_DOCUMENTS)
    start, read_time = next(map(str, checked_cursor(query.cursor, str)), None), None
    met: set[str] = set()
    while True:
        answers = list(rpc.run_query(str(name), event_places(query, limit, start), read_time))
        read_time = answers[-1][1]
        events = [found for found, _ in answers if found is not None]
        keys: list[str] = []
        unmet: list[str] = []
        for key, invocation in map(_place, events):
            if key != start:
                keys.append(key)
                if invocation not in met:
                    unmet.append(invocation)
            met.add(invocation)
            if len(unmet) == min(MAX_IN, query.page_size + 1):
                yield from _told(rpc, name, query, keys, unmet, read_time)
                keys, unmet = [], []
        yield from _told(rpc, name, query, keys, unmet, read_time)
        if len(events) < limit:
            return
        start = event_key(events[-1])
        limit = next_limit(limit)


def _told(
    rpc: Rpc,
    name: SessionName,
    query: PageQuery,
    keys: Sequence[str],
    unmet: Sequence[str],
    read_time: Timestamp,
) -> Iterator[tuple[Cursor, Run | None]]:
    """The events of these keys, and the runs of `unmet` that begin with one of them."""
    runs: dict[str, Run] = {}
    beginning: dict[str, Run] = {}

    def request(last: Document | None) -> StructuredQuery:
        return events_of_runs(unmet, None if last is None else event_key(last))

    for found, moment in (
        run_in_steps(rpc, str(name), request, MAX_DOCUMENTS, read_time) if unmet else ()
    ):
        if found is None or _place(found)[1] not in unmet:
            continue
        event = event_record(rpc, found, moment)
        run = runs.get(event.invocation_id)
        if run is None:
            with_types = query.filter.reads("event_type")
            run = runs[event.invocation_id] = Run(event.invocation_id, with_types=with_types)
            beginning[event_key(found)] = run
        run.add(event)
    for key in keys:
        yield [key], beginning.get(key)


def _place(event: Document) -> tuple[str, str]:
    return event_key(event), event.fields["invocationId"].string_value
