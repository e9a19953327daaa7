"""GET {project}/locations: lists the one location that the server is configured for."""

from functions.aip.page_token import InvalidPageToken
from functions.calls.request import Request
from functions.locations.get_location import location_json
from functions.store.protocol import Store


def list_locations(request: Request, store: Store, now: int) -> str:
    """Answers `{"locations": [Location]}`; `filter` is ignored, as the API leaves its syntax open.

    Raises InvalidArgument for a malformed pageSize and for every pageToken: the server never
    answers with one.
    """
    _ = request.page_size
    if request.query.get("pageToken"):
        raise InvalidPageToken
    return f'{{"locations":[{location_json(request.location)}]}}'
