"""The public keys of one OpenID Connect issuer; see openid.net/specs/openid-connect-discovery-1_0.

The server fetches the keys at the first token and once an hour. A token with an unknown key's id
makes it fetch them again, at most once a minute, since anybody can make up an id.
"""

import logging
from typing import Any

from jwt import PyJWK
from jwt.exceptions import PyJWTError

from functions.aip.errors import Unavailable
from functions.api.auth.answers import Answers, Known, Slots
from functions.api.auth.fetching import fetch_json

_log = logging.getLogger(__name__)

_SECOND = 10**9
_LIFE = 3600 * _SECOND
_GRACE = 24 * _LIFE
_BETWEEN_SEARCHES = 60 * _SECOND
_BETWEEN_FAILURES = 5 * _SECOND
_PATIENCE = 1
"""Seconds that one request waits for new keys, so that withdrawn keys are soon refused."""

_ALGORITHMS = {"RSA": "RS256", "EC": "ES256"}
_MIN_RSA_BITS = 2048


class Issuer:
    """Keys by their id, for threads to share."""

    def __init__(self, url: str, slots: Slots) -> None:
        self._url = url
        self._search_again = 0
        """Nanoseconds of the clock from which on an unknown key is searched for again."""
        self._answers: Answers[str, dict[str, PyJWK]] = Answers(
            slots, most_kept=1, pause=_BETWEEN_FAILURES, patience=_PATIENCE
        )

    def key(self, key_id: str, now: int) -> PyJWK | None:
        """The key of that id, or the only key for ""; None if there is none.

        While the issuer does not answer, known keys stay good for a day. Raises Unavailable if no
        key is known, or if the issuer cannot be asked for an unknown one.
        """
        key = _find(self._answers.get(self._url, now, self._fetch), key_id)
        if key is None and now >= self._search_again:
            key = _find(self._answers.get(self._url, now, self._fetch, again=True), key_id)
            self._search_again = now + _BETWEEN_SEARCHES
        return key

    def _fetch(self) -> Known[dict[str, PyJWK]]:
        try:
            return Known(self._published(), _LIFE, _LIFE + _GRACE)
        except Unavailable:
            _log.warning("the keys of %s cannot be fetched", self._url)
            raise

    def _published(self) -> dict[str, PyJWK]:
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


def _find(keys: dict[str, PyJWK], key_id: str) -> PyJWK | None:
    if not key_id and len(keys) == 1:
        return next(iter(keys.values()))
    return keys.get(key_id)


def _signing_key(entry: Any) -> PyJWK | None:
    """A key for RS256 or ES256; None for other algorithms."""
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
