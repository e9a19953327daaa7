"""Etags that clients expect; see rfc-editor.org/rfc/rfc9110#name-conditional-requests.

A session's etag is `version.shared`. Every write to the session moves the version. Every change of
the `app:` and `user:` state that the session shows moves the other part. An append, which reads no
shared state, answers the version alone.
"""

from functions.aip.errors import InvalidArgument

_ANY = "*"


def expected_version(header: str, parameter: str) -> str | None:
    """The version that `If-Match` or the parameter `etag` expects; None where any will do.

    Raises InvalidArgument for several etags, and where both are there and differ.
    """
    sent = {etag for etag in (*_etags(header), *_etags(parameter)) if etag != _ANY}
    if len(sent) > 1:
        raise InvalidArgument("If-Match and etag name one etag of the session.")
    return sent.pop().partition(".")[0] if sent else None


def is_known(etag: str, header: str) -> bool:
    """Whether `If-None-Match` names the etag, or is `*`."""
    return any(sent in (etag, _ANY) for sent in _etags(header))


def _etags(text: str) -> list[str]:
    """The etags of a list, without quotes; weak ones are as good: an etag names one state."""
    return [etag.strip().removeprefix("W/").strip('"') for etag in text.split(",") if etag.strip()]
