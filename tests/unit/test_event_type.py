"""What type an event has, rule by rule and where rules meet."""

from typing import Any

import pytest

from functions.rules.event_type import EventType, event_type

CALL = {"functionCall": {"name": "f"}}
RESPONSE = {"functionResponse": {"name": "f"}}
CODE = {"executableCode": {"language": "PYTHON", "code": "1"}}
RESULT = {"codeExecutionResult": {"outcome": "OUTCOME_OK"}}
TEXT = {"text": "hi"}
THOUGHT = {"text": "hm", "thought": True}
SIGNATURE = {"text": "", "thoughtSignature": "AQI="}
IMAGE = {"inlineData": {"mimeType": "image/png", "data": "AAEC"}}
FILE = {"fileData": {"mimeType": "a/b", "fileUri": "gs://x"}}
DELTA = {"actions": {"stateDelta": {"k": 1}}}


def event(*parts: dict[str, Any], by: str = "agent", **fields: Any) -> dict[str, Any]:
    return {"author": by, "content": {"parts": list(parts)}, "actions": {}, **fields}


def metadata(**fields: Any) -> dict[str, Any]:
    return {"eventMetadata": fields}


TYPES: list[tuple[str, dict[str, Any], str]] = [
    ("text of the user", event(TEXT, by="user"), "INPUT_MESSAGE"),
    ("an image of the user", event(IMAGE, by="user"), "INPUT_MESSAGE"),
    ("a file of the user", event(FILE, by="user"), "INPUT_MESSAGE"),
    ("a message that changes state", event(TEXT, by="user", **DELTA), "INPUT_MESSAGE"),
    ("text of an agent", event(TEXT), "AGENT_OUTPUT"),
    ("text of a system", event(TEXT, by="system"), "AGENT_OUTPUT"),
    ("an image of an agent", event(IMAGE), "AGENT_OUTPUT"),
    ("an answer that changes state", event(TEXT, **DELTA), "AGENT_OUTPUT"),
    ("a part of an answer", event(TEXT, **metadata(partial=True)), "AGENT_OUTPUT"),
    ("a thought", event(THOUGHT), "THINKING"),
    ("a thought and its signature", event(THOUGHT, SIGNATURE), "THINKING"),
    ("a thought and what comes of it", event(THOUGHT, TEXT), "AGENT_OUTPUT"),
    ("a thought that is a file", event({**IMAGE, "thought": True}), "THINKING"),
    ("a call", event(CALL), "TOOL_INPUT"),
    ("a thought, words and a call", event(THOUGHT, TEXT, CALL), "TOOL_INPUT"),
    ("code", event(TEXT, CODE), "TOOL_INPUT"),
    ("code, its result and words", event(CODE, RESULT, TEXT), "TOOL_INPUT"),
    ("a call beside a response", event(RESPONSE, CALL), "TOOL_INPUT"),
    ("a response", event(RESPONSE), "TOOL_OUTPUT"),
    ("a response of the user", event(RESPONSE, by="user"), "TOOL_OUTPUT"),
    ("a response that changes state", event(RESPONSE, **DELTA), "TOOL_OUTPUT"),
    ("a response and words", event(RESPONSE, TEXT), "TOOL_OUTPUT"),
    ("the result of code", event(RESULT), "TOOL_OUTPUT"),
    ("a change of state", event(**DELTA), "STATE_UPDATE"),
    ("a change of state by the user", event(by="user", **DELTA), "STATE_UPDATE"),
    ("empty words with a change of state", event({"text": ""}, **DELTA), "STATE_UPDATE"),
    ("a transfer", event(actions={"transferAgent": "b"}), "STATE_UPDATE"),
    ("nothing", {"author": "agent", "content": {}, "actions": {}}, "STATE_UPDATE"),
    ("what the user said", event(**metadata(inputTranscription={"text": "a"})), "INPUT_MESSAGE"),
    ("what an agent said", event(**metadata(outputTranscription={"text": "a"})), "AGENT_OUTPUT"),
    (
        "that nobody speaks",
        event(**metadata(inputTranscription={"finished": True})),
        "STATE_UPDATE",
    ),
    ("an error code", event(errorCode="E"), "ERROR"),
    ("an error message", event(errorMessage="it broke"), "ERROR"),
    ("an error with words", event(TEXT, errorCode="MAX_TOKENS"), "ERROR"),
    ("an error with a call", event(CALL, errorCode="E"), "ERROR"),
    ("an error of the user", event(TEXT, by="user", errorCode="E"), "ERROR"),
]


@pytest.mark.parametrize(
    ("members", "expected"), [case[1:] for case in TYPES], ids=[case[0] for case in TYPES]
)
def test_an_event_is_of_the_first_type_whose_rule_holds(
    members: dict[str, Any], expected: str
) -> None:
    assert event_type(members) == expected


def test_the_table_has_every_type() -> None:
    assert {expected for *_, expected in TYPES} == set(EventType)
