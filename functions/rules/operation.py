"""Operations without storage: an operation's id says what was done.

Every operation is done when the server answers, except the deletion of a large engine and the fork
of a large session: the store knows whether these two are done.

An operation's id is an opaque token of the kind, the resource and the time. Its checksum keeps the
server from finding operations that never existed.
"""

from dataclasses import dataclass
from typing import Literal

from functions.aip.errors import InvalidArgument
from functions.aip.page_token import decode_page_token, encode_page_token
from functions.aip.timestamp import MAX_TIMESTAMP, MIN_TIMESTAMP, format_timestamp
from functions.messages.json_text import object_text
from functions.rules.errors import OperationNotFound
from functions.rules.names import EngineName, SessionName, is_resource_id

Kind = Literal[
    "CreateSession",
    "ForkSession",
    "CompactSession",
    "CreateReasoningEngine",
    "UpdateReasoningEngine",
    "Delete",
]

_KINDS: dict[str, Kind] = {
    "c": "CreateSession",
    "k": "CompactSession",
    "f": "ForkSession",
    "e": "CreateReasoningEngine",
    "u": "UpdateReasoningEngine",
    "d": "Delete",
}
_RESPONSES = {
    "CreateSession": "Session",
    "CompactSession": "Session",
    "ForkSession": "Session",
    "CreateReasoningEngine": "ReasoningEngine",
    "UpdateReasoningEngine": "ReasoningEngine",
}
_SCOPE = "operation"
_VERSIONS = ("v1", "v1beta1")


@dataclass(frozen=True, slots=True)
class Operation:
    """A finished operation on a resource; `time` is in nanoseconds, `version` is the API's."""

    kind: Kind
    location: str
    engine: str
    session: str
    time: int
    version: str

    @property
    def resource(self) -> SessionName | EngineName:
        """The name of the session or the engine that the operation changed."""
        engine = EngineName(self.location, self.engine)
        return SessionName(str(engine), self.session) if self.session else engine

    @property
    def id(self) -> str:
        """The last segment of the operation's name."""
        letter = next(letter for letter, kind in _KINDS.items() if kind == self.kind)
        cursor: list[str | int] = [letter, self.engine, self.session, self.time, self.version]
        return encode_page_token(cursor, _SCOPE, self.location)

    @property
    def parent(self) -> str:
        """The parent in the operation's name: the resource, or the location if it was deleted."""
        return self.location if self.kind == "Delete" else str(self.resource)

    def to_json(self, version: str, response: str | None, *, done: bool = True) -> str:
        """Writes the Operation; `response` is the resource's JSON, or None for Empty.

        An Operation that is not done has no response.
        """
        package = f"type.googleapis.com/google.cloud.aiplatform.{version}"
        time = format_timestamp(self.time)
        times = f'{{"createTime":"{time}","updateTime":"{time}"}}'
        metadata = f'{{"@type":"{package}.{self.kind}OperationMetadata","genericMetadata":{times}}}'
        if response is None:
            answer = '{"@type":"type.googleapis.com/google.protobuf.Empty"}'
        else:
            answer = f'{{"@type":"{package}.{_RESPONSES[self.kind]}",{response[1:]}'
        result = f'"done":true,"response":{answer}' if done else '"done":false'
        return object_text(
            f'"name":"{self.parent}/operations/{self.id}"',
            f'"metadata":{metadata}',
            result,
        )


def find_operation(parent: str, location: str, operation_id: str) -> Operation:
    """Returns the operation of the id under `parent`: its resource or its location.

    Raises OperationNotFound if the server never answered with this id under this parent.
    """
    name = f"{parent}/operations/{operation_id}"
    try:
        letter, engine, session, time, version = decode_page_token(operation_id, _SCOPE, location)
        operation = Operation(
            _KINDS[str(letter)], location, str(engine), str(session), int(time), str(version)
        )
    except (InvalidArgument, ValueError, KeyError):
        raise OperationNotFound(name) from None
    # A client can make up an id with a good checksum, but not of an impossible operation.
    is_possible = (
        is_resource_id(operation.engine)
        and (not operation.session or is_resource_id(operation.session))
        and MIN_TIMESTAMP <= operation.time <= MAX_TIMESTAMP
        and operation.version in _VERSIONS
    )
    if not is_possible or parent not in (location, operation.parent, str(operation.resource)):
        raise OperationNotFound(name)
    return operation
