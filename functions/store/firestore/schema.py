"""Versions of the documents, and the steps between them, each through one collection.

Documents of version 1 are those of the first code that could be deployed. A step that databases
have taken never changes; what a new version needs is one more.
"""

from collections.abc import Callable
from dataclasses import dataclass

from functions.rules.names import EngineName
from functions.store.firestore.documents import facet, session_name
from functions.store.firestore.protobuf import Document, Write
from functions.store.firestore.values import update, value


@dataclass(frozen=True, slots=True)
class Step:
    """How the documents of a collection, wherever it is, come to the next version.

    `renewal` makes the write that a document lacks, or None, from the fields that it names. The
    write is right whatever others do to the document meanwhile, and never makes one anew.
    """

    collection: str
    fields: tuple[str, ...]
    renewal: Callable[[Document], Write | None]


def _with_location(found: Document) -> Write | None:
    """Adds a session's location to its facets; a tombstone has none."""
    location = EngineName.parse(session_name(found).engine).location
    missing = value(facet("location", location))
    if "facets" not in found.fields or missing in found.fields["facets"].array_value.values:
        return None
    write = update(found.name, {}, ())
    addition = write.update_transforms.add(field_path="facets").append_missing_elements
    addition.values.append(missing)
    return write


def _with_arrival(found: Document) -> Write | None:
    """Says that an event arrived when it was committed, which is no later than it was."""
    if "arrived" in found.fields:
        return None
    fields = {"arrived": found.create_time}
    return update(found.name, fields, fields, changed_since=found.update_time)


SESSIONS = Step("sessions", ("facets",), _with_location)
EVENTS = Step("events", ("arrived",), _with_arrival)

NOTHING = Step("schema", (), lambda _: None)
"""Looks at the document of the version alone: what changed are the ids of new documents."""

STEPS = (SESSIONS, EVENTS, NOTHING)
"""The first brings version 1 to version 2, and so on."""

WITH_LOCATIONS, WITH_ARRIVALS = 2, 3
"""From which version on the steps' fields are in every document."""

WITH_CANONICAL_IDS = 4
"""From which version on appends do not look for what is under an event's former id."""
