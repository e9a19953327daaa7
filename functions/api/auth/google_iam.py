"""The permissions that a caller has on the project, from Google's own IAM.

The server asks with the caller's own token, so it needs no permission itself; see
cloud.google.com/resource-manager/reference/rest/v3/projects/testIamPermissions.
"""

import hashlib
import json
import logging
from collections.abc import Mapping

from functions.access.permissions import permissions_of
from functions.aip.errors import ApiError, InvalidArgument, PermissionDenied, Unavailable
from functions.api.auth.answers import REFUSAL_LIFE, Answers, Known, Slots
from functions.api.auth.credentials import refuse
from functions.api.auth.fetching import fetch_json
from functions.api.path_table import Match
from functions.calls.request import Request
from functions.config.settings import Settings
from functions.operations.get_operation import asked_operation

_log = logging.getLogger(__name__)

_LIFE = 300 * 10**9
_FRESH = _LIFE * 4 // 5
_MAX_KEPT = 10_000

_ALLOW_MISSING = ("allowMissing", "allow_missing")


class Permissions:
    """Asks which permissions on the project a token has, and keeps the answers.

    A granted permission is kept for five minutes, a missing one for half a minute.
    """

    def __init__(self, settings: Settings, slots: Slots) -> None:
        self._settings = settings
        base, project = settings.auth_resource_manager_url, settings.default_project
        self._url = f"{base.rstrip('/')}/v3/projects/{project}:testIamPermissions"
        self._answers: Answers[bytes, tuple[str, ...]] = Answers(slots, most_kept=_MAX_KEPT)

    def check(self, token: str, match: Match, query: Mapping[str, str], now: int) -> None:
        """Raises PermissionDenied if the token's owner lacks a permission that the call needs.

        Also BadCredential for a token that Google does not take, and Unavailable.
        """
        needed = permissions_of(
            match.route.method,
            is_of_engine=self._is_of_engine(match),
            may_create=self._may_create(match, query),
        )
        digest = hashlib.sha256("\n".join((token, *needed)).encode()).digest()
        missing = self._answers.get(digest, now, lambda: self._ask(token, needed))
        if missing:
            raise PermissionDenied(
                f"Permission '{missing[0]}' denied on resource "
                f"'//aiplatform.googleapis.com/{self._resource(match)}' "
                "(or it may not exist)."
            )

    def _ask(self, token: str, needed: tuple[str, ...]) -> Known[tuple[str, ...]]:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        body = json.dumps({"permissions": needed}).encode()
        answer = fetch_json(self._url, body, headers)
        if answer.status == 401:
            refuse("the access token is not known or has expired")
        if answer.status not in (200, 403):
            raise Unavailable("Permissions cannot be checked now. Try again.")
        if answer.status == 403:
            # Its API is off in the caller's project, or a perimeter is around ours.
            _log.warning("Google does not tell permissions: %.300s", answer.json.get("error"))
        granted = answer.json.get("permissions")
        held = granted if isinstance(granted, list) else []
        missing = tuple(permission for permission in needed if permission not in held)
        if missing:
            return Known(missing, REFUSAL_LIFE, REFUSAL_LIFE)
        return Known(missing, _FRESH, _LIFE)

    def _is_of_engine(self, match: Match) -> bool:
        """Whether an operation on an engine is asked for, whatever its name hangs under."""
        if "operations/" not in match.name:
            return False
        try:
            return not asked_operation(self._request(match)).session
        except ApiError:
            return False

    def _may_create(self, match: Match, query: Mapping[str, str]) -> bool:
        """Whether the call may create its session; a value that the method refuses counts as true.

        If both spellings are there, one of them that is true suffices.
        """
        request = self._request(match)._replace(query=query)
        try:
            return any(request.flag(name) for name in _ALLOW_MISSING)
        except InvalidArgument:
            return True

    def _request(self, match: Match) -> Request:
        """The request as far as its path says it."""
        return Request(
            version=match.version,
            name=match.name,
            name_field=match.name_field,
            query={},
            body=b"",
            settings=self._settings,
        )

    def _resource(self, match: Match) -> str:
        is_full = match.name.startswith("projects/")
        location = "" if is_full else f"{self._request(match).location}/"
        return f"{location}{match.name}".rstrip("/")
