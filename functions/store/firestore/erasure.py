"""Takes away sessions that are over: first their events, then themselves.

Each batch of deletes carries a write on the session's document that fails when the document
changed since it was read: a session that was made anew under the same id keeps its events, and
an event that came in between is found by the next round.
"""

from functions.store.firestore.documents import expiry_of
from functions.store.firestore.queries import names_in
from functions.store.firestore.rpc import Missing, Rpc, Stale, Write
from functions.store.firestore.values import update

BATCH = 400
"""Deletes in one commit; Firestore takes 10 MiB, index entries included."""


def erase(rpc: Rpc, session: str, now: int, batches: int | None = None) -> bool:
    """Removes an expired or deleted session by path, and says whether nothing of it is left.

    Stops after so many batches of events, and leaves a live session alone.
    """
    while batches is None or batches > 0:
        (found,) = rpc.batch_get([session], ["expiry"])()
        if found is None:
            return True
        if expiry_of(found) > now // 1000:
            return False
        try:
            batches = _erase_events(rpc, session, found, batches)
            if batches == 0:
                return False
        except (Stale, Missing):
            continue
        return True
    return False


def _erase_events(rpc: Rpc, session: str, found: object, batches: int | None) -> int | None:
    """Batches that are left to do, 0 when they ran out before the events did."""
    path, unchanged_since = f"{rpc.root}/{session}", found.update_time  # type: ignore[attr-defined]
    while True:
        events = [
            event.name
            for event, _ in rpc.run_query(session, names_in("events", BATCH))
            if event is not None
        ]
        if not events:
            removal = Write(delete=path)
            removal.current_document.update_time.CopyFrom(unchanged_since)
            rpc.commit([removal])
            return None
        if batches == 0:
            return 0
        guard = update(path, {"erasing": True}, ["erasing"], changed_since=unchanged_since)
        answer = rpc.commit([guard, *(Write(delete=name) for name in events)])
        unchanged_since = answer.write_results[0].update_time
        batches = None if batches is None else batches - 1
