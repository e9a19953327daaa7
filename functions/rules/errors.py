"""The domain's errors, with the official service's messages where it has one.

ApiError
├── InvalidArgument: InvalidFields (SessionOfAnotherUser), SessionAlreadyExists, TooLarge,
│   WalkTooOld
├── FailedPrecondition: EngineHasSessions, AmbiguousSession
├── NotFound: SessionNotFound, EventNotFound, EngineNotFound, ParentEngineNotFound,
│   OperationNotFound, LocationNotFound
├── Aborted: Contention, EngineBeingDeleted, SessionHasChanged
└── Unavailable: NoMatchInTime, StoreUnavailable (NewerVersion of functions.store.versions)
"""

from collections.abc import Sequence

from functions.aip.errors import (
    Aborted,
    FailedPrecondition,
    FieldViolation,
    InvalidArgument,
    NotFound,
    Unavailable,
)


class InvalidFields(InvalidArgument):
    """Some fields are missing or malformed; one answer names all of them."""

    def __init__(self, faults: Sequence[tuple[str, str]]) -> None:
        listed = "".join(
            f"{number}.Field: {field}; Message: {message}\t"
            for number, (field, message) in enumerate(faults, 1)
        )
        super().__init__(
            f"List of found errors:\t{listed}", [FieldViolation(*fault) for fault in faults]
        )


class SessionOfAnotherUser(InvalidFields):
    """An append names a user, and its session belongs to another one."""

    def __init__(self, name: object) -> None:
        super().__init__([("user_id", f"Session {name} belongs to another user.")])


class SessionAlreadyExists(InvalidArgument):
    """A session of that id exists. AIP-133 says 409; the official service says 400."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Session with user-provided ID '{name}' already exists.")


class TooLarge(InvalidArgument):
    """A value is too large for one document of the store."""

    def __init__(self, what: str, size: int, limit: int) -> None:
        super().__init__(f"{what} is limited to {limit} bytes; this would make {size}.")


class AfterNoEvent(InvalidArgument):
    """A change of an import is behind an event that is neither before it nor in the store."""

    def __init__(self, event: str) -> None:
        super().__init__(
            f"stateChange.afterEvent names no event: {event}. Lines before it may be stored; the "
            "server skips them when they come again."
        )


class WalkTooOld(InvalidArgument):
    """The store no longer has the list as it was when the walk began."""

    def __init__(self) -> None:
        super().__init__(
            "pageToken has expired: a walk through sessions ordered by update_time may take "
            "one hour. Start again without a token."
        )


class SessionNotFound(NotFound):
    """No live session has that name; an expired session counts as missing."""

    def __init__(self, name: object) -> None:
        super().__init__(f"Session {name} not found.")


class EventNotFound(NotFound):
    """The session has no event of that name; a deleted event counts as missing."""

    def __init__(self, name: object) -> None:
        super().__init__(f"SessionEvent {name} not found.")


class EngineNotFound(NotFound):
    """No engine has that name."""

    def __init__(self, name: object) -> None:
        super().__init__(f"ReasoningEngine {name} not found.")


class ParentEngineNotFound(NotFound):
    """REQUIRE_ENGINE is set and the session's engine does not exist."""

    def __init__(self) -> None:
        super().__init__("The ReasoningEngine does not exist.")


class OperationNotFound(NotFound):
    """No operation of that name ever existed, or its resource is gone."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Operation {name} not found.")


class LocationNotFound(NotFound):
    """The server is configured for another location."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Location {name} not found.")


class EngineHasSessions(FailedPrecondition):
    """The engine still has sessions, and the request does not set `force`."""

    def __init__(self, name: object) -> None:
        super().__init__(
            f"ReasoningEngine {name} still has sessions. Delete them first, or set force."
        )


class AmbiguousSession(FailedPrecondition):
    """The name lacks the engine, and several engines have a session of that id."""

    def __init__(self, session: str, engines: Sequence[str]) -> None:
        super().__init__(
            f"Session {session} exists under several reasoning engines: "
            f"{', '.join(engines)}. Name the engine."
        )


class Contention(Aborted):
    """Other requests changed the same resource at each of the server's attempts."""

    def __init__(self, name: object) -> None:
        super().__init__(f"Too much contention on {name}. Try again.")


class EngineBeingDeleted(Aborted):
    """A session was to be created under an engine while the store still deletes that engine."""

    def __init__(self, name: object) -> None:
        super().__init__(f"ReasoningEngine {name} is being deleted. Try again later.")


class SessionHasChanged(Aborted):
    """The caller expects a version of the session that is no longer the current one."""

    retry_after = None

    def __init__(self, name: object, expected: str, current: str) -> None:
        super().__init__(
            f"The session has changed: {name} has the etag {current}, and not {expected:.100}."
        )


class StoreUnavailable(Unavailable):
    """The store cannot be reached or did not answer in time."""

    def __init__(self) -> None:
        super().__init__("The session store is unavailable. Try again.")


class NoMatchInTime(Unavailable):
    """A later page found no match in its time. Clients of genai fail on an empty page."""

    def __init__(self) -> None:
        super().__init__(
            "No match of the filter was found in half of STORE_TIMEOUT. Narrow the filter, for "
            "example by a range of time."
        )
