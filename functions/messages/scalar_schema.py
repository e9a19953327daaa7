"""The JSON schemas of scalars: the spellings that the server reads, and the one that it writes.

They leave out rare spellings that the server reads only for old clients.
"""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic_core.core_schema import CoreSchema

from functions.aip.timestamp import MAX_TIMESTAMP, MIN_TIMESTAMP, NANOS

JsonSchema = dict[str, Any]

_NULL: JsonSchema = {"type": "null"}


@dataclass(frozen=True, eq=False)
class ScalarSchema:
    """Annotates a scalar field with its schemas."""

    read: tuple[JsonSchema, ...]
    written: JsonSchema

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchema:
        is_read = handler.mode == "validation"
        # A copy, because pydantic writes the default of each field into it.
        return deepcopy({"anyOf": list(self.read)} if is_read else self.written)

    def or_null(self) -> "ScalarSchema":
        """The schema of a field that may be null, which means the same as an absent field."""
        return ScalarSchema((*self.read, _NULL), self.written)


def _text(pattern: str) -> JsonSchema:
    return {"type": "string", "pattern": pattern}


def _integer(minimum: int, maximum: int, **more: str) -> JsonSchema:
    return {"type": "integer", "minimum": minimum, "maximum": maximum, **more}


_DOUBLE: JsonSchema = {"type": "number", "format": "double"}
_NO_NUMBER: JsonSchema = {"enum": ["NaN", "Infinity", "-Infinity"]}
_INT32 = _integer(-(2**31), 2**31 - 1, format="int32")
_DATE_TIME: JsonSchema = {"type": "string", "format": "date-time"}
_SECONDS = _integer(MIN_TIMESTAMP // NANOS, MAX_TIMESTAMP // NANOS, format="int64")
_SECONDS_AND_NANOS: JsonSchema = {
    "type": "object",
    "properties": {
        "seconds": {"anyOf": [_SECONDS, _text("^[0-9]{1,11}$")]},
        "nanos": _integer(0, NANOS - 1, format="int32"),
    },
    "additionalProperties": False,
}
_SPELLED_DURATION = _text(r"^-?[0-9]{1,11}(\.[0-9]{1,9})?s$")

INT32 = ScalarSchema((_INT32, _text("^-?[0-9]{1,9}$")), _INT32)
DOUBLE = ScalarSchema(
    (_DOUBLE, _text(r"^-?[0-9]{1,17}(\.[0-9]{1,17})?$"), _NO_NUMBER),
    {"anyOf": [_DOUBLE, _NO_NUMBER]},
)
BYTES = ScalarSchema(
    (_text("^([A-Za-z0-9+/_-]{4})*([A-Za-z0-9+/_-]{2}(==)?|[A-Za-z0-9+/_-]{3}=?)?$"),),
    _text("^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"),
)
TIMESTAMP = ScalarSchema((_DATE_TIME, _SECONDS_AND_NANOS), _DATE_TIME)
DURATION = ScalarSchema((_SPELLED_DURATION,), _SPELLED_DURATION)


def enum_schema(names: tuple[str, ...]) -> ScalarSchema:
    """Returns the schema of an open enum: a name, or a number that may have no name."""
    either = ({"enum": list(names)}, _INT32)
    return ScalarSchema(either, {"anyOf": list(either)})
