"""Who sends a request, as far as a credential of theirs proves it."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from string import ascii_lowercase, ascii_uppercase
from typing import Any

_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
_SURROGATE = re.compile("[\ud800-\udfff]")
_SERVICE_ACCOUNTS = ".gserviceaccount.com"


def fold_email(address: str) -> str:
    """The address with its ASCII letters small: `str.lower` makes a `k` of the Kelvin sign, too."""
    return address.translate(_LOWER)


@dataclass(frozen=True, slots=True)
class Principal:
    """The claims of a verified token, or the name of an API key, or neither for anybody."""

    claims: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""

    @property
    def email(self) -> str:
        """The address, folded; "" unless the issuer says that it is verified."""
        # Google's token info writes booleans as text.
        verified = self.claims.get("email_verified")
        is_verified = verified is True or verified == "true"
        address = self.claims.get("email")
        return fold_email(address) if is_verified and isinstance(address, str) else ""

    @property
    def log_name(self) -> str:
        """What logs may call them: a key or a service account by name, a person by a hash."""
        if self.key:
            return f"key:{self.key}"
        if self.email.endswith(_SERVICE_ACCOUNTS):
            return self.email
        if not self.claims:
            return "anonymous"
        subject, client = self.claims.get("sub"), str(self.claims.get("azp"))
        # Of a service account's access token Google tells the account's unique id and no more.
        if not self.email and subject is None and client.isascii() and client.isdigit():
            return f"account:{client}"
        identity = self.email or f"{self.claims.get('iss')} {subject}"
        digest = hashlib.sha256(identity.encode(errors="surrogatepass")).hexdigest()
        return f"person:{digest[:16]}"

    def has(self, claim: str, value: str) -> bool:
        """Whether a claim is that text, or a list with that text in it."""
        if claim == "email":
            return self.email == fold_email(value)
        found = self.claims.get(claim)
        return value in (found if isinstance(found, list) else [found])

    def user_id(self, claim: str) -> str:
        """The userId that a claim gives them, "" where it gives none.

        A lone surrogate is in no userId, since no request and no store can spell it.
        """
        found = self.email if claim == "email" else self.claims.get(claim)
        return found if isinstance(found, str) and not _SURROGATE.search(found) else ""


ANYBODY = Principal()
"""A caller without credentials, where that is allowed."""
