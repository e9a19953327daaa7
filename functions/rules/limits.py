"""How large things may be, so that every store accepts the same and no request costs too much."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field

from functions.aip.duration import parse_duration
from functions.aip.filtering import MAX_LENGTH
from functions.messages.json_text import MAX_DEPTH

MAX_EVENT_BYTES = 1_040_000
"""Of JSON. A Firestore document holds 1,048,576 bytes; the rest is for its name and its key."""

MAX_STATE_BYTES = 960_000
"""One scope's members with their keys; labels and names share the document with them."""

MAX_NAME_BYTES = 1_024
"""Of UTF-8, for user ids and display names."""

DEFAULT_PAGE_SIZE = 100
MAX_SESSIONS_PAGE = 100
MAX_EVENTS_PAGE = 1000
MAX_ENGINES_PAGE = 100

MAX_PAGE_BYTES = 8 * 2**20
"""A page ends early, with a token, where its body would pass this."""

MAX_LABELS = 64
MAX_LABEL_LENGTH = 64


class LimitSettings(BaseModel):
    """What a request may cost before it is understood; what documents hold is above, and fixed."""

    max_head_bytes: int = Field(
        default=65_536,
        ge=8_192,
        description="How large the request line and the headers may be together; more is "
        "answered 431. One header may have 8190 bytes in any case.",
    )
    max_body_bytes: int = Field(
        default=10 * 2**20,
        gt=0,
        description="How large a body may be; more is answered 413, unread.",
    )
    max_json_depth: int = Field(
        default=MAX_DEPTH,
        gt=0,
        le=MAX_DEPTH,
        description="How deep a body may be nested; deeper ones are answered 400.",
    )
    max_json_values: int = Field(
        default=500_000,
        gt=0,
        description="How many keys and list items a body may have; more are answered 400.",
    )
    max_filter_length: int = Field(
        default=MAX_LENGTH,
        gt=0,
        le=MAX_LENGTH,
        description="How many characters a filter may have; more are answered 400.",
    )
    max_filter_comparisons: int = Field(
        default=256,
        gt=0,
        description="How many values a filter may compare each item with; more are answered 400.",
    )
    max_page_size: int = Field(
        default=MAX_EVENTS_PAGE,
        gt=0,
        description="The largest page that is answered, whatever `pageSize` asks for; lists of "
        "sessions and engines end at 100 in any case.",
    )
    client_timeout: Annotated[int, BeforeValidator(parse_duration)] = Field(
        default=30 * 10**9,
        gt=0,
        description="How long a client may take to send a request, and then to take the answer; "
        "a thread waits for it.",
    )
