"""The error answers by HTTP code, each with its statuses; see google.aip.dev/193."""

from collections.abc import Iterable, Mapping
from functools import cache

from functions.aip.errors import ApiError, InvalidArgument, MethodNotAllowed
from functions.messages.scalar_schema import JsonSchema
from infra.generate.description.schemas import TEXT, fixed, listed, ref

_TRANSPORT = {
    408: "The client sent the request too slowly.",
    431: "The request line and the headers are larger than the server reads.",
}
"""Errors before the server knows the method; see functions/api/worker.py."""


_VIOLATION = fixed({"field": TEXT, "description": TEXT}, "field", "description")
_DETAILS = fixed(
    {
        "@type": {"const": "type.googleapis.com/google.rpc.BadRequest"},
        "fieldViolations": listed(ref("FieldViolation")),
    },
    *("@type", "fieldViolations"),
)


@cache
def error_responses() -> Mapping[int, JsonSchema]:
    """Returns HTTP code → answer, made from the tree of errors."""
    texts = {code: _sentences(kinds) for code, kinds in _kinds().items()}
    return {
        code: {
            "description": text,
            "content": {"application/json": {"schema": ref(f"Error-{code}")}},
        }
        for code, text in sorted({**texts, **_TRANSPORT}.items())
    }


def error_schemas() -> dict[str, JsonSchema]:
    """Returns the schemas of `error_responses` by name."""
    statuses = {code: {kind.status for kind in kinds} for code, kinds in _kinds().items()}
    statuses |= {code: {InvalidArgument.status} for code in _TRANSPORT}
    made = {"FieldViolation": _VIOLATION, "BadRequest": _DETAILS}
    for code, names in statuses.items():
        error: dict[str, JsonSchema] = {
            "code": {"const": code},
            "message": {"type": "string", "minLength": 1},
            "status": {"enum": sorted(names)},
            "details": listed(ref("BadRequest")),
        }
        made[f"Error-{code}"] = fixed({"error": fixed(error, "code", "message", "status")}, "error")
    return made


def _kinds() -> dict[int, list[type[ApiError]]]:
    found: dict[int, list[type[ApiError]]] = {}
    for error in ApiError.__subclasses__():
        # A path and a verb of this document never answer that the verb is not allowed.
        if error.__module__ == ApiError.__module__ and error is not MethodNotAllowed:
            found.setdefault(error.code, []).append(error)
    return found


def _sentences(kinds: Iterable[type[ApiError]]) -> str:
    return " ".join((kind.__doc__ or "").splitlines()[0] for kind in kinds)
