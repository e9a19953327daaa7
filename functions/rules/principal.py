"""Who sends a request, as far as a credential of theirs proves it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_SERVICE_ACCOUNTS = ".gserviceaccount.com"


@dataclass(frozen=True, slots=True)
class Principal:
    """The claims of a verified token, or the name of an API key, or neither for anybody."""

    claims: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""

    @property
    def email(self) -> str:
        """The address, in lower case; "" unless the issuer says that it is verified."""
        # Google's token info writes booleans as text.
        verified = self.claims.get("email_verified")
        is_verified = verified is True or verified == "true"
        address = self.claims.get("email")
        return address.lower() if is_verified and isinstance(address, str) else ""

    @property
    def log_name(self) -> str:
        """What logs may call them: a key or a service account by name, a person by a hash."""
        if self.key:
            return f"key:{self.key}"
        if self.email.endswith(_SERVICE_ACCOUNTS):
            return self.email
        if not self.claims:
            return "anonymous"
        identity = self.email or f"{self.claims.get('iss')} {self.claims.get('sub')}"
        return f"person:{hashlib.sha256(identity.encode()).hexdigest()[:16]}"

    def has(self, claim: str, value: str) -> bool:
        """Whether a claim is that text, or a list with that text in it."""
        if claim == "email":
            return self.email == value.lower()
        found = self.claims.get(claim)
        return value in (found if isinstance(found, list) else [found])

    def user_id(self, claim: str) -> str:
        """The userId that a claim gives them, "" where it gives none."""
        found = self.email if claim == "email" else self.claims.get(claim)
        return found if isinstance(found, str) else ""


ANYBODY = Principal()
"""A caller without credentials, where that is allowed."""
