"""The structured queries of the store, each a shape that `infra/` needs an index for."""

from collections.abc import Callable, Iterator, Sequence

from functions.aip.timestamp import MIN_TIMESTAMP
from functions.calls.filters import PageQuery
from functions.messages.json_text import utf8_size
from functions.rules.event import timestamp_key
from functions.rules.names import EngineName
from functions.store.firestore.layouts import Layout, facet, moment
from functions.store.firestore.protobuf import Document, StructuredQuery, Timestamp, Value
from functions.store.firestore.rpc import Rpc
from functions.store.firestore.values import value
from functions.store.paging import Cursor

_Direction = StructuredQuery.Direction
_Operator = StructuredQuery.FieldFilter.Operator

MAX_DOCUMENTS = 1_000
"""Documents that one call asks for at most, unless a page is larger."""

_MAX_INDEXED = 1_500
"""Bytes of a text that indexes hold; longer ones are cut off."""

LAST_NAME = "\uf8ff"
"""Behind every id of the store."""

DELETED = "deleted"
"""The field that tells the document of a deleted event from others."""


def next_limit(limit: int) -> int:
    """The limit of the next call, after one for `limit` documents was not enough."""
    return max(limit, min(2 * limit, MAX_DOCUMENTS))


def run_in_steps(
    rpc: Rpc,
    parent: str,
    request: Callable[[Document | None], StructuredQuery],
    limit: int,
    read_time: Timestamp | None = None,
    *,
    is_page: bool = False,
) -> Iterator[tuple[Document | None, Timestamp]]:
    """All that a query finds at one moment: `(document, read_time)`, as `Rpc.run_query` answers.

    The first call asks for `limit` documents, and each for twice as many as the one before, up to
    MAX_DOCUMENTS: a caller that needs a second call skips most documents. `request` makes the query
    that goes on behind a document, or begins at the start for None.
    """
    last, is_full = None, True
    while is_full:
        query, count = request(last), 0
        query.limit.value = limit
        for found, at in rpc.run_query(parent, query, read_time, is_page=is_page):
            if found is not None:
                last, count = found, count + 1
            yield found, at
        is_full, read_time = count >= limit, at
        limit = next_limit(limit)


def events_in_order(query: PageQuery, behind: str | None) -> StructuredQuery:
    """A session's events by key, behind a key."""
    result = _select("events")
    _where_event(result, query)
    _order(result, "key", descending=query.order.descending)
    if behind is not None:
        _start_after(result, value(behind))
    return result


def event_places(query: PageQuery, limit: int, start: str | None) -> StructuredQuery:
    """Keys and invocations of events that may begin runs, by key, from a key on."""
    result = _select("events", "key", "invocationId", limit=limit)
    _where_event(result, query)
    _order(result, "key", descending=False)
    if start is not None:
        result.start_at.values.append(value(start))
        result.start_at.before = True
    return result


def places_of_invocation(invocation: str) -> StructuredQuery:
    """Where the events of an invocation stand; those of others, too, if its name is long."""
    result = _select("events", "invocationId", "n")
    if _is_indexed(invocation):
        _where(result, "invocationId", _Operator.EQUAL, value(invocation))
    _order(result, "key", descending=False)
    return result


def newest_by_key() -> StructuredQuery:
    """The last event of a session's list."""
    result = _select("events", "key", limit=1)
    _order(result, "key", descending=True)
    return result


def events_of_runs(invocations: Sequence[str], behind: str | None) -> StructuredQuery:
    """Events of up to MAX_IN invocations by key, behind a key; all events if an id is too long."""
    result = _select("events")
    if all(map(_is_indexed, invocations)):
        _where(result, "invocationId", _Operator.IN, value(list(invocations)))
    _order(result, "key", descending=False)
    if behind is not None:
        _start_after(result, value(behind))
    return result


def newest_events(limit: int) -> StructuredQuery:
    """A session's events that arrived last."""
    result = _select("events", limit=limit)
    _order(result, "arrived", descending=True)
    return result


def latest_events(behind: Document | None) -> StructuredQuery:
    """The places of a session's events, the newest first, behind one of them."""
    result = _select("events", "key", "counted")
    _order(result, "key", descending=True)
    if behind is not None:
        _start_after(result, behind.fields["key"])
    return result


def events_by_arrival(since: int | None, behind: Document | None) -> StructuredQuery:
    """A session's events as they arrived, from a moment on or behind one of them."""
    return arrivals("events", since, None, behind)


def arrivals(
    collection: str,
    since: int | None,
    until: int | None,
    behind: Document | None,
    limit: int = 0,
) -> StructuredQuery:
    """Documents of a collection as they arrived, between two moments and behind one of them."""
    result = _select(collection, limit=limit)
    if since is not None:
        _where(result, "arrived", _Operator.GREATER_THAN_OR_EQUAL, moment(since))
    if until is not None:
        _where(result, "arrived", _Operator.LESS_THAN_OR_EQUAL, moment(until))
    _order(result, "arrived", descending=False)
    _order(result, "__name__", descending=False)
    if behind is not None:
        _start_after(result, behind.fields["arrived"], Value(reference_value=behind.name))
    return result


def sessions_in_order(
    query: PageQuery,
    engine: EngineName,
    layout: Layout,
    facets: Sequence[str],
    behind: tuple[int, str] | None,
    fields: Sequence[str] = (),
) -> StructuredQuery:
    """Sessions that have one of the facets, in the query's order.

    They are behind `(nanoseconds, full document name)` and below the engine; the engine `-` stands
    for all engines.
    """
    result = _select("sessions", *fields)
    result.from_[0].all_descendants = engine.is_wildcard
    _where(result, layout.array, _Operator.ARRAY_CONTAINS_ANY, value(facets))
    order = query.order
    field = layout.order_field(order.field)
    lower, upper = query.filter.bounds(order.field)
    if lower is not None:
        earliest = layout.time(order.field, lower)
        _where(result, field, _Operator.GREATER_THAN_OR_EQUAL, earliest)
    if upper is not None:
        latest = layout.time(order.field, upper)
        _where(result, field, _Operator.LESS_THAN_OR_EQUAL, latest)
    _order(result, field, descending=order.descending)
    _order(result, "__name__", descending=order.descending)
    if behind is not None:
        position, name = behind
        _start_after(result, layout.time(order.field, position), Value(reference_value=name))
    return result


def searched_facets(query: PageQuery, engine: EngineName, layout: Layout) -> list[list[str]]:
    """The facets that find a list's sessions, of one query each.

    They are those of the filter's first equality that has facets, else those of the location.
    """
    facets = [
        facet(field if key is None else f"{field}.{key}", literal)
        for field, key, literal in query.filter.equalities()
        if layout.has_facet(field, key)
    ]
    # Firestore looks up one facet; the server decides the others.
    return layout.searches((facets or [facet("location", engine.location)])[0])


def sessions_of_id(session_id: str) -> StructuredQuery:
    """The sessions of one id, wherever they are: Firestore has no narrower collection group."""
    result = _select("sessions")
    result.from_[0].all_descendants = True
    _where(result, "sessionId", _Operator.EQUAL, value(session_id))
    return result


def expired_sessions(
    shards: Sequence[int],
    until: int,
    limit: int,
    behind: tuple[int, str] | None,
    since: int | None = None,
) -> StructuredQuery:
    """Sessions of some purge shards, of the whole database, whose expiry has come.

    They are in the order of their expiry, behind `(expiry, full document name)`, and with `since`
    they expired after it. Times are microseconds. A deleted session's expiry is 0.
    """
    result = _select("sessions", "expiry", limit=limit)
    result.from_[0].all_descendants = True
    _where(result, "purgeShard", _Operator.IN, value(shards))
    _where(result, "expiry", _Operator.LESS_THAN_OR_EQUAL, value(until))
    if since is not None:
        _where(result, "expiry", _Operator.GREATER_THAN, value(since))
    _order(result, "expiry", descending=False)
    _order(result, "__name__", descending=False)
    if behind is not None:
        expiry, name = behind
        _start_after(result, value(expiry), Value(reference_value=name))
    return result


def documents_below(behind: str, limit: int, *, from_: str = "", to: str = "") -> StructuredQuery:
    """All documents below a path by name, whatever their collections, with DELETED alone.

    They are behind a full name or "", or of the sessions from one full name to another.
    """
    result = documents_by_name("", (DELETED,), limit, behind, everywhere=True)
    if to:
        result.start_at.values.append(Value(reference_value=from_))
        result.start_at.before = True
        result.end_at.values.append(Value(reference_value=f"{to}/{LAST_NAME}/{LAST_NAME}"))
    return result


def whole_sessions(collection: str, behind: str, limit: int) -> StructuredQuery:
    """The sessions of a collection, by its full name, behind an id, with all that is below them."""
    result = _select("", limit=limit)
    result.from_[0].all_descendants = True
    _order(result, "__name__", descending=False)
    if behind:
        last = f"{collection}/{behind}/{LAST_NAME}/{LAST_NAME}"
        _start_after(result, Value(reference_value=last))
    result.end_at.values.append(Value(reference_value=f"{collection}/{LAST_NAME}"))
    return result


def sessions_between(first: str, last: str, limit: int) -> StructuredQuery:
    """An engine's sessions from one full name to another."""
    result = documents_by_name("sessions", (), limit, "", everywhere=False)
    result.start_at.values.append(Value(reference_value=first))
    result.start_at.before = True
    result.end_at.values.append(Value(reference_value=last))
    return result


def engines_in_order(behind: Cursor | None, root: str) -> StructuredQuery:
    """A location's engines, oldest first, behind `[nanoseconds, name]`."""
    result = _select("reasoningEngines")
    _order(result, "createTime", descending=False)
    _order(result, "__name__", descending=False)
    if behind:
        position, name = behind
        _start_after(result, moment(int(position)), Value(reference_value=f"{root}/{name}"))
    return result


def documents_of_user(
    user_id: str, collection: str, behind: str, last: str, fields: Sequence[str], limit: int
) -> StructuredQuery:
    """Sessions, tombstones included, or documents of a user, behind a full name and up to one."""
    result = _select(collection, *(fields or ("__name__",)), limit=limit)
    result.from_[0].all_descendants = True
    _where(result, "userId", _Operator.EQUAL, value(user_id))
    _order(result, "__name__", descending=False)
    _start_after(result, Value(reference_value=behind))
    result.end_at.values.append(Value(reference_value=last))
    return result


def users_in_order(behind: str) -> StructuredQuery:
    """The users of an engine by userId, behind one."""
    result = _select("users", "userId", "createTime")
    _order(result, "userId", descending=False)
    _start_after(result, value(behind))
    return result


def names_in(collection: str, limit: int) -> StructuredQuery:
    """Some documents of a collection, without their fields."""
    return _select(collection, "__name__", limit=limit)


def documents_by_name(
    collection: str, fields: Sequence[str], limit: int, behind: str, *, everywhere: bool
) -> StructuredQuery:
    """Documents of a collection, or of all collections so called, behind a full name or ""."""
    result = _select(collection, *(fields or ("__name__",)), limit=limit)
    result.from_[0].all_descendants = everywhere
    _order(result, "__name__", descending=False)
    if behind:
        _start_after(result, Value(reference_value=behind))
    return result


def _select(collection: str, *fields: str, limit: int = 0) -> StructuredQuery:
    result = StructuredQuery()
    result.from_.add().collection_id = collection
    if limit:
        result.limit.value = limit
    for field in fields:
        result.select.fields.add().field_path = field
    return result


def _where(
    query: StructuredQuery,
    field: str,
    operator: StructuredQuery.FieldFilter.Operator,
    operand: Value,
) -> None:
    query.where.composite_filter.op = StructuredQuery.CompositeFilter.Operator.AND
    condition = query.where.composite_filter.filters.add().field_filter
    condition.field.field_path = field
    condition.op = operator
    condition.value.CopyFrom(operand)


def _where_event(query: StructuredQuery, request: PageQuery) -> None:
    """The filter's invocation, and its bounds on the field that events are ordered by."""
    invocation = request.filter.equality("invocation_id")
    if invocation is not None and _is_indexed(invocation):
        _where(query, "invocationId", _Operator.EQUAL, value(invocation))
    lower, upper = request.filter.bounds(request.order.field)
    if lower is not None:
        key = timestamp_key(max(lower, MIN_TIMESTAMP))
        _where(query, "key", _Operator.GREATER_THAN_OR_EQUAL, value(key))
    if upper is not None:
        _where(
            query,
            "key",
            _Operator.LESS_THAN_OR_EQUAL,
            value(f"{timestamp_key(max(upper, MIN_TIMESTAMP))}~"),
        )


def _is_indexed(text: str) -> bool:
    return utf8_size(text) <= _MAX_INDEXED


def _order(query: StructuredQuery, field: str, *, descending: bool) -> None:
    order = query.order_by.add()
    order.field.field_path = field
    order.direction = _Direction.DESCENDING if descending else _Direction.ASCENDING


def _start_after(query: StructuredQuery, *values: Value) -> None:
    query.start_at.values.extend(values)
    query.start_at.before = False
