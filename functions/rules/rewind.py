"""A rewind: one event that takes a session's state back, and that ADK's runners understand.

ADK's runners leave out of their prompts all events from the first one of the invocation that
`rawEvent.actions.rewindBeforeInvocationId` names to the event of the rewind. `actions.stateDelta`
has the keys that the rewind sets. `rawEvent.actions.stateDelta` has null besides for the keys that
the rewind removes, as ADK's own rewind has it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from functions.aip.timestamp import format_timestamp
from functions.messages.json_text import integral, read_json, write_json, write_plain
from functions.rules.chance import chance
from functions.rules.event import EventRecord
from functions.rules.state import StateChange, join_members

_AUTHOR = "user"
"""The author of ADK's own rewinds."""


@dataclass(frozen=True, slots=True)
class Rewind:
    """The rewind that a request asks for; `event_id` is the id of its event."""

    before_invocation_id: str
    event_id: str


def new_rewind(before_invocation_id: str, request_id: str) -> Rewind:
    """With `request_id` a retry has the same event; the id is random without one."""
    key = (
        f"{request_id}\0{before_invocation_id}" if request_id else chance.get().randbytes(16).hex()
    )
    return Rewind(before_invocation_id, hashlib.sha256(f"rewind {key}".encode()).hexdigest()[:32])


def rewind_event(
    rewind: Rewind, now: Mapping[str, str], then: Mapping[str, str | None], timestamp: int
) -> tuple[EventRecord, StateChange]:
    """The event that takes the members `now` back to `then`, and its change of state.

    Both have the members of the session's own state under the same keys, which may be the names
    that stores give to them. `timestamp` is in nanoseconds since the epoch.
    """
    set_again = [member for key, member in then.items() if member and now.get(key) != member]
    gone = [_key_of(member) for key, member in now.items() if key not in then]
    delta = join_members(set_again)
    change = StateChange(session={_key_of(member): member for member in set_again})
    change.session |= dict.fromkeys(gone)
    nulls = [f"{write_plain(key)}:null" for key in gone]
    invocation_id = f"e-{rewind.event_id}"
    named = f'"invocationId":"{invocation_id}"'
    raw = (
        f'{{"id":"{rewind.event_id}","author":"{_AUTHOR}",{named},'
        f'"timestamp":{write_json(integral(timestamp / 10**9))},"actions":{{'
        f'"stateDelta":{{{join_members([*set_again, *nulls])}}},'
        f'"rewindBeforeInvocationId":{write_plain(rewind.before_invocation_id)}}}}}'
    )
    text = (
        f'"author":"{_AUTHOR}","content":{{}},{named},"actions":{{"stateDelta":{{{delta}}}}},'
        f'"timestamp":"{format_timestamp(timestamp)}","rawEvent":{raw}}}'
    )
    record = EventRecord(
        rewind.event_id, timestamp, _AUTHOR, invocation_id, text, removed=tuple(gone)
    )
    return record, change


def _key_of(member: str) -> str:
    key: str
    (key,) = read_json(f"{{{member}}}".encode())
    return key
