"""API keys, of which the server knows the hashes; long random keys need no slow hash."""

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
        """None without a key; raises BadCredential for an unknown key."""
        if not credentials.key:
            return None
        digest = hashlib.sha256(credentials.key.encode()).digest()
        # Every hash is compared: the time of an answer does not depend on which one matched.
        names = [name for name, known in self._hashes.items() if hmac.compare_digest(digest, known)]
        if not names:
            refuse("the API key is not known")
        return Principal(key=names[0])
