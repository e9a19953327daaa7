"""The pages for people: the console, the documentation, and the answer to `GET /`.

The console is one more client of the API. Its files hold no data, so everybody may read them; the
browser then calls the API with the caller's own credential. The policy of its pages allows no
script but theirs and no request to others; see w3.org/TR/CSP3 and
docs/decisions/0017-console-without-a-build.md.
"""

import base64
import hashlib
import html
import re
from functools import cache
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

import flask

from functions import __version__
from functions.api import docs
from functions.api.errors import CONTENT_TYPE
from functions.config.settings import Settings
from functions.messages.json_text import write_plain

_LANDING = "/"
_CONSOLE = "/console"
_DOCS = ("/docs/", "/README.md")

_FILES = Path(__file__).parent.parent / "console"
_GOOGLE = "https://accounts.google.com"
_TEMPLATES = ("landing.html", "docs.html")
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'; "
)
_HEADERS = {
    # A file that is unchanged is answered by 304.
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def page(
    request: flask.Request, path: str, settings: Settings, *, is_alone: bool
) -> flask.Response | None:
    """The answer to the GET of a page; None if this server has no page there.

    `is_alone` says that the server is the target `console`, which serves no API.
    """
    has_console = is_alone or settings.serves_console
    if path == _LANDING and not is_alone:
        return _landing(request, settings)
    if path in (_LANDING, _CONSOLE) and has_console:
        # Relative, because a proxy may serve this server below a path of its own.
        return flask.Response(status=302, headers={**_HEADERS, "Location": "console/"})
    if path.startswith(_DOCS):
        return _documentation(request, path.removeprefix("/")) if has_console else None
    name = path.removeprefix(f"{_CONSOLE}/") or "index.html"
    if not has_console or name not in _names():
        return None
    text = _read(name)
    if name == "index.html":
        text = Template(text).substitute(settings=html.escape(_page_settings(settings)))
    policy = (
        f"{_POLICY}script-src 'self'; style-src 'self'; img-src 'self' data:; media-src data:; "
        f"connect-src {' '.join(_connections(settings))}"
    )
    return _answer(request, text, _TYPES[Path(name).suffix], policy)


def _landing(request: flask.Request, settings: Settings) -> flask.Response:
    links = {"health": "health", "openapi": "openapi.json"}
    if settings.serves_console:
        links = {"console": "console/", **links, **({"docs": docs.FIRST} if docs.names() else {})}
    # The health check tells no version in the cloud, either.
    version = {} if settings.k_service else {"version": __version__}
    if not _takes_html(request):
        about = {"name": "Agent Engine Sessions", **version, "links": links}
        answer = _answer(request, write_plain(about), CONTENT_TYPE, _POLICY)
    else:
        text = _read("landing.html")
        style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
        digest = hashlib.sha256(style[1].encode()).digest() if style else b""
        text = Template(text).substitute(
            version=f"Version {__version__}" if version else "",
            console="" if "console" in links else "hidden",
            docs="" if "docs" in links else "hidden",
        )
        policy = f"{_POLICY}img-src data:; style-src 'sha256-{base64.b64encode(digest).decode()}'"
        answer = _answer(request, text, _TYPES[".html"], policy)
    answer.vary.add("Accept")
    return answer


def _documentation(request: flask.Request, name: str) -> flask.Response | None:
    if name not in docs.names():
        return None
    text, kind = docs.read(name)
    policy = f"{_POLICY}style-src 'self'; img-src 'self'"
    if not name.endswith(".md"):
        return _answer(request, text, kind, policy)
    if _takes_html(request):
        title, body = docs.draw(name)
        drawn = Template(_read("docs.html")).substitute(
            title=html.escape(title), body=body, root="../" * name.count("/") or "./"
        )
        answer = _answer(request, drawn, _TYPES[".html"], policy)
    else:
        answer = _answer(request, text, kind, policy)
    answer.vary.add("Accept")
    return answer


def _takes_html(request: flask.Request) -> bool:
    """Whether a browser sent the request: other clients accept `*/*` and do not name HTML."""
    return "text/html" in request.headers.get("Accept", "") and (
        request.accept_mimetypes.accept_html
    )


def _answer(request: flask.Request, text: str | bytes, kind: str, policy: str) -> flask.Response:
    answer = flask.Response(text, content_type=kind, headers=_HEADERS)
    answer.headers["Content-Security-Policy"] = policy
    answer.add_etag()
    answer.make_conditional(request)
    return answer


@cache
def _names() -> frozenset[str]:
    return frozenset(path.name for path in _FILES.iterdir() if path.name not in _TEMPLATES)


@cache
def _read(name: str) -> str:
    return (_FILES / name).read_text(encoding="utf-8")


def _page_settings(settings: Settings) -> str:
    """The settings of the console's scripts; none is secret, since everybody may read them."""
    issuers = settings.auth_issuers if "id_token" in settings.auth_kinds else ()
    response_type = "id_token" if issuers[:1] == (_GOOGLE,) else "code"
    return write_plain(
        {
            "version": "" if settings.k_service else __version__,
            "api": settings.console_api_url,
            "auth": list(settings.auth_kinds),
            "issuer": issuers[0] if issuers else "",
            "clientId": settings.console_client_id,
            "responseType": settings.console_response_type or response_type,
        }
    )


def _connections(settings: Settings) -> list[str]:
    """The origins that the console may call."""
    urls = filter(None, [settings.console_api_url, *settings.auth_issuers[:1]])
    return ["'self'", *(f"{parts.scheme}://{parts.netloc}" for parts in map(urlsplit, urls))]
