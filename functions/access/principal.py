"""The caller of a request, as its credential proves it."""

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
    """Lowers the ASCII letters of an address; `str.lower` would also turn the Kelvin sign to k."""
    return address.translate(_LOWER)


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller: the claims of a verified token, the name of an API key, or neither."""

    claims: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""

    @property
    def email(self) -> str:
        """The address in small letters; "" unless the issuer says that it is verified."""
        # Google's tokeninfo writes booleans as text.
        verified = self.claims.get("email_verified")
        is_verified = verified is True or verified == "true"
        address = self.claims.get("email")
        return fold_email(address) if is_verified and isinstance(address, str) else ""

    @property
    def log_name(self) -> str:
        """The caller's name in logs: a key's or service account's own name, a person's hash."""
        if self.key:
            return f"key:{self.key}"
        if self.email.endswith(_SERVICE_ACCOUNTS):
            return self.email
        if not self.claims:
            return "anonymous"
        subject, client = self.claims.get("sub"), str(self.claims.get("azp"))
        # For a service account's access token Google returns only the account's unique id.
        if not self.email and subject is None and client.isascii() and client.isdigit():
            return f"account:{client}"
        identity = self.email or f"{self.claims.get('iss')} {subject}"
        digest = hashlib.sha256(identity.encode(errors="surrogatepass")).hexdigest()
        return f"person:{digest[:16]}"

    def has(self, claim: str, value: str) -> bool:
        """Whether a claim equals the text, or is a list that holds it."""
        if claim == "email":
            return self.email == fold_email(value)
        found = self.claims.get(claim)
        return value in (found if isinstance(found, list) else [found])

    def user_id(self, claim: str) -> str:
        """Returns the userId that a claim gives the caller, "" if it gives none.

        A claim with a lone surrogate gives none: neither a request nor a store can hold it.
        """
        found = self.email if claim == "email" else self.claims.get(claim)
        return found if isinstance(found, str) and not _SURROGATE.search(found) else ""


ANYBODY = Principal()
"""A caller without a credential."""
