"""POST sessions:purgeExpired: removes what expired and was deleted; Cloud Scheduler calls it."""

import logging
import re
import time

from functions.aip.errors import InvalidArgument
from functions.calls.request import Request
from functions.messages.json_text import write_plain
from functions.store.protocol import ALL_PARTS, MAX_PARTS, Part, Store

_SHARD = re.compile(r"([0-9]{1,2})/([0-9]{1,2})")

_log = logging.getLogger(__name__)


def purge_expired_sessions(request: Request, store: Store, now: int) -> str:
    """Answers `{"purgedSessions", "deletedEvents", "done"}`; not done means: call again.

    `shard=i/n` purges part i of n, 0 to n - 1: n calls work side by side. Stops after
    PURGE_TIME_LIMIT. Logs the same counts with the seconds that it took. In the time that is left,
    the store brings documents of an earlier version up to date.
    """
    start = time.monotonic()
    end = start + request.settings.purge_time_limit / 1e9
    purged = store.purge(now, lambda: time.monotonic() >= end, _part(request))
    answer = {
        "purgedSessions": purged.sessions,
        "deletedEvents": purged.events,
        "done": purged.done,
    }
    seconds = round(time.monotonic() - start, 3)
    _log.info("purge", extra={"fields": {**answer, "seconds": seconds}})
    return write_plain(answer)


def _part(request: Request) -> Part:
    text = request.query.get("shard", "")
    if not text:
        return ALL_PARTS
    match = _SHARD.fullmatch(text)
    part = Part(int(match[1]), int(match[2])) if match else None
    if part is None or not part.number < part.of <= MAX_PARTS:
        raise InvalidArgument(
            f"shard must be i/n with i from 0 to n - 1 and n up to {MAX_PARTS}: {text!r:.64}."
        )
    return part
