"""How calls of tools are paired with their responses: by which rule, and at which cost."""

import random
from typing import Any

import pytest

from functions.messages.json_text import write_json
from functions.rules import run
from functions.rules.event import EventRecord
from functions.rules.run import Run, ToolCall


def folded(parts: list[dict[str, Any]]) -> Run:
    """The run of one event of these parts."""
    text = write_json({"author": "a", "content": {"parts": parts}})[1:]
    told = Run("i")
    told.add(EventRecord("e", 0, "a", "i", text))
    return told


def part(kind: str, name: str, call_id: str = "", **more: Any) -> dict[str, Any]:
    return {kind: {"name": name, **({"id": call_id} if call_id else {}), **more}}


def paired(parts: list[dict[str, Any]]) -> list[list[Any]]:
    """`[id, name, response]` of each call, by the rule read word for word."""
    calls: list[list[Any]] = []
    for each in parts:
        ((kind, sent),) = each.items()
        call_id, name = sent.get("id", ""), sent["name"]
        known = [call for call in calls if call_id and call[0] == call_id]
        if kind == "functionCall":
            if known:
                known[0][1] = name or known[0][1]
            else:
                calls.append([call_id, name, None])
            continue
        by_name = [
            call
            for call in calls
            if call[1] == name and call[2] is None and not (call_id and call[0])
        ]
        for call in (known or by_name)[:1]:
            call[2] = write_json(sent["response"])
    return calls


@pytest.mark.parametrize("seed", range(200))
def test_a_response_is_paired_by_id_or_else_by_name_in_order(seed: int) -> None:
    """Whatever has an id, and however a call is renamed when it is told again."""
    dice = random.Random(seed)
    parts = []
    for number in range(40):
        kind = dice.choice(("functionCall", "functionResponse"))
        more = {"response": {"n": number}} if kind == "functionResponse" else {}
        name, call_id = dice.choice(["f", "g", ""]), dice.choice(["", "", "1", "2", "3"])
        parts.append(part(kind, name, call_id, **more))
    calls = [[call.id, call.name, call.response] for call in folded(parts).tool_calls]
    assert calls == paired(parts)


class Counted(ToolCall):
    """A call that counts how often anybody looks at its name."""

    looks = 0

    @property
    def name(self) -> str:
        Counted.looks += 1
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        self._name = name


@pytest.mark.parametrize("call_id", ["", "x"])
@pytest.mark.parametrize("answered", ["a", "b"])
def test_pairing_looks_at_each_call_a_few_times(
    answered: str, call_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands of calls and of responses that fit, or fit none, cost no more than their number."""
    monkeypatch.setattr(run, "ToolCall", Counted)
    Counted.looks = 0
    calls = [part("functionCall", "a", f"c{number}" * bool(call_id)) for number in range(2_000)]
    responses = [part("functionResponse", answered, call_id, response={})] * 2_000
    folded([*calls, *responses])
    assert Counted.looks <= 3 * 4_000


def test_a_run_parses_the_last_event_and_those_that_may_name_a_tool(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run of a hundred thousand events is read for one page: parsing all of it takes seconds."""
    parsed = []
    members_of = run.event_members

    def count(record: EventRecord) -> dict[str, Any]:
        parsed.append(record.id)
        return members_of(record)

    monkeypatch.setattr(run, "event_members", count)
    told = Run("i")
    for number in range(1_000):
        parts = [part("functionCall", "f")] if number == 500 else [{"text": "functionCall"}]
        text = write_json({"author": "a", "content": {"parts": parts}})[1:]
        told.add(EventRecord(str(number), number, "a", "i", text))
    assert told.state is run.RunState.ACTIVE
    assert [call.name for call in told.tool_calls] == ["f"]
    assert parsed == ["500", "999"]
