"""Callers that Cloud Run's IAM let in: it verified their tokens before it sent the requests here.

See cloud.google.com/run/docs/authenticating/overview. The server reads these tokens without
verifying them again: without IAM in front of the function, anybody could write one.
"""

import base64
import json
from typing import Any

from functions.access.principal import Principal
from functions.api.auth.credentials import Credentials, has_signature, is_jwt, refuse


class Iam:
    """Reads the claims of a token that IAM has verified, or that API Gateway has."""

    def __init__(self, *, takes_signed: bool) -> None:
        """`takes_signed`: a token that still has its signature also counts as verified by IAM."""
        self._takes_signed = takes_signed

    def principal(self, credentials: Credentials, now: int) -> Principal | None:
        """None if IAM verified no token; raises BadCredential for a malformed one."""
        if credentials.userinfo:
            return Principal(_claims(credentials.userinfo))
        token = self.verified_token(credentials)
        return Principal(_claims(token.split(".")[1])) if token else None

    def verified_token(self, credentials: Credentials) -> str:
        """The token that IAM verified, or ""."""
        if credentials.serverless:
            return credentials.serverless if is_jwt(credentials.serverless) else ""
        token = credentials.authorization
        is_verified = is_jwt(token) and (self._takes_signed or not has_signature(token))
        return token if is_verified else ""


def _claims(part: str) -> dict[str, Any]:
    try:
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        refuse("the token is malformed")
    if not isinstance(claims, dict) or not claims:
        refuse("the token has no claims")
    return claims
