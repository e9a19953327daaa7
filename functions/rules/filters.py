"""What lists can be filtered and ordered by, and the page that a request asks for."""

from dataclasses import dataclass
from typing import Any

from functions.aip.filtering import FieldType, Filter
from functions.aip.ordering import OrderBy
from functions.messages.json_text import read_json
from functions.rules.engine import EngineRecord
from functions.rules.event import EventRecord
from functions.rules.session import SessionRecord

SESSION_FIELDS = {
    "user_id": FieldType.STRING,
    "display_name": FieldType.STRING,
    "labels": FieldType.STRING_MAP,
    "create_time": FieldType.TIMESTAMP,
    "update_time": FieldType.TIMESTAMP,
    "expire_time": FieldType.TIMESTAMP,
}
SESSION_ORDERS = ("create_time", "update_time")
SESSION_DEFAULT_ORDER = OrderBy("update_time", descending=True)

EVENT_FIELDS = {
    "timestamp": FieldType.TIMESTAMP,
    "author": FieldType.STRING,
    "invocation_id": FieldType.STRING,
    "branch": FieldType.STRING,
}
EVENT_ORDERS = ("timestamp",)
EVENT_DEFAULT_ORDER = OrderBy("timestamp", descending=False)

ENGINE_FIELDS = {
    "display_name": FieldType.STRING,
    "labels": FieldType.STRING_MAP,
    "create_time": FieldType.TIMESTAMP,
    "update_time": FieldType.TIMESTAMP,
}
ENGINE_DEFAULT_ORDER = OrderBy("create_time", descending=False)


@dataclass(frozen=True, slots=True)
class PageQuery:
    """Which items, in which order, how many at most, and where to go on."""

    filter: Filter
    order: OrderBy
    page_size: int
    cursor: list[str | int] | None


def session_matches(filter: Filter, record: SessionRecord) -> bool:
    """Whether a session passes the filter."""
    return filter.matches(lambda field: getattr(record, field))


def engine_matches(filter: Filter, record: EngineRecord) -> bool:
    """Whether an engine passes the filter."""

    def value(field: str) -> Any:
        if field == "display_name":
            return record.resource.get("displayName")
        return record.resource.get("labels", {}) if field == "labels" else getattr(record, field)

    return filter.matches(value)


def event_matches(filter: Filter, record: EventRecord) -> bool:
    """Whether an event passes the filter; only `branch` costs reading its JSON."""

    def value(field: str) -> Any:
        if field != "branch":
            return getattr(record, field)
        message = read_json(b"{" + record.text.encode())
        return message.get("eventMetadata", {}).get("branch")

    return filter.matches(value)
