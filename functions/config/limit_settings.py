"""The settings that bound what a request may cost before the server understands it."""

from dataclasses import dataclass

from functions.aip.filtering import MAX_LENGTH
from functions.config.setting import patience, setting, whole
from functions.messages.json_text import MAX_DEPTH
from functions.rules.limits import MAX_EVENTS_PAGE


@dataclass(frozen=True, kw_only=True)
class LimitSettings:
    """What a request may cost before it is understood; what documents hold is above, and fixed."""

    max_head_bytes: int = setting(
        65_536,
        "How large the request line and the headers may be together; more is "
        "answered 431. One header may have 8190 bytes in any case.",
        whole(8_192),
    )
    max_body_bytes: int = setting(
        10 * 2**20,
        "How large a body may be; more is answered 413, unread.",
        whole(1),
    )
    max_bytes_in_flight: int = setting(
        64 * 2**20,
        "How many bytes of bodies and pages the requests of one process hold together; a request "
        "for which there is no room is answered 503. A request that comes alone always has room.",
        whole(1),
    )
    max_json_depth: int = setting(
        MAX_DEPTH,
        "How deep a body may be nested; deeper ones are answered 400.",
        whole(1, MAX_DEPTH),
    )
    max_json_values: int = setting(
        500_000,
        "How many keys and list items a body may have; more are answered 400.",
        whole(1),
    )
    max_filter_length: int = setting(
        MAX_LENGTH,
        "How many characters a filter may have; more are answered 400.",
        whole(1, MAX_LENGTH),
    )
    max_filter_comparisons: int = setting(
        256,
        "How many values a filter may compare each item with, where each wildcard and each `:` "
        "on text counts as 16; more are answered 400.",
        whole(1),
    )
    default_page_size: int = setting(
        100,
        "How many items a page has when `pageSize` does not say; `1000` for adk-js, which "
        "reads a session's first page of events and no other.",
        whole(1, MAX_EVENTS_PAGE),
    )
    max_page_size: int = setting(
        MAX_EVENTS_PAGE,
        "The largest page that is answered, whatever `pageSize` asks for; lists of "
        "sessions and engines end at 100 in any case.",
        whole(1),
    )
    client_timeout: int = setting(
        30 * 10**9,
        "How long a client may take to send a request, and then to take the answer, "
        "with a second more for each MiB of it; a thread waits for it.",
        patience,
    )
