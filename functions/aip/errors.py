"""The error tree of AIP-193; see google.aip.dev/193.

ApiError
├── InvalidArgument 400     FailedPrecondition 400
├── Unauthenticated 401     PermissionDenied 403
├── NotFound 404            MethodNotAllowed 405
├── Aborted 409             PayloadTooLarge 413
├── UnsupportedMediaType 415
├── ResourceExhausted 429   Internal 500
└── Unavailable 503

Every error that may reach a client is one of these or a subclass, and carries the message
that the client reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One entry of `google.rpc.BadRequest.field_violations`."""

    field: str
    description: str


class ApiError(Exception):
    """An answer other than 200; `violations` become a `google.rpc.BadRequest` detail."""

    code: ClassVar[int]
    status: ClassVar[str]
    retry_after: ClassVar[int | None] = None
    """Seconds after which the same request may succeed; None if waiting does not help."""

    def __init__(self, message: str, violations: Sequence[FieldViolation] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.violations = violations


class InvalidArgument(ApiError):
    """The request can never succeed as sent."""

    code, status = 400, "INVALID_ARGUMENT"


class FailedPrecondition(ApiError):
    """The request would succeed in another state of the system."""

    code, status = 400, "FAILED_PRECONDITION"


class Unauthenticated(ApiError):
    """Nobody is known to send this; `challenge` says how to: rfc-editor.org/rfc/rfc6750."""

    code, status = 401, "UNAUTHENTICATED"
    challenge: ClassVar[str] = 'Bearer realm="sessions"'


class PermissionDenied(ApiError):
    """The caller may see this, but not do it."""

    code, status = 403, "PERMISSION_DENIED"


class NotFound(ApiError):
    """There is no such resource, or no such path."""

    code, status = 404, "NOT_FOUND"


class MethodNotAllowed(ApiError):
    """The path exists under other HTTP methods, those in `allowed`."""

    code, status = 405, "UNIMPLEMENTED"

    def __init__(self, message: str, allowed: Sequence[str]) -> None:
        super().__init__(message)
        self.allowed = allowed


class Aborted(ApiError):
    """Contention that outlasted our own retries; the caller may try again."""

    code, status = 409, "ABORTED"
    retry_after = 1


class PayloadTooLarge(ApiError):
    """The body is larger than any that is read.

    Google's front ends answer 413 or, in these words, 400. No google.rpc.Code maps to HTTP's own
    code for it, which proxies and clients know; the status is the one that comes with the words.
    """

    code, status = 413, "INVALID_ARGUMENT"

    def __init__(self, limit: int) -> None:
        """`limit` is in bytes."""
        super().__init__(f"Request payload size exceeds the limit: {limit} bytes.")


class UnsupportedMediaType(ApiError):
    """The body comes in an encoding, or as a type, that is not taken.

    No google.rpc.Code maps to HTTP's own code for it, which clients know.
    """

    code, status = 415, "INVALID_ARGUMENT"


class ResourceExhausted(ApiError):
    """More than the server holds at a time; the caller may try again later."""

    code, status = 429, "RESOURCE_EXHAUSTED"


class Internal(ApiError):
    """Anything unforeseen; the details are in the log only."""

    code, status = 500, "INTERNAL"


class Unavailable(ApiError):
    """The store cannot be reached now; the caller may try again."""

    code, status = 503, "UNAVAILABLE"
    retry_after = 1
