"""The public keys of one OpenID Connect issuer; see openid.net/specs/openid-connect-discovery-1_0.

They are fetched when first needed and once an hour. A token of a key that is not among them
fetches them again, at most once a minute, since anybody can make up a key's id.
"""

import logging
import threading
from typing import Any

from jwt import PyJWK
from jwt.exceptions import PyJWTError

from functions.aip.errors import Unavailable
from functions.api.auth.fetching import fetch_json

_log = logging.getLogger(__name__)

_SECOND = 10**9
_LIFE = 3600 * _SECOND
_GRACE = 24 * _LIFE
_BETWEEN_SEARCHES = 60 * _SECOND
_BETWEEN_FAILURES = 5 * _SECOND

_ALGORITHMS = {"RSA": "RS256", "EC": "ES256"}
_MIN_RSA_BITS = 2048


class Issuer:
    """Keys by their id, for threads to share."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._keys: dict[str, PyJWK] = {}
        self._stale = self._search_again = self._retry = 0
        """Nanoseconds of the clock from which on keys are fetched again."""

    def key(self, key_id: str, now: int) -> PyJWK | None:
        """The key of that id, or the only one for ""; None where there is none.

        While the issuer cannot be reached, the keys that are known stay good for a day. Raises
        Unavailable where none are known.
        """
        if now < self._stale and (key := self._find(key_id)):
            return key
        with self._lock:
            if now >= self._stale:
                self._refresh(now)
            elif self._find(key_id) is None and now >= self._search_again:
                self._search_again = now + _BETWEEN_SEARCHES
                self._refresh(now)
            return self._find(key_id)

    def _find(self, key_id: str) -> PyJWK | None:
        keys = self._keys
        if not key_id and len(keys) == 1:
            return next(iter(keys.values()))
        return keys.get(key_id)

    def _refresh(self, now: int) -> None:
        if now < self._retry:
            if not self._keys:
                raise Unavailable("The issuer of the token cannot be reached. Try again.")
            return
        try:
            self._keys = self._fetch()
            self._stale = now + _LIFE
        except Unavailable:
            self._retry = now + _BETWEEN_FAILURES
            _log.warning("the keys of %s cannot be fetched", self._url)
            if now >= self._stale + _GRACE:
                self._keys = {}
            if not self._keys:
                raise

    def _fetch(self) -> dict[str, PyJWK]:
        found = fetch_json(f"{self._url.rstrip('/')}/.well-known/openid-configuration")
        address = found.json.get("jwks_uri")
        is_its_own = found.json.get("issuer") == self._url
        is_safe = isinstance(address, str) and _scheme(address) in ("https", _scheme(self._url))
        if found.status != 200 or not (is_its_own and is_safe):
            raise Unavailable("The issuer of the token has no valid discovery document.")
        answer = fetch_json(address)
        listed = answer.json.get("keys")
        if answer.status != 200 or not isinstance(listed, list):
            raise Unavailable("The issuer of the token has no valid keys.")
        keys = {}
        for entry in listed:
            key = _signing_key(entry)
            if key is not None:
                keys[str(key.key_id or "")] = key
        return keys


def _signing_key(entry: Any) -> PyJWK | None:
    """A key for RS256 or ES256 and nothing else; None for others."""
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    algorithm = _ALGORITHMS.get(str(entry.get("kty")))
    if algorithm is None or entry.get("alg", algorithm) != algorithm:
        return None
    try:
        key = PyJWK(entry, algorithm)
    except (PyJWTError, ValueError):
        return None
    is_fit = key.key.key_size >= _MIN_RSA_BITS if algorithm == "RS256" else key.key.key_size == 256
    return key if is_fit else None


def _scheme(url: str) -> str:
    return url.partition("://")[0]
