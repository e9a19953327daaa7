"""What a caller may do on the project, as Google's own IAM says.

IAM is asked with the caller's own token, so that the server needs no right of its own; see
cloud.google.com/resource-manager/reference/rest/v3/projects/testIamPermissions.
"""

import hashlib
import json
import logging
from collections.abc import Mapping

from functions.aip.errors import PermissionDenied, Unavailable
from functions.api.auth.answers import REFUSAL_LIFE, Answers, Known, Slots
from functions.api.auth.credentials import refuse
from functions.api.auth.fetching import fetch_json
from functions.api.path_table import Match
from functions.rules.permissions import permissions_of

_log = logging.getLogger(__name__)

_LIFE = 300 * 10**9
_FRESH = _LIFE * 4 // 5
_MAX_KEPT = 10_000


class Permissions:
    """Asks which permissions on the project a token has, and remembers the answers.

    What is there is believed for five minutes, what is missing for half a minute.
    """

    def __init__(self, url: str, project: str, location: str, slots: Slots) -> None:
        self._url = f"{url.rstrip('/')}/v3/projects/{project}:testIamPermissions"
        self._location = f"projects/{project}/locations/{location}"
        self._answers: Answers[bytes, tuple[str, ...]] = Answers(slots, most_kept=_MAX_KEPT)

    def check(self, token: str, match: Match, query: Mapping[str, str], now: int) -> None:
        """Raises PermissionDenied for what the call needs and the token's owner lacks.

        Also BadCredential for a token that Google does not take, and Unavailable.
        """
        needed = permissions_of(match.route.method, query)
        digest = hashlib.sha256("\n".join((token, *needed)).encode()).digest()
        missing = self._answers.get(digest, now, lambda: self._ask(token, needed))
        if missing:
            raise PermissionDenied(
                f"Permission '{missing[0]}' denied on resource "
                f"'//aiplatform.googleapis.com/{self._resource(match.name)}' "
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
            # Its API is off in the caller's project, or something around the project refuses.
            error = answer.json.get("error")
            _log.warning("permissions cannot be asked for: %s", error)
        granted = answer.json.get("permissions")
        held = granted if isinstance(granted, list) else []
        missing = tuple(permission for permission in needed if permission not in held)
        if missing:
            return Known(missing, REFUSAL_LIFE, REFUSAL_LIFE)
        return Known(missing, _FRESH, _LIFE)

    def _resource(self, name: str) -> str:
        is_full = name.startswith("projects/")
        return name if is_full else f"{self._location}/{name}".rstrip("/")
