"""How large things may be, so that every store accepts the same and no request costs too much."""

MAX_EVENT_BYTES = 1_040_000
"""Of JSON. A Firestore document holds 1,048,576 bytes; the rest is for its name and its key."""

MAX_STATE_BYTES = 960_000
"""One scope's members with their keys; labels and names share the document with them."""

MAX_NAME_BYTES = 1_024
"""Of UTF-8, for user ids and display names."""

MAX_SESSIONS_PAGE = 100
MAX_EVENTS_PAGE = 1000
MAX_ENGINES_PAGE = 100

MAX_PAGE_BYTES = 8 * 2**20
"""A page ends early, with a token, where its body would pass this."""

MAX_LABELS = 64
MAX_LABEL_LENGTH = 64
