"""The query of a request, however it is spelled."""

import flask
from werkzeug.datastructures import MultiDict

from functions.aip.errors import InvalidArgument


def parameters(request: flask.Request) -> MultiDict[str, str]:
    """The parameters; raises InvalidArgument for raw bytes that are not UTF-8."""
    try:
        return request.args
    except UnicodeDecodeError as error:
        raise InvalidArgument("The query is not UTF-8. Percent-encode it.") from error
