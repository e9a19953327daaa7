"""Bytes, enums, times and numbers in proto3 JSON.

See docs/contract.md, section 2.
"""

import json
from typing import Any

import pytest

from tests.support.api import Api
from tests.support.fields import part, refused, stored

EVENT = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}


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
    refused(
        api, {"content": {"parts": [video]}}, "event.content.parts[0].video_metadata.end_offset"
    )


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
    assert [
        first["executableCode"]["language"],
        second["codeExecutionResult"]["outcome"],
    ] == expected
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


def scored(score: object) -> dict[str, Any]:
    """An event with a score in a list of doubles, and with one by itself."""
    metadata = {
        "groundingSupports": [{"confidenceScores": [0.5, score]}],
        "retrievalMetadata": {"googleSearchDynamicRetrievalScore": score},
    }
    return {"eventMetadata": {"groundingMetadata": metadata}}


@pytest.mark.parametrize("query", [{}, {"$alt": "json;enum-encoding=int"}], ids=str)
@pytest.mark.parametrize("score", ["NaN", "Infinity", "-Infinity"])
def test_doubles_of_messages_may_be_no_numbers(api: Api, score: str, query: dict[str, str]) -> None:
    """proto3 JSON spells NaN and the infinities as strings, in and out."""
    sent = scored(score)
    code = {"parts": [{"executableCode": {"language": "PYTHON", "code": "x"}}]}
    found = stored(api, {**sent, "content": code}, **query)
    assert found["eventMetadata"] == sent["eventMetadata"]


@pytest.mark.parametrize("score", ["nan", "inf", "+Infinity", "INFINITY", "-NaN", "1e999"])
def test_other_spellings_of_no_number_are_refused(api: Api, score: str) -> None:
    """400 naming the field; proto3 JSON has three such strings."""
    refused(api, scored(score), "confidence_scores[1]", "TYPE_DOUBLE")


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_an_integer_is_a_number(api: Api, value: str) -> None:
    """400 naming the field; and in a Struct such a string is a string."""
    refused(api, {"actions": {"artifactDelta": {"f": value}}}, "event.actions.artifact_delta")
    refused(api, scored(0.5) | {"content": {"parts": [{"executableCode": {"language": value}}]}})
    assert stored(api, {"rawEvent": {"n": value}})["rawEvent"] == {"n": value}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_nan_and_infinity_are_refused(api: Api, number: str) -> None:
    """NaN and Infinity are refused with 400."""
    body = f'{{"userId":"u","sessionState":{{"n":[{number}]}}}}'.encode()
    assert api.call("POST", f"{api.engine}/sessions", body).status == 400
    body = json.dumps({**EVENT, "actions": {"stateDelta": {"d": "?"}}})
    body = body.replace('"?"', number).encode()
    assert api.call("POST", f"{api.create()}:appendEvent", body).status == 400
    body = json.dumps({**EVENT, **scored("?")}).replace('"?"', number).encode()
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
