"""The rights that a role gives on an engine.

| Role | Sessions of its engines | Engines |
|---|---|---|
| admin | reads and changes all | reads and changes the engine; with `*` also creates engines |
| agent | reads and changes all | reads the engine |
| viewer | reads all | reads the engine |
| user | reads and changes its own | reads name and labels |

Sessions are a user's own if their userId equals a claim of the user's token. A user reads `app:`
state and does not change it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """The role of a principal on an engine."""

    ADMIN = "admin"
    AGENT = "agent"
    VIEWER = "viewer"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Grant:
    """A role; for the role user also the userId whose sessions it covers."""

    role: Role
    owner: str | None = None

    def reads(self, user_id: str) -> bool:
        """Whether the grant lets its holder see the sessions of a user."""
        return self.owner is None or self.owner == user_id

    @property
    def writes(self) -> bool:
        """Whether the grant lets its holder change the sessions that it shows."""
        return self.role is not Role.VIEWER

    @property
    def writes_app_state(self) -> bool:
        """Whether the grant lets its holder change `app:` state, which all users share."""
        return self.role in (Role.ADMIN, Role.AGENT)


@dataclass(frozen=True, slots=True)
class Access:
    """The rights of one principal: a grant for each engine that rules name, and a default."""

    named: Mapping[str, Grant | None]
    default: Grant | None
    may_purge: bool = False

    def on(self, engine: str) -> Grant | None:
        """Returns the grant on an engine by its full name; None hides the engine."""
        return self.named.get(engine, self.default)

    @property
    def is_unrestricted(self) -> bool:
        """Whether the principal may do everything."""
        is_admin = self.default is not None and self.default.role is Role.ADMIN
        return is_admin and self.may_purge and not self.named


def access_to_all(*, may_purge: bool | None) -> Access:
    """Returns all rights, for use without a policy; `may_purge=False` leaves out the purge."""
    return Access({}, Grant(Role.ADMIN), may_purge is not False)
