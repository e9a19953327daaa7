"""Opens the gate that the settings ask for; only what it needs is imported."""

import logging
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from functions.config.settings import Settings

if TYPE_CHECKING:
    from functions.access.policy import Policy
    from functions.api.auth.gate import Gate

_log = logging.getLogger(__name__)


@cache
def open_gate(settings: Settings) -> "Gate | None":
    """The gate, or None if everybody may do everything.

    Raises SystemExit with the fault in the file of `POLICY`.
    """
    if settings.k_service and "none" in settings.auth_kinds:
        _log.warning("AUTH=none: everybody who reaches this function is let in")
    if settings.auth_kinds == ("none",) and not settings.policy:
        return None
    if settings.auth_kinds == ("none",):
        _log.warning("AUTH=none: the server knows no caller, so of POLICY only rules for * hold")
    from functions.api.auth.gate import Gate

    return Gate(settings, _read_policy(settings) if settings.policy else None)


def _read_policy(settings: Settings) -> "Policy":
    from functions.access.policy import Policy

    text = settings.policy
    try:
        if not text.lstrip().startswith("["):
            if not os.path.exists(text):
                raise ValueError("it is neither a JSON list nor a file")
            text = Path(text).read_text()
        number = settings.project_number if settings.has_project else ""
        return Policy.parse(text, {number: settings.default_project} if number else {})
    except (OSError, ValueError) as error:
        raise SystemExit(f"POLICY={settings.policy!r} is not allowed: {error}.") from None
