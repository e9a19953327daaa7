"""State without a session: the body and the answer of the methods of app and user state."""

from typing import Any

from functions.messages.message import Message
from functions.messages.scalars import Timestamp


class State(Message):
    """The state of an engine or a user. The server ignores name and updateTime of a body."""

    name: str | None = ""
    state: dict[str, Any] | None = None
    update_time: Timestamp = None
