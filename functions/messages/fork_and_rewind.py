"""The bodies of fork_session and rewind_session, which the official service does not have."""

from functions.messages.message import Message
from functions.messages.session import Session


class ForkSessionRequest(Message):
    """A fork; without `throughEvent` and `beforeInvocationId` it has all events of its source."""

    oneofs = [("point", frozenset({"through_event", "before_invocation_id"}))]

    session_id: str | None = ""
    session: Session | None = None
    through_event: str | None = None
    before_invocation_id: str | None = None


class RewindSessionRequest(Message):
    """A rewind to the moment before the first event of an invocation."""

    before_invocation_id: str | None = ""
