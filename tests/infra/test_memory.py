"""The memory of a function is enough for the bodies and pages that its requests hold."""

import re

import pytest

from functions.config.settings import Settings
from functions.rules.limits import MAX_EVENT_BYTES, MAX_PAGE_BYTES
from tests.support.project import ROOT

FUNCTIONS = (ROOT / "infra/functions.tf").read_text()
MIB = 2**20
TARGETS = dict(re.findall(r'^ +(\w+) += \{ memory = "(\w+)"', FUNCTIONS, re.MULTILINE))

AT_START = 192
"""MiB of a process, and of the one that started it, before the first request."""

FACTOR = 30
"""Bytes of memory for a byte of a body or page. Measured were 29 for a body of small objects, 15
for a page with characters beyond U+FFFF, and 4 for a page of ASCII."""


def mebibytes(memory: str) -> int:
    return int(memory[:-2]) * {"Mi": 1, "Gi": 1024}[memory[-2:]]


def in_flight(memory: str) -> float:
    """MiB of bodies and pages that the function of this memory holds."""
    return (mebibytes(memory) - AT_START) / FACTOR


def test_terraform_computes_with_the_measured_figures() -> None:
    assert f"- {AT_START})\n      * {MIB} / {FACTOR} / " in FUNCTIONS


def test_a_function_takes_no_larger_body_than_it_has_room_for() -> None:
    """One request alone always has room, so that the largest body must fit in the memory."""
    largest = Settings().max_body_bytes
    assert f"MAX_BODY_BYTES      = min({largest}, local.bytes_in_flight[each.key])" in FUNCTIONS


@pytest.mark.parametrize(
    "target",
    ["sessions_api", "append_event", "batch_append_events", "update_event", "import_sessions"],
)
def test_a_function_that_takes_large_events_takes_the_largest_body(target: str) -> None:
    """ADK sends an event of 9 MiB twice in one body."""
    assert in_flight(TARGETS[target]) * MIB >= Settings().max_body_bytes
    assert Settings().max_body_bytes > 2 * MAX_EVENT_BYTES


@pytest.mark.parametrize("target", ["sessions_api", "list_sessions", "list_events", "get_run"])
def test_a_function_of_lists_has_room_for_several_of_the_largest_pages(target: str) -> None:
    """Usual pages have a hundredth of it: as many as the concurrency fit."""
    assert in_flight(TARGETS[target]) >= 3 * MAX_PAGE_BYTES / MIB
