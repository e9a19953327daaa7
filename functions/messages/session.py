"""Session, as in the discovery document's schema of that name."""

from typing import Any

from functions.messages.message import Message
from functions.messages.scalars import Duration, Timestamp


class Session(Message):
    """A session as a caller sends it; name, createTime and updateTime are ignored on input."""

    oneofs = [("expiration", frozenset({"expire_time", "ttl"}))]

    name: str | None = ""
    create_time: Timestamp = None
    update_time: Timestamp = None
    display_name: str | None = ""
    labels: dict[str, str] | None = {}
    session_state: dict[str, Any] | None = None
    user_id: str | None = ""
    expire_time: Timestamp = None
    ttl: Duration = None
