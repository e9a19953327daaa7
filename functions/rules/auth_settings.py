"""The settings that say who is let in, and what they may do."""

import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, field_validator, model_validator

from functions.rules.policy import Policy

AuthKind = Literal["iam", "id_token", "access_token", "api_key", "none"]

_LOOPBACK = r"(127\.0\.0\.1|localhost|\[::1\])"
_URL = rf"(https://[^\s,?#]+|http://{_LOOPBACK}(:\d+)?(/[^\s,?#]*)?)"
_KEY = re.compile(r"([\w.-]+):([0-9a-f]{64})")


def _split(text: object) -> object:
    return tuple(text.replace(",", " ").split()) if isinstance(text, str) else text


_Words = Annotated[tuple[str, ...], BeforeValidator(_split)]
"""Written with commas or white space between them."""


class AuthSettings(BaseModel):
    """Authentication and authorization; see docs/security.md."""

    auth: Annotated[tuple[AuthKind, ...], BeforeValidator(_split)] = Field(
        default=(),
        description="Who is let in, several separated by commas: `iam` callers whom Cloud Run's "
        "IAM has let in, `id_token` OpenID Connect tokens, `access_token` Google's OAuth 2.0 "
        "tokens, `api_key` keys of `API_KEYS`, `none` everybody. The first whose credential a "
        "request carries decides. Unset: `iam` when `K_SERVICE` is set, else `none`.",
    )
    auth_issuers: _Words = Field(
        default=(),
        description="Issuers of `id_token`, such as `https://accounts.google.com`, as they stand "
        "in the tokens. All are trusted alike.",
    )
    auth_audiences: _Words = Field(
        default=(),
        description="Audiences of `id_token`: whom its tokens must be for, one of these.",
    )
    auth_clients: _Words = Field(
        default=(),
        description="OAuth clients whose `access_token` is taken, by client id. "
        "Unset: every client's, if the token has the scope cloud-platform.",
    )
    auth_tokeninfo_url: str = Field(
        default="https://oauth2.googleapis.com/tokeninfo",
        pattern=rf"^{_URL}$",
        description="Who tells what an `access_token` is worth.",
    )
    auth_gateway_account: str = Field(
        default="",
        pattern=r"^(|[^@\s]+@[^@\s]+)$",
        description="Service account of an API Gateway: what it sends is from the caller whose "
        "token it hands on.",
    )
    auth_gateway_userinfo: bool = Field(
        default=False,
        description="`true`: the gateway demands tokens on every path, so that the claims it "
        "hands on are those of a caller whom `iam` lets in.",
    )
    api_keys: _Words = Field(
        default=(),
        description="Keys of `api_key` as `name:hash`, the hash being SHA-256 in hexadecimal.",
    )
    policy: str = Field(
        default="",
        description="Who may do what: a JSON list of rules, or the path of a file with one. "
        "Unset: whoever is let in may do everything.",
    )
    purge_account: str = Field(
        default="",
        pattern=r"^(|[^@\s]+@[^@\s]+)$",
        description="Service account that alone may purge. Unset: who has the role `admin` on `*`.",
    )
    k_service: str = Field(
        default="", description="Set by the platform when the code runs as a Cloud Function."
    )

    @field_validator("auth_issuers")
    @classmethod
    def _issuers_are_urls(cls, issuers: tuple[str, ...]) -> tuple[str, ...]:
        for issuer in issuers:
            if not re.fullmatch(_URL, issuer):
                raise ValueError(f"{issuer!r} is no URL that begins with https://")
        return issuers

    @field_validator("api_keys")
    @classmethod
    def _keys_are_hashed(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        for number, key in enumerate(keys, 1):
            if not _KEY.fullmatch(key):
                raise ValueError(f"number {number} is not name:hash")
        return keys

    @field_validator("policy")
    @classmethod
    def _policy_is_one(cls, text: str) -> str:
        if text.lstrip().startswith("["):
            Policy.parse(text, {})
        return text

    @model_validator(mode="after")
    def _kinds_have_what_they_need(self) -> Self:
        kinds = self.auth_kinds
        if "iam" in kinds and not self.k_service:
            raise ValueError("AUTH=iam is for the cloud: here nobody checks tokens before us.")
        if "id_token" in kinds and not (self.auth_issuers and self.auth_audiences):
            raise ValueError("AUTH=id_token needs AUTH_ISSUERS and AUTH_AUDIENCES.")
        if "api_key" in kinds and not self.api_keys:
            raise ValueError("AUTH=api_key needs API_KEYS.")
        if {"id_token", "access_token"} & {*kinds} and not self.policy:
            raise ValueError(
                "AUTH=id_token and AUTH=access_token need a POLICY: many have such a token."
            )
        return self

    @property
    def auth_kinds(self) -> tuple[AuthKind, ...]:
        """AUTH with its default applied."""
        return self.auth or (("iam",) if self.k_service else ("none",))

    @property
    def key_hashes(self) -> dict[str, bytes]:
        """Name of each API key → SHA-256 of the key."""
        split = (key.rpartition(":") for key in self.api_keys)
        return {name: bytes.fromhex(digest) for name, _, digest in split}
