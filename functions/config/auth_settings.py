"""The settings that say who is let in, and what they may do."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

from functions.config.setting import matching, setting, some_of, split, truth

AuthKind = Literal["iam", "id_token", "access_token", "google_iam", "api_key", "none"]

_LOOPBACK = r"(127\.0\.0\.1|localhost|\[::1\])"
_URL = rf"(https://[^\s,?#]+|http://{_LOOPBACK}(:\d+)?(/[^\s,?#]*)?)"
_ACCOUNT = r"(|[^@\s]+@[^@\s]+)"
_KEY = r"([\w.-]+):([0-9a-f]{64})"


def _read_issuers(text: str) -> tuple[str, ...]:
    issuers = split(text)
    for issuer in issuers:
        if not re.fullmatch(_URL, issuer):
            raise ValueError(f"{issuer!r} is no URL that begins with https://")
    return issuers


def _read_keys(text: str) -> tuple[str, ...]:
    keys = split(text)
    for number, key in enumerate(keys, 1):
        if not re.fullmatch(_KEY, key):
            raise ValueError(f"number {number} is not name:hash")
    return keys


def _read_policy(text: str) -> str:
    if text.lstrip().startswith("["):
        # Only who has a policy waits for the import of what reads it.
        from functions.access.policy import Policy

        Policy.parse(text, {})
    return text


@dataclass(frozen=True, kw_only=True)
class AuthSettings:
    """Authentication and authorization; see docs/security.md."""

    auth: tuple[AuthKind, ...] = setting(
        (),
        "Who is let in, several separated by commas: `iam` callers whom Cloud Run's "
        "IAM has let in, `id_token` OpenID Connect tokens, `access_token` Google's OAuth 2.0 "
        "tokens under `POLICY`, `google_iam` the same tokens under Google's own IAM, `api_key` "
        "keys of `API_KEYS`, `none` everybody. The first whose credential a request carries "
        "decides. Unset: `iam` when `K_SERVICE` is set, else `none`.",
        some_of(*get_args(AuthKind)),
    )
    auth_issuers: tuple[str, ...] = setting(
        (),
        "Issuers of `id_token`, such as `https://accounts.google.com`, as they stand "
        "in the tokens. All are trusted alike.",
        _read_issuers,
    )
    auth_audiences: tuple[str, ...] = setting(
        (),
        "Audiences of `id_token`: whom its tokens must be for, one of these.",
        split,
    )
    auth_clients: tuple[str, ...] = setting(
        (),
        "OAuth clients whose `access_token` is taken, by client id. "
        "Unset: every client's, if the token has the scope cloud-platform.",
        split,
    )
    auth_tokeninfo_url: str = setting(
        "https://oauth2.googleapis.com/tokeninfo",
        "Who tells what an `access_token` is worth.",
        matching(_URL),
    )
    auth_resource_manager_url: str = setting(
        "https://cloudresourcemanager.googleapis.com",
        "Who tells `google_iam` the caller's permissions on the project.",
        matching(_URL),
    )
    auth_gateway_account: str = setting(
        "",
        "Service account of an API Gateway: what it sends is from the caller whose "
        "token it hands on.",
        matching(_ACCOUNT),
    )
    auth_gateway_userinfo: bool = setting(
        False,
        "`true`: the gateway demands tokens on every path, so that the claims it "
        "hands on are those of a caller whom `iam` lets in.",
        truth,
    )
    api_keys: tuple[str, ...] = setting(
        (),
        "Keys of `api_key` as `name:hash`, the hash being SHA-256 in hexadecimal.",
        _read_keys,
    )
    policy: str = setting(
        "",
        "Who may do what: a JSON list of rules, or the path of a file with one. "
        "Unset: whoever is let in may do everything.",
        _read_policy,
    )
    purge_account: str = setting(
        "",
        "Service account that alone may purge. Unset: who has the role `admin` on `*`.",
        matching(_ACCOUNT),
    )
    k_service: str = setting(
        "",
        "Set by the platform when the code runs as a Cloud Function.",
    )

    def check_auth(self) -> None:
        """Raises ValueError for a kind that lacks what it needs."""
        kinds = self.auth_kinds
        if "iam" in kinds and not self.k_service:
            raise ValueError("AUTH=iam is for the cloud: here nobody checks tokens before us.")
        if "id_token" in kinds and not (self.auth_issuers and self.auth_audiences):
            raise ValueError("AUTH=id_token needs AUTH_ISSUERS and AUTH_AUDIENCES.")
        if "api_key" in kinds and not self.api_keys:
            raise ValueError("AUTH=api_key needs API_KEYS.")
        if {"access_token", "google_iam"} <= {*kinds}:
            raise ValueError("AUTH has access_token or google_iam: both take the same tokens.")
        if {"id_token", "access_token"} & {*kinds} and not self.policy:
            raise ValueError(
                "AUTH=id_token and AUTH=access_token need a POLICY: many have such a token."
            )

    @property
    def auth_kinds(self) -> tuple[AuthKind, ...]:
        """AUTH with its default applied."""
        return self.auth or (("iam",) if self.k_service else ("none",))

    @property
    def key_hashes(self) -> dict[str, bytes]:
        """Name of each API key → SHA-256 of the key."""
        split = (key.rpartition(":") for key in self.api_keys)
        return {name: bytes.fromhex(digest) for name, _, digest in split}
