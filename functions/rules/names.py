"""Resource names and the ids in them; see google.aip.dev/122."""

import re
from typing import NamedTuple, Self

from functions.rules.errors import InvalidFields

ANY = "-"
"""The wildcard among ids; see google.aip.dev/159."""

RESOURCE_ID = re.compile(r"(?!__.*__$|-$)[A-Za-z0-9_-]{1,128}")
_RULE = '1 to 128 letters, digits, hyphens and underscores, not "-" alone and not "__…__"'

_OFFICIAL_ID = re.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_OFFICIAL_RULE = (
    "1 to 63 small letters, digits and hyphens, the first and the last a letter or a digit"
)

LOCATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,127}")
PROJECT = re.compile(rf"({LOCATION.pattern}:)?{LOCATION.pattern}")
"""The id of an old project may begin with a domain: `example.com:my-project`."""

_ODD = re.compile(rb"[^A-Za-z0-9_-]")
_SPELLED = re.compile(rb"~([0-9A-F]{2})")


class LocationName(NamedTuple):
    """`projects/{project}/locations/{location}`."""

    project: str
    location: str

    def __str__(self) -> str:
        return f"projects/{self.project}/locations/{self.location}"


class EngineName(NamedTuple):
    """`{location}/reasoningEngines/{engine}`; `location` is the location's full name."""

    location: str
    engine: str

    def __str__(self) -> str:
        return f"{self.location}/reasoningEngines/{self.engine}"

    @property
    def is_wildcard(self) -> bool:
        """Whether the name means all engines of its location."""
        return self.engine == ANY

    @classmethod
    def parse(cls, name: str) -> Self:
        """Splits a full engine name that the server made."""
        location, _, engine = name.rpartition("/reasoningEngines/")
        return cls(location, engine)


class SessionName(NamedTuple):
    """`{engine}/sessions/{session}`; `engine` is the engine's full name."""

    engine: str
    session: str

    def __str__(self) -> str:
        return f"{self.engine}/sessions/{self.session}"


class UserName(NamedTuple):
    """`{engine}/users/{user}`, where `user` spells the userId of sessions."""

    engine: EngineName
    user_id: str

    def __str__(self) -> str:
        return f"{self.engine}/users/{spell(self.user_id)}"


def spell(text: str) -> str:
    """Returns a text that may be anything, such as a userId, as one segment of a name.

    Letters, digits, `-` and `_` stand for themselves. Every other byte of UTF-8 becomes `~` and two
    hexadecimal digits. Percent signs would not work: servers decode them before they split a path.
    """
    return _ODD.sub(lambda byte: b"~%02X" % ord(byte[0]), text.encode()).decode()


def unspell(segment: str) -> str:
    """Returns the text that a segment spells; raises UnicodeError if the bytes are not UTF-8."""
    return _SPELLED.sub(lambda byte: bytes.fromhex(byte[1].decode()), segment.encode()).decode()


def is_resource_id(text: str) -> bool:
    """Whether `text` can be the id of a session or an engine.

    An id has 1 to 128 characters of `[A-Za-z0-9_-]`. It is neither `-` nor `__…__`, which Firestore
    reserves.
    """
    return RESOURCE_ID.fullmatch(text) is not None


def is_project(text: str) -> bool:
    """Whether `text` can be a project's id or number."""
    return PROJECT.fullmatch(text) is not None


def is_location(text: str) -> bool:
    """Whether `text` can be a location."""
    return LOCATION.fullmatch(text) is not None


def is_path(text: str) -> bool:
    """Whether each part of `text` between slashes can be an id or a collection, as in a name."""
    return all(is_resource_id(each) or is_project(each) for each in text.split("/"))


def check_session_id(session_id: str, *, official: bool = False) -> None:
    """Raises InvalidFields if a client may not choose the id for a new session.

    `official` allows only the ids that the managed service takes.
    """
    if official:
        is_allowed, rule = _OFFICIAL_ID.fullmatch(session_id) is not None, _OFFICIAL_RULE
    else:
        is_allowed, rule = is_resource_id(session_id), _RULE
    if not is_allowed:
        raise InvalidFields([("session_id", f"Invalid session ID {session_id!r}: use {rule}.")])
