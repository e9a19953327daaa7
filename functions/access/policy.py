"""The policy: rules that give principals a role on engines.

The first rule that names both the principal and the engine decides. Without such a rule the
principal has no access.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from functions.access.access import Access, Grant, Role
from functions.access.principal import Principal, fold_email
from functions.rules.names import ANY, is_location, is_project, is_resource_id

EVERY = "*"

_Subject = Annotated[
    str, StringConstraints(pattern=r"^(\*|email:[^@\s]+@[^@\s]+|claim:[^=\s]+=.+|key:[\w.-]+)$")
]


def _check_engine(name: str) -> str:
    collections, ids = name.split("/")[::2], name.split("/")[1::2]
    is_full = collections == ["projects", "locations", "reasoningEngines"] and len(ids) == 3
    if is_full and ids[2] == ANY:
        raise ValueError(f'{name} names no engine: write "*" for every engine')
    is_name = is_full and is_project(ids[0]) and is_location(ids[1]) and is_resource_id(ids[2])
    if name != EVERY and not is_name:
        raise ValueError(
            f'{name!r} must be "*" or a full name: projects/…/locations/…/reasoningEngines/…'
        )
    return name


_Engine = Annotated[str, AfterValidator(_check_engine)]


class Rule(BaseModel):
    """One rule of the policy."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    principal: _Subject
    role: Role
    engines: tuple[_Engine, ...] = Field(default=(EVERY,), min_length=1)
    user_id_claim: str = Field(default="sub", alias="userIdClaim", min_length=1)

    @model_validator(mode="after")
    def _claims_are_for_users(self) -> Self:
        if self.role is not Role.USER and "user_id_claim" in self.model_fields_set:
            raise ValueError("only the role user has a userIdClaim")
        if self.role is Role.USER and self.principal.startswith("key:"):
            raise ValueError("a key has no claims, so it cannot have the role user")
        return self

    def names(self, principal: Principal) -> bool:
        """Whether the rule names the principal."""
        kind, _, subject = self.principal.partition(":")
        if kind == "email":
            return principal.email == fold_email(subject)
        if kind == "key":
            return principal.key == subject
        if kind == "claim":
            return principal.has(*subject.split("=", 1))
        return True

    def grant(self, principal: Principal) -> Grant | None:
        """Returns the grant for a principal that the rule names; None for a user without userId."""
        if self.role is not Role.USER:
            return Grant(self.role)
        user_id = principal.user_id(self.user_id_claim)
        return Grant(Role.USER, user_id) if user_id else None


_RULES = TypeAdapter(tuple[Rule, ...])
_ENGINE = re.compile(r"projects/([^/]+)/(.*)")


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of the policy in their order."""

    rules: tuple[Rule, ...]

    @classmethod
    def parse(cls, text: str, projects: Mapping[str, str]) -> Self:
        """Reads a JSON list of rules; raises ValueError with a sentence for each mistake.

        `projects` maps the number of a project, which engines may name, to the project's id.
        """
        try:
            rules = _RULES.validate_python(json.loads(text))
        except ValidationError as error:
            faults = (
                f"{'.'.join(map(str, fault['loc'])) or 'the policy'}: "
                f"{fault['msg'].removeprefix('Value error, ')}"
                for fault in _own_faults(error)
            )
            raise ValueError("; ".join(faults)) from None
        except (ValueError, RecursionError) as error:
            raise ValueError(f"the policy is not JSON: {error}") from None
        return cls(tuple(_with_ids(rule, projects) for rule in rules))

    def access(self, principal: Principal, *, may_purge: bool | None = None) -> Access:
        """Returns the rights of a principal; with None, an admin of all engines may purge."""
        named: dict[str, Grant | None] = {}
        default = None
        for rule in self.rules:
            if not rule.names(principal):
                continue
            grant = rule.grant(principal)
            for engine in rule.engines:
                named.setdefault(engine, grant)
            if EVERY in named:
                default = named.pop(EVERY)
                break
        if may_purge is None:
            may_purge = default is not None and default.role is Role.ADMIN
        different = {engine: grant for engine, grant in named.items() if grant != default}
        return Access(different, default, may_purge)


def _own_faults(error: ValidationError) -> list[ErrorDetails]:
    """The faults without those of lists that are short only because their items are wrong."""
    faults = error.errors()
    lists = {fault["loc"][:end] for fault in faults for end in range(len(fault["loc"]))}
    return [each for each in faults if each["type"] != "too_short" or each["loc"] not in lists]


def _with_ids(rule: Rule, projects: Mapping[str, str]) -> Rule:
    def with_id(engine: str) -> str:
        found = _ENGINE.fullmatch(engine)
        return f"projects/{projects.get(found[1], found[1])}/{found[2]}" if found else engine

    return rule.model_copy(update={"engines": tuple(map(with_id, rule.engines))})
