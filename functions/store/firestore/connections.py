"""Connections to Firestore: two for calls, and as many for listeners as they need.

Google's front end takes 100 streams on one connection, and gRPC makes further calls wait. An open
listener is one stream. A hundred listeners on the connection of the calls would stop every call.

On the connection `calls`, gRPC's own thread reads the answers; for each answer two changes of
threads take most of the CPU time of a query. On `whole_calls`, the thread of the caller reads them.
There gRPC never frees the memory of a call that is not read to its end, even if it is cancelled. So
queries that callers often leave early use `calls`; docs/decisions/0012 has the measurements.
"""

import json
import threading
from collections.abc import Callable

import grpc
from grpc.experimental import ChannelOptions

_TARGET = "firestore.googleapis.com:443"
_SCOPE = "https://www.googleapis.com/auth/datastore"

_LISTENERS = 90
"""Listeners on one connection."""

_RETRIES = {
    "methodConfig": [
        {
            "name": [{"service": "google.firestore.v1.Firestore"}],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.1s",
                "maxBackoff": "1s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
            },
        }
    ]
}

_OPTIONS: list[tuple[str, str | int]] = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.service_config", json.dumps(_RETRIES)),
    # Channels of one process that have the same options would share a connection.
    ("grpc.use_local_subchannel_pool", 1),
]

_ON_ONE_THREAD = (ChannelOptions.SingleThreadedUnaryStream, 1)
"""The thread that iterates over the answers of a call also receives them from the network."""

_KEEPALIVE = [("grpc.keepalive_time_ms", 30_000), ("grpc.http2.ping_timeout_ms", 5_000)]
"""Milliseconds between two pings of a connection with calls, and until an answer is overdue.

A connection may die while its instance has no CPU; a ping finds out. Like Google's own client, this
one does not ping the emulator. gRPC 1.85 sends the pings, but ignores `grpc.keepalive_timeout_ms`.
"""

interceptors: list[grpc.UnaryUnaryClientInterceptor] = []
"""Interceptors of the connections that open from now on; api/tracing.py adds one for spans."""


class Connections:
    """The channels of one process to one database."""

    def __init__(self, emulator_host: str) -> None:
        """Connects to the emulator at `host:port`, or to Google as the process's account for ""."""
        self._connect = _connector(emulator_host)
        self._lock = threading.Lock()
        self._listeners: dict[grpc.Channel, set[object]] = {}
        self.whole_calls = grpc.intercept_channel(self._connect(_ON_ONE_THREAD), *interceptors)
        self.left = 0
        """Calls on `whole_calls` that were not read to their end."""
        self.calls = grpc.intercept_channel(self._connect(), *interceptors)

    def for_listener(self, listener: object) -> grpc.Channel:
        """A channel with room for one more listener; the caller ends with `release`."""
        with self._lock:
            roomy = (each for each, some in self._listeners.items() if len(some) < _LISTENERS)
            channel = next(roomy, None) or self._connect()
            self._listeners.setdefault(channel, set()).add(listener)
            return channel

    def release(self, listener: object) -> None:
        """Makes room for another listener; may be called more than once."""
        with self._lock:
            for listeners in self._listeners.values():
                listeners.discard(listener)

    def close(self) -> None:
        """Closes all channels."""
        with self._lock:
            for channel in (self.whole_calls, self.calls, *self._listeners):
                channel.close()


def _connector(emulator_host: str) -> Callable[..., grpc.Channel]:
    """Makes channels; the arguments of the function are further options."""
    if emulator_host:
        return lambda *more: grpc.insecure_channel(emulator_host, options=[*_OPTIONS, *more])
    import google.auth
    import google.auth.transport.grpc
    import google.auth.transport.requests

    credentials, _ = google.auth.default(scopes=[_SCOPE])
    request = google.auth.transport.requests.Request()
    connect: Callable[..., grpc.Channel] = google.auth.transport.grpc.secure_authorized_channel
    options = [*_OPTIONS, *_KEEPALIVE]
    return lambda *more: connect(credentials, request, _TARGET, options=[*options, *more])
