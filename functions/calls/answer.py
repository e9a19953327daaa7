"""The answer of a method that says which version of a session it shows."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """JSON and the etag of the session in it, "" for none.

    `is_modified` is False where the client has the same already: it then gets the etag alone.
    """

    text: str
    etag: str = ""
    is_modified: bool = True
