"""ID tokens of OpenID Connect issuers; see openid.net/specs/openid-connect-core-1_0#IDToken."""

from collections.abc import Sequence
from typing import Any

import jwt
from jwt.exceptions import PyJWTError
from jwt.types import Options

from functions.access.principal import Principal
from functions.api.auth.answers import Slots
from functions.api.auth.credentials import Credentials, is_jwt, refuse
from functions.api.auth.issuer import Issuer

_SKEW = 30
"""Seconds by which an issuer's clock may differ from ours."""

_END_OF_TIME = 2**53
_MAX_LENGTH = 16_384
_UNVERIFIED: Options = {"verify_signature": False}
_SIGNATURE_ALONE: Options = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
    "require": ["iss", "aud", "exp"],
}
"""Times are held against the clock of the request, which the library has not."""


class IdToken:
    """Verifies signature, issuer, audience and times."""

    def __init__(self, issuers: Sequence[str], audiences: Sequence[str], slots: Slots) -> None:
        self._issuers = {url: Issuer(url, slots) for url in issuers}
        self._audiences = frozenset(audiences)

    def principal(self, credentials: Credentials, now: int) -> Principal | None:
        """None for what is no JWT; raises BadCredential, or Unavailable without keys."""
        token = credentials.token
        if not is_jwt(token):
            return None
        if len(token) > _MAX_LENGTH:
            refuse("the token is too long")
        try:
            header = jwt.get_unverified_header(token)
            unverified = jwt.decode(token, options=_UNVERIFIED)
            issuer = self._issuers.get(str(unverified.get("iss")))
            if issuer is None:
                refuse("the token's issuer is not accepted here")
            key = issuer.key(str(header.get("kid", "")), now)
            if key is None:
                refuse("the token's issuer has no such key")
            claims = jwt.decode(
                token, key, algorithms=[key.algorithm_name], options=_SIGNATURE_ALONE
            )
        except (PyJWTError, ValueError, RecursionError):
            refuse("the token is malformed or its signature is not good")
        self._check(claims, now // 10**9)
        return Principal(claims)

    def _check(self, claims: dict[str, Any], now: int) -> None:
        audience = claims["aud"]
        audiences = audience if isinstance(audience, list) else [audience]
        if not any(isinstance(each, str) and each in self._audiences for each in audiences):
            refuse("the token is for another audience")
        if now >= _seconds(claims, "exp") + _SKEW:
            refuse("the token has expired")
        if any(now < _seconds(claims, name) - _SKEW for name in ("nbf", "iat") if name in claims):
            refuse("the token is not valid yet")


def _seconds(claims: dict[str, Any], name: str) -> float:
    value: float = claims[name]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and 0 <= value < _END_OF_TIME):
        refuse(f"the token's {name} is no time")
    return value
