"""POST {session}:rewind: takes the state back to the moment before an invocation."""

from functions.calls.answer import Answer
from functions.calls.request import Request
from functions.messages.fork_and_rewind import RewindSessionRequest
from functions.rules.errors import InvalidFields
from functions.rules.rewind import new_rewind
from functions.store.protocol import Store


def rewind_session(request: Request, store: Store, now: int) -> Answer:
    """Appends the event of the rewind, and answers the Session.

    Earlier events stay, but ADK's runners leave the events behind the moment out of their prompts.
    The state of the user and the engine stays, and so do artifacts. A retry with the same
    `requestId` appends nothing.

    Raises SessionNotFound, InvocationNotFound, and SessionHasChanged where the client expects
    another version.
    """
    name = request.session_name
    message = request.message(RewindSessionRequest, "request")
    if not message.before_invocation_id:
        raise InvalidFields([("request.before_invocation_id", "Required field is not set.")])
    rewind = new_rewind(message.before_invocation_id, request.query.get("requestId", ""))
    session = store.rewind_session(name, rewind, now, if_match=request.if_match)
    return Answer(session.to_json(), session.etag)
