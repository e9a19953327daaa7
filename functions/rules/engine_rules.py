"""The rules that make a record of a ReasoningEngine message and apply an update to one."""

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
from functions.rules.session import later

OUTPUT_ONLY = frozenset({"name", "create_time", "update_time", "etag"})
MUTABLE = frozenset(ReasoningEngine.model_fields) - OUTPUT_ONLY


def new_engine(name: EngineName, message: ReasoningEngine, now: int) -> EngineRecord:
    """Returns the record of a new engine; raises InvalidArgument for a broken rule."""
    return _checked(EngineRecord(name, now, now, _mutable_fields(message)))


def changed_engine(
    record: EngineRecord, message: ReasoningEngine, mask: Sequence[FieldPath], now: int
) -> EngineRecord:
    """Returns the record after an update; raises InvalidArgument naming an immutable path."""
    sent = _mutable_fields(message)
    names = {field: ReasoningEngine.model_fields[field].alias or field for field in MUTABLE}
    for path in mask:
        if path.field not in MUTABLE | {"*"} or (path.key is not None and path.field != "labels"):
            raise InvalidArgument(f"updateMask names a field that cannot be set: {path.text!r}.")
    replaced = {path.field for path in mask}
    if "*" in replaced:
        resource = sent
    elif not mask:
        resource = {**record.resource, **sent}
    else:
        changed = {names[field] for field in replaced}
        resource = {name: value for name, value in record.resource.items() if name not in changed}
        resource |= {name: value for name, value in sent.items() if name in changed}
        if "labels" in replaced:
            resource["labels"] = masked_labels(
                record.resource.get("labels", {}), message.labels, mask
            )
            if not resource["labels"]:
                del resource["labels"]
    update_time = later(record.update_time, now)
    return _checked(EngineRecord(record.name, record.create_time, update_time, resource))


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
