"""A session's history in pieces: its events and the changes of its state, as they arrived."""

from dataclasses import dataclass
from typing import NamedTuple

from functions.rules.event import EventRecord
from functions.rules.state import StateChange
from functions.store.paging import Cursor

MAX_ITEMS = 1_000
MAX_BYTES = 4 * 2**20
"""Items of one piece, and the bytes after which it ends."""


class HistoryItem(NamedTuple):
    """An event, or a change of the session's own state outside all events.

    Of a deleted event, only the change that it made is left.
    """

    place: Cursor
    event: EventRecord | None
    change: StateChange | None


@dataclass(frozen=True, slots=True)
class HistoryPiece:
    """The next items of a history; `is_last` where nothing follows.

    `create_time` is that of the session, in nanoseconds: another one of the same name has another.
    """

    items: list[HistoryItem]
    create_time: int
    is_last: bool
