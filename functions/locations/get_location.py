"""GET {location}: reads the location that the server is configured for."""

from functions.calls.request import Request
from functions.messages.json_text import write_plain
from functions.rules.errors import LocationNotFound
from functions.store.protocol import Store


def get_location(request: Request, store: Store, now: int) -> str:
    """Answers `{"name", "locationId"}`, a google.cloud.location.Location; see google.aip.dev/153.

    Raises LocationNotFound for every location but GOOGLE_CLOUD_LOCATION.
    """
    location = request.location
    if location.rpartition("/")[2] != request.settings.google_cloud_location:
        raise LocationNotFound(location)
    return location_json(location)


def location_json(location: str) -> str:
    """Writes a location by its full name."""
    return write_plain({"name": location, "locationId": location.rpartition("/")[2]})
