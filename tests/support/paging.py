"""The orders of a list of sessions, and a clock that walks through it go by."""

import time

from tests.support.api import Api

ORDERS = ("", "update_time desc", "update_time", "create_time", "create_time desc")


def tick(api: Api) -> None:
    """Lets the server's clock show the real time: Firestore's own clock takes part in walks."""
    api.now = max(api.now + 1000, time.time_ns() // 1000 * 1000)
