"""GET {engine}/users: lists the users of an engine."""

from functions.aip.ordering import OrderBy
from functions.calls.request import Request, list_json
from functions.rules.limits import MAX_USERS_PAGE
from functions.store.protocol import Store

_ORDER = OrderBy("user_id", descending=False)


def list_users(request: Request, store: Store, now: int) -> str:
    """Answers one page of the users who had a session or state there, by userId.

    A user who was erased is not in it until the next session or state.
    """
    engine = request.engine_name
    query = request.page(engine, {}, (), _ORDER, MAX_USERS_PAGE)
    page = store.list_users(engine, query)
    users = [user.to_json() for user in page.items]
    return list_json("users", users, engine, query, page.cursor)
