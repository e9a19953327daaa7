"""Session; see the discovery document's schema."""

from typing import Any

from functions.messages.message import Message
from functions.messages.scalars import Duration, Timestamp


class Session(Message):
    """A session as a client sends it. The server ignores name, createTime and updateTime."""

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
