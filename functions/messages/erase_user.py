"""The body of the erasure of a user."""

from functions.messages.message import Message


class EraseUserRequest(Message):
    """The user to erase, whom the path names; with `dry_run` the server only counts."""

    name: str | None = ""
    dry_run: bool | None = False
