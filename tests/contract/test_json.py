"""proto3 JSON, in and out.

See docs/contract.md, section 2.
"""

import json
from typing import Any

import pytest

from tests.support.api import Api
from tests.support.fields import stored


def test_names_come_in_both_spellings_and_go_out_in_camel_case(api: Api) -> None:
    """Both camelCase and snake_case, mixed in one body, as genai sends them."""
    event = {
        "invocationId": "i",
        "content": {
            "parts": [
                {"function_call": {"name": "f", "args": {"snake_case": {"camelCase": 1}}}},
                {"inline_data": {"mime_type": "a/b", "data": "AA=="}},
                {"functionResponse": {"name": "f", "response": {}}},
                {"file_data": {"file_uri": "u", "mimeType": "m"}},
                {"thought_signature": "AA==", "text": "t"},
            ]
        },
        "actions": {
            "state_delta": {"a_b": 1},
            "artifactDelta": {"a_b": 1},
            "skip_summarization": True,
            "transfer_agent": "x",
            "requested_auth_configs": {"a_b": {"c_d": 1}},
        },
        "eventMetadata": {"custom_metadata": {"a_b": 1}, "turnComplete": True},
        "raw_event": {"a_b": {"c_d": 1}},
        "error_code": "E",
    }
    found = stored(api, event)
    assert found["content"]["parts"] == [
        {"functionCall": {"name": "f", "args": {"snake_case": {"camelCase": 1}}}},
        {"inlineData": {"mimeType": "a/b", "data": "AA=="}},
        {"functionResponse": {"name": "f", "response": {}}},
        {"fileData": {"fileUri": "u", "mimeType": "m"}},
        {"thoughtSignature": "AA==", "text": "t"},
    ]
    assert found["actions"] == {
        "stateDelta": {"a_b": 1},
        "artifactDelta": {"a_b": 1},
        "skipSummarization": True,
        "transferAgent": "x",
        "requestedAuthConfigs": {"a_b": {"c_d": 1}},
    }
    assert found["eventMetadata"] == {"customMetadata": {"a_b": 1}, "turnComplete": True}
    assert (found["rawEvent"], found["errorCode"]) == ({"a_b": {"c_d": 1}}, "E")


def test_sessions_come_in_both_spellings(api: Api) -> None:
    """A session in snake_case goes out in camelCase; keys inside its state stay."""
    body = {"user_id": "u", "display_name": "d", "session_state": {"a_b": {"cD": 1}}}
    found = api.ok("POST", f"{api.engine}/sessions", body, session_id="s")["response"]
    assert (found["userId"], found["displayName"]) == ("u", "d")
    assert found["sessionState"] == {"a_b": {"cD": 1}}
    assert found["name"] == f"{api.engine}/sessions/s"


def test_a_trailing_comma_is_accepted(api: Api) -> None:
    """The documented body of appendEvent has one."""
    body = (
        b'{\n  "author": "a, ]",\n  "invocationId": "i,}",\n  "content": {"parts": [{"text": "x,"},'
        b' ], },\n  "timestamp": "2026-01-01T00:00:00Z" ,\n}\n'
    )
    found = stored(api, body)
    assert (found["author"], found["invocationId"]) == ("a, ]", "i,}")
    assert found["content"] == {"parts": [{"text": "x,"}]}


@pytest.mark.parametrize(
    "text", ["\x00", "\u2028", "é", "😀", "\\", '"', "</script>", "\x7f", "e\u0301"]
)
def test_any_text_comes_back_as_sent(api: Api, text: str) -> None:
    """Unicode and control characters, in fields and in structs."""
    found = stored(
        api, {"author": text, "content": {"parts": [{"text": text}]}, "rawEvent": {text: text}}
    )
    assert found["author"] == text
    assert found["content"]["parts"] == [{"text": text}]
    assert found["rawEvent"] == {text: text}
    session = api.create(user=text, displayName=text)
    session = api.ok("GET", session)
    assert (session["userId"], session["displayName"]) == (text, text)


@pytest.mark.parametrize("field", ["author", "rawEvent", "key"])
def test_half_a_character_is_refused(api: Api, field: str) -> None:
    """A lone surrogate is no Unicode text: 400, as a value and as a key."""
    value: Any = {"author": "\ud800", "rawEvent": {"a": "\ud800"}, "key": {"\udc00": 1}}[field]
    name = "rawEvent" if field == "key" else field
    assert api.append(api.create(), **{name: value}).status == 400


@pytest.mark.parametrize("depth", [30, 100, 190])
def test_any_depth_a_client_can_send_comes_back(api: Api, depth: int) -> None:
    """Nested arrays and objects of any depth that protobuf clients can send, and more."""
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"d": value}
    session = api.create(sessionState={"k": value})
    assert (
        api.append(session, rawEvent={"k": value}, actions={"stateDelta": {"l": value}}).status
        == 200
    )
    assert api.state(session) == {"k": value, "l": value}
    (event,) = api.ok("GET", f"{session}/events")["sessionEvents"]
    assert event["rawEvent"] == {"k": value}
    assert event["actions"]["stateDelta"] == {"l": value}


@pytest.mark.parametrize("depth", [2_000, 200_000])
def test_a_depth_that_no_client_sends_is_refused(api: Api, depth: int) -> None:
    """Too deep is 400, never 500."""
    body = b'{"userId":"u","sessionState":{"k":' + b"[" * depth + b"]" * depth + b"}}"
    assert api.call("POST", f"{api.engine}/sessions", body).status == 400
    assert api.call("POST", f"{api.create()}:appendEvent", body).status == 400


def test_answers_are_compact_json(api: Api) -> None:
    """What is written can be parsed and has no spaces between its members."""
    text = api.call("GET", api.create(sessionState={"a": [1, {"b": 2}]})).text
    assert text == json.dumps(json.loads(text), separators=(",", ":"))
