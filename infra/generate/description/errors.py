"""The error answers, each with the statuses that go with its code; see google.aip.dev/193."""

from collections.abc import Iterable, Mapping
from functools import cache

from functions.aip.errors import ApiError, InvalidArgument, MethodNotAllowed
from functions.messages.scalar_schema import JsonSchema
from infra.generate.description.schemas import TEXT, fixed, listed

_TRANSPORT = {
    408: "The request came too slowly.",
    431: "The request line and the headers are larger than any that are read.",
}
"""Answered before there is a method; see functions/api/worker.py."""


@cache
def error_responses() -> Mapping[int, JsonSchema]:
    """HTTP code → what is answered with it, from the tree of errors."""
    found: dict[int, list[type[ApiError]]] = {}
    for error in ApiError.__subclasses__():
        if error.__module__ == ApiError.__module__:
            found.setdefault(error.code, []).append(error)
    made = {
        code: _error(code, _sentences(kinds), {kind.status for kind in kinds})
        for code, kinds in found.items()
        if code != MethodNotAllowed.code  # which no path that stands here answers to its own verbs
    }
    for code, text in _TRANSPORT.items():
        made[code] = _error(code, text, {InvalidArgument.status})
    return dict(sorted(made.items()))


def _sentences(kinds: Iterable[type[ApiError]]) -> str:
    return " ".join((kind.__doc__ or "").splitlines()[0] for kind in kinds)


def _error(code: int, text: str, statuses: Iterable[str]) -> JsonSchema:
    violation = fixed({"field": TEXT, "description": TEXT}, "field", "description")
    details = fixed(
        {
            "@type": {"const": "type.googleapis.com/google.rpc.BadRequest"},
            "fieldViolations": listed(violation),
        },
        *("@type", "fieldViolations"),
    )
    error: dict[str, JsonSchema] = {
        "code": {"const": code},
        "message": {"type": "string", "minLength": 1},
        "status": {"enum": sorted(statuses)},
        "details": listed(details),
    }
    schema = fixed({"error": fixed(error, "code", "message", "status")}, "error")
    return {"description": text, "content": {"application/json": {"schema": schema}}}
