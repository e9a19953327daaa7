"""The settings that bound the cost of a request before the server understands it."""

from dataclasses import dataclass

from functions.aip.filtering import MAX_LENGTH
from functions.config.setting import patience, setting, whole
from functions.messages.json_text import MAX_DEPTH
from functions.rules.limits import MAX_EVENTS_PAGE


@dataclass(init=False, repr=False, eq=False)
class LimitSettings:
    """Bounds of one request; the sizes of stored documents are fixed, in functions/rules/limits."""

    max_head_bytes: int = setting(
        65_536,
        "The largest size of the request line and all headers together, in bytes. The server "
        "answers 431 to more. One header may have at most 8190 bytes in any case.",
        whole(8_192),
    )
    max_body_bytes: int = setting(
        20 * 2**20,
        "The largest size of a body, in bytes. The server answers 413 to more and does not read "
        "it.",
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
        "The number of levels that a body may be nested. The server answers 400 to more.",
        whole(1, MAX_DEPTH),
    )
    max_json_values: int = setting(
        500_000,
        "The number of keys and list items that a body may have. The server answers 400 to more.",
        whole(1),
    )
    max_filter_length: int = setting(
        MAX_LENGTH,
        "The number of characters that a filter may have. The server answers 400 to more.",
        whole(1, MAX_LENGTH),
    )
    max_filter_comparisons: int = setting(
        256,
        "The number of values that a filter may compare each item with. Each wildcard, and each "
        "`:` on text, counts as 16 values. The server answers 400 to more.",
        whole(1),
    )
    default_page_size: int = setting(
        100,
        "The number of items on a page if the request has no `pageSize`. Set `1000` for adk-js: "
        "it reads only the first page of a session's events.",
        whole(1, MAX_EVENTS_PAGE),
    )
    max_page_size: int = setting(
        MAX_EVENTS_PAGE,
        "The largest number of items on a page, also if `pageSize` asks for more. A page of "
        "sessions or engines has at most 100 in any case.",
        whole(1),
    )
    client_timeout: int = setting(
        30 * 10**9,
        "The time that a client may take to send a request, and again to receive the answer. "
        "Each MiB of the answer adds a second. A thread waits for a slow client.",
        patience,
    )
