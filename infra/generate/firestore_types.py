"""Writes the types of the Firestore store's messages for mypy.

python -m infra.generate.firestore_types > functions/store/firestore/protobuf.pyi

The classes are made at run time, so mypy cannot read their fields and enums from the code.
"""

import sys
from collections.abc import Iterable, Iterator

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from functions.store.firestore import protobuf

_HEAD = '''\
"""Made by `python -m infra.generate.firestore_types`: the messages of protobuf.py."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal, Self, TypeVar, overload

from google.protobuf.descriptor_pb2 import FileDescriptorSet

_Item = TypeVar("_Item")

def descriptors() -> FileDescriptorSet: ...

class _Message:
    DESCRIPTOR: ClassVar[Any]
    @classmethod
    def FromString(cls, data: bytes, /) -> Self: ...
    def SerializeToString(self) -> bytes: ...
    def ByteSize(self) -> int: ...
    def CopyFrom(self, other: Self, /) -> None: ...
    def SetInParent(self) -> None: ...

class _Enum(int):
    @classmethod
    def Name(cls, number: int) -> str: ...
    @classmethod
    def Value(cls, name: str) -> Self: ...

class _Scalars(Sequence[_Item]):
    @overload
    def __getitem__(self, index: int) -> _Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[_Item]: ...
    def __len__(self) -> int: ...
    def append(self, item: _Item, /) -> None: ...
    def extend(self, items: Iterable[_Item], /) -> None: ...

class _Messages(_Scalars[_Item]):
    def add(self, **fields: object) -> _Item: ...

class _Map(Mapping[str, _Item]):
    def __getitem__(self, name: str) -> _Item: ...
    def __iter__(self) -> Iterator[str]: ...
    def __len__(self) -> int: ...
'''

_ROOTS = (
    protobuf.BatchGetDocumentsRequest,
    protobuf.BatchGetDocumentsResponse,
    protobuf.CommitRequest,
    protobuf.CommitResponse,
    protobuf.ListenRequest,
    protobuf.ListenResponse,
    protobuf.RunAggregationQueryRequest,
    protobuf.RunAggregationQueryResponse,
    protobuf.RunQueryRequest,
    protobuf.RunQueryResponse,
)
"""The messages that the store sends and receives; the stub has them and all messages in them."""

_SCALARS = {
    FieldDescriptor.CPPTYPE_INT32: "int",
    FieldDescriptor.CPPTYPE_INT64: "int",
    FieldDescriptor.CPPTYPE_UINT32: "int",
    FieldDescriptor.CPPTYPE_UINT64: "int",
    FieldDescriptor.CPPTYPE_DOUBLE: "float",
    FieldDescriptor.CPPTYPE_FLOAT: "float",
    FieldDescriptor.CPPTYPE_BOOL: "bool",
}
_PACKAGE = "google.firestore.v1"
_OTHERS = {"google.protobuf.Timestamp", "google.protobuf.Int32Value"}
"""Types of other packages that the stub has; it leaves out fields of any other foreign type."""


def render() -> str:
    """Returns the text of the stub: the messages by name, with nested messages inside."""
    found: dict[str, Descriptor] = {}
    waiting = [root.DESCRIPTOR for root in _ROOTS]
    while waiting:
        top = _outermost(waiting.pop())
        if top.full_name not in found:
            found[top.full_name] = top
            waiting.extend(_referred(top))
    tops = sorted(found.values(), key=lambda each: each.name)
    return _HEAD + "".join(f"\n{line}" for top in tops for line in ("", *_class(top))) + "\n"


def _class(of: Descriptor) -> Iterator[str]:
    yield f"class {of.name}(_Message):"
    for enum in of.enum_types:
        yield from _indented(_enum(enum))
    for nested in of.nested_types:
        if not nested.GetOptions().map_entry:
            yield from _indented(_class(nested))
    fields = [field for field in of.fields if _is_told(field)]
    for field in fields:
        yield f"    {field.name}: {_type(field)}"
    # Each parameter has a default, so that a call may omit it; None means unset.
    parameters = [f"{field.name}: {_argument(field)} = ..." for field in fields]
    yield (
        f"    def __init__(self, {', '.join(('*', *parameters))}) -> None: ..."
        if fields
        else ("    ...")
    )
    if present := [field.name for field in fields if field.has_presence]:
        yield f"    def HasField(self, name: {_literal(present)}, /) -> bool: ..."
    choices = {
        oneof.name: [field.name for field in oneof.fields if _is_told(field)]
        for oneof in of.oneofs
        if not oneof.name.startswith("_")
    }
    if choices:
        answers = _literal(name for names in choices.values() for name in names)
        yield f"    def WhichOneof(self, name: {_literal(choices)}, /) -> {answers} | None: ..."


def _enum(of: EnumDescriptor) -> Iterator[str]:
    yield f"class {of.name}(_Enum):"
    for value in of.values:
        yield f"    {value.name}: ClassVar[{_name(of)}]"


def _type(field: FieldDescriptor) -> str:
    if _is_map(field):
        return f"_Map[{_item(field.message_type.fields_by_name['value'])}]"
    if not field.is_repeated:
        return _item(field)
    return f"_{'Scalars' if field.message_type is None else 'Messages'}[{_item(field)}]"


def _argument(field: FieldDescriptor) -> str:
    if _is_map(field):
        return f"Mapping[str, {_item(field.message_type.fields_by_name['value'])}] | None"
    return f"{f'Iterable[{_item(field)}]' if field.is_repeated else _item(field)} | None"


def _item(field: FieldDescriptor) -> str:
    if field.message_type is not None:
        return _name(field.message_type)
    if field.enum_type is not None:
        return _name(field.enum_type)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return "bytes"
    return _SCALARS.get(field.cpp_type, "str")


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _is_told(field: FieldDescriptor) -> bool:
    of = field.message_type.fields_by_name["value"] if _is_map(field) else field
    named = of.message_type or of.enum_type
    return named is None or named.file.package == _PACKAGE or named.full_name in _OTHERS


def _referred(of: Descriptor) -> Iterator[Descriptor]:
    """Yields the message types of the fields of a message and of its nested messages."""
    for field in of.fields:
        if field.message_type is not None and _is_told(field):
            yield field.message_type
    for nested in of.nested_types:
        yield from _referred(nested)


def _outermost(of: Descriptor) -> Descriptor:
    while of.containing_type is not None:
        of = of.containing_type
    return of


def _name(of: Descriptor | EnumDescriptor) -> str:
    name: str = of.full_name.removeprefix(f"{of.file.package}.")
    return name


def _literal(names: Iterable[str]) -> str:
    quoted = ", ".join(f'"{name}"' for name in names)
    return f"Literal[{quoted}]"


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"    {line}" for line in lines)


if __name__ == "__main__":
    sys.stdout.write(render())
