"""The settings of authentication and authorization."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

from functions.config.setting import URL, matching, setting, some_of, split, truth

AuthKind = Literal["iam", "id_token", "access_token", "google_iam", "api_key", "none"]

_ACCOUNT = r"(|[^@\s]+@[^@\s]+)"
_KEY = r"([\w.-]+):([0-9a-f]{64})"


def _read_issuers(text: str) -> tuple[str, ...]:
    issuers = split(text)
    for issuer in issuers:
        if not re.fullmatch(URL, issuer):
            raise ValueError(f"{issuer!r} must be a URL that begins with https://")
    return issuers


def _read_keys(text: str) -> tuple[str, ...]:
    keys = split(text)
    for number, key in enumerate(keys, 1):
        if not re.fullmatch(_KEY, key):
            raise ValueError(f"key number {number} must be name:hash")
    return keys


def _read_policy(text: str) -> str:
    if text.lstrip().startswith("["):
        # Only servers that have a policy wait for this import.
        from functions.access.policy import Policy

        Policy.parse(text, {})
    return text


@dataclass(init=False, repr=False, eq=False)
class AuthSettings:
    """Authentication and authorization; see docs/access.md."""

    auth: tuple[AuthKind, ...] = setting(
        (),
        "The credentials that the server accepts, separated by commas. `iam`: Cloud Run's IAM has "
        "checked the caller. `id_token`: OpenID Connect tokens. `access_token`: Google's OAuth "
        "2.0 tokens, with rights by `POLICY`. `google_iam`: the same tokens, with rights by "
        "Google's IAM. `api_key`: the keys of `API_KEYS`. `none`: requests without a credential. "
        "The first kind that the request carries decides. Unset: `iam` if `K_SERVICE` is set, "
        "else `none`.",
        some_of(*get_args(AuthKind)),
    )
    auth_issuers: tuple[str, ...] = setting(
        (),
        "The issuers of `id_token` as their tokens spell them, such as "
        "`https://accounts.google.com`, separated by commas. The server trusts all of them "
        "equally.",
        _read_issuers,
    )
    auth_audiences: tuple[str, ...] = setting(
        (),
        "The audiences of `id_token`, separated by commas. A token must be for one of them.",
        split,
    )
    auth_clients: tuple[str, ...] = setting(
        (),
        "The client ids of the OAuth clients whose `access_token` the server accepts, separated "
        "by commas. Unset: the server accepts tokens of every client that have the scope "
        "cloud-platform.",
        split,
    )
    auth_tokeninfo_url: str = setting(
        "https://oauth2.googleapis.com/tokeninfo",
        "The URL at which the server checks an `access_token`.",
        matching(URL),
    )
    auth_resource_manager_url: str = setting(
        "https://cloudresourcemanager.googleapis.com",
        "The URL at which `google_iam` asks for the caller's permissions on the project.",
        matching(URL),
    )
    auth_gateway_account: str = setting(
        "",
        "The service account of an API Gateway. The server takes the token that the gateway "
        "forwards for the caller's.",
        matching(_ACCOUNT),
    )
    auth_gateway_userinfo: bool = setting(
        False,
        "`true`: `iam` trusts the claims that the gateway forwards. Set it only if the gateway "
        "requires a valid token on every path.",
        truth,
    )
    api_keys: tuple[str, ...] = setting(
        (),
        "The keys of `api_key` as `name:hash`, separated by commas. The hash is the key's "
        "SHA-256 in hexadecimal. `AUTH` must have `api_key`, unless it refuses requests without a "
        "credential.",
        _read_keys,
    )
    policy: str = setting(
        "",
        "The rules that give callers their rights: a JSON list, or the path of a file that holds "
        "one. Unset: every caller that the server accepts may do everything.",
        _read_policy,
    )
    purge_account: str = setting(
        "",
        "The only service account that may purge. Unset: every caller with the role `admin` on "
        "`*` may purge.",
        matching(_ACCOUNT),
    )
    k_service: str = setting(
        "",
        "The name of the service. The platform sets it if the server runs as a Cloud Function.",
    )

    def check_auth(self) -> None:
        """Raises ValueError for a kind of AUTH that lacks another setting, and for unused keys."""
        kinds = self.auth_kinds
        if "iam" in kinds and not self.k_service:
            raise ValueError("AUTH=iam is for the cloud: only there Cloud Run checks tokens.")
        if "id_token" in kinds and not (self.auth_issuers and self.auth_audiences):
            raise ValueError("AUTH=id_token needs AUTH_ISSUERS and AUTH_AUDIENCES.")
        if "api_key" in kinds and not self.api_keys:
            raise ValueError("AUTH=api_key needs API_KEYS.")
        if self.api_keys and "none" in kinds and "api_key" not in kinds:
            raise ValueError(
                "API_KEYS needs AUTH=api_key: otherwise everybody comes in without a key."
            )
        if {"access_token", "google_iam"} <= {*kinds}:
            raise ValueError("AUTH may have access_token or google_iam: both take the same tokens.")
        if {"id_token", "access_token"} & {*kinds} and not self.policy:
            raise ValueError(
                "AUTH=id_token and AUTH=access_token need a POLICY: anybody can get such a token."
            )

    @property
    def auth_kinds(self) -> tuple[AuthKind, ...]:
        """AUTH with its default applied."""
        return self.auth or (("iam",) if self.k_service else ("none",))

    @property
    def key_hashes(self) -> dict[str, bytes]:
        """The name of each API key → the SHA-256 of the key."""
        split = (key.rpartition(":") for key in self.api_keys)
        return {name: bytes.fromhex(digest) for name, _, digest in split}
