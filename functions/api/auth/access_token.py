"""Google's OAuth 2.0 access tokens, which its SDKs send by default.

Google's token info says whose token it is. The server keeps the answer under the token's hash for
five minutes at most, and never longer than the token lasts. It keeps a refusal for half a minute.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from functions.access.principal import Principal
from functions.aip.errors import Unavailable
from functions.api.auth.answers import Answers, Known, Slots
from functions.api.auth.credentials import Credentials, is_jwt, refuse
from functions.api.auth.fetching import fetch_json

CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"

_SECOND = 10**9
_MAX_LIFE = 300
_MAX_KEPT = 10_000
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{1,4096}")


class AccessToken:
    """Asks token info about tokens, and keeps its answers."""

    def __init__(self, url: str, clients: Sequence[str], slots: Slots) -> None:
        """`clients`: the OAuth clients whose tokens are taken, or none for all of cloud-platform.

        A token with that scope can do all that its owner can, everywhere. If tokens with a smaller
        scope were taken, another site could act here as the users who signed in to it.
        """
        self._url = url
        self._clients = frozenset(clients)
        self._answers: Answers[bytes, Principal] = Answers(slots, most_kept=_MAX_KEPT)

    def principal(self, credentials: Credentials, now: int) -> Principal | None:
        """None without an access token; raises BadCredential, or Unavailable if Google is away."""
        token = credentials.token
        if not token or is_jwt(token):
            return None
        if not _TOKEN.fullmatch(token):
            refuse("the access token is malformed")
        digest = hashlib.sha256(token.encode()).digest()
        return self._answers.get(digest, now, lambda: self._ask(token))

    def _ask(self, token: str) -> Known[Principal]:
        answer = fetch_json(self._url, urlencode({"access_token": token}).encode())
        if answer.status in (400, 401):
            refuse("the access token is not known or has expired")
        if answer.status != 200:
            raise Unavailable("Access tokens cannot be checked now. Try again.")
        claims: Mapping[str, Any] = answer.json
        life = min(_whole(claims.get("expires_in")), _MAX_LIFE) * _SECOND
        if life <= 0:
            refuse("the access token has expired")
        self._check_client(claims)
        return Known(Principal(claims), life * 4 // 5, life)

    def _check_client(self, claims: Mapping[str, Any]) -> None:
        if self._clients:
            if not {str(claims.get("aud")), str(claims.get("azp"))} & self._clients:
                refuse("the access token belongs to another OAuth client")
        elif CLOUD_PLATFORM not in str(claims.get("scope", "")).split():
            refuse("the access token lacks the scope cloud-platform")


def _whole(value: object) -> int:
    """Token info writes numbers as text."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() else 0
