"""The users of an engine, a document each."""

from collections.abc import Iterable

from functions.calls.filters import PageQuery
from functions.rules.names import EngineName, UserName
from functions.rules.user import UserRecord
from functions.store.firestore.condemned import CONDEMNED, is_condemned
from functions.store.firestore.documents import user_path
from functions.store.firestore.protobuf import Document, StructuredQuery
from functions.store.firestore.queries import run_in_steps, users_in_order
from functions.store.firestore.rpc import Rpc
from functions.store.firestore.values import nanoseconds
from functions.store.paging import Page, fill_page
from functions.store.users import user_behind, user_cursor


def list_users(
    rpc: Rpc, engine: EngineName, query: PageQuery, owner: str | None
) -> Page[UserRecord]:
    """One page of an engine's users by userId; with `owner`, that user alone."""
    behind = user_behind(query)
    reading = rpc.batch_get([str(engine)], [CONDEMNED])

    def request(last: Document | None) -> StructuredQuery:
        return users_in_order(behind if last is None else last.fields["userId"].string_value)

    found: Iterable[Document | None]
    if owner is None:
        limit = query.page_size + 1
        found = (found for found, _ in run_in_steps(rpc, str(engine), request, limit))
    else:
        found = rpc.batch_get([user_path(str(engine), owner)])() if owner > behind else ()
    records = (_record(engine, user) for user in found if user is not None)
    page = fill_page(
        ((user_cursor(record), record) for record in records), query, None, UserRecord.size
    )
    return Page([], None) if is_condemned(reading()[0]) else page


def _record(engine: EngineName, found: Document) -> UserRecord:
    fields = found.fields
    is_known = "createTime" in fields
    return UserRecord(
        UserName(engine, fields["userId"].string_value),
        nanoseconds(fields["createTime"].timestamp_value) if is_known else None,
    )
