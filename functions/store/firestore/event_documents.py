"""The documents of events: the one place where an event becomes documents, and they an event.

The document of an event has its stored text in `text`. A text that one document does not hold is in
`parts` documents `{event}/parts/{number}`, counted from 0, and the event's document has their
number and in `bytes` the size of the whole text. Readers get parts as they were at the moment at
which they read the event's document, so that an event is whole whatever others write meanwhile.

The document of an event that a compaction changed has the number and the size of its original in
`originals` and `originalBytes`, and `{event}/originals/{number}` have the text. An event that a
compaction added has 0 of them.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeGuard

from functions.messages.json_text import utf8_size
from functions.rules.errors import StoreUnavailable
from functions.rules.event import ENVELOPE_BYTES, EventRecord
from functions.rules.event_text import whole_text
from functions.rules.limits import MAX_DOCUMENT_BYTES
from functions.rules.token_usage import NO_USAGE
from functions.store.firestore import values
from functions.store.firestore.documents import timestamp_of
from functions.store.firestore.protobuf import Document, Timestamp, Write
from functions.store.firestore.rpc import Rpc
from functions.store.firestore.values import Fields

PARTS, ORIGINALS = ("parts", "bytes"), ("originals", "originalBytes")
"""Where a text is cut to parts: the collection, whose number has that name, and the size."""

TEXT_FIELDS = ("text", *PARTS)


class LargeEvent(EventRecord):
    """An event in parts, or an original, whose text is read when it is first asked for."""

    __slots__ = ("bytes", "is_read", "moment", "parts", "rpc")

    def __init__(
        self,
        rpc: Rpc,
        found: Document,
        moment: Timestamp | None,
        where: tuple[str, str] = PARTS,
    ) -> None:
        """`moment` is when `found` was read, within the last hour, or None for about now."""
        collection, size = where
        fields = found.fields
        self.id = found.name.rpartition("/")[2]
        self.timestamp = timestamp_of(found)
        self.author = fields["author"].string_value
        self.invocation_id = fields["invocationId"].string_value
        self.former_id = self.shorter = ""
        self.removed = ()
        self.usage = NO_USAGE
        self.bytes = fields[size].integer_value
        self.is_read = False
        self.rpc = rpc
        self.moment = moment
        path = found.name.removeprefix(f"{rpc.root}/")
        self.parts = list(_paths(path, collection, fields[collection].integer_value))

    # Python asks for it as long as the slot `text` is empty.
    def __getattr__(self, name: str) -> str:
        if name != "text":
            raise AttributeError(name)
        load_parts([self])
        return self.text

    def size(self) -> int:
        """Returns an upper estimate of the bytes of `to_json`, and reads nothing for it."""
        return ENVELOPE_BYTES + self.bytes


def event_record(rpc: Rpc, found: Document, moment: Timestamp | None) -> EventRecord:
    """The record of an event's document, which was read at `moment`, or about now."""
    fields = found.fields
    if "text" not in fields:
        return LargeEvent(rpc, found, moment)
    text, shorter = fields["text"].string_value, ""
    # Most texts are whole, and a page has many of them.
    if not text.startswith('"'):
        text, shorter = whole_text(text), text
    return EventRecord(
        found.name.rpartition("/")[2],
        timestamp_of(found),
        fields["author"].string_value,
        fields["invocationId"].string_value,
        text,
        shorter=shorter,
    )


def original_record(rpc: Rpc, found: Document, moment: Timestamp) -> EventRecord | None:
    """The event as it was before its compaction; None for one that a compaction added."""
    if not is_compacted(found):
        return event_record(rpc, found, moment)
    has_original = found.fields[ORIGINALS[0]].integer_value > 0
    return LargeEvent(rpc, found, moment, ORIGINALS) if has_original else None


def is_event(found: Document | None) -> TypeGuard[Document]:
    """Whether a document is that of an event that was not removed."""
    return found is not None and "key" in found.fields


def is_compacted(found: Document) -> bool:
    """Whether a compaction has changed or added an event."""
    return ORIGINALS[0] in found.fields


def is_in_parts(found: Document) -> bool:
    """Whether the text of an event's document is in parts."""
    return "parts" in found.fields


def load_parts(records: Iterable[EventRecord]) -> None:
    """Reads the texts of the records that are in parts, in one call if there are any.

    The records are of one query.
    """
    large = [each for each in records if isinstance(each, LargeEvent) and not each.is_read]
    if large:
        _read(large)


def part_copies(event: EventRecord, path: str) -> list[Write]:
    """The writes of the parts of a record that was read, below another document's full path."""
    if not isinstance(event, LargeEvent):
        return []
    (parts,) = _read([event])
    return part_writes(path, parts)


def _read(records: Sequence[LargeEvent]) -> list[list[str]]:
    """Reads the parts of each record, and sets its text."""
    first, names = records[0], [name for record in records for name in record.parts]
    found = iter(first.rpc.batch_get(names, read_time=first.moment)())
    texts = []
    for record in records:
        parts = [part for part in islice(found, len(record.parts)) if part is not None]
        if len(parts) < len(record.parts):
            # Without a moment: others have changed the event since.
            raise StoreUnavailable
        texts.append([part.fields["text"].string_value for part in parts])
        record.shorter = "".join(texts[-1])
        record.text, record.is_read = whole_text(record.shorter), True
    return texts


def event_writes(path: str, event: EventRecord, fields: Fields) -> list[Write]:
    """The creation of an event's document at a full path, then the writes of its parts.

    `fields` are those of the document but for its text.
    """
    parts = parts_of(event)
    creation = values.creation(path, {**fields, **text_fields(event, parts)})
    return [creation, *part_writes(path, parts)]


def text_fields(event: EventRecord, parts: Sequence[str]) -> Fields:
    """The fields by which an event's document has its text: some of TEXT_FIELDS."""
    if not parts:
        return {"text": event.stored}
    return {"parts": len(parts), "bytes": utf8_size(event.text)}


def part_writes(path: str, parts: Sequence[str], collection: str = PARTS[0]) -> list[Write]:
    """The writes of parts below the full path of their event's document."""
    return [
        Write(update=values.document(each, {"text": part}))
        for each, part in zip(_paths(path, collection, len(parts)), parts, strict=True)
    ]


def text_change(found: Document, event: EventRecord) -> tuple[Fields, list[Write]]:
    """The fields of TEXT_FIELDS that give an event's document another text, and writes beside."""
    parts = parts_of(event)
    return text_fields(event, parts), [
        *part_writes(found.name, parts),
        *part_removals(found, PARTS[0], len(parts)),
    ]


def original_change(found: Document, event: EventRecord | None) -> tuple[Fields, list[Write]]:
    """The same of the fields ORIGINALS for another original, or for none."""
    collection, size = ORIGINALS
    if event is None:
        return {}, part_removals(found, collection)
    parts = _cut(event.stored)
    fields: Fields = {collection: len(parts), size: utf8_size(event.text)}
    return fields, [
        *part_writes(found.name, parts, collection),
        *part_removals(found, collection, len(parts)),
    ]


def part_removals(found: Document, collection: str, kept: int = 0) -> list[Write]:
    """The writes that remove what an event's document has in a collection, but for the first."""
    number = found.fields[collection].integer_value if collection in found.fields else 0
    return [Write(delete=path) for path in list(_paths(found.name, collection, number))[kept:]]


def parts_of(event: EventRecord) -> list[str]:
    """Cuts an event's stored text into parts; none where the event's document holds it."""
    text = event.stored
    if sum(map(utf8_size, (text, event.author, event.invocation_id))) <= MAX_DOCUMENT_BYTES:
        return []
    return _cut(text)


def _cut(text: str) -> list[str]:
    """Cuts a text into parts, one at least."""
    data = text.encode()
    parts, start = [], 0
    while start < len(data):
        end = start + MAX_DOCUMENT_BYTES
        while end < len(data) and data[end] & 0xC0 == 0x80:
            # A character is not cut.
            end -= 1
        parts.append(data[start:end].decode())
        start = end
    return parts


def _paths(event: str, collection: str, number: int) -> Iterator[str]:
    return (f"{event}/{collection}/{each}" for each in range(number))
