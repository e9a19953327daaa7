"""Content, Part and the messages in them; see the discovery document's schemas."""

from typing import Annotated, Any

from functions.messages.message import Message
from functions.messages.scalars import Bytes, Double, Duration, Enum, EnumValue


class Blob(Message):
    """Bytes that the message itself carries, in base64."""

    mime_type: str | None = ""
    data: Bytes = ""
    display_name: str | None = ""


class FileData(Message):
    """Bytes that the message refers to by a URI."""

    mime_type: str | None = ""
    file_uri: str | None = ""
    display_name: str | None = ""


class VideoMetadata(Message):
    """The section of a video that the part refers to."""

    start_offset: Duration = None
    end_offset: Duration = None
    fps: Double = 0


class PartialArg(Message):
    """One piece of the arguments of a function call that is streamed."""

    oneofs = [
        ("delta", frozenset({"null_value", "number_value", "string_value", "bool_value"})),
    ]

    json_path: str | None = ""
    null_value: Annotated[EnumValue, Enum(("NULL_VALUE",))] = None
    number_value: Double = None
    string_value: str | None = None
    bool_value: bool | None = None
    will_continue: bool | None = False


class FunctionCall(Message):
    """A request of the model to call a tool."""

    name: str | None = ""
    args: dict[str, Any] | None = None
    id: str | None = ""
    partial_args: list[PartialArg] | None = []
    will_continue: bool | None = False


class FunctionResponseBlob(Blob):
    """Bytes that a tool's response carries."""


class FunctionResponseFileData(FileData):
    """Bytes that a tool's response refers to by a URI."""


class FunctionResponsePart(Message):
    """One part of a tool's response."""

    oneofs = [("data", frozenset({"inline_data", "file_data"}))]

    inline_data: FunctionResponseBlob | None = None
    file_data: FunctionResponseFileData | None = None


class FunctionResponse(Message):
    """A tool's response to the function call of the same id."""

    name: str | None = ""
    response: dict[str, Any] | None = None
    id: str | None = ""
    parts: list[FunctionResponsePart] | None = []
    scheduling: Annotated[
        EnumValue, Enum(("SCHEDULING_UNSPECIFIED", "SILENT", "WHEN_IDLE", "INTERRUPT"))
    ] = "SCHEDULING_UNSPECIFIED"


class ExecutableCode(Message):
    """Code that the model asks to run."""

    language: Annotated[EnumValue, Enum(("LANGUAGE_UNSPECIFIED", "PYTHON"))] = (
        "LANGUAGE_UNSPECIFIED"
    )
    code: str | None = ""
    id: str | None = ""


class CodeExecutionResult(Message):
    """The result of running ExecutableCode."""

    outcome: Annotated[
        EnumValue,
        Enum(("OUTCOME_UNSPECIFIED", "OUTCOME_OK", "OUTCOME_FAILED", "OUTCOME_DEADLINE_EXCEEDED")),
    ] = "OUTCOME_UNSPECIFIED"
    output: str | None = ""
    id: str | None = ""


class AudioTranscriptionWordInfo(Message):
    """One word of a transcription and the times at which it begins and ends."""

    word: str | None = ""
    start_offset: Duration = None
    end_offset: Duration = None


class AudioTranscription(Message):
    """The words of a section of audio and their speaker."""

    text: str | None = ""
    speaker_label: str | None = ""
    words: list[AudioTranscriptionWordInfo] | None = []


class PartMediaResolution(Message):
    """The resolution at which the model samples the media of a part."""

    level: Annotated[
        EnumValue,
        Enum(
            (
                "MEDIA_RESOLUTION_UNSPECIFIED",
                "MEDIA_RESOLUTION_LOW",
                "MEDIA_RESOLUTION_MEDIUM",
                "MEDIA_RESOLUTION_HIGH",
                "MEDIA_RESOLUTION_ULTRA_HIGH",
            )
        ),
    ] = "MEDIA_RESOLUTION_UNSPECIFIED"


class SpeechMetadata(Message):
    """The voice in which a part is spoken."""

    speaker: str | None = ""
    style: str | None = ""


class Part(Message):
    """One piece of a Content: text, media, a function call, its response, or code."""

    oneofs = [
        (
            "data",
            frozenset(
                {
                    "text",
                    "inline_data",
                    "file_data",
                    "function_call",
                    "function_response",
                    "executable_code",
                    "code_execution_result",
                }
            ),
        )
    ]

    text: str | None = None
    inline_data: Blob | None = None
    file_data: FileData | None = None
    function_call: FunctionCall | None = None
    function_response: FunctionResponse | None = None
    executable_code: ExecutableCode | None = None
    code_execution_result: CodeExecutionResult | None = None
    video_metadata: VideoMetadata | None = None
    thought: bool | None = False
    thought_signature: Bytes = ""
    audio_transcription: AudioTranscription | None = None
    media_processing: Annotated[
        EnumValue, Enum(("MEDIA_PROCESSING_UNSPECIFIED", "STATIC", "AGENTIC"))
    ] = "MEDIA_PROCESSING_UNSPECIFIED"
    media_resolution: PartMediaResolution | None = None
    speech_metadata: SpeechMetadata | None = None


class Content(Message):
    """The content of a turn: the speaker's role and the parts."""

    role: str | None = ""
    parts: list[Part] | None = []
