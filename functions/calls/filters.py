"""The fields that filter and order lists, and the page that a request asks for."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple, TypeVar

from functions.aip.filtering import FieldType, Filter, FilterFields, compile_filter
from functions.aip.ordering import OrderBy
from functions.rules.engine import EngineRecord
from functions.rules.event import EventRecord
from functions.rules.event_type import EventType, event_members, event_type
from functions.rules.limits import MAX_EVENTS_PAGE
from functions.rules.run import Run, RunState
from functions.rules.session import SessionRecord

SESSION_FIELDS: FilterFields = {
    # ADK does not escape a star in a userId: as a wildcard it would match all users.
    "user_id": FieldType.ID,
    "display_name": FieldType.STRING,
    "labels": FieldType.STRING_MAP,
    "create_time": FieldType.TIMESTAMP,
    "update_time": FieldType.TIMESTAMP,
    "expire_time": FieldType.TIMESTAMP,
}
SESSION_ORDERS = ("create_time", "update_time")
SESSION_DEFAULT_ORDER = OrderBy("update_time", descending=True)

EVENT_FIELDS: FilterFields = {
    "timestamp": FieldType.TIMESTAMP,
    "author": FieldType.STRING,
    "invocation_id": FieldType.STRING,
    "branch": FieldType.STRING,
    "event_type": EventType,
}
EVENT_ORDERS = ("timestamp",)
EVENT_DEFAULT_ORDER = OrderBy("timestamp", descending=False)

_OFFICIAL_FIELDS = {"user_id", "display_name", "labels", "timestamp"}
"""Fields of sessions and events that filters of the managed service know."""

RUN_FIELDS: FilterFields = {
    "start_time": FieldType.TIMESTAMP,
    "end_time": FieldType.TIMESTAMP,
    "invocation_id": FieldType.STRING,
    "author": FieldType.STRING,
    "event_type": EventType,
    "state": RunState,
}
RUN_DEFAULT_ORDER = OrderBy("start_time", descending=False)

ENGINE_FIELDS = {
    "display_name": FieldType.STRING,
    "labels": FieldType.STRING_MAP,
    "create_time": FieldType.TIMESTAMP,
    "update_time": FieldType.TIMESTAMP,
}
ENGINE_DEFAULT_ORDER = OrderBy("create_time", descending=False)


class PageQuery(NamedTuple):
    """A page of a list: filter, order, size, and the position behind which it begins.

    A store calls `is_time_up` after each record that it reads, and ends the page if it is true.
    With `original`, events are as they were before their compaction. `is_whole` asks for all fields
    of the events' records, `is_full` for the counts of each session.
    """

    filter: Filter
    order: OrderBy
    page_size: int
    cursor: list[str | int] | None
    is_time_up: Callable[[], bool] = lambda: False
    original: bool = False
    is_whole: bool = False
    is_full: bool = False

    def users(self) -> set[str]:
        """Returns the user ids that equalities of the filter ask for."""
        return {
            value
            for field, key, value in self.filter.equalities()
            if field == "user_id" and key is None
        }


def official(fields: FilterFields) -> FilterFields:
    """Returns the fields that filters of the managed service know, too."""
    return {name: kind for name, kind in fields.items() if name in _OFFICIAL_FIELDS}


def events_of_run(invocation_id: str) -> PageQuery:
    """Returns the query of the first page of an invocation's events."""
    only = compile_filter("", {}).narrowed("invocation_id", invocation_id)
    return PageQuery(only, EVENT_DEFAULT_ORDER, MAX_EVENTS_PAGE, None)


_Record = TypeVar("_Record")


def predicate(
    test: Filter, matches: Callable[[Filter, _Record], bool]
) -> Callable[[_Record], bool] | None:
    """Returns the test of records by the filter; None if the filter matches every record."""
    return None if test.is_empty else partial(matches, test)


def session_matches(test: Filter, record: SessionRecord) -> bool:
    """Whether a session passes the filter."""
    return test.matches(lambda field: getattr(record, field))


def engine_matches(test: Filter, record: EngineRecord) -> bool:
    """Whether an engine passes the filter."""

    def value(field: str) -> Any:
        if field == "display_name":
            return record.resource.get("displayName")
        return record.resource.get("labels", {}) if field == "labels" else getattr(record, field)

    return test.matches(value)


def event_matches(test: Filter, record: EventRecord) -> bool:
    """Whether an event passes the filter; only `branch` and `event_type` parse its JSON."""
    if test.is_empty:
        return True
    members = cache(lambda: event_members(record))

    def value(field: str) -> Any:
        if field == "branch":
            if '"branch":' not in record.text:
                return None
            return members().get("eventMetadata", {}).get("branch")
        return event_type(members()) if field == "event_type" else getattr(record, field)

    return test.matches(value)


def run_matches(test: Filter, run: Run) -> bool:
    """Whether a run passes the filter: for author and event_type, whether any of its events does.

    A filter that reads event_type needs a run that was folded with its types.
    """

    def value(field: str) -> Any:
        if field == "author":
            return tuple(run.authors)
        return tuple(run.event_types) if field == "event_type" else getattr(run, field)

    return test.matches(value)
