"""The body of the purge of events; see google.aip.dev/165."""

from functions.messages.message import Message


class PurgeEventsRequest(Message):
    """The events to purge, whose session the path names; `force` removes them."""

    parent: str | None = ""
    filter: str | None = ""
    force: bool | None = False
