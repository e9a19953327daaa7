"""Callers of every role, as Cloud Run's IAM lets them in, under one policy."""

import base64
import json
from dataclasses import replace
from typing import Any

from functions.config.settings import Settings
from tests.support.api import Api


def token(**claims: Any) -> str:
    """A token with these claims, as Cloud Run forwards it once it has verified it."""
    parts = (json.dumps(part).encode() for part in ({"alg": "RS256"}, claims))
    head, body = (base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    return f"{head}.{body}.SIGNATURE_REMOVED_BY_GOOGLE"


def caller(api: Api, name: str, rules: list[dict[str, Any]] | None = None, **settings: Any) -> Api:
    """The API, called with a token that has that `sub` and email.

    Without rules, the name `admin` is admin of all engines, `agent` and `viewer` have these roles
    in the test's engine, names that start with `user-` are its users, and others have no role.
    """
    text = json.dumps(standard_rules(api) if rules is None else rules)
    claims = {"sub": name, "email": f"{name}@example.com", "email_verified": True}
    if name.startswith("user-"):
        claims["app"] = "chat"
    return replace(
        api,
        settings=Settings(
            google_cloud_project="test-project", k_service="sessions", policy=text, **settings
        ),
        headers={"Authorization": f"Bearer {token(**claims)}"},
    )


def standard_rules(api: Api) -> list[dict[str, Any]]:
    """One rule for each role."""
    here = {"engines": [api.engine]}
    return [
        {"principal": "email:admin@example.com", "role": "admin"},
        {"principal": "email:agent@example.com", "role": "agent", **here},
        {"principal": "email:viewer@example.com", "role": "viewer", **here},
        {"principal": "claim:app=chat", "role": "user", **here},
    ]
