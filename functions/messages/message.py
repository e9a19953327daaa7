"""The base of all messages: names, unknown fields, oneofs, and the official errors.

The default of a field tells whether proto3 tracks the field's presence. If the default is `None`,
proto3 does, and `write` also writes an empty value that was sent. If the default is `""`, `False`,
`0`, `[]` or `{}`, proto3 does not, and `write` leaves an empty value out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.config import ExtraValues
from pydantic_core import ErrorDetails, PydanticCustomError, PydanticSerializationError

from functions.aip.errors import FieldViolation, InvalidArgument
from functions.aip.field_mask import snake_case
from functions.messages.json_text import unencodable, write_json

_PROTO_TYPES = {
    "string_type": "TYPE_STRING",
    "bool_type": "TYPE_BOOL",
    "dict_type": "an object",
    "model_type": "an object",
    "list_type": "a list",
}


_MOST_FAULTS = 100
"""Faults that one answer names; without a bound the answer could be larger than the request."""

MAX_MESSAGES = 30_000
"""Messages in one body, such as the event and its parts; they take longest to validate."""

_SMALL = 4_096
"""Keys and list items up to which a body is validated in one step."""

_BEGINNINGS = (1_000, 16_000, 256_000)
"""Keys and list items of the beginnings of a larger body that are validated first."""

_MOST_NAMED = 8_192
"""Faults up to which an answer names some of them; of more it has only the number."""


UnknownFields = Literal["reject", "keep", "strict"]
"""The treatment of unknown fields by `Message.read`; `strict` also refuses the fields of ADK."""


@dataclass(slots=True)
class _Reading:
    """The context that pydantic gives to the validators of one body."""

    unknown: UnknownFields
    messages: Iterator[int] = field(default_factory=lambda: iter(range(MAX_MESSAGES)))


def _published(value: Any, info: ValidationInfo) -> Any:
    if info.context is not None and info.context.unknown == "strict":
        raise PydanticCustomError("extra_forbidden", "The published schema lacks this field.")
    return value


ADK = BeforeValidator(_published)
"""Annotates a field that official ADK clients send and the published schema lacks."""


class Message(BaseModel):
    """A proto3 message, read from camelCase and snake_case and written in camelCase."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        strict=True,
        extra="allow",
        ser_json_inf_nan="strings",
    )

    oneofs: ClassVar[Sequence[tuple[str, frozenset[str]]]] = ()

    @classmethod
    def read(
        cls, value: object, root: str, unknown: UnknownFields = "reject", most_values: int = 0
    ) -> Self:
        """Builds the message from parsed JSON; `root` is the body's field name in the API.

        With the root "" errors name a field by its path in the body, and the body `request`.

        `unknown` keeps or rejects fields that the message does not know; `strict` also rejects the
        fields of ADK's clients. The JSON has at most `most_values` keys and list items.

        Raises InvalidArgument with the official service's messages, for up to a hundred faults in
        one answer, and for more than MAX_MESSAGES messages.
        """
        extra: ExtraValues = "allow" if unknown == "keep" else "forbid"
        # Pydantic builds every fault of a body, and a fault takes far longer than a good value. A
        # beginning of the body that has many faults is enough to refuse it.
        for most in _BEGINNINGS if most_values > _SMALL else ():
            left = iter(range(most))
            is_whole = most_values <= most
            beginning = None if is_whole else _beginning(value, left)
            if is_whole or next(left, None) is not None:
                break
            try:
                cls.model_validate(beginning, extra=extra, context=_Reading(unknown))
            except ValidationError as error:
                if error.error_count() >= _MOST_FAULTS:
                    raise _refusal(root, error, "at least ") from error
        try:
            return cls.model_validate(value, extra=extra, context=_Reading(unknown))
        except ValidationError as error:
            raise _refusal(root, error) from error

    def write(self, *, enum_numbers: bool = False) -> str:
        """Writes the message as canonical JSON, with enums as names or as numbers."""
        try:
            return self.model_dump_json(
                by_alias=True,
                exclude_none=True,
                exclude_defaults=True,
                context={"enum_numbers": True} if enum_numbers else None,
            )
        except (PydanticSerializationError, UnicodeEncodeError) as error:
            raise unencodable() from error

    def unknown_fields(self) -> dict[str, Any]:
        """The unknown fields of the message itself that `read` kept."""
        return dict(self.__pydantic_extra__ or {})

    @model_validator(mode="after")
    def _counted_and_at_most_one_of(self, info: ValidationInfo) -> Self:
        if info.context is not None and next(info.context.messages, None) is None:
            # Pydantic would collect a ValueError and validate the rest.
            raise InvalidArgument(
                f"Invalid JSON payload received. Messages are limited to {MAX_MESSAGES}, the body "
                "and each part, call and the like in it; more were sent."
            )
        for oneof, members in self.oneofs:
            if len(self.model_fields_set) > 1:
                present = [
                    name
                    for name in type(self).model_fields
                    if name in members and getattr(self, name) is not None
                ]
                if len(present) > 1:
                    raise PydanticCustomError(
                        "oneof",
                        "(oneof), oneof field '{oneof}' is already set. Cannot set '{second}'",
                        {"oneof": oneof, "second": to_camel(present[1])},
                    )
        return self


def _beginning(value: Any, left: Iterator[int]) -> Any:
    """Returns the value cut to as many keys and list items, in their order, as `left` yields."""
    if isinstance(value, dict):
        return {
            key: _beginning(each, left) for (key, each), _ in zip(value.items(), left, strict=False)
        }
    if isinstance(value, list):
        return [_beginning(each, left) for each, _ in zip(value, left, strict=False)]
    return value


def _refusal(root: str, error: ValidationError, bound: str = "") -> InvalidArgument:
    count = error.error_count()
    if count > _MOST_NAMED:
        where = _path(root, ())
        text = f"Invalid value at '{where}': {bound}{count} of its values are not allowed."
        return InvalidArgument(text, [FieldViolation(where, text)])
    details = error.errors(include_url=False)[:_MOST_FAULTS]
    faults = [_violation(root, detail) for detail in details]
    return InvalidArgument("\n".join(fault.description for fault in faults), faults)


def _violation(root: str, detail: ErrorDetails) -> FieldViolation:
    location = detail["loc"]
    kind = detail["type"]
    if kind == "extra_forbidden":
        where = _path(root, location[:-1])
        what = f"Unknown name \"{location[-1]}\" at '{where}': Cannot find field."
        return FieldViolation(where, f"Invalid JSON payload received. {what}")
    where = _path(root, location)
    if kind == "oneof":
        return FieldViolation(where, f"Invalid value at '{where}' {detail['msg']}")
    expected = _PROTO_TYPES.get(kind, detail["msg"])
    sent = _excerpt(detail["input"])
    return FieldViolation(where, f"Invalid value at '{where}' ({expected}), {sent}")


def _path(root: str, location: Sequence[Any]) -> str:
    path = root
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{snake_case(step)}"
    return path if root else path[1:] or "request"


def _excerpt(value: object) -> str:
    try:
        text = write_json(value)
    except InvalidArgument:
        text = "a string that is not valid Unicode"
    return text if len(text) <= 100 else f"{text[:100]}…"
