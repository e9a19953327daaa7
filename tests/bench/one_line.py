"""The floor for HTTP: a function of one line; the other answers as much as a page of events."""

import os

import flask

BODY = "x" * int(os.environ.get("BODY_SIZE", "2"))


def one_line(request: flask.Request) -> str:
    return BODY
