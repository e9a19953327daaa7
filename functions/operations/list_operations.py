"""GET {name}/operations: lists no operations, because none is stored."""

from functions.aip.page_token import InvalidPageToken
from functions.calls.request import Request
from functions.store.protocol import Store


def list_operations(request: Request, store: Store, now: int) -> str:
    """Answers an empty list below a well-formed name.

    Raises InvalidArgument for malformed parameters and for every pageToken: the server never
    answers with one.
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
