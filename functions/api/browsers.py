"""Keeps web pages of other origins away from a server that needs no credential.

Such a server is safe by the address where it listens, but a browser on that machine sends it the
requests of every page. So the server refuses pages of other origins, and pages whose name somebody
pointed at this machine (DNS rebinding). See fetch.spec.whatwg.org/#origin-header and
w3.org/TR/fetch-metadata.
"""

import re
from collections.abc import Collection

import flask

from functions.aip.errors import PermissionDenied, UnsupportedMediaType
from functions.api.body import has_body
from functions.api.cors import ANY

_LOOPBACK = re.compile(
    r"(.+\.)?localhost(:\d+)?|127(\.\d+){3}(:\d+)?|\[::1\](:\d+)?", re.IGNORECASE
)
_ADDRESS = re.compile(r"\d+(\.\d+){3}(:\d+)?|\[[0-9a-f:.]+\](:\d+)?", re.IGNORECASE)
"""An address in place of a name: DNS rebinding needs a name."""

_BROWSER = "Mozilla/"
"""The start of every browser's User-Agent. A page that reads from its own origin over plain HTTP
differs from other clients by this header alone."""

_TYPES = {"application/json", "application/x-ndjson", "application/ndjson"}
"""Content types of bodies from pages: pages of other origins need a preflight to send them."""


def check_page(request: flask.Request, origins: Collection[str]) -> None:
    """Lets through all clients but browsers, and the pages of this machine and of `origins`.

    Raises PermissionDenied for other pages, and UnsupportedMediaType for a page's body that is
    neither JSON nor NDJSON by its type.
    """
    environ = request.environ
    origin, site = environ.get("HTTP_ORIGIN", ""), environ.get("HTTP_SEC_FETCH_SITE", "")
    is_page = bool(origin or site)
    if not is_page and not environ.get("HTTP_USER_AGENT", "").startswith(_BROWSER):
        return
    if ANY not in origins and origin not in origins:
        host = environ.get("HTTP_HOST", "")
        _check_host(host, origins)
        _check_origin(host, origin, site)
    if is_page and has_body(request) and request.mimetype not in _TYPES:
        raise UnsupportedMediaType(
            f"The Content-Type of a page's body must be application/json or application/x-ndjson: "
            f"{request.mimetype!r}."
        )


def _check_host(host: str, origins: Collection[str]) -> None:
    is_chosen = host in {_host_of(origin) for origin in origins}
    if not (is_chosen or _LOOPBACK.fullmatch(host) or _ADDRESS.fullmatch(host)):
        raise PermissionDenied(
            f"A browser asks for {host}, and any page can point such a name at this server, which "
            f"needs no credential. Call it as localhost or by its address, or name its origin in "
            f"CORS_ORIGINS."
        )


def _check_origin(host: str, origin: str, site: str) -> None:
    page = _host_of(origin)
    is_own = page == host if origin else site != "cross-site"
    is_of_this_machine = _LOOPBACK.fullmatch(host) and _LOOPBACK.fullmatch(page)
    if not (is_own or is_of_this_machine):
        raise PermissionDenied(
            f"Pages of {origin or 'other sites'} cannot call this server, which needs no "
            f"credential. Name their origin in CORS_ORIGINS to allow them."
        )


def _host_of(origin: str) -> str:
    return origin.partition("://")[2]
