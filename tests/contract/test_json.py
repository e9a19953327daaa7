"""proto3 JSON, in and out; see section 2 of the contract."""

import json
from typing import Any

import pytest

from tests.contract.conftest import Api

UNSENT = object()


def stored(api: Api, event: dict[str, Any] | bytes, **query: Any) -> dict[str, Any]:
    """Appends an event and returns it as list answers it, without its name."""
    session = api.create()
    base = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
    body = event if isinstance(event, bytes) else {**base, **event}
    api.ok("POST", f"{session}:appendEvent", body)
    (found,) = api.ok("GET", f"{session}/events", **query)["sessionEvents"]
    del found["name"]
    result: dict[str, Any] = found
    return result


def part(api: Api, part: dict[str, Any], **query: Any) -> Any:
    """One part of a content, stored and read back."""
    return stored(api, {"content": {"parts": [part]}}, **query)["content"]["parts"][0]


def refused(api: Api, event: dict[str, Any], *fragments: str) -> None:
    """Holds an append to a 400 whose message has the fragments."""
    answer = api.append(api.create(), **event)
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    for fragment in fragments:
        assert fragment in answer.json["error"]["message"]


def test_names_come_in_both_spellings_and_go_out_in_camel_case(api: Api) -> None:
    """camelCase and snake_case, mixed in one body, as genai sends them."""
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


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("//4A", "//4A"),
        ("__4A", "//4A"),
        ("-_8=", "+/8="),
        ("-_8", "+/8="),
        ("+/8=", "+/8="),
        ("AA==", "AA=="),
        ("AA", "AA=="),
        ("", ""),
    ],
)
def test_bytes_are_standard_base64_out(api: Api, sent: str, expected: str) -> None:
    """Standard and URL-safe base64 in, standard base64 out."""
    found = part(api, {"inlineData": {"mimeType": "m", "data": sent}})
    assert found["inlineData"].get("data", "") == expected
    found = part(api, {"text": "t", "thoughtSignature": sent})
    assert found.get("thoughtSignature", "") == expected


@pytest.mark.parametrize("value", [5, True, [], {}, "é", "A", "A*==", "AA==AA"], ids=repr)
def test_what_is_no_base64_is_refused(api: Api, value: object) -> None:
    """A wrong type or spelling of bytes: 400 naming the field."""
    refused(api, {"content": {"parts": [{"inlineData": {"data": value}}]}}, "inline_data.data")
    refused(api, {"content": {"parts": [{"thoughtSignature": value}]}}, "thought_signature")


TIMES = [
    ("2026-01-31T11:30:00Z", "2026-01-31T11:30:00Z"),
    ("2026-01-31T11:30:00.5Z", "2026-01-31T11:30:00.500Z"),
    ("2026-01-31T11:30:00.1234Z", "2026-01-31T11:30:00.123400Z"),
    ("2026-01-31T11:30:00.123456789Z", "2026-01-31T11:30:00.123456789Z"),
    ("2026-01-31T11:30:00.000000000Z", "2026-01-31T11:30:00Z"),
    ("2026-01-31T11:30:00-04:00", "2026-01-31T15:30:00Z"),
    ("2026-01-01T00:30:00.001+05:30", "2025-12-31T19:00:00.001Z"),
    ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"),
    ({"seconds": 0}, "1970-01-01T00:00:00Z"),
    ({"seconds": 1769859000, "nanos": 5000000}, "2026-01-31T11:30:00.005Z"),
    ({"seconds": "1769859000"}, "2026-01-31T11:30:00Z"),
    ({"seconds": -1, "nanos": 999999999}, "1969-12-31T23:59:59.999999999Z"),
    ({"seconds": -62135596800, "nanos": 0}, "0001-01-01T00:00:00Z"),
]


@pytest.mark.parametrize(("sent", "expected"), TIMES, ids=[str(case[0]) for case in TIMES])
def test_timestamps_go_out_in_utc_with_as_few_digits_as_do(
    api: Api, sent: object, expected: str
) -> None:
    """RFC 3339 with `Z` or an offset, or {"seconds", "nanos"}, in; `Z`, 0, 3, 6 or 9 digits out."""
    assert stored(api, {"timestamp": sent})["timestamp"] == expected


BAD_TIMES = [
    "2026-01-31",
    "2026-01-31T11:30:00",
    "2026-02-30T00:00:00Z",
    "2026-01-31T24:00:00Z",
    "2026-01-31T11:30:00.1234567890Z",
    "0001-01-01T00:00:00+00:01",
    "10000-01-01T00:00:00Z",
    "now",
    " ",
    1769859000,
    1769859000.5,
    True,
    [],
    {"seconds": 1.5},
    {"seconds": True},
    {"seconds": 1, "nanos": -1},
    {"seconds": 1, "nanos": 10**9},
    {"seconds": 10**18},
    {"seconds": None},
    {"seconds": 1, "millis": 1},
]


@pytest.mark.parametrize("value", BAD_TIMES, ids=repr)
def test_what_is_no_timestamp_is_refused(api: Api, value: object) -> None:
    """A wrong type or spelling of a timestamp: 400 naming the field."""
    refused(api, {"timestamp": value}, "event.timestamp")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("3.5s", "3.500s"),
        ("3s", "3s"),
        ("0.000000001s", "0.000000001s"),
        ("-1.5s", "-1.500s"),
        ("0s", "0s"),
        ("100.1234s", "100.123400s"),
    ],
)
def test_durations_have_up_to_nine_digits(api: Api, sent: str, expected: str) -> None:
    """Durations: `"3.5s"`, up to 9 digits."""
    found = part(api, {"text": "", "videoMetadata": {"startOffset": sent}})
    assert found["videoMetadata"] == {"startOffset": expected}


@pytest.mark.parametrize("value", ["3.5", 3, "3.0000000001s", "s", "1e3s", "3 s", {}, True])
def test_what_is_no_duration_is_refused(api: Api, value: object) -> None:
    """A wrong type or spelling of a duration: 400 naming the field."""
    video = {"text": "", "videoMetadata": {"endOffset": value}}
    refused(api, {"content": {"parts": [video]}}, "event.content.parts[0].video_metadata.end_offset")


@pytest.mark.parametrize("sent", ["PYTHON", 1])
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["PYTHON", "OUTCOME_FAILED"]),
        ({"$alt": "json"}, ["PYTHON", "OUTCOME_FAILED"]),
        ({"$alt": "json;enum-encoding=int"}, [1, 2]),
    ],
    ids=str,
)
def test_enums_go_out_by_name_unless_asked_for_by_number(
    api: Api, query: dict[str, str], expected: list[Any], sent: Any
) -> None:
    """Name or number in; out, numbers when `$alt=json;enum-encoding=int`, names otherwise."""
    parts = [
        {"executableCode": {"language": sent, "code": "x"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_FAILED" if sent != 1 else 2}},
    ]
    raw = {"language": "PYTHON", "level": 3, "a": [1.5, None, "2026-01-01T00:00:00+01:00"]}
    found = stored(api, {"content": {"parts": parts}, "rawEvent": raw}, **query)
    first, second = found["content"]["parts"]
    assert [first["executableCode"]["language"], second["codeExecutionResult"]["outcome"]] == expected
    assert found["rawEvent"] == raw


def test_the_enum_encoding_arrives_escaped(api: Api) -> None:
    """It arrives as `%24alt=json%3Benum-encoding%3Dint`."""
    session = api.create()
    code = {"executableCode": {"language": "PYTHON", "code": "x"}}
    assert api.append(session, content={"parts": [code]}).status == 200
    query = "%24alt=json%3Benum-encoding%3Dint"
    found = api.ok("GET", f"{session}/events?{query}")["sessionEvents"][0]
    assert found["content"]["parts"][0]["executableCode"]["language"] == 1
    assert api.ok("GET", f"{session}?{query}")["name"] == session


@pytest.mark.parametrize("value", ["COBOL", "python", True, 1.5, [], {}, 2**31], ids=repr)
def test_what_is_no_enum_is_refused(api: Api, value: object) -> None:
    """An unknown name or a wrong type: 400 naming the field."""
    code = {"executableCode": {"language": value, "code": "x"}}
    refused(api, {"content": {"parts": [code]}}, "executable_code.language")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("1.0", "1"),
        ("-1.0", "-1"),
        ("1e3", "1000"),
        ("9007199254740993", "9007199254740993"),
        ("-18446744073709551617", "-18446744073709551617"),
        ("1" + "0" * 40, "1" + "0" * 40),
        ("1.5", "1.5"),
        ("0.1", "0.1"),
        ("5e-324", "5e-324"),
    ],
)
def test_integers_come_back_as_integers(api: Api, text: str, written: str) -> None:
    """Integers are exact beyond 2^53; integral floats print as integers."""
    body = f'{{"userId":"u","sessionState":{{"n":{text},"l":[{text}]}}}}'.encode()
    session = api.ok("POST", f"{api.engine}/sessions", body)["response"]["name"]
    assert f'"sessionState":{{"l":[{written}],"n":{written}}}' in api.call("GET", session).text
    body = (
        '{"author":"a","invocationId":"i","timestamp":"2026-01-01T00:00:00Z",'
        f'"rawEvent":{{"n":{text}}},"actions":{{"stateDelta":{{"d":{text}}}}}}}'
    ).encode()
    api.ok("POST", f"{session}:appendEvent", body)
    text = api.call("GET", f"{session}/events").text
    assert f'"rawEvent":{{"n":{written}}}' in text
    assert f'"stateDelta":{{"d":{written}}}' in text
    assert f'"d":{written}' in api.call("GET", session).text


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_nan_and_infinity_are_refused(api: Api, number: str) -> None:
    """NaN and Infinity are refused with 400."""
    body = f'{{"userId":"u","sessionState":{{"n":[{number}]}}}}'.encode()
    assert api.call("POST", f"{api.engine}/sessions", body).status == 400
    body = (
        '{"author":"a","invocationId":"i","timestamp":"2026-01-01T00:00:00Z",'
        f'"actions":{{"stateDelta":{{"d":{number}}}}}}}'
    ).encode()
    assert api.call("POST", f"{api.create()}:appendEvent", body).status == 400


@pytest.mark.parametrize(("sent", "expected"), [(3, 3), (3.0, 3), ("3", 3), (-(2**31), -(2**31))])
def test_artifact_deltas_are_32_bit_integers(api: Api, sent: object, expected: int) -> None:
    """`artifactDelta` is int32; zero is a version like any other."""
    delta = {"f": sent, "zero": 0}
    assert stored(api, {"actions": {"artifactDelta": delta}})["actions"] == {
        "artifactDelta": {"f": expected, "zero": 0}
    }


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, 1.5, "x", "1_0", True, [], None], ids=repr)
def test_what_is_no_32_bit_integer_is_refused(api: Api, value: object) -> None:
    """400 naming the field."""
    refused(api, {"actions": {"artifactDelta": {"f": value}}}, "event.actions.artifact_delta")


def test_a_trailing_comma_is_accepted(api: Api) -> None:
    """The documented body of appendEvent has one."""
    body = (
        b'{\n  "author": "a, ]",\n  "invocationId": "i,}",\n  "content": {"parts": [{"text": "x,"},'
        b' ], },\n  "timestamp": "2026-01-01T00:00:00Z" ,\n}\n'
    )
    found = stored(api, body)
    assert (found["author"], found["invocationId"]) == ("a, ]", "i,}")
    assert found["content"] == {"parts": [{"text": "x,"}]}


@pytest.mark.parametrize("text", ["\x00", "\u2028", "é", "😀", "\\", '"', "</script>", "\x7f", "e\u0301"])
def test_any_text_comes_back_as_sent(api: Api, text: str) -> None:
    """Unicode and control characters, in fields and in structs."""
    found = stored(api, {"author": text, "content": {"parts": [{"text": text}]}, "rawEvent": {text: text}})
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


@pytest.mark.parametrize("depth", [30, 100, 250, 400])
def test_any_depth_a_client_can_send_comes_back(api: Api, depth: int) -> None:
    """Nested arrays and objects of any depth a client can send."""
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"d": value}
    session = api.create(sessionState={"k": value})
    assert api.append(session, rawEvent={"k": value}, actions={"stateDelta": {"l": value}}).status == 200
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
