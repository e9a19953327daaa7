"""Deletes a session: hides it with one write, then removes what is below it."""

import secrets
from contextlib import suppress

from functions.rules.errors import StoreUnavailable
from functions.rules.names import SessionName
from functions.rules.session import check_version
from functions.store.firestore.condemned import live, reading
from functions.store.firestore.documents import incarnation_of, tombstone, version_of
from functions.store.firestore.erasure import erase
from functions.store.firestore.protobuf import Document, Write
from functions.store.firestore.retries import Retries
from functions.store.firestore.rpc import Missing, Rpc, Stale


def delete_session(
    rpc: Rpc,
    name: SessionName,
    now: int,
    owner: str | None,
    if_match: str | None,
    retries: Retries,
) -> None:
    """Makes a tombstone of the session, and removes a first batch of its events."""
    token, condemned = secrets.token_hex(8), ""
    while True:
        found, engine = reading(rpc, name, "incarnation")()
        if incarnation_of(found) == token:
            break
        found = live(name, found, now, owner, engine)
        condemned = condemned or incarnation_of(found)
        if incarnation_of(found) != condemned:
            # The session is gone, and a later one has its name. The answer was lost, perhaps.
            return
        check_version(name, version_of(found.update_time), if_match)
        write = Write(update=tombstone(found))
        write.update.fields["incarnation"].string_value = token
        write.current_document.update_time.CopyFrom(found.update_time)
        try:
            answer = rpc.commit([write])
        except (Stale, Missing):
            retries.wait()
        else:
            since = answer.write_results[0].update_time
            found = Document(name=write.update.name, update_time=since)
            break
    # The session is gone already; what cannot be removed now goes with the next purge.
    with suppress(StoreUnavailable, Stale):
        erase(rpc, found, now, batches=1)
