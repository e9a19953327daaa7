"""A request as methods see it, independent of HTTP, and the readers of its parts."""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from functions.aip.duration import parse_duration
from functions.aip.errors import InvalidArgument
from functions.aip.field_mask import FieldPath, parse_field_mask
from functions.aip.filtering import Filter, FilterFields, compile_filter
from functions.aip.ordering import OrderBy, parse_order_by
from functions.aip.page_token import decode_page_token, encode_page_token
from functions.calls.etag import expected_version
from functions.calls.filters import PageQuery
from functions.config.settings import Settings
from functions.messages.json_text import most_values, object_text, read_json
from functions.rules.errors import InvalidFields, NoMatchInTime
from functions.rules.names import (
    ANY,
    EngineName,
    LocationName,
    SessionName,
    UserName,
    is_location,
    is_project,
    is_resource_id,
    unspell,
)

if TYPE_CHECKING:
    from functions.messages.message import Message

_INTEGER = re.compile("[+-]?[0-9]{1,18}")
_MAX_INT32 = 2**31 - 1
_LOCATION = re.compile("projects/[^/]+/locations/[^/]+")

SESSION_VIEWS = ("BASIC", "FULL")
"""The values of `view` for sessions; FULL adds output-only fields."""

MessageType = TypeVar("MessageType", bound="Message")


class Request(NamedTuple):
    """One call of one method.

    `version` is the API's version, such as `v1`. `name` is the resource that the path names, and
    `name_field` the API's name of that field. `query` holds the method's own parameters in
    camelCase. `last_event_id` is the position at which a broken stream continues. `match_header`
    and `none_match_header` are the headers If-Match and If-None-Match. `is_time_up`
    tells whether half of STORE_TIMEOUT is over; a list that still looks for a match then ends its
    page.
    """

    version: str
    name: str
    name_field: str
    query: Mapping[str, str]
    body: bytes
    settings: Settings
    enum_numbers: bool = False
    last_event_id: str = ""
    match_header: str = ""
    none_match_header: str = ""
    is_time_up: Callable[[], bool] = lambda: False

    @property
    def location(self) -> str:
        """The full name of the location; short names mean the location of the settings."""
        return self._location(self._ids())

    @property
    def parent_location(self) -> str:
        """The location that `parent` names; without it, the location of the settings."""
        if self.name and not _LOCATION.fullmatch(self.name):
            raise self._invalid("Location")
        return self.location

    @property
    def engine_name(self) -> EngineName:
        """The engine that the path names, or the engine above the named resource."""
        ids = self._ids()
        engine = ids.get("reasoningEngines", "")
        if not is_resource_id(engine):
            raise self._invalid("ReasoningEngine")
        return EngineName(self._location(ids), engine)

    @property
    def engine_or_all(self) -> EngineName:
        """The engine that the path names; `-` means all engines of the location."""
        is_wildcard = self._ids().get("reasoningEngines") == ANY
        return EngineName(self.location, ANY) if is_wildcard else self.engine_name

    @property
    def user_name(self) -> UserName:
        """The user of one engine that the path names, or the user above the named resource."""
        return UserName(self.engine_name, self._user_id)

    @property
    def user_of_one_or_all(self) -> UserName:
        """The user that the path names; the engine `-` means all engines of the location."""
        return UserName(self.engine_or_all, self._user_id)

    @property
    def session_name(self) -> SessionName:
        """The session that the path names, or the session above the named resource."""
        ids = self._ids()
        session, engine = ids.get("sessions", ""), ids.get("reasoningEngines", "")
        if not (is_resource_id(session) and is_resource_id(engine)):
            raise self._invalid("Session")
        return SessionName(str(EngineName(self._location(ids), engine)), session)

    @property
    def event_id(self) -> str:
        """The id of the event that the path names."""
        event = self._ids().get("events", "")
        if not is_resource_id(event):
            raise self._invalid("SessionEvent")
        return event

    @property
    def session_id_or_none(self) -> str:
        """The session's id; "" if the path has `-`, for which the server chooses an id."""
        is_wildcard = self._ids().get("sessions") == ANY
        return "" if is_wildcard else self.session_name.session

    @property
    def session_id(self) -> str:
        """The session's id; the name may leave out the engine."""
        session = self._ids().get("sessions", "")
        if not is_resource_id(session):
            raise self._invalid("Session")
        return session

    def message(self, kind: type[MessageType], root: str) -> MessageType:
        """Reads the body; `root` is its field's name in the API. No body is an empty message."""
        limits = self.settings
        value = (
            read_json(self.body, max_depth=limits.max_json_depth, max_values=limits.max_json_values)
            if self.body.strip()
            else {}
        )
        return kind.read(value, root, self.settings.unknown_fields, most_values(self.body))

    def flag(self, name: str) -> bool:
        """Reads a parameter that is true or false; an absent one is false."""
        text = self.query.get(name, "") or "false"
        if text.lower() not in ("true", "false"):
            raise InvalidArgument(f"{name} must be true or false: {text!r}.")
        return text.lower() == "true"

    @property
    def if_match(self) -> str | None:
        """The version of the session that the client expects; None where any will do."""
        return expected_version(self.match_header, self.query.get("etag", ""))

    @property
    def is_full(self) -> bool:
        """Whether sessions are wanted in the full view; a blank `view` is BASIC."""
        view = self.query.get("view", "") or "BASIC"
        if view not in SESSION_VIEWS:
            raise InvalidArgument(f'view must be BASIC or FULL: "{view:.64}".')
        return view == "FULL"

    def update_mask(self) -> list[FieldPath]:
        """The paths of updateMask; none if it is absent."""
        text = self.query.get("updateMask", "")
        return parse_field_mask(text) if text.strip() else []

    def filter(self, fields: FilterFields) -> Filter:
        """Compiles the filter over these fields; an absent filter matches every record."""
        return compile_filter(
            self.query.get("filter", ""),
            fields,
            most_characters=self.settings.max_filter_length,
            most_comparisons=self.settings.max_filter_comparisons,
        )

    def page(
        self,
        parent: object,
        fields: FilterFields,
        order_fields: tuple[str, ...],
        default_order: OrderBy,
        max_page_size: int,
    ) -> PageQuery:
        """Reads the page that the request asks for, of the list below `parent`."""
        order = parse_order_by(self.query.get("orderBy", ""), order_fields, default_order)
        test = self.filter(fields)
        token = self.query.get("pageToken", "")
        scope = page_scope(parent, test.text, order)
        return PageQuery(
            filter=test,
            order=order,
            page_size=min(self.page_size, max_page_size, self.settings.max_page_size),
            cursor=decode_page_token(token, *scope) if token else None,
            is_time_up=self.is_time_up,
        )

    @property
    def page_size(self) -> int:
        """The number of items that the request asks for, else DEFAULT_PAGE_SIZE; not yet capped."""
        text = self.query.get("pageSize", "") or "0"
        # int() alone would also accept "1_0", " 5" and digits of other scripts.
        size = int(text) if _INTEGER.fullmatch(text) else _MAX_INT32 + 1
        if size > _MAX_INT32:
            raise InvalidArgument(f"pageSize must be an integer up to {_MAX_INT32}: {text!r:.64}.")
        if size < 0:
            raise InvalidArgument(f"pageSize must not be negative: {size}.")
        return size or self.settings.default_page_size

    def duration(self, name: str) -> int:
        """Reads a parameter such as "3.5s" into nanoseconds; an absent one is 0."""
        try:
            return parse_duration(self.query.get(name, "") or "0s")
        except ValueError as error:
            raise InvalidArgument(f"{name}: {error}.") from None

    @property
    def _user_id(self) -> str:
        try:
            return unspell(self._ids().get("users", ""))
        except UnicodeError:
            raise self._invalid("User") from None

    def _ids(self) -> dict[str, str]:
        """Each collection in the name → the id behind it."""
        segments = self.name.split("/")
        return dict(zip(segments[::2], segments[1::2], strict=False))

    def _location(self, ids: Mapping[str, str]) -> str:
        project = ids.get("projects") or self.settings.default_project
        if self.settings.has_project and project == self.settings.project_number:
            project = self.settings.default_project
        location = ids.get("locations") or self.settings.google_cloud_location
        if not (is_project(project) and is_location(location)):
            raise self._invalid("Location")
        return str(LocationName(project, location))

    def _invalid(self, kind: str) -> InvalidFields:
        return InvalidFields([(self.name_field, f"Invalid {kind} resource name.")])


def page_scope(parent: object, filter_text: str, order: OrderBy) -> tuple[str, ...]:
    """The parameters that a page token is bound to."""
    return str(parent), filter_text, order.field, "desc" if order.descending else "asc"


def next_page_token(parent: object, query: PageQuery, cursor: list[str | int]) -> str:
    """Returns the token of the page that begins behind the cursor."""
    return encode_page_token(cursor, *page_scope(parent, query.filter.text, query.order))


def list_json(
    field: str, items: list[str], parent: object, query: PageQuery, cursor: list[str | int] | None
) -> str:
    """Writes the answer of a list method; `items` are JSON texts, empty fields are left out.

    Raises NoMatchInTime if a later page is empty and more pages follow.
    """
    if cursor is not None and query.cursor is not None and not items:
        raise NoMatchInTime
    token = "" if cursor is None else next_page_token(parent, query, cursor)
    next_page = f'"nextPageToken":"{token}"' if token else ""
    if not items:
        return object_text(next_page)
    # A page may have megabytes: this copies the items once.
    texts = [f'{{"{field}":[{items[0]}', *items[1:]]
    texts[-1] += f"],{next_page}}}" if next_page else "]}"
    return ",".join(texts)
