"""A store refuses data of a version that this code does not know."""

import logging

from functions.aip.errors import Unavailable
from functions.rules.errors import StoreUnavailable

_log = logging.getLogger(__name__)


class NewerVersion(StoreUnavailable):
    """A later version of this code wrote the data; nothing is read or written."""

    def __init__(self) -> None:
        Unavailable.__init__(self, "The session store is of a newer version than this server.")


def check_version(where: str, version: int, known: int) -> None:
    """Raises NewerVersion for data of a higher version than the one that is known."""
    if version > known:
        _log.error("%s has schema %s; this code knows %s", where, version, known)
        raise NewerVersion
