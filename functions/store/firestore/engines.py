"""Reasoning engines as documents; one may hold app state before it is created."""

from collections.abc import Callable
from contextlib import suppress

from functions.calls.filters import PageQuery, engine_matches, predicate
from functions.messages.json_text import utf8_size
from functions.rules.engine import EngineRecord
from functions.rules.errors import EngineHasSessions, EngineNotFound, StoreUnavailable
from functions.rules.names import EngineName
from functions.store.firestore import documents, queries, values
from functions.store.firestore.condemned import (
    CONDEMNED,
    condemnation,
    finish_deletion,
    is_condemned,
)
from functions.store.firestore.erasure import removal
from functions.store.firestore.protobuf import Document, StructuredQuery, Write
from functions.store.firestore.queries import names_in
from functions.store.firestore.retries import Retries
from functions.store.firestore.rpc import AlreadyExists, Missing, Rpc, Stale
from functions.store.paging import Cursor, Page, checked_cursor, fill_page


def create_engine(rpc: Rpc, record: EngineRecord) -> None:
    """Writes an engine's own fields and leaves the rest of its document alone."""
    fields = documents.engine_fields(record)
    write = Write(update=values.document(f"{rpc.root}/{record.name}", fields))
    write.update_mask.field_paths.extend(fields)
    rpc.commit([write])


def get_engine(rpc: Rpc, name: EngineName) -> EngineRecord:
    """Reads an engine; raises EngineNotFound."""
    (found,) = rpc.batch_get([str(name)])()
    return documents.engine_record(name, _existing(name, found))


def list_engines(rpc: Rpc, location: str, query: PageQuery) -> Page[EngineRecord]:
    """One page of a location's engines, oldest first."""
    behind = checked_cursor(query.cursor, int, str)

    def request(last: Document | None) -> StructuredQuery:
        cursor = behind if last is None else _cursor(record_of(last))
        return queries.engines_in_order(cursor, rpc.root)

    def record_of(found: Document) -> EngineRecord:
        name = EngineName(location, found.name.rpartition("/")[2])
        return documents.engine_record(name, found)

    records = (
        record_of(found)
        for found, _ in queries.run_in_steps(rpc, location, request, query.page_size + 1)
        if found is not None
    )
    return fill_page(
        ((_cursor(record), record) for record in records),
        query,
        predicate(query.filter, engine_matches),
        lambda record: utf8_size(record.to_json()),
    )


def update_engine(
    rpc: Rpc, name: EngineName, change: Callable[[EngineRecord], EngineRecord], retries: Retries
) -> EngineRecord:
    """Replaces an engine by the answer of `change`; raises EngineNotFound."""
    while True:
        (found,) = rpc.batch_get([str(name)])()
        current = _existing(name, found)
        changed = change(documents.engine_record(name, current))
        fields = documents.engine_fields(changed)
        path = f"{rpc.root}/{name}"
        try:
            rpc.commit([values.update(path, fields, fields, changed_since=current.update_time)])
        except (Stale, Missing):
            retries.wait()
            continue
        return changed


def delete_engine(
    rpc: Rpc,
    name: EngineName,
    now: int,
    is_time_up: Callable[[], bool],
    retries: Retries,
    *,
    force: bool,
) -> bool:
    """Hides an engine, removes what is below it until the time is up, and tells if all is gone.

    With `force` an engine may also be deleted that was never created and holds users or state.
    Raises EngineNotFound, or EngineHasSessions without `force`.
    """
    has_begun = False
    while True:
        (found,) = rpc.batch_get([str(name)])()
        if is_condemned(found):
            break
        if found is None and has_begun:
            # Firestore took the removal, and its answer was lost.
            return True
        is_created = documents.is_engine(found)
        if not (is_created or force):
            raise EngineNotFound(name)
        has_sessions = _has_any(rpc, name, names_in("sessions", 1))
        if has_sessions and not force and _has_live_session(rpc, name, now, found):
            raise EngineHasSessions(name)
        is_empty = not has_sessions and not _has_any(rpc, name, names_in("users", 1))
        if is_empty and not is_created and not values.members_of(found, "app"):
            raise EngineNotFound(name)
        has_begun = found is not None
        try:
            if is_empty and found is not None:
                rpc.commit([removal(found)])
            else:
                rpc.commit(condemnation(rpc, name, found))
        except (AlreadyExists, Missing, Stale):
            retries.wait()
            continue
        if is_empty:
            return True
        break
    # The engine is hidden already; what cannot be removed now goes with the next purge.
    with suppress(StoreUnavailable):
        return finish_deletion(rpc, name, now, is_time_up).done
    return False


def is_deleting_engine(rpc: Rpc, name: EngineName) -> bool:
    """Whether an engine is hidden and something below it is left."""
    (found,) = rpc.batch_get([str(name)], [CONDEMNED])()
    return is_condemned(found)


def _has_any(rpc: Rpc, name: EngineName, query: StructuredQuery) -> bool:
    return any(found is not None for found, _ in rpc.run_query(str(name), query))


def _has_live_session(rpc: Rpc, name: EngineName, now: int, engine: Document | None) -> bool:
    """Reads the sessions by name until one is live; in most engines the first one is."""

    def request(last: Document | None) -> StructuredQuery:
        behind = "" if last is None else last.name
        fields = ("expiry", "userId")
        return queries.documents_by_name("sessions", fields, 0, behind, everywhere=False)

    found = queries.run_in_steps(rpc, str(name), request, 1)
    return any(documents.is_live(session, now, None, engine) for session, _ in found)


def _existing(name: EngineName, found: Document | None) -> Document:
    if not documents.is_engine(found):
        raise EngineNotFound(name)
    return found


def _cursor(record: EngineRecord) -> Cursor:
    return [record.create_time, str(record.name)]
