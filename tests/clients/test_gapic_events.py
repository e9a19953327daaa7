"""google.cloud.aiplatform_v1 and _v1beta1 over REST and gRPC: events."""

from datetime import UTC, datetime, timedelta
from math import inf
from types import ModuleType
from typing import Any

import pytest
from google.api_core.exceptions import BadRequest, NotFound

from tests.support.clients.gapic import violated_fields

START = datetime(2026, 1, 1, tzinfo=UTC)
STRUCT = {"deep": [[1, [2.5, None]], {"": {"__x__": True}}], "nothing": None, "text": "héllo ✓"}


@pytest.fixture
def session(client: Any, engine: str) -> str:
    """The name of a session without events."""
    return client.create_session(parent=engine, session={"user_id": "u"}).result().name


def append(client: Any, session: str, minute: int = 0, **fields: Any) -> None:
    time = START + timedelta(minutes=minute)
    event = {"author": "user", "invocation_id": "i", "timestamp": time, **fields}
    client.append_event(name=session, event=event)


def test_an_event_reads_back_equal(api: ModuleType, client: Any, session: str) -> None:
    """Every kind of part, bytes, enums, structs and grounding survive the way there and back."""
    event = rich_event(api)
    client.append_event(name=session, event=event)
    (read,) = client.list_events(parent=session)
    assert read.name.startswith(f"{session}/events/")
    read.name = ""
    assert read == event


def test_a_state_delta_merges_into_the_session(client: Any, session: str) -> None:
    """Keys are replaced whole, null is a value, and temporary keys stay out."""
    append(client, session, actions={"state_delta": {"a": {"x": 1}, "b": [1]}})
    append(client, session, actions={"state_delta": {"a": STRUCT, "c": None, "temp:d": 1}})
    state = client.get_session(name=session).session_state
    assert state == {"a": STRUCT, "b": [1], "c": None}


def test_events_follow_filter_order_and_pages(client: Any, session: str) -> None:
    """Events come by timestamp whatever the order of arrival, page after page."""
    for minute in (3, 0, 4, 1, 2):
        append(client, session, minute)
    pages = list(client.list_events({"parent": session, "page_size": 2}).pages)
    assert [minutes(page.session_events) for page in pages] == [[0, 1], [2, 3], [4]]
    backwards = client.list_events({"parent": session, "order_by": "timestamp desc"})
    assert minutes(backwards) == [4, 3, 2, 1, 0]
    since = f'timestamp>="{(START + timedelta(minutes=3)).isoformat()}"'
    assert minutes(client.list_events({"parent": session, "filter": since})) == [3, 4]


def test_events_of_one_instant_keep_their_order(client: Any, session: str) -> None:
    """Equal timestamps fall back to the order of arrival."""
    for author in "cab":
        append(client, session, author=author)
    assert [event.author for event in client.list_events(parent=session)] == ["c", "a", "b"]


def test_an_event_needs_author_invocation_and_timestamp(client: Any, session: str) -> None:
    """One answer names everything that is missing, and nothing is stored."""
    with pytest.raises(BadRequest) as error:
        client.append_event(name=session, event={})
    assert sorted(violated_fields(error.value)) == [
        *("event.author", "event.invocation_id", "event.timestamp")
    ]
    assert not list(client.list_events(parent=session))


def test_an_unknown_session_takes_no_event(client: Any, engine: str) -> None:
    """Append answers NotFound and names the session."""
    with pytest.raises(NotFound, match=f"Session {engine}/sessions/none not found"):
        append(client, f"{engine}/sessions/none")


def minutes(events: Any) -> list[int]:
    return [(event.timestamp - START) // timedelta(minutes=1) for event in events]


def rich_event(api: ModuleType) -> Any:
    """An event that fills every field the version knows of."""
    types = api.types
    parts = [
        types.Part(text="thinking", thought=True, thought_signature=b"\xfb\xff\x00"),
        types.Part(inline_data={"mime_type": "image/png", "data": b"\x00\xff\xfe\xfd"}),
        types.Part(file_data={"mime_type": "text/plain", "file_uri": "gs://b/o"}),
        types.Part(function_call={"name": "f", "args": STRUCT}),
        types.Part(function_response={"name": "f", "response": STRUCT}),
        types.Part(executable_code={"language": "PYTHON", "code": "print(1)"}),
        types.Part(code_execution_result={"outcome": "OUTCOME_OK", "output": "1"}),
        types.Part(
            file_data={"mime_type": "video/mp4", "file_uri": "gs://b/v"},
            video_metadata={
                "start_offset": timedelta(seconds=1.5),
                "end_offset": timedelta(days=400),
            },
        ),
    ]
    grounding = {
        "web_search_queries": ["q"],
        "grounding_chunks": [{"web": {"uri": "https://x", "title": "t"}}],
        "grounding_supports": [
            {
                "segment": {"start_index": 1, "end_index": 2, "text": "s"},
                "grounding_chunk_indices": [0],
                "confidence_scores": [0.5, inf, -inf],
            }
        ],
        "search_entry_point": {"rendered_content": "<b>", "sdk_blob": b"\xff\xfe"},
    }
    return types.SessionEvent(
        author="model",
        invocation_id="i",
        timestamp=START + timedelta(microseconds=1),
        content={"role": "model", "parts": parts},
        actions={
            "skip_summarization": True,
            "state_delta": STRUCT,
            "artifact_delta": {"file": 7},
            "escalate": True,
            "requested_auth_configs": STRUCT,
            "transfer_agent": "other",
        },
        error_code="E",
        error_message="m",
        event_metadata={
            "grounding_metadata": grounding,
            "partial": True,
            "turn_complete": True,
            "interrupted": True,
            "long_running_tool_ids": ["t"],
            "branch": "a.b",
            "custom_metadata": STRUCT,
            "input_transcription": {"text": "in", "finished": True},
            "output_transcription": {"text": "out"},
        },
        raw_event=STRUCT,
    )
