"""Counts the events of a session that earlier versions wrote: the step to WITH_HISTORY.

Events of this version say `counted`: the commits that added them counted them. The step reads a
session's other events, which no server adds any more, and adds their counts once: the write that
adds them sets the session's `counted`, on condition that the session has not changed meanwhile.
The same commit gives the session's user a document.
"""

from functions.aip.timestamp import MIN_TIMESTAMP
from functions.rules.event import EventCounts, counted_time
from functions.rules.token_usage import NO_USAGE, usage_of_text
from functions.store.firestore.counting import COUNTED, count
from functions.store.firestore.documents import (
    incarnation_of,
    is_session,
    session_name,
    timestamp_of,
    user_id_of,
    user_path,
)
from functions.store.firestore.protobuf import Document, StructuredQuery, Write
from functions.store.firestore.queries import documents_by_name, run_in_steps
from functions.store.firestore.retries import Retries
from functions.store.firestore.rpc import AlreadyExists, Missing, Rpc, Stale
from functions.store.firestore.sharing import is_registered
from functions.store.firestore.values import Storable, creation, nanoseconds, update

_PATIENCE = 10.0
"""Seconds for a session that others keep changing."""

_PAGE = 100
"""Events that the first query of a session asks for."""


def count_former(rpc: Rpc, found: Document | None) -> None:
    """Counts what is not counted of a session whose document was read, if it is there."""
    counts: EventCounts | None = None
    incarnation = incarnation_of(found)
    retries = Retries(found and found.name, _PATIENCE)
    while found is not None and is_session(found) and COUNTED not in found.fields:
        if counts is None or incarnation_of(found) != incarnation:
            counts, incarnation = _former_counts(rpc, found), incarnation_of(found)
        user = _registration(rpc, found)
        session = update(found.name, {COUNTED: True}, (COUNTED,), changed_since=found.update_time)
        if counts.events:
            count(session, counts)
        try:
            rpc.commit([session, *user])
        except (AlreadyExists, Missing, Stale):
            retries.wait()
            # As the step read it: a mask keeps the state out.
            fields = (COUNTED, "incarnation", "userId", "createTime")
            (found,) = rpc.batch_get([found.name.removeprefix(f"{rpc.root}/")], fields)()
        else:
            return


def _former_counts(rpc: Rpc, session: Document) -> EventCounts:
    number, usage, last_time = 0, NO_USAGE, counted_time(MIN_TIMESTAMP)
    path = session.name.removeprefix(f"{rpc.root}/")
    fields = ("key", "text", COUNTED)

    def request(last: Document | None) -> StructuredQuery:
        behind = "" if last is None else last.name
        return documents_by_name("events", fields, 0, behind, everywhere=False)

    for found, _ in run_in_steps(rpc, path, request, _PAGE):
        if found is None or COUNTED in found.fields:
            continue
        number += 1
        usage = usage.plus(usage_of_text(found.fields["text"].string_value))
        last_time = max(last_time, counted_time(timestamp_of(found)))
    return EventCounts(number, usage, last_time)


def _registration(rpc: Rpc, session: Document) -> list[Write]:
    """The write that gives a session's user a document that says since when."""
    engine, user_id = session_name(session).engine, user_id_of(session)
    path = user_path(engine, user_id)
    since = session.fields["createTime"].timestamp_value
    name = f"{rpc.root}/{path}"
    fields: dict[str, Storable] = {"userId": user_id, "createTime": since}
    (user,) = rpc.batch_get([path], ["createTime"])()
    if user is None:
        return [creation(name, fields)]
    if is_registered(user):
        known = user.fields["createTime"].timestamp_value
        if nanoseconds(known) <= nanoseconds(since):
            return []
    # The step of another session of the user may write an earlier time meanwhile.
    return [update(name, fields, fields, changed_since=user.update_time)]
