"""What a role lets its holder do on an engine.

| Role | Sessions of its engines | Engines |
|---|---|---|
| admin | all | reads and changes its own; on `*` creates them, too |
| agent | all | reads its own |
| viewer | reads all | reads its own |
| user | those whose userId a claim of its token is; reads `app:` state | reads names and labels |
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a principal is to an engine."""

    ADMIN = "admin"
    AGENT = "agent"
    VIEWER = "viewer"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Grant:
    """A role, and for the role user the userId whose sessions it is about."""

    role: Role
    owner: str | None = None

    def reads(self, user_id: str) -> bool:
        """Whether the sessions of a user are there for it."""
        return self.owner is None or self.owner == user_id

    @property
    def writes(self) -> bool:
        """Whether it may change what sessions it sees."""
        return self.role is not Role.VIEWER

    @property
    def writes_app_state(self) -> bool:
        """Whether it may change what all users of an engine share."""
        return self.role in (Role.ADMIN, Role.AGENT)


@dataclass(frozen=True, slots=True)
class Access:
    """What one principal may do: a grant for each engine that rules name, and one for the rest."""

    named: Mapping[str, Grant | None]
    default: Grant | None
    may_purge: bool = False

    def on(self, engine: str) -> Grant | None:
        """The grant on an engine by its full name; None where the engine is not there for them."""
        return self.named.get(engine, self.default)

    @property
    def is_unrestricted(self) -> bool:
        """Whether there is nothing that they may not do."""
        is_admin = self.default is not None and self.default.role is Role.ADMIN
        return is_admin and self.may_purge and not self.named


def access_to_all(*, may_purge: bool | None) -> Access:
    """What whoever is let in may do without a policy: everything, but what is said otherwise."""
    return Access({}, Grant(Role.ADMIN), may_purge is not False)
