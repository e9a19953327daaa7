"""The body of a purge of expired sessions."""

from functions.messages.message import Message


class PurgeExpiredSessionsRequest(Message):
    """`shard` is the part to purge, "" for all; with `dry_run` the server only counts."""

    dry_run: bool | None = False
    shard: str | None = ""
