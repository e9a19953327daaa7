"""The rules by which messages make and change reasoning engines."""

from collections.abc import Mapping, Sequence
from typing import Any

from functions.aip.errors import InvalidArgument
from functions.aip.field_mask import FieldPath
from functions.messages.reasoning_engine import ReasoningEngine
from functions.rules.engine import EngineRecord
from functions.rules.errors import TooLarge
from functions.rules.labels import masked_labels, sorted_labels
from functions.rules.limits import MAX_STATE_BYTES
from functions.rules.names import EngineName

OUTPUT_ONLY = frozenset({"name", "create_time", "update_time", "etag"})
MUTABLE = frozenset(ReasoningEngine.model_fields) - OUTPUT_ONLY


def new_engine(name: EngineName, message: ReasoningEngine, now: int) -> EngineRecord:
    """The record of a new engine, every rule checked."""
    return _checked(EngineRecord(name, now, now, _mutable_fields(message)))


def changed_engine(
    record: EngineRecord, message: ReasoningEngine, mask: Sequence[FieldPath], now: int
) -> EngineRecord:
    """The record after an update; raises InvalidArgument naming a path that cannot be changed."""
    sent = _mutable_fields(message)
    names = {field: ReasoningEngine.model_fields[field].alias or field for field in MUTABLE}
    for path in mask:
        if path.field not in MUTABLE | {"*"} or (path.key is not None and path.field != "labels"):
            raise InvalidArgument(f"updateMask names a field that cannot be set: {path.text!r}.")
    replaced = {path.field for path in mask}
    if "*" in replaced:
        return _checked(EngineRecord(record.name, record.create_time, now, sent))
    if not mask:
        return _checked(
            EngineRecord(record.name, record.create_time, now, {**record.resource, **sent})
        )
    kept = {
        field: value
        for field, value in record.resource.items()
        if field not in {names[name] for name in replaced}
    }
    changes = {names[name]: sent[names[name]] for name in replaced if names[name] in sent}
    if "labels" in replaced:
        labels = masked_labels(record.resource.get("labels", {}), message.labels, mask)
        changes |= {"labels": labels} if labels else {}
    return _checked(EngineRecord(record.name, record.create_time, now, {**kept, **changes}))


def _mutable_fields(message: ReasoningEngine) -> Mapping[str, Any]:
    return message.model_dump(
        by_alias=True, exclude_none=True, exclude_defaults=True, exclude=set(OUTPUT_ONLY)
    )


def _checked(record: EngineRecord) -> EngineRecord:
    sorted_labels(record.resource.get("labels"), "reasoning_engine")
    size = len(record.to_json().encode())
    if size > MAX_STATE_BYTES:
        raise TooLarge("A reasoning engine", size, MAX_STATE_BYTES)
    return record
