"""The credentials of a request, from all places that may carry them."""

from dataclasses import dataclass, replace
from typing import NoReturn

import flask

from functions.aip.errors import Unauthenticated
from functions.api.query import parameters

_MIN_SIGNATURE = 86
"""Characters of the shortest signature of a JWT, that of ES256; Cloud Run leaves less."""


class BadCredential(Unauthenticated):
    """The credential is bad; a bad credential never counts as a missing one."""

    challenge = f'{Unauthenticated.challenge}, error="invalid_token"'


@dataclass(frozen=True, slots=True)
class Credentials:
    """Empty text stands for what a request does not carry.

    `serverless` and `authorization` are the bearer tokens of X-Serverless-Authorization and of
    Authorization, as Cloud Run saw them: it checks the former where both are there. `token` is
    the caller's, for us to verify: that of Authorization, of what a gateway hands on, or of
    `access_token=` for those who cannot send headers, such as a browser's EventSource. `userinfo`
    is the claims that API Gateway has verified, base64url; `other` an Authorization that is no
    bearer token.
    """

    serverless: str = ""
    authorization: str = ""
    token: str = ""
    key: str = ""
    other: str = ""
    userinfo: str = ""

    @property
    def is_none(self) -> bool:
        """Whether the request carries no credential at all."""
        return not (self.serverless or self.token or self.key or self.other or self.userinfo)


def read_credentials(request: flask.Request) -> Credentials:
    """The credentials that the function's direct caller sends."""
    authorization, other = _split(request.headers.get("Authorization", ""))
    return Credentials(
        serverless=_split(request.headers.get("X-Serverless-Authorization", ""))[0],
        authorization=authorization,
        token=authorization or _parameter(request, "access_token"),
        key=request.headers.get("X-Goog-Api-Key", "") or _parameter(request, "key"),
        other=other,
    )


def read_forwarded(request: flask.Request, *, userinfo: bool) -> Credentials:
    """The credentials that a gateway hands on from its caller; Cloud Run verified none of them."""
    token, other = _split(request.headers.get("X-Forwarded-Authorization", ""))
    return replace(
        read_credentials(request),
        serverless="",
        authorization="",
        token=token or _parameter(request, "access_token"),
        other=other,
        userinfo=request.headers.get("X-Apigateway-Api-Userinfo", "") if userinfo else "",
    )


def is_jwt(token: str) -> bool:
    """Whether a token has the three parts of a JWT; Google's access tokens have fewer."""
    return token.count(".") == 2 and token.startswith("ey")


def has_signature(token: str) -> bool:
    """Whether a JWT still has its signature, which Cloud Run takes from those it has verified."""
    return len(token.rpartition(".")[2]) >= _MIN_SIGNATURE


def refuse(why: str) -> NoReturn:
    """Raises BadCredential; `why` must not hold any part of the credential."""
    raise BadCredential(f"Request had invalid authentication credentials: {why}.")


def _split(header: str) -> tuple[str, str]:
    """A bearer token, and whatever else the header holds."""
    scheme, _, token = header.strip().partition(" ")
    if scheme.lower() == "bearer":
        return token.strip(), ""
    return "", header.strip()


def _parameter(request: flask.Request, name: str) -> str:
    return parameters(request).get(name, "")
