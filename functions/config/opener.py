"""Opens the URLs of settings; only requests that ask another server import it."""

import urllib.request
from typing import Any


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        """Only the server that the settings name gets a credential or a content."""


opener = urllib.request.build_opener(_NoRedirects)
"""Follows no redirect: it raises HTTPError for one."""
