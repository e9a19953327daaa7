"""The data of engines as an export writes it, for an emulator that brings it back."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from functions.aip.filtering import compile_filter
from functions.calls.filters import ENGINE_DEFAULT_ORDER, PageQuery
from functions.calls.request import Request
from functions.config.settings import Settings
from functions.rules.engine import EngineRecord
from functions.rules.limits import MAX_ENGINES_PAGE
from functions.rules.names import EngineName
from functions.sessions.export_sessions import export_sessions
from functions.sessions.import_sessions import import_sessions
from functions.store.protocol import Store

_VERSION = "v1beta1"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Engines that somebody created, and the lines of each engine's export."""

    engines: list[EngineRecord]
    exports: dict[EngineName, str]

    @classmethod
    def take(
        cls, engines: Iterable[EngineName], settings: Settings, store: Store, now: int
    ) -> "Snapshot":
        """Reads these engines, created or not, and all others of their locations."""
        names = {*engines}
        created = [
            record
            for location in sorted({name.location for name in names})
            for record in created_engines(location, store)
        ]
        names |= {record.name for record in created}
        return cls(created, {name: _export(name, settings, store, now) for name in sorted(names)})

    def restore(self, settings: Settings, store: Store, now: int) -> None:
        """Adds what it holds to a store that has nothing of it."""
        for record in self.engines:
            store.create_engine(record)
        for name, lines in self.exports.items():
            import_sessions(_request(name, settings, body=lines.encode()), store, now)


def created_engines(location: str, store: Store) -> list[EngineRecord]:
    """Every engine of a location that was created."""
    query = PageQuery(compile_filter("", {}), ENGINE_DEFAULT_ORDER, MAX_ENGINES_PAGE, None)
    found: list[EngineRecord] = []
    while True:
        page = store.list_engines(location, query)
        found += page.items
        if page.cursor is None:
            return found
        query = query._replace(cursor=page.cursor)


def _export(name: EngineName, settings: Settings, store: Store, now: int) -> str:
    """The lines of an export but for its last one, from as many answers as it takes."""
    kept: list[str] = []
    token = ""
    while True:
        asked = _request(name, settings, query={"pageToken": token} if token else {})
        *lines, end = export_sessions(asked, store, now).lines
        kept += lines
        token = json.loads(end).get("nextPageToken", "")
        if not token:
            return "\n".join(kept)


def _request(
    name: EngineName, settings: Settings, query: dict[str, str] | None = None, body: bytes = b""
) -> Request:
    return Request(
        version=_VERSION,
        name=str(name),
        name_field="parent",
        query=query or {},
        body=body,
        settings=settings,
    )
