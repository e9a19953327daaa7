"""GET {name}/operations: lists operations; none is stored."""

from functions.rules.request import Request
from functions.store.protocol import Store


def list_operations(request: Request, store: Store, now: int) -> str:
    """Answers an empty list below a well-formed name: nothing is ever under way."""
    check_parent(request)
    return "{}"


def check_parent(request: Request) -> None:
    """Raises InvalidFields for a malformed name."""
    if "/sessions/" in f"/{request.name}":
        _ = request.session_name
    elif "reasoningEngines/" in request.name:
        _ = request.engine_name
    else:
        _ = request.location
