"""docs/conversation.sh runs as it stands, against either store."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from typing import Any

from tests.support.project import ROOT

SCRIPT = ROOT / "docs/conversation.sh"
QUESTION = {"text": "Will it rain in Oslo?"}
CALL = {"functionCall": {"id": "call-1", "name": "get_forecast", "args": {"city": "Oslo"}}}
RESULT = {"sky": "rain", "celsius": 4}
RESPONSE = {"functionResponse": {"id": "call-1", "name": "get_forecast", "response": RESULT}}
PARTS = [
    QUESTION,
    CALL,
    RESPONSE,
    {"text": "Yes, at 4 degrees."},
    {"text": "Thank you!"},
    {"text": "Take an umbrella."},
]


def run(base: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "TOKEN"}
    return subprocess.run(
        [SCRIPT, base], env=environment, capture_output=True, text=True, timeout=120
    )


def answers(output: str) -> Iterator[Any]:
    for text in re.findall(r"^\{$.*?^\}$", output, re.DOTALL | re.MULTILINE):
        yield json.loads(text)


def test_the_conversation_runs_as_it_stands(server: str) -> None:
    """Made by its first event, watched to its end, summed up in runs and calls of tools."""
    ran = run(server)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stderr == ""
    (name,) = re.findall(r"^projects/.*/reasoningEngines/1/sessions/.*$", ran.stdout, re.MULTILINE)

    *live, end = re.findall(r"^live: (.*)$", ran.stdout, re.MULTILINE)
    assert [json.loads(told)["content"]["parts"] for told in live] == [[part] for part in PARTS]
    assert end == "the session is gone"

    session, runs, tool_calls = answers(ran.stdout)
    assert (session["name"], session["userId"]) == (name, "ada")
    assert session["sessionState"] == {"city": "Oslo"}
    assert [run["invocationId"] for run in runs["runs"]] == ["turn-1", "turn-2"]
    assert [run["eventCount"] for run in runs["runs"]] == [4, 2]
    assert runs["runs"][0]["toolCalls"] == [{**CALL["functionCall"], "response": RESULT}]
    (tool_call,) = tool_calls["sessionEvents"]
    assert tool_call["content"]["parts"] == [CALL]


def test_the_conversation_stops_where_there_is_no_server() -> None:
    """It says what curl says and claims nothing."""
    ran = run("http://127.0.0.1:1")
    assert ran.returncode != 0
    assert "curl: (7)" in ran.stderr
    assert "live" not in ran.stdout
