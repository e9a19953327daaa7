"""POST sessions:purgeExpired: removes expired and deleted sessions; Cloud Scheduler calls it."""

import logging
import re
import time

from functions.aip.errors import InvalidArgument
from functions.aip.timestamp import format_timestamp
from functions.calls.request import Request
from functions.messages.json_text import write_plain
from functions.store.protocol import ALL_PARTS, MAX_PARTS, Part, Store

_SHARD = re.compile(r"([0-9]{1,2})/([0-9]{1,2})")

_MOST = 10_000
"""Expired sessions that a dry run counts; Firestore bills a read for each."""

_log = logging.getLogger(__name__)


def purge_expired_sessions(request: Request, store: Store, now: int) -> str:
    """Answers `{"purgedSessions", "deletedEvents", "done"}`; if `done` is false, call it again.

    The purge stops after PURGE_TIME_LIMIT. It logs the same counts and the seconds that it took.
    The store uses the time that is left to migrate documents of an earlier version.

    `shard=i/n` purges part i of n, from 0 to n - 1, so that n calls work side by side.

    With `dryRun` the method removes nothing and answers `{"expiredSessions", "oldestExpireTime"}`
    of all parts. Both parameters may be in the query or in the body.
    """
    is_dry_run, shard = _asked(request)
    part = _part(shard)
    if is_dry_run:
        return _count(store, now)
    start = time.monotonic()
    end = start + request.settings.purge_time_limit / 1e9
    purged = store.purge(now, lambda: time.monotonic() >= end, part)
    answer = {
        "purgedSessions": purged.sessions,
        "deletedEvents": purged.events,
        "done": purged.done,
    }
    seconds = round(time.monotonic() - start, 3)
    _log.info("purge", extra={"fields": {**answer, "seconds": seconds}})
    return write_plain(answer)


def _asked(request: Request) -> tuple[bool, str]:
    """Whether the request asks for a dry run, and the text of its shard."""
    is_dry_run, shard = request.flag("dryRun"), request.query.get("shard", "")
    if not request.body.strip():
        return is_dry_run, shard
    # Most requests have no body, so they do not wait for the import of Pydantic.
    from functions.messages.purge_expired_sessions import PurgeExpiredSessionsRequest

    message = request.message(PurgeExpiredSessionsRequest, "request")
    return is_dry_run or bool(message.dry_run), shard or message.shard or ""


def _part(text: str) -> Part:
    """The part that a text such as `0/4` names, all parts for ""; raises InvalidArgument."""
    if not text:
        return ALL_PARTS
    match = _SHARD.fullmatch(text)
    part = Part(int(match[1]), int(match[2])) if match else None
    if part is None or not part.number < part.of <= MAX_PARTS:
        raise InvalidArgument(
            f"shard must be i/n with i from 0 to n - 1 and n up to {MAX_PARTS}: {text!r:.64}."
        )
    return part


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
