"""Terraform's table of functions held against the targets of main.py."""

import inspect
import re
from collections.abc import Iterator

import main
from functions.api.routes import METHODS
from tests.support.terraform.configuration import Configuration

PURGE = "purge_expired_sessions"
STREAMS = {"watch_events": "watchers", "export_sessions": "exporters"}


def targets_of_main() -> set[str]:
    """Every target that Terraform deploys; `sessions_api` serves the console, too."""
    functions = {name for name, value in vars(main).items() if inspect.isfunction(value)}
    return functions - {"router", "target", "console"}


def invoker_of(target: str) -> str:
    """Who calls a target: the gateway calls all methods, except the purge and streams."""
    if target == PURGE:
        return "scheduler"
    if target in STREAMS:
        return STREAMS[target]
    return "gateway" if target in METHODS else "clients"


def missing_or_wrong(configuration: Configuration) -> list[str]:
    """A sentence for each target that the table lacks, has too many, or describes wrongly."""
    table = configuration.locals["targets"]
    targets = targets_of_main()
    complaints = [f"{target} is not in the table" for target in targets - set(table)]
    complaints += [f"{target} is not in main.py" for target in set(table) - targets]
    for target, function in table.items():
        complaints += _wrong(target, function)
    return complaints


def _wrong(target: str, function: dict[str, object]) -> Iterator[str]:
    if not re.fullmatch(r"[1-9]\d*[MG]i", str(function.get("memory"))):
        yield f"{target} has no memory"
    if function.get("timeout") not in range(30, 3601):
        yield f"{target} has no timeout"
    if function.get("invoker") != invoker_of(target):
        yield f"{target} has not the invoker {invoker_of(target)}"
    if unknown := set(function) - {"memory", "timeout", "invoker"}:
        yield f"{target} has {unknown}, which nobody reads"
