"""Events as they were before a compaction.

    {event}                    originals: the number of documents below, 0 for an event that a
                               compaction added; events that no compaction touched lack it
    {event}/originals/{n}      text

A document holds less than the largest event, so that its text is in several.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from functions.rules.event import EventRecord
from functions.store.firestore.documents import event_record
from functions.store.firestore.protobuf import Document, Write
from functions.store.firestore.rpc import Rpc
from functions.store.firestore.values import document

ORIGINALS = "originals"

_CHARACTERS = 250_000
"""Of one document: a character has four bytes at most."""

_EVENTS = 20
"""Events whose originals one call reads: each may be as large as a page."""


def originals_of(rpc: Rpc, found: Sequence[Document]) -> list[str | None]:
    """The text of each event before its compaction, "" for one that a compaction added.

    None for an event that no compaction touched. Reads nothing where no event was compacted.
    """
    paths = [list(_paths(each.name.removeprefix(f"{rpc.root}/"), _number(each))) for each in found]
    wanted = [path for some in paths for path in some]
    read = iter(rpc.batch_get(wanted)() if wanted else ())
    texts = ["".join(_text(next(read)) for _ in some) for some in paths]
    return [
        text if ORIGINALS in each.fields else None for each, text in zip(found, texts, strict=True)
    ]


def original_records(
    rpc: Rpc, found: Iterable[Document]
) -> Iterator[tuple[Document, EventRecord | None]]:
    """Each event as it was before its compaction; None for one that a compaction added."""
    some: list[Document] = []
    for each in found:
        some.append(each)
        if len(some) == _EVENTS:
            yield from _originals(rpc, some)
            some = []
    yield from _originals(rpc, some)


def original_writes(event: Document, text: str) -> list[Write]:
    """The writes that keep an event's original, beside that of the event itself."""
    parts = _parts(text)
    return [
        Write(update=document(path, {"text": part}))
        for path, part in zip(_paths(event.name, len(parts)), parts, strict=True)
    ]


def original_removals(event: Document, kept: int = 0) -> list[Write]:
    """The writes that remove an event's original, but for its first documents."""
    return [Write(delete=path) for path in list(_paths(event.name, _number(event)))[kept:]]


def count_of(text: str) -> int:
    """How many documents hold a text."""
    return len(_parts(text))


def _originals(
    rpc: Rpc, found: Sequence[Document]
) -> Iterator[tuple[Document, EventRecord | None]]:
    for each, text in zip(found, originals_of(rpc, found), strict=True):
        record = event_record(each)
        if text:
            record = replace(record, text=text)
        yield each, None if text == "" else record


def _parts(text: str) -> list[str]:
    return [text[start : start + _CHARACTERS] for start in range(0, len(text), _CHARACTERS)]


def _number(event: Document) -> int:
    return int(event.fields[ORIGINALS].integer_value) if ORIGINALS in event.fields else 0


def _paths(event: str, number: int) -> Iterator[str]:
    return (f"{event}/{ORIGINALS}/{each}" for each in range(number))


def _text(found: Document | None) -> str:
    return "" if found is None else str(found.fields["text"].string_value)
