"""POST sessions:purgeExpired: removes what expired and was deleted; Cloud Scheduler calls it."""

import logging
import time

from functions.aip.timestamp import format_timestamp
from functions.calls.request import Request
from functions.messages.json_text import write_plain
from functions.store.protocol import Store

_MOST = 10_000
"""Expired sessions that a dry run counts; Firestore bills a read for each."""

_log = logging.getLogger(__name__)


def purge_expired_sessions(request: Request, store: Store, now: int) -> str:
    """Answers `{"purgedSessions", "deletedEvents", "done"}`; not done means: call again.

    Stops after PURGE_TIME_LIMIT. Logs the same counts with the seconds that it took. In the time
    that is left, the store brings documents of an earlier version up to date.

    With `dryRun` nothing is removed: answers `{"expiredSessions", "oldestExpireTime"}`.
    """
    if request.flag("dryRun"):
        return _count(store, now)
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


def _count(store: Store, now: int) -> str:
    """Answers how many expired sessions are still stored, and when the first of them expired.

    `atLeast` is true where there are more than 10,000. Logs the same with `oldestSeconds`, how
    long ago that was, 0 where there is none.
    """
    backlog = store.backlog(now, _MOST)
    answer: dict[str, object] = {"expiredSessions": backlog.sessions}
    if backlog.is_cut:
        answer["atLeast"] = True
    oldest = now if backlog.oldest is None else backlog.oldest
    if backlog.oldest is not None:
        answer["oldestExpireTime"] = format_timestamp(oldest)
    seconds = (now - oldest) // 10**9
    _log.info("backlog", extra={"fields": {**answer, "oldestSeconds": seconds}})
    return write_plain(answer)
