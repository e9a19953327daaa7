"""What GAPIC's errors tell, over REST and over gRPC."""

from google.api_core.exceptions import GoogleAPICallError


def violated_fields(error: GoogleAPICallError) -> list[str]:
    """The fields of the error's BadRequest: JSON over REST, a message over gRPC."""
    (detail,) = error.details
    if isinstance(detail, dict):
        return [each["field"] for each in detail["fieldViolations"]]
    return [each.field for each in detail.field_violations]
