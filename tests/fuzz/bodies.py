"""What must hold of every body: its JSON, and the messages that it may be."""

import json
from contextlib import suppress
from typing import Any, get_args

from functions.aip.errors import InvalidArgument
from functions.messages.json_text import MAX_DEPTH, read_json, write_json
from functions.messages.message import Message, UnknownFields
from functions.messages.reasoning_engine import ReasoningEngine
from functions.messages.session import Session
from functions.messages.session_event import SessionEvent, with_enum_numbers
from functions.rules.event_rules import new_event
from functions.rules.event_type import with_event_type
from functions.rules.names import SessionName
from functions.rules.run import Run
from functions.rules.session_rules import new_session

_NOW = 1_795_305_600 * 10**9
_NAME = SessionName("e", "s")


def check_json(body: bytes) -> None:
    """What is read is what Python reads, comes back the same when written, and keeps to limits."""
    try:
        value = read_json(body)
    except InvalidArgument as error:
        write_json(error.message)
        return
    text = write_json(value)
    assert read_json(text.encode()) == value
    assert write_json(read_json(text.encode())) == text
    depth, items = _depth(value), _items(value)
    assert depth <= MAX_DEPTH
    for limit in {1, depth - 1, depth} - {0, -1}:
        assert _is_taken(body, max_depth=limit) == (depth <= limit)
    assert _is_taken(text.encode(), max_values=max(items, 1) + _empty(value))
    if items > 1:
        assert not _is_taken(body, max_values=items - 1)
    with suppress(json.JSONDecodeError):  # of trailing commas
        assert json.loads(body.decode()) == value


def check_messages(body: bytes) -> None:
    """A message that is taken is written as JSON that reads as the same message."""
    try:
        value = read_json(body)
    except InvalidArgument:
        return
    for kind in (Session, SessionEvent, ReasoningEngine):
        for unknown in get_args(UnknownFields):
            try:
                message = kind.read(value, "body", unknown)
                _check_message(message, unknown)
            except InvalidArgument as error:
                write_json([error.message, [fault.description for fault in error.violations]])


def _check_message(message: Message, unknown: UnknownFields) -> None:
    text = message.write()
    again = type(message).read(read_json(text.encode()), "body", unknown)
    assert again.write() == text
    read_json(message.write(enum_numbers=True).encode())
    if isinstance(message, Session):
        record, _ = new_session(_NAME, message, _NOW, 0)
        read_json(record.to_json().encode())
    if isinstance(message, SessionEvent):
        _check_event(message)


def _check_event(message: SessionEvent) -> None:
    record, _ = new_event(message, "")
    text = record.to_json(_NAME)
    read_json(with_enum_numbers(text).encode())
    event = read_json(with_event_type(text).encode())
    run = Run(record.invocation_id, with_types=True)
    run.add(record)
    assert event["eventType"] in run.event_types
    told = run.to_json(_NAME)
    read_json(told.encode())
    assert len(told.encode()) <= run.size()


def _is_taken(body: bytes, **limits: int) -> bool:
    try:
        read_json(body, **limits)
    except InvalidArgument:
        return False
    return True


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _depth(value: Any) -> int:
    if not isinstance(value, (dict, list)):
        return 0
    return 1 + max(map(_depth, _children(value)), default=0)


def _items(value: Any) -> int:
    return len(_children(value)) + sum(map(_items, _children(value)))


def _empty(value: Any) -> int:
    """Empty objects and lists, which cost as much as one item."""
    is_empty = isinstance(value, (dict, list)) and not value
    return is_empty + sum(map(_empty, _children(value)))
