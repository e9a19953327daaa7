"""The place of a user in a list: the userId, as names spell it."""

from functions.aip.page_token import InvalidPageToken
from functions.calls.filters import PageQuery
from functions.rules.names import spell, unspell
from functions.rules.user import UserRecord
from functions.store.paging import Cursor


def user_cursor(record: UserRecord) -> Cursor:
    """The cursor behind a user."""
    return [spell(record.name.user_id)]


def user_behind(query: PageQuery) -> str:
    """The userId behind which a page begins, "" for the first; raises InvalidPageToken."""
    try:
        (segment,) = query.cursor or [""]
        return unspell(str(segment))
    except ValueError:
        raise InvalidPageToken from None
