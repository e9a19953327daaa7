"""Events that together have every field of ADK's events."""

from google.adk.events import Event, EventActions
from google.adk.tools.tool_confirmation import ToolConfirmation
from google.genai import types

EVENTS = {
    "empty": Event(author="user"),
    "bytes": Event(
        author="user",
        invocation_id="i",
        content=types.Content(
            role="user", parts=[types.Part.from_bytes(data=b"\xff\x00", mime_type="image/png")]
        ),
        grounding_metadata=types.GroundingMetadata(
            search_entry_point=types.SearchEntryPoint(sdk_blob=b"\xfb\xff")
        ),
    ),
    "complete": Event(
        author="agent",
        invocation_id="i",
        timestamp=1_700_000_000.123,
        content=types.Content(role="model", parts=[types.Part(text="text")]),
        turn_complete=True,
        partial=False,
        interrupted=True,
        actions=EventActions(artifact_delta={"file": 0}, transfer_to_agent="b", escalate=True),
        long_running_tool_ids={"1", "2"},
        error_code="code",
        error_message="message",
        grounding_metadata=types.GroundingMetadata(web_search_queries=["q"]),
        usage_metadata=types.GenerateContentResponseUsageMetadata(
            prompt_token_count=1, candidates_token_count=1, total_token_count=2
        ),
        citation_metadata=types.CitationMetadata(),
        custom_metadata={"key": "value"},
        input_transcription=types.Transcription(text="in", finished=True),
        output_transcription=types.Transcription(text="out", finished=True),
    ),
    "confirmations": Event(
        author="agent",
        invocation_id="i",
        actions=EventActions(
            requested_tool_confirmations={
                "call-1": ToolConfirmation(hint="h", confirmed=False, payload={"id": [1]})
            }
        ),
    ),
}
