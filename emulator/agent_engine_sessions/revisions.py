"""Etags of sessions, as ADK's sessions carry them."""

from google.adk.sessions import Session
from pydantic import PrivateAttr


class RevisedSession(Session):
    """A session with the etag that the server had for it when it was read or appended to."""

    _etag: str = PrivateAttr(default="")

    @classmethod
    def of(cls, session: Session, etag: str) -> "RevisedSession":
        """The session; `etag` stands in quotes, as in the header."""
        revised = cls(**dict(session))
        revised.etag = etag
        return revised

    @property
    def etag(self) -> str:
        """The etag in quotes."""
        return self._etag

    @etag.setter
    def etag(self, etag: str) -> None:
        self._etag = etag
