"""The domain's errors, in the words of the official service where it has any.

ApiError
├── InvalidArgument: InvalidFields (SessionOfAnotherUser), SessionAlreadyExists, TooLarge,
│   WalkTooOld
├── FailedPrecondition: EngineHasSessions, AmbiguousSession
├── NotFound: SessionNotFound, EngineNotFound, ParentEngineNotFound, OperationNotFound
├── Aborted: Contention, EngineBeingDeleted
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
    """One or more fields are missing or malformed; all are named in one answer."""

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
    """The real service answers 400 here; AIP-133 says 409. The real service wins."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Session with user-provided ID '{name}' already exists.")


class TooLarge(InvalidArgument):
    """Something would not fit in one document of the store."""

    def __init__(self, what: str, size: int, limit: int) -> None:
        super().__init__(f"{what} is limited to {limit} bytes; this would make {size}.")


class WalkTooOld(InvalidArgument):
    """The store no longer knows what the list looked like when the walk began."""

    def __init__(self) -> None:
        super().__init__(
            "pageToken has expired: a walk through sessions ordered by update_time may take "
            "one hour. Start again without a token."
        )


class SessionNotFound(NotFound):
    """There is no live session of that name; an expired one is gone too."""

    def __init__(self, name: object) -> None:
        super().__init__(f"Session {name} not found.")


class EngineNotFound(NotFound):
    """There is no engine of that name."""

    def __init__(self, name: object) -> None:
        super().__init__(f"ReasoningEngine {name} not found.")


class ParentEngineNotFound(NotFound):
    """Sessions were asked for under an engine that must exist and does not."""

    def __init__(self) -> None:
        super().__init__("The ReasoningEngine does not exist.")


class OperationNotFound(NotFound):
    """No operation of that name was ever answered, or what it made is gone."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Operation {name} not found.")


class EngineHasSessions(FailedPrecondition):
    """An engine goes with its sessions only when told to."""

    def __init__(self, name: object) -> None:
        super().__init__(
            f"ReasoningEngine {name} still has sessions. Delete them first, or set force."
        )


class AmbiguousSession(FailedPrecondition):
    """A session named without its engine lives under several."""

    def __init__(self, session: str, engines: Sequence[str]) -> None:
        super().__init__(
            f"Session {session} exists under several reasoning engines: "
            f"{', '.join(engines)}. Name the engine."
        )


class Contention(Aborted):
    """Others changed the same resource each time that we tried."""

    def __init__(self, name: object) -> None:
        super().__init__(f"Too much contention on {name}. Try again.")


class EngineBeingDeleted(Aborted):
    """A session was to be created under an engine while the store still deletes that engine."""

    def __init__(self, name: object) -> None:
        super().__init__(f"ReasoningEngine {name} is being deleted. Try again later.")


class StoreUnavailable(Unavailable):
    """The store did not answer in time or cannot be reached."""

    def __init__(self) -> None:
        super().__init__("The session store is unavailable. Try again.")


class NoMatchInTime(Unavailable):
    """A later page found no match in its time; clients of genai fail on a page that is empty."""

    def __init__(self) -> None:
        super().__init__(
            "No match of the filter was found in half of STORE_TIMEOUT. Narrow the filter, for "
            "example by a range of time."
        )
