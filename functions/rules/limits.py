"""The sizes that all stores accept, which also bound the cost of a request.

Modules of every room read them, so they stand apart from the rules.
"""

MAX_EVENT_BYTES = 9 * 2**20
"""Bytes that an event, or all events of a batch, take in one commit: of what a store keeps of their
JSON, and again of what they write to state. A request to Firestore holds 10 MiB."""

MAX_DOCUMENT_BYTES = 1_040_000
"""Bytes of the texts of one document. Firestore's holds 1,048,576 with its name and keys."""

MAX_BATCH = 100
"""Events of one batch."""

MAX_STATE_BYTES = 960_000
"""Bytes of the members of one scope with their keys; its document also holds labels and names."""

MAX_NAME_BYTES = 1_024
"""Bytes of UTF-8 of a user id or a display name."""

MAX_SESSIONS_PAGE = 100
MAX_EVENTS_PAGE = 1000
MAX_ENGINES_PAGE = 100
MAX_USERS_PAGE = 100

MAX_PAGE_BYTES = 8 * 2**20
"""Bytes of a page's body; a page ends early, with a token, before its body exceeds them."""

MAX_LABELS = 64
MAX_LABEL_LENGTH = 64
