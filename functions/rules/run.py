"""A run: the summary of the events of one invocation of an agent."""

import re
from collections import defaultdict
from enum import StrEnum
from heapq import heappop, heappush
from typing import Any

from functions.aip.errors import NotFound
from functions.aip.timestamp import format_timestamp
from functions.messages.json_text import object_text, utf8_size, write_json, write_plain
from functions.rules.errors import InvalidFields
from functions.rules.event import EventRecord
from functions.rules.event_type import USER, EventType, event_members, event_type
from functions.rules.names import SessionName, spell, unspell

MAX_RUNS_PAGE = 100

_PENDING = frozenset({"pending", "inprogress", "running", "submitted", "working"})
"""Values of `status`, in small letters, with which a tool reports that it has no result yet."""

_NO_LETTER = re.compile("[^a-z]")
_ENVELOPE_BYTES = 500
_WORST_ESCAPE = 6


class RunNotFound(NotFound):
    """The session has no event of the invocation."""

    def __init__(self, name: object) -> None:
        super().__init__(f"Run {name} not found.")


class RunState(StrEnum):
    """The state of a run; see `Run.state`."""

    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    INTERRUPTED = "INTERRUPTED"
    ACTIVE = "ACTIVE"


class ToolCall:
    """A functionCall and its functionResponse, if any; `args` and `response` are JSON text."""

    def __init__(self, call_id: str, name: str, position: int) -> None:
        """`position` is the call's index in `Run.tool_calls`."""
        self.id = call_id
        self.name = name
        self.position = position
        self.args: str | None = None
        self.response: str | None = None

    def size(self) -> int:
        """Returns an upper estimate of the bytes of `to_json`."""
        named = _ENVELOPE_BYTES + _WORST_ESCAPE * (len(self.id) + len(self.name))
        return named + utf8_size(self.args or "") + utf8_size(self.response or "")

    def to_json(self) -> str:
        """Writes `{"id", "name", "args", "response"}` without absent fields."""
        return object_text(
            f'"id":{write_json(self.id)}' if self.id else "",
            f'"name":{write_json(self.name)}' if self.name else "",
            f'"args":{self.args}' if self.args is not None else "",
            f'"response":{self.response}' if self.response is not None else "",
        )


class Run:
    """The events of one invocationId so far; times are nanoseconds since the epoch.

    `start_time` and `end_time` are the timestamps of the first and the last event in the order of
    lists. `authors` and `event_types` hold the values of the events in order of appearance.
    `event_types` is empty without `with_types`, which makes the run parse every event.
    """

    def __init__(self, invocation_id: str, *, with_types: bool = False) -> None:
        self.invocation_id = invocation_id
        self.start_time = self.end_time = 0
        self.event_count = self.event_bytes = 0
        self.authors: dict[str, None] = {}
        self.event_types: dict[EventType, None] = {}
        self.tool_calls: list[ToolCall] = []
        self._with_types = with_types
        self._last: EventRecord | None = None
        self._last_members: dict[str, Any] = {}
        self._calls_by_id: dict[str, ToolCall] = {}
        self._unanswered: dict[ToolCall, None] = {}
        self._long_running: set[str] = set()
        self._called: defaultdict[tuple[str, bool], list[int]] = defaultdict(list)
        """(name, whether the call has an id) → a heap of the positions of such calls."""

    def add(self, event: EventRecord) -> None:
        """Takes in the next event of the invocation, in the order of lists."""
        if not self.event_count:
            self.start_time = event.timestamp
        self.end_time = event.timestamp
        self.event_count += 1
        self.event_bytes += event.size()
        self.authors[event.author] = None
        self._last, self._last_members = event, {}
        if self._with_types:
            self.event_types[event_type(self._members_of_last())] = None
        # Parsing takes longer than all the rest, and the text of most events names no tool.
        names_tool = (
            '"functionCall":' in event.text
            or '"functionResponse":' in event.text
            or '"longRunningToolIds":' in event.text
        )
        if names_tool:
            self._add_calls(self._members_of_last())

    @property
    def error_code(self) -> str:
        """The errorCode of the last event, "" if it has none."""
        return str(self._members_of_last().get("errorCode", ""))

    @property
    def error_message(self) -> str:
        """The errorMessage of the last event, "" if it has none."""
        return str(self._members_of_last().get("errorMessage", ""))

    @property
    def state(self) -> RunState:
        """The state of the run; the first rule that holds decides.

        1. FAILED: the last event has an errorCode or an errorMessage.
        2. INTERRUPTED: the metadata of the last event say `interrupted`.
        3. ACTIVE, if one of these holds:
           - The last event is partial.
           - The last event is a message or a tool's response by `user`: the agent has not replied.
           - A functionCall has no functionResponse in this run.
           - A functionCall of a long-running tool (longRunningToolIds) has a last functionResponse
             whose `status` says pending, in progress, running, submitted or working.
           - The last event is no final response in the sense of ADK's `Event.is_final_response`:
             it holds a functionResponse or ends in a codeExecutionResult, and its actions do not
             say skipSummarization.
           - The last event ends in executableCode, which has not run.
        4. COMPLETED otherwise.
        """
        last = self._members_of_last()
        state = _state_by(last, event_type(last))
        return RunState.ACTIVE if state is RunState.COMPLETED and self._unanswered else state

    def size(self) -> int:
        """Returns an upper estimate of the bytes of `to_json`."""
        texts = (self.invocation_id, self.invocation_id, self.error_code, self.error_message)
        small = _ENVELOPE_BYTES + _WORST_ESCAPE * sum(map(len, (*texts, *self.authors)))
        return small + sum(call.size() for call in self.tool_calls)

    def to_json(self, session: SessionName) -> str:
        """Writes the Run of a list's answer."""
        calls = ",".join(call.to_json() for call in self.tool_calls)
        return object_text(
            f'"name":"{run_name(session, self.invocation_id)}"',
            f'"invocationId":{write_json(self.invocation_id)}',
            f'"startTime":"{format_timestamp(self.start_time)}"',
            f'"endTime":"{format_timestamp(self.end_time)}"',
            f'"eventCount":{self.event_count}',
            f'"authors":{write_plain(list(self.authors))}',
            f'"toolCalls":[{calls}]' if calls else "",
            f'"state":"{self.state}"',
            f'"errorCode":{write_json(self.error_code)}' if self.error_code else "",
            f'"errorMessage":{write_json(self.error_message)}' if self.error_message else "",
        )

    def _members_of_last(self) -> dict[str, Any]:
        if self._last is not None:
            # A page of runs holds the members of each last event, and not its text beside them.
            self._last_members = event_members(self._last)
            self._last = None
        return self._last_members

    def _add_calls(self, members: dict[str, Any]) -> None:
        self._long_running.update(members.get("eventMetadata", {}).get("longRunningToolIds", []))
        for part in members.get("content", {}).get("parts", []):
            if "functionCall" in part:
                self._call(part["functionCall"])
            elif "functionResponse" in part:
                self._answer(part["functionResponse"])

    def _call(self, sent: dict[str, Any]) -> None:
        """Adds a call, or updates the call of the same id: clients stream and repeat calls."""
        call_id, name = sent.get("id", ""), sent.get("name", "")
        call = self._calls_by_id.get(call_id)
        if call is None:
            call = ToolCall(call_id, name, len(self.tool_calls))
            self.tool_calls.append(call)
            self._unanswered[call] = None
            heappush(self._called[name, bool(call_id)], call.position)
            if call_id:
                self._calls_by_id[call_id] = call
        elif name and name != call.name:
            call.name = name
            heappush(self._called[name, True], call.position)
        if "args" in sent:
            call.args = write_json(sent["args"])

    def _answer(self, sent: dict[str, Any]) -> None:
        """Pairs a response with a call by id, else with the first unanswered call of its name.

        A later response to the same call replaces an earlier one: long-running tools report more
        than once. A response without a call in this run is ignored.
        """
        call_id, name = sent.get("id", ""), sent.get("name", "")
        call = self._calls_by_id.get(call_id)
        if call is None:
            call = self._first_unanswered(name, with_ids=not call_id)
        if call is not None:
            response = sent.get("response", {})
            call.response = write_json(response)
            if call.id in self._long_running and _is_pending(response):
                self._unanswered[call] = None
                heappush(self._called[call.name, True], call.position)
            else:
                self._unanswered.pop(call, None)

    def _first_unanswered(self, name: str, *, with_ids: bool) -> ToolCall | None:
        """Returns the first unanswered call of a name; calls with ids only if `with_ids`."""
        firsts = []
        for has_id in (False, True) if with_ids else (False,):
            heap = self._called.get((name, has_id), [])
            # A call that has a response or a new name meanwhile is removed only here.
            while heap and not self._is_unanswered(self.tool_calls[heap[0]], name):
                heappop(heap)
            firsts += heap[:1]
        return self.tool_calls[min(firsts)] if firsts else None

    def _is_unanswered(self, call: ToolCall, name: str) -> bool:
        return call in self._unanswered and call.name == name


def run_name(session: SessionName, invocation_id: str) -> str:
    """Returns `{session}/runs/{run}`; `run` spells the invocation id."""
    return f"{session}/runs/{spell(invocation_id)}"


def invocation_id_of(run: str) -> str:
    """Returns the invocation id that the last segment of a run's name spells.

    Raises InvalidFields if the bytes are not UTF-8.
    """
    try:
        return unspell(run)
    except UnicodeError:
        raise InvalidFields([("name", "Invalid Run resource name.")]) from None


def _is_pending(response: dict[str, Any]) -> bool:
    status = response.get("status")
    return isinstance(status, str) and _NO_LETTER.sub("", status.lower()) in _PENDING


def _state_by(last: dict[str, Any], kind: EventType) -> RunState:
    """Returns the state by the last event alone, without a look at unanswered calls."""
    metadata, parts = last.get("eventMetadata", {}), last.get("content", {}).get("parts", [])
    end = parts[-1] if parts else {}
    if kind is EventType.ERROR:
        return RunState.FAILED
    if metadata.get("interrupted"):
        return RunState.INTERRUPTED
    is_message_of_user = last.get("author") == USER and kind is not EventType.STATE_UPDATE
    is_for_model = "codeExecutionResult" in end or any("functionResponse" in part for part in parts)
    is_summarized = not last.get("actions", {}).get("skipSummarization")
    if (
        metadata.get("partial")
        or is_message_of_user
        or (is_for_model and is_summarized)
        or "executableCode" in end
    ):
        return RunState.ACTIVE
    return RunState.COMPLETED
