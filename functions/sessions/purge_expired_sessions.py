"""POST sessions:purgeExpired: removes what expired and was deleted; Cloud Scheduler calls it."""

import logging
import time

from functions.calls.request import Request
from functions.messages.json_text import write_plain
from functions.store.protocol import Store

_log = logging.getLogger(__name__)


def purge_expired_sessions(request: Request, store: Store, now: int) -> str:
    """Answers `{"purgedSessions", "deletedEvents", "done"}`; not done means: call again.

    Stops after PURGE_TIME_LIMIT. Logs the same counts with the seconds that it took. In the time
    that is left, the store brings documents of an earlier version up to date.
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
