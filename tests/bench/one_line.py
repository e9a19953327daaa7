"""The floors for HTTP: functions of one line, which answer as many bytes as they are told."""

import os

import flask

BODY = "x" * int(os.environ.get("BODY_SIZE", "2"))


def one_line(request: flask.Request) -> str:
    return BODY


def one_line_that_reads(request: flask.Request) -> str:
    return BODY if request.get_data() else ""
