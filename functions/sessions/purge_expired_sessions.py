"""POST sessions:purgeExpired: removes expired and deleted sessions; Cloud Scheduler calls it."""

import logging
import time

from functions.calls.request import Request
from functions.messages.json_text import write_plain
from functions.store.protocol import Store

_log = logging.getLogger(__name__)


def purge_expired_sessions(request: Request, store: Store, now: int) -> str:
    """Answers `{"purgedSessions", "deletedEvents", "done"}`; if `done` is false, call it again.

    The purge stops after PURGE_TIME_LIMIT. It logs the same counts and the seconds that it took.
    The store uses the time that is left to migrate documents of an earlier version.
    """
    start = time.monotonic()
    end = start + request.settings.purge_time_limit / 1e9
    purged = store.purge(now, lambda: time.monotonic() >= end)
    answer = {
        "purgedSessions": purged.sessions,
        "deletedEvents": purged.events,
        "done": purged.done,
    }
    seconds = round(time.monotonic() - start, 3)
    _log.info("purge", extra={"fields": {**answer, "seconds": seconds}})
    return write_plain(answer)
