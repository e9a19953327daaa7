"""ADK's sessions with the etags that the server gave them."""

from google.adk.sessions import Session
from pydantic import PrivateAttr


class RevisedSession(Session):
    """A session with its etag on the server at its last read or append."""

    _etag: str = PrivateAttr(default="")

    @classmethod
    def of(cls, session: Session, etag: str) -> "RevisedSession":
        """The session with an etag in quotes, as in the header `ETag`."""
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
