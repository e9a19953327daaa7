"""What a session's document counts of its events.

    eventCount, lastEventTime, usage     of the events that say `counted`
    counted                              the session has no event that is not counted

The commit that adds an event also counts it, by transforms of the session's document: no server
reads a count to change it. Earlier versions counted nothing; see `schema` for their documents, and
docs/decisions/0016-counts-by-transforms.md.
"""

from functions.rules.event import EventCounts, shown_time
from functions.rules.session import SessionRecord
from functions.rules.token_usage import TokenUsage
from functions.store.firestore.protobuf import Document, Write

COUNTED = "counted"


def count(session: Write, counts: EventCounts) -> None:
    """Has a write of a session's document add the counts of events that its commit adds."""
    add = session.update_transforms.add
    add(field_path="eventCount").increment.integer_value = counts.events
    add(field_path="lastEventTime").maximum.integer_value = counts.last_time
    for name, tokens in counts.usage.named().items():
        add(field_path=f"usage.{name}").increment.integer_value = tokens


def read_counts(found: Document, record: SessionRecord) -> None:
    """Adds a document's counts to the record of its session, if they are complete."""
    fields = found.fields
    if COUNTED not in fields:
        return
    record.event_count = fields["eventCount"].integer_value
    usage = fields["usage"].map_value.fields
    record.usage = TokenUsage.of({name: tokens.integer_value for name, tokens in usage.items()})
    if "lastEventTime" in fields:
        record.last_event_time = shown_time(fields["lastEventTime"].integer_value)
