"""Answers gRPC beside REST: each call becomes the HTTP request that the endpoint serves.

The channel has no TLS. On a laptop the server listens on loopback; on Cloud Run the platform ends
TLS before it. docs/clients.md shows how clients connect.
"""

import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import flask
import grpc
from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status
from werkzeug.test import EnvironBuilder

from functions.aip.errors import ApiError, MethodNotAllowed
from functions.api.errors import INTERNAL, error_response
from functions.api.transcoding import HttpRequest, find_rpc
from functions.config.settings import Settings

Serve = Callable[[flask.Request], flask.Response]

_log = logging.getLogger(__name__)

_HEADERS = {
    "authorization",
    "if-match",
    "traceparent",
    "user-agent",
    "x-apigateway-api-userinfo",
    "x-cloud-trace-context",
    "x-forwarded-authorization",
    "x-goog-api-key",
    "x-serverless-authorization",
}
"""The metadata of a call that the endpoint reads as headers."""


def serve_grpc(serve: Serve, settings: Settings) -> Callable[[], object]:
    """Starts to answer at GRPC_ADDRESS in threads of its own; call it after the fork.

    Returns the function that stops it. Raises RuntimeError if the address is taken.
    """
    server = grpc.server(
        ThreadPoolExecutor(settings.most_threads, "grpc"),
        handlers=[_Calls(serve)],
        options=[("grpc.max_receive_message_length", settings.max_body_bytes)],
    )
    server.add_insecure_port(settings.grpc_address)
    server.start()
    return lambda: server.stop(settings.store_timeout / 1e9).wait()


class _Calls(grpc.GenericRpcHandler):
    """Every method that the table of routes has, of whatever service."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> "grpc.RpcMethodHandler[bytes, bytes]":
        """Answers any path; messages are bytes here, since their import takes long."""
        return grpc.unary_unary_rpc_method_handler(
            partial(self._answer, handler_call_details.method)
        )

    def _answer(self, path: str, data: bytes, context: grpc.ServicerContext) -> bytes:
        try:
            answer = self._result(path, data, context)
        except ApiError as error:
            answer = error_response(error)
        except Exception:
            _log.exception("%s failed", path)
            answer = error_response(INTERNAL)
        if not isinstance(answer, bytes):
            context.abort_with_status(_status(answer))
        return answer

    def _result(
        self, path: str, data: bytes, context: grpc.ServicerContext
    ) -> bytes | flask.Response:
        """The serialized message, or the endpoint's answer if it is an error."""
        rpc = find_rpc(path)
        if rpc is None:
            raise MethodNotAllowed(f"There is no method {path}.", [])
        answer = self._serve(_request(rpc.to_http(data), context))
        try:
            if answer.status_code != 200:
                return answer
            return bytes(rpc.from_json(answer.get_data(as_text=True)).SerializeToString())
        finally:
            answer.close()


def _request(asked: HttpRequest, context: grpc.ServicerContext) -> flask.Request:
    """The request as the endpoint takes it, with the call's credentials."""
    headers = [(key, str(value)) for key, value in context.invocation_metadata() if key in _HEADERS]
    builder = EnvironBuilder(
        path=asked.path,
        method=asked.verb,
        query_string=asked.query,
        data=asked.body,
        content_type="application/json",
        headers=headers,
    )
    return flask.Request(builder.get_environ())


def _status(answer: flask.Response) -> Any:
    """The gRPC status of an error, its details in the trailing metadata."""
    error = json.loads(answer.get_data(as_text=True))["error"]
    code = grpc.StatusCode[error.pop("status")]
    status = json_format.ParseDict({**error, "code": code.value[0]}, Status())
    if seconds := answer.headers.get("Retry-After"):
        status.details.add().Pack(RetryInfo(retry_delay=Duration(seconds=int(seconds))))
    return rpc_status.to_status(status)
