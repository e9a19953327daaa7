"""Ids that the server chooses: random, so that they neither collide nor tell how many there are."""

import secrets

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"


def new_session_id() -> str:
    """20 random characters (103 bits) of the official service's own alphabet."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(20))


def new_engine_id() -> str:
    """19 random digits, since ADK takes only digits for an engine's id."""
    return str(10**18 + secrets.randbelow(9 * 10**18))
