"""The version of a database, and the steps to the version of this code.

    schema/version      version, since, place, reached, shards, labels, formerShards, formerLabels

All documents of the database have reached `version`. While it is lower than this code's version,
`since` is when a server of this code first saw that, and `place` is the document that the next
step has reached. A database may hold millions of documents, so each purge takes the steps a little
further. Two servers may take the same step, and a server may be killed anywhere; see
docs/decisions/0007-documents-migrate-beside-servers.md.

`shards` and `labels` are the layout that the database shall have. `formerShards` and
`formerLabels` are the layout that lists use before WITH_SHARDS; without them that is the layout of
version 4. If all steps are done and a server starts with other settings, it takes the database
back to BEFORE_SHARDS. `reached` is then the version that it had: its documents keep all that later
steps gave them.
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

from functions.aip.errors import Unavailable
from functions.store.firestore.layouts import FORMER, Layout, Layouts
from functions.store.firestore.protobuf import Document
from functions.store.firestore.queries import documents_by_name
from functions.store.firestore.retries import Retries
from functions.store.firestore.rpc import AlreadyExists, Missing, Rpc, Stale
from functions.store.firestore.schema import (
    BEFORE_SHARDS,
    SESSIONS,
    STEPS,
    WITH_SHARDS,
    WITH_SHARDS_ALONE,
    Step,
)
from functions.store.firestore.values import Storable, creation, nanoseconds, stamp, update
from functions.store.versions import check_version

_log = logging.getLogger(__name__)

PATH = "schema/version"
"""Resources are below `projects`, so that none has this name."""

ROLLOUT = 600 * 10**9
"""Nanoseconds after which no server of earlier code writes beside this one any more."""

BATCH = 400
"""Documents of one query, and writes of one commit at most."""

_REMEMBERED = 60.0
"""Seconds for which a process relies on the state of a migration that it read."""

_PATIENCE = 10.0
"""Seconds for a document that others keep changing."""


_THREADS = 8
"""Documents that a step works on at a time, where each takes calls of its own."""


class MigrationUnderWay(Unavailable):
    """The request needs fields that not all documents have yet."""

    def __init__(self) -> None:
        super().__init__(
            "Sessions of an earlier version are being brought up to date by "
            "sessions:purgeExpired. Try again later."
        )


class Versions:
    """The version of the database, as this process read it last."""

    def __init__(self, layout: Layout) -> None:
        """`layout` is the one of the settings."""
        self._version = self._reached = 0
        self._wanted = self._layout = layout
        self._former = FORMER
        self._read_at = 0.0

    def open(self, rpc: Rpc) -> Document:
        """Reads the document of the version; adds `since` to it if its version is lower.

        A database without it is new, or of version 1 if it has sessions. Raises NewerVersion.
        """
        path = f"{rpc.root}/{PATH}"
        while True:
            (found,) = rpc.batch_get([PATH])()
            if found is None:
                version = _newest() if _is_new(rpc) else 1
                write = creation(path, {"version": version, **_fields(self._wanted)})
            else:
                change = self._see(rpc, found)
                if change is None:
                    return found
                write = update(path, change, change, changed_since=found.update_time)
                stamp(write, "since")
            # Another process that is faster writes the same.
            with suppress(AlreadyExists, Missing, Stale):
                rpc.commit([write])

    def layouts_to_write(self, rpc: Rpc) -> Layouts:
        """The layouts that documents have; asks again now and then while they change."""
        if self._version < _newest() and time.monotonic() > self._read_at + _REMEMBERED:
            self.open(rpc)
        return (self._layout,) if self._version >= WITH_SHARDS else (self._former, self._layout)

    def layouts_to_list(self, rpc: Rpc) -> Layouts:
        """The layouts that together find every session."""
        if self.reaches(rpc, WITH_SHARDS):
            return (self._layout,)
        # A session that a server of version 4 wrote has that layout alone; others may lack it.
        return (FORMER, self._layout) if self._former == FORMER else (self._former,)

    def _see(self, rpc: Rpc, found: Document) -> dict[str, Storable] | None:
        """Learns from the document of the version; answers the fields that it lacks, or None."""
        version = int(found.fields["version"].integer_value)
        check_version(rpc.root, version, _newest())
        has_layout = "shards" in found.fields
        self._reached = max(version, found.fields["reached"].integer_value)
        self._version, self._read_at = version, time.monotonic()
        self._layout = _layout_of(found) if has_layout else self._wanted
        self._former = _layout_of(found, "former") if "formerShards" in found.fields else FORMER
        if version < _newest():
            is_complete = has_layout and "since" in found.fields
            return None if is_complete else _fields(self._layout)
        if self._layout == self._wanted:
            return None
        former = _fields(self._layout, "former")
        step_back = {"version": BEFORE_SHARDS, "reached": version}
        return {**step_back, **_fields(self._wanted), **former}

    def reaches(self, rpc: Rpc, version: int) -> bool:
        """Whether all documents are of that version at least; reads nothing once they are."""
        if not self.has_reached(version):
            self.open(rpc)
        return self.has_reached(version)

    def has_reached(self, version: int) -> bool:
        """The last answer of `reaches` in this process; it may be late, never early."""
        return version <= (self._version if version <= WITH_SHARDS_ALONE else self._reached)

    def require(self, rpc: Rpc, version: int) -> None:
        """Raises MigrationUnderWay unless all documents are of that version at least."""
        if not self.reaches(rpc, version):
            raise MigrationUnderWay

    def migrate(self, rpc: Rpc, now: int, is_time_up: Callable[[], bool]) -> None:
        """Takes the steps that are left, until the time is up; it always takes one batch at least.

        Begins after servers of earlier code are gone, since they write what the steps look for.
        """
        while self._version < _newest() and self._advance(rpc, now):
            if is_time_up():
                return

    def _advance(self, rpc: Rpc, now: int) -> bool:
        """Takes a step one batch further; False where there is nothing to do now."""
        state = self.open(rpc)
        since = nanoseconds(state.fields["since"].timestamp_value)
        if self._version == _newest() or now < since + ROLLOUT:
            return False
        step = STEPS[self._version - 1]
        place = renew(rpc, step, self._layout, "", state.fields["place"].string_value)
        version = self._version if place else self._version + 1
        if version == WITH_SHARDS_ALONE:
            version = max(version, self._reached)
        fields = {"version": version} | ({"place": place} if place else {})
        mask = ("version", "place", "since") if version == _newest() else ("version", "place")
        save = update(f"{rpc.root}/{PATH}", fields, mask, changed_since=state.update_time)
        try:
            rpc.commit([save])
        except (Missing, Stale):
            # Another process took this step, or the operator restarted the migration.
            return False
        self._version = version
        _log.info("migration", extra={"fields": {"version": version, "place": place}})
        return True

    def renew_all(self, rpc: Rpc, step: Step, parent: str) -> None:
        """Takes a step with all documents right below a path."""
        place = renew(rpc, step, self._layout, parent, "")
        while place:
            place = renew(rpc, step, self._layout, parent, place)


def renew(rpc: Rpc, step: Step, layout: Layout, parent: str, place: str) -> str:
    """Takes a step with the next documents behind a path; answers the last one's, "" at the end.

    With a parent the documents right below it, else the documents of the whole database.
    """
    behind = place and f"{rpc.root}/{place}"
    query = documents_by_name(step.collection, step.fields, BATCH, behind, everywhere=not parent)
    documents = [found for found, _ in rpc.run_query(parent, query) if found is not None]
    if step.work is not None:
        work = partial(step.work, rpc)
        with ThreadPoolExecutor(_THREADS) as pool:
            deque(pool.map(work, documents), 0)
    renewals = (step.renewal(found, layout) for found in documents)
    writes = [write for write in renewals if write is not None]
    try:
        if writes:
            rpc.commit(writes)
    except (Missing, Stale):
        for found in documents:
            _renew_one(rpc, step, layout, found)
    if len(documents) < BATCH:
        return ""
    return str(documents[-1].name).removeprefix(f"{rpc.root}/")


def _renew_one(rpc: Rpc, step: Step, layout: Layout, document: Document) -> None:
    retries = Retries(document.name, _PATIENCE)
    found: Document | None = document
    while found is not None and (write := step.renewal(found, layout)) is not None:
        with suppress(Missing, Stale):
            rpc.commit([write])
            return
        retries.wait()
        (found,) = rpc.batch_get([found.name.removeprefix(f"{rpc.root}/")], step.fields)()


def _fields(layout: Layout, prefix: str = "") -> dict[str, Storable]:
    """The fields that hold a layout in the document of the version."""
    shards, labels = ("formerShards", "formerLabels") if prefix else ("shards", "labels")
    return {shards: layout.shards, labels: layout.labels}


def _layout_of(found: Document, prefix: str = "") -> Layout:
    shards, labels = _fields(FORMER, prefix)
    return Layout(found.fields[shards].integer_value, found.fields[labels].string_value)


def _newest() -> int:
    """The version of this code."""
    return 1 + len(STEPS)


def _is_new(rpc: Rpc) -> bool:
    """Whether the database has had no session yet, or none any more."""
    query = documents_by_name(SESSIONS.collection, (), 1, "", everywhere=True)
    return all(found is None for found, _ in rpc.run_query("", query))
