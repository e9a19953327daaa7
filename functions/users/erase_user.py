"""POST {user}:erase: removes all sessions and the state of a user."""

import time

from functions.calls.request import Request
from functions.messages.json_text import write_plain
from functions.store.protocol import Store


def erase_user(request: Request, store: Store, now: int) -> str:
    """Answers `{"erasedSessions", "erasedEvents", "done"}`; if `done` is false, call it again.

    No method sees the user's sessions and state once it answers. It stops after WORK_TIME_LIMIT;
    the same request sent again goes on with the removal, and so does the purge. Sessions that are
    created after the first of these requests stay.

    The engine `-` means all engines of the location. With `dryRun`, in the query or in the body,
    the method counts and removes nothing.
    """
    user = request.user_of_one_or_all
    end = time.monotonic() + request.settings.work_time_limit / 1e9
    # The body comes first: one that is not valid is refused, whatever the query says.
    is_dry_run = _is_dry_run_by_body(request) or request.flag("dryRun")
    method = store.count_user if is_dry_run else store.erase_user
    erased = method(user, now, lambda: time.monotonic() >= end)
    answer = {
        "erasedSessions": erased.sessions,
        "erasedEvents": erased.events,
        "done": erased.done,
    }
    return write_plain(answer)


def _is_dry_run_by_body(request: Request) -> bool:
    if not request.body.strip():
        return False
    # Most requests have no body and do not wait for the import.
    from functions.messages.erase_user import EraseUserRequest

    return bool(request.message(EraseUserRequest, "request").dry_run)
