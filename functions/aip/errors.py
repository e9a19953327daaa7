"""The error tree of AIP-193; see google.aip.dev/193.

ApiError
├── InvalidArgument 400     FailedPrecondition 400
├── Unauthenticated 401     PermissionDenied 403
├── NotFound 404            MethodNotAllowed 405
├── Aborted 409             PayloadTooLarge 413
├── UnsupportedMediaType 415
├── ResourceExhausted 429   Internal 500
└── Unavailable 503

Every error that may reach a client is one of these classes or a subclass. Its message is the text
that the client reads.
"""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple


class FieldViolation(NamedTuple):
    """One entry of `google.rpc.BadRequest.field_violations`."""

    field: str
    description: str


class ApiError(Exception):
    """An error answer; `violations` become a `google.rpc.BadRequest` detail."""

    code: ClassVar[int]
    status: ClassVar[str]
    retry_after: ClassVar[int | None] = None
    """Seconds after which the same request may succeed; None if waiting does not help."""

    def __init__(self, message: str, violations: Sequence[FieldViolation] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.violations = violations


class InvalidArgument(ApiError):
    """The request is malformed and cannot succeed as sent."""

    code, status = 400, "INVALID_ARGUMENT"


class FailedPrecondition(ApiError):
    """The request is valid, but the present state of the resource forbids it."""

    code, status = 400, "FAILED_PRECONDITION"


class Unauthenticated(ApiError):
    """The request carries no valid credential.

    `challenge` is the header WWW-Authenticate of the answer; see rfc-editor.org/rfc/rfc6750.
    """

    code, status = 401, "UNAUTHENTICATED"
    challenge: ClassVar[str] = 'Bearer realm="sessions"'


class PermissionDenied(ApiError):
    """The caller may see the resource, but may not do this to it."""

    code, status = 403, "PERMISSION_DENIED"


class NotFound(ApiError):
    """The resource or the path does not exist, or the caller may not see it."""

    code, status = 404, "NOT_FOUND"


class MethodNotAllowed(ApiError):
    """The path does not take this HTTP method; `allowed` lists the methods that it takes."""

    code, status = 405, "UNIMPLEMENTED"

    def __init__(self, message: str, allowed: Sequence[str]) -> None:
        super().__init__(message)
        self.allowed = allowed


class Aborted(ApiError):
    """Concurrent changes outlasted the server's retries; the client may send the request again."""

    code, status = 409, "ABORTED"
    retry_after: ClassVar[int | None] = 1


class PayloadTooLarge(ApiError):
    """The body is larger than the server reads.

    Google's front ends answer 413, or 400 with this message. No google.rpc.Code maps to 413, which
    proxies and clients know; the status is the one that Google sends with this message.
    """

    code, status = 413, "INVALID_ARGUMENT"

    def __init__(self, limit: int) -> None:
        """`limit` is in bytes."""
        super().__init__(f"Request payload size exceeds the limit: {limit} bytes.")


class UnsupportedMediaType(ApiError):
    """The server does not take the body's encoding or type.

    No google.rpc.Code maps to 415, which clients know.
    """

    code, status = 415, "INVALID_ARGUMENT"


class ResourceExhausted(ApiError):
    """The server holds as many streams as it can; the client may try again later."""

    code, status = 429, "RESOURCE_EXHAUSTED"


class Internal(ApiError):
    """An unforeseen error; only the server's log has the details."""

    code, status = 500, "INTERNAL"


class Unavailable(ApiError):
    """The server cannot reach its store now; the client may try again."""

    code, status = 503, "UNAVAILABLE"
    retry_after = 1
