"""A session's history in pieces: its events and the changes of its state, as they arrived."""

from dataclasses import dataclass, field
from typing import NamedTuple

from functions.rules.event import EventRecord
from functions.rules.session import SessionRecord
from functions.rules.state import StateChange
from functions.store.paging import Cursor

MAX_ITEMS = 1_000
MAX_BYTES = 4 * 2**20
"""Items of one piece, and the bytes after which it ends."""


class HistoryItem(NamedTuple):
    """An event, or a change of the session's own state outside all events.

    Of a deleted event, only the change that it made is left. `change_id` tells a change from the
    others of its session, also after an export and an import.
    """

    place: Cursor
    event: EventRecord | None
    change: StateChange | None = None
    change_id: str = ""

    def size(self) -> int:
        """An upper estimate of the item's bytes, with little for a change."""
        return self.event.size() if self.event is not None else 0


@dataclass(frozen=True, slots=True)
class HistoryPiece:
    """The next items of a history; `is_last` where nothing follows.

    `create_time` is the session's, in nanoseconds: a later session of the same name has another.
    """

    items: list[HistoryItem]
    create_time: int
    is_last: bool


class WholeSession(NamedTuple):
    """A session and the first piece of its history; None if a call of its own has to read that."""

    record: SessionRecord
    history: HistoryPiece | None


@dataclass(slots=True)
class ImportedHistory:
    """What an import added, how many lines were there already, and the ids of other events."""

    events: int = 0
    skipped: int = 0
    conflicts: list[str] = field(default_factory=list)
