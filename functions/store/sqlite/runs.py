"""Runs, folded from events as they are met; nothing of them is stored."""

import sqlite3
from collections.abc import Iterator

from functions.calls.filters import PageQuery, events_of_run
from functions.rules.run import Run
from functions.store.paging import Cursor
from functions.store.sqlite.listing import event_clauses, events_in_order

_FIRST_OF_RUN = (
    "SELECT seq FROM events WHERE session = e.session AND invocation_id = e.invocation_id "
    "ORDER BY timestamp_key, seq LIMIT 1"
)


def runs_by_event(
    db: sqlite3.Connection, session: int, query: PageQuery
) -> Iterator[tuple[Cursor, Run | None]]:
    """Every event's place, `[timestamp key, seq]`, and at the first event of a run the run."""
    clauses, parameters = event_clauses(":session", query)
    rows = db.execute(
        f"SELECT e.timestamp_key, e.seq, e.invocation_id, e.seq = ({_FIRST_OF_RUN}) {clauses}",
        {**parameters, "session": session},
    )
    for key, seq, invocation_id, is_first in rows:
        yield [key, seq], _run(db, session, query, invocation_id) if is_first else None


def _run(db: sqlite3.Connection, session: int, query: PageQuery, invocation_id: str) -> Run:
    run = Run(invocation_id, with_types=query.filter.reads("event_type"))
    for _, event in events_in_order(db, session, events_of_run(invocation_id)):
        run.add(event)
    return run
