"""CompactSessionRequest and the messages in it; see the discovery document's schemas."""

from typing import Annotated

from functions.messages.message import Message
from functions.messages.scalars import Enum, EnumValue

_Mode = Annotated[EnumValue, Enum(("MODE_UNSPECIFIED", "AUTO"))]


class CompactionConfigEventEditingConfig(Message):
    """Makes events smaller by fixed rules; see functions.rules.compaction."""

    mode: _Mode = "MODE_UNSPECIFIED"


class CompactionConfigLlmSummarizationConfig(Message):
    """Has a service summarize the older events."""

    mode: _Mode = "MODE_UNSPECIFIED"


class CompactionConfig(Message):
    """The kinds of compaction to apply, event editing first."""

    event_editing: CompactionConfigEventEditingConfig | None = None
    summarization: CompactionConfigLlmSummarizationConfig | None = None


class CompactSessionRequest(Message):
    """The body of a compaction; the path names the session."""

    compaction: CompactionConfig | None = None
