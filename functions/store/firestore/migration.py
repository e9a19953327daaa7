"""The version of a database, and its way to the one of this code.

    schema/version      version, since, place

`version` is what all documents of the database have reached. While it is lower than this code's,
`since` is when a server of this code saw that first, and `place` the document that the next step
has come to. A database may hold millions of documents, so each purge takes the steps a little
further. A step may be taken by two at once, and be killed anywhere; see
docs/decisions/0007-documents-migrate-beside-servers.md.
"""

import logging
from collections.abc import Callable
from contextlib import suppress

from functions.aip.errors import Unavailable
from functions.store.firestore.protobuf import Document
from functions.store.firestore.queries import documents_by_name
from functions.store.firestore.retries import Retries
from functions.store.firestore.rpc import AlreadyExists, Missing, Rpc, Stale
from functions.store.firestore.schema import SESSIONS, STEPS, Step
from functions.store.firestore.values import creation, nanoseconds, stamp, update
from functions.store.versions import check_version

_log = logging.getLogger(__name__)

PATH = "schema/version"
"""Resources are below `projects`, so that none has this name."""

ROLLOUT = 600 * 10**9
"""Nanoseconds after which no server of earlier code writes beside this one any more."""

BATCH = 400
"""Documents of one query, and writes of one commit at most."""

_PATIENCE = 10.0
"""Seconds for a document that others keep changing."""


class MigrationUnderWay(Unavailable):
    """What was asked for goes by fields that not all documents have yet."""

    def __init__(self) -> None:
        super().__init__(
            "Sessions of an earlier version are being brought up to date by "
            "sessions:purgeExpired. Try again later."
        )


class Versions:
    """What this process knows of its database's version."""

    def __init__(self) -> None:
        self._version = 0

    def open(self, rpc: Rpc) -> Document:
        """Reads the document of the version; one of a lower version says `since` from now on.

        A database without it is new, or of version 1 if it has sessions. Raises NewerVersion.
        """
        path = f"{rpc.root}/{PATH}"
        while True:
            (found,) = rpc.batch_get([PATH])()
            if found is None:
                write = creation(path, {"version": _newest() if _is_new(rpc) else 1})
            else:
                version = int(found.fields["version"].integer_value)
                check_version(rpc.root, version, _newest())
                self._version = version
                if version == _newest() or "since" in found.fields:
                    return found
                write = update(path, {}, (), changed_since=found.update_time)
                stamp(write, "since")
            # Whoever is faster writes the same.
            with suppress(AlreadyExists, Missing, Stale):
                rpc.commit([write])

    def reaches(self, rpc: Rpc, version: int) -> bool:
        """Whether all documents are of that version at least; asks nobody once they are."""
        if self._version < version:
            self.open(rpc)
        return self._version >= version

    def has_reached(self, version: int) -> bool:
        """What `reaches` said last, by this process alone: it may be late, never early."""
        return self._version >= version

    def require(self, rpc: Rpc, version: int) -> None:
        """Raises MigrationUnderWay unless all documents are of that version at least."""
        if not self.reaches(rpc, version):
            raise MigrationUnderWay

    def migrate(self, rpc: Rpc, now: int, is_time_up: Callable[[], bool]) -> None:
        """Takes the steps that are left, until the time is up: some headway in any case.

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
        place = renew(rpc, step, "", state.fields["place"].string_value)
        version = self._version if place else self._version + 1
        fields = {"version": version} | ({"place": place} if place else {})
        mask = ("version", "place", "since") if version == _newest() else ("version", "place")
        save = update(f"{rpc.root}/{PATH}", fields, mask, changed_since=state.update_time)
        try:
            rpc.commit([save])
        except (Missing, Stale):
            # Somebody else is at it, or the operator has it begin anew.
            return False
        self._version = version
        _log.info("migration", extra={"fields": {"version": version, "place": place}})
        return True


def renew_all(rpc: Rpc, step: Step, parent: str) -> None:
    """Takes a step with all documents right below a path."""
    place = renew(rpc, step, parent, "")
    while place:
        place = renew(rpc, step, parent, place)


def renew(rpc: Rpc, step: Step, parent: str, place: str) -> str:
    """Takes a step with the next documents behind a path; answers the last one's, "" at the end.

    With a parent, those right below it, else those of the whole database.
    """
    behind = place and f"{rpc.root}/{place}"
    query = documents_by_name(step.collection, step.fields, BATCH, behind, everywhere=not parent)
    documents = [found for found, _ in rpc.run_query(parent, query) if found is not None]
    writes = [write for write in map(step.renewal, documents) if write is not None]
    try:
        if writes:
            rpc.commit(writes)
    except (Missing, Stale):
        for found in documents:
            _renew_one(rpc, step, found)
    if len(documents) < BATCH:
        return ""
    return str(documents[-1].name).removeprefix(f"{rpc.root}/")


def _renew_one(rpc: Rpc, step: Step, document: Document) -> None:
    retries = Retries(document.name, _PATIENCE)
    found: Document | None = document
    while found is not None and (write := step.renewal(found)) is not None:
        with suppress(Missing, Stale):
            rpc.commit([write])
            return
        retries.wait()
        (found,) = rpc.batch_get([found.name.removeprefix(f"{rpc.root}/")], step.fields)()


def _newest() -> int:
    """The version of this code."""
    return 1 + len(STEPS)


def _is_new(rpc: Rpc) -> bool:
    """Whether the database has had no session yet, or none any more."""
    query = documents_by_name(SESSIONS.collection, (), 1, "", everywhere=True)
    return all(found is None for found, _ in rpc.run_query("", query))
