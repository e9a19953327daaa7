"""The answers of methods that are more than one JSON text."""

from collections.abc import Iterator
from typing import NamedTuple


class Answer(NamedTuple):
    """JSON and the etag of the session in it, "" for none.

    `is_modified` is False where the client has the same already: it then gets the etag alone.
    """

    text: str
    etag: str = ""
    is_modified: bool = True


class LineStream(NamedTuple):
    """JSON texts, one a line, which a method makes while the server sends them.

    `lines` is read once. An error in it cuts the answer, which a client notices.
    """

    lines: Iterator[str]
