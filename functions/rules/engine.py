"""The record that stores keep of a reasoning engine."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.aip.timestamp import format_timestamp
from functions.messages.json_text import write_json
from functions.rules.names import EngineName


@dataclass(slots=True)
class EngineRecord:
    """The record that a store keeps of an engine; times are nanoseconds since the epoch.

    `resource` holds the mutable fields as parsed JSON.
    """

    name: EngineName
    create_time: int
    update_time: int
    resource: Mapping[str, Any]

    def to_json(self) -> str:
        """Writes the ReasoningEngine of get's answer."""
        return write_json(
            {
                "name": str(self.name),
                **self.resource,
                "createTime": format_timestamp(self.create_time),
                "updateTime": format_timestamp(self.update_time),
                "etag": f"{self.update_time:x}",
            }
        )
