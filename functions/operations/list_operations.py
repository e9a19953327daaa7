"""GET {name}/operations: lists operations; none is stored."""

from functions.aip.page_token import InvalidPageToken
from functions.calls.request import Request
from functions.store.protocol import Store


def list_operations(request: Request, store: Store, now: int) -> str:
    """Answers an empty list below a well-formed name.

    Raises InvalidArgument for parameters that are not what they should be, a pageToken above all:
    none was ever answered.
    """
    check_parent(request)
    _ = request.page_size, request.flag("returnPartialSuccess")
    if request.query.get("pageToken"):
        raise InvalidPageToken
    return "{}"


def check_parent(request: Request) -> None:
    """Raises InvalidFields for a malformed name."""
    if "/sessions/" in f"/{request.name}":
        _ = request.session_name
    elif "reasoningEngines/" in request.name:
        _ = request.engine_name
    else:
        _ = request.location
