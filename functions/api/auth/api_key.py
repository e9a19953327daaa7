"""API keys; only their hashes are known here, and long random keys need no more than one hash."""

import hashlib
import hmac
from collections.abc import Mapping

from functions.access.principal import Principal
from functions.api.auth.credentials import Credentials, refuse


class ApiKey:
    """Finds the name of a key."""

    def __init__(self, hashes: Mapping[str, bytes]) -> None:
        """Name → SHA-256 of the key."""
        self._hashes = hashes

    def principal(self, credentials: Credentials, now: int) -> Principal | None:
        """None without a key; raises BadCredential for one that nobody has."""
        if not credentials.key:
            return None
        digest = hashlib.sha256(credentials.key.encode()).digest()
        # Every hash is compared, so that time tells nothing of where one matched.
        names = [name for name, known in self._hashes.items() if hmac.compare_digest(digest, known)]
        if not names:
            refuse("the API key is not known")
        return Principal(key=names[0])
