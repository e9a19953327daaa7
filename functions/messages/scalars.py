"""Scalar fields of proto3 JSON: each accepts several spellings and writes one."""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    SerializationInfo,
)
from pydantic_core import PydanticCustomError, core_schema

from functions.aip.duration import format_duration, parse_duration
from functions.aip.timestamp import MAX_TIMESTAMP, MIN_TIMESTAMP, format_timestamp, parse_timestamp
from functions.messages.json_text import integral
from functions.messages.scalar_schema import (
    BYTES,
    DOUBLE,
    DURATION,
    INT32,
    TIMESTAMP,
    JsonSchema,
    enum_schema,
)

_INTEGER = re.compile(r"-?[0-9]+")
_NO_NUMBERS = ("NaN", "Infinity", "-Infinity")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def _reader(
    read: Callable[[Any], Any], expected: str, *, optional: bool = True
) -> Callable[[Any], Any]:
    def validate(value: Any) -> Any:
        if value is None and optional:
            return None
        try:
            return read(value)
        except (ValueError, TypeError, KeyError) as error:
            raise PydanticCustomError("scalar", "{expected}", {"expected": expected}) from error

    return validate


def _read_int32(value: Any) -> int:
    double = _read_number(value)
    number = int(double)
    if number != double or not -(2**31) <= number < 2**31:
        raise ValueError(value)
    return number


def _read_double(value: Any) -> Any:
    return float(value) if value in _NO_NUMBERS else _read_number(value)


def _read_number(value: Any) -> Any:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = integral(float(value))
    if isinstance(value, (bool, str)) or value - value != 0:
        raise ValueError(value)
    return value


def _read_bytes(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    standard = value.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        data = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError(value) from error
    return base64.b64encode(data).decode()


def _read_int(value: Any) -> int:
    # Python's int() also accepts underscores, spaces and the digits of all scripts.
    is_text = isinstance(value, str) and _INTEGER.fullmatch(value) is not None
    if isinstance(value, bool) or not (is_text or isinstance(value, int)):
        raise TypeError(value)
    return int(value)


def _read_timestamp(value: Any) -> int:
    if isinstance(value, dict):
        seconds, nanos = _read_int(value.get("seconds", 0)), _read_int(value.get("nanos", 0))
        instant = seconds * 10**9 + nanos
        well_formed = value.keys() <= {"seconds", "nanos"} and 0 <= nanos < 10**9
        if not well_formed or not MIN_TIMESTAMP <= instant <= MAX_TIMESTAMP:
            raise ValueError(value)
        return instant
    return parse_timestamp(value)


Int32 = Annotated[int | None, BeforeValidator(_reader(_read_int32, "TYPE_INT32")), INT32.or_null()]
Int32Item = Annotated[
    int, BeforeValidator(_reader(_read_int32, "TYPE_INT32", optional=False)), INT32
]
"""An item of a list or a map, which cannot be null."""
Double = Annotated[
    int | float | None, BeforeValidator(_reader(_read_double, "TYPE_DOUBLE")), DOUBLE.or_null()
]
DoubleItem = Annotated[
    int | float, BeforeValidator(_reader(_read_double, "TYPE_DOUBLE", optional=False)), DOUBLE
]
Bytes = Annotated[
    str | None, BeforeValidator(_reader(_read_bytes, "TYPE_BYTES, base64")), BYTES.or_null()
]
Timestamp = Annotated[
    int | None,
    BeforeValidator(
        _reader(_read_timestamp, "type.googleapis.com/google.protobuf.Timestamp, RFC 3339")
    ),
    PlainSerializer(lambda ns: None if ns is None else format_timestamp(ns)),
    TIMESTAMP.or_null(),
]
"""Nanoseconds since the epoch; also reads adk-java's `{"seconds": n, "nanos": n}`."""
Duration = Annotated[
    int | None,
    BeforeValidator(
        _reader(parse_duration, 'type.googleapis.com/google.protobuf.Duration, such as "3.5s"')
    ),
    PlainSerializer(lambda ns: None if ns is None else format_duration(ns)),
    DURATION.or_null(),
]
"""Nanoseconds."""


EnumValue = str | int | None


@dataclass(frozen=True)
class Enum:
    """Annotates an enum field whose values are `names`, numbered from zero.

    The field accepts a name or a number. It keeps a number without a name: proto3's enums are open.
    """

    names: tuple[str, ...]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            _reader(self._read, f"TYPE_ENUM, one of {', '.join(self.names)}"),
            serialization=core_schema.plain_serializer_function_ser_schema(
                self._write, info_arg=True
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchema:
        either = enum_schema(self.names).or_null()
        return either.__get_pydantic_json_schema__(schema, handler)

    def _read(self, value: Any) -> str | int:
        if isinstance(value, str):
            return self.names[self.names.index(value)]
        number = _read_int32(value)
        return self.names[number] if 0 <= number < len(self.names) else number

    def _write(self, value: EnumValue, info: SerializationInfo) -> EnumValue:
        by_number = bool(info.context) and isinstance(value, str)
        return self.names.index(str(value)) if by_number else value
