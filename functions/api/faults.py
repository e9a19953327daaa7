"""Faults that a test asks for: errors, lost answers, dropped connections, latency."""

import contextlib
import random
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import flask

from functions.aip import errors
from functions.aip.duration import parse_duration
from functions.aip.errors import ApiError, InvalidArgument, Unavailable
from functions.api.errors import error_response
from functions.api.framework import Target
from functions.api.routes import METHODS

_ERRORS: dict[int, type[ApiError]] = {
    error.code: error
    for error in (
        errors.InvalidArgument,
        errors.Unauthenticated,
        errors.PermissionDenied,
        errors.NotFound,
        errors.Aborted,
        errors.ResourceExhausted,
        errors.Internal,
        errors.Unavailable,
    )
}

_NAMES = {
    "method": "method",
    "status": "status",
    "times": "times",
    "afterCommit": "after_commit",
    "latency": "latency",
    "drop": "drop",
    "probability": "probability",
    "seed": "seed",
}
"""Each field in JSON → its name here."""

_MOST_SECONDS = 300


@dataclass(slots=True)
class Fault:
    """What happens to the next calls of a method, or of any.

    `status` is None for a call that is only late. `times` counts the calls that it hits; None is
    no end. `after_commit` means that the server does its work first. `latency` is a duration such
    as `2s`. With `drop` the connection ends without an answer. `seed` makes the choices of
    `probability` the same at every run.
    """

    method: str = ""
    status: int | None = 503
    times: int | None = 1
    after_commit: bool = False
    latency: str = "0s"
    drop: bool = False
    probability: float = 1.0
    seed: int | None = None
    _random: random.Random = field(init=False)
    _seconds: float = field(init=False)

    def __post_init__(self) -> None:
        """Raises InvalidArgument for values that no fault can have."""
        if self.method not in ["", *METHODS]:
            raise InvalidArgument(f"There is no method {self.method!r}.")
        if self.status not in [None, *_ERRORS]:
            raise InvalidArgument(
                f"status must be null or one of {sorted(_ERRORS)}, not {self.status!r}."
            )
        if self.times is not None and (type(self.times) is not int or self.times < 1):
            raise InvalidArgument(
                f"times must be null or a whole number from 1 on, not {self.times!r}."
            )
        for name, value in (("afterCommit", self.after_commit), ("drop", self.drop)):
            if not isinstance(value, bool):
                raise InvalidArgument(f"{name} must be true or false, not {value!r}.")
        if type(self.probability) not in (int, float) or not 0 < self.probability <= 1:
            raise InvalidArgument(
                f"probability must be above 0 and at most 1, not {self.probability!r}."
            )
        if self.seed is not None and type(self.seed) is not int:
            raise InvalidArgument(f"seed must be null or a whole number, not {self.seed!r}.")
        self._seconds = _seconds(self.latency)
        if not (self._seconds or self._fails):
            raise InvalidArgument("A fault without status needs latency or drop.")
        self._random = random.Random(self.seed)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "Fault":
        """The fault of a request's body; raises InvalidArgument."""
        if unknown := body.keys() - _NAMES.keys():
            raise InvalidArgument(f"A fault has no {', '.join(sorted(unknown))}.")
        return cls(**{_NAMES[name]: value for name, value in body.items()})

    @property
    def is_over(self) -> bool:
        """Whether it has hit as many calls as it was asked to."""
        return self.times == 0

    def hits(self, method: str) -> bool:
        """Whether it hits this call of the method, which it then counts."""
        if self.method not in ("", method) or self._random.random() >= self.probability:
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def answer(self, request: flask.Request, serve: Target) -> flask.Response:
        """The answer to a call that it hits; a dropped connection has none."""
        if not self.after_commit:
            time.sleep(self._seconds)
        answer = serve(request) if self.after_commit or not self._fails else None
        if self.after_commit:
            time.sleep(self._seconds)
        if answer is not None:
            if not self._fails:
                return answer
            answer.close()
        if not self.drop:
            return error_response(_ERRORS[self.status or 503]("A test asked for this error."))
        if client := request.environ.get("gunicorn.socket"):
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        return error_response(Unavailable("A test asked to drop this connection."))

    @property
    def _fails(self) -> bool:
        return self.status is not None or self.drop


def _seconds(latency: str) -> float:
    try:
        seconds = parse_duration(str(latency)) / 1e9
    except ValueError as error:
        raise InvalidArgument(f"latency: {error}.") from error
    if not 0 <= seconds <= _MOST_SECONDS:
        raise InvalidArgument(f"latency must be from 0s to {_MOST_SECONDS}s, not {latency}.")
    return seconds
