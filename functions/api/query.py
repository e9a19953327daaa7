"""Verb, path and query of a request, in every spelling that clients use."""

from urllib.parse import parse_qsl

import flask
from werkzeug.datastructures import MultiDict

from functions.aip.errors import InvalidArgument
from functions.api.body import read_body

_FORM = "application/x-www-form-urlencoded"

_FORM_PARAMETERS = "sessions.form"
"""Key of the WSGI environment: the parameters of a long GET, whose body can be read once."""

_MOST_FORM_BYTES = 131_072
"""A filter and a page token of 8,192 characters each, every one of them percent-encoded."""

_MOST_FORM_FIELDS = 100


def effective_verb(request: flask.Request) -> str:
    """The HTTP method, or the one that X-HTTP-Method-Override names.

    The discovery client sends a long GET as a POST with the query in the body.
    """
    if request.method == "POST":
        override: str = request.environ.get("HTTP_X_HTTP_METHOD_OVERRIDE", "POST")
        return override.upper()
    return request.method


def sent_path(request: flask.Request) -> str:
    """The path as the client sent it, percent-escapes and all.

    WSGI's own PATH_INFO is decoded, so that `%2F` looks like a separator there; gunicorn and
    werkzeug both keep the target of the request line in RAW_URI. Raises InvalidArgument for raw
    bytes that are not UTF-8.
    """
    path: str = request.environ["RAW_URI"].partition("?")[0]
    if not path.startswith("/"):
        # RFC 9112 requires servers to accept an absolute URI, too.
        path = "/" + path.partition("://")[2].partition("/")[2]
    if not path.isascii():
        try:
            # WSGI hands bytes on as Latin-1.
            path = path.encode("latin-1").decode()
        except UnicodeError as error:
            raise InvalidArgument("The path is not UTF-8. Percent-encode it.") from error
    return path


def is_long_get(request: flask.Request) -> bool:
    """Whether a POST stands for a GET, its query in a form."""
    return (
        request.method == "POST" and effective_verb(request) == "GET" and request.mimetype == _FORM
    )


def parameters(request: flask.Request) -> MultiDict[str, str]:
    """The parameters of the URL, and those of the form of a long GET.

    The form may hold the credential, so the server reads it before it knows the caller, and reads
    131,072 bytes at most. Raises InvalidArgument for raw bytes that are not UTF-8, and the errors
    of `read_body`.
    """
    try:
        found = request.args
    except UnicodeDecodeError as error:
        raise InvalidArgument("The query is not UTF-8. Percent-encode it.") from error
    if not is_long_get(request):
        return found
    environ = request.environ
    if _FORM_PARAMETERS not in environ:
        form = _fields(read_body(request, _MOST_FORM_BYTES))
        environ[_FORM_PARAMETERS] = MultiDict([*found.items(multi=True), *form])
    with_form: MultiDict[str, str] = environ[_FORM_PARAMETERS]
    return with_form


def _fields(form: bytes) -> list[tuple[str, str]]:
    text = form.decode(errors="replace")
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FORM_FIELDS)
    except ValueError:
        raise InvalidArgument(f"A form may have {_MOST_FORM_FIELDS} fields.") from None
