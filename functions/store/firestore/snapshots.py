"""What a listener's answers say of its query, one consistent moment after the other.

See google.firestore.v1.ListenResponse. The emulator begins a query with a limit anew for almost
every change, and what it says of an earlier start comes amid the documents of a later one: each
start has to be told complete. A server that told only the last one complete would be heard again
once a watch looks at its session and has the listener begun anew.
"""

from collections.abc import Iterable, Iterator

from functions.store.firestore.protobuf import Document, ListenResponse


def snapshots(answers: Iterable[ListenResponse]) -> Iterator[dict[str, Document]]:
    """The documents by name, at the listener's start and after each change; one dict all along.

    Ends with the answers, or where the listener has lost count and must be begun anew.
    """
    window: dict[str, Document] = {}
    is_changed = True
    starts = 1
    """Times that it began and has not said yet to be current."""
    for answer in answers:
        kind = answer.WhichOneof("response_type")
        if kind == "target_change":
            change = answer.target_change
            match change.TargetChangeType.Name(change.target_change_type):
                case "REMOVE":
                    return
                case "RESET":
                    window.clear()
                    is_changed = True
                    starts += 1
                case "CURRENT":
                    starts = max(starts - 1, 0)
                case "NO_CHANGE" if change.HasField("read_time") and not change.target_ids:
                    if is_changed and not starts:
                        yield window
                        is_changed = False
        elif kind == "document_change" and answer.document_change.target_ids:
            found = answer.document_change.document
            window[found.name] = found
            is_changed = True
        elif kind == "filter":
            if answer.filter.count != len(window):
                return
        elif kind is not None:
            gone = getattr(answer, kind).document
            window.pop(getattr(gone, "name", gone), None)
            is_changed = True
