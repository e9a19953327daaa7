"""Answers that are remembered: whom failures keep out, for how long, and what they never hold."""

import time

import pytest

from functions.aip.errors import Unavailable
from functions.api.auth.answers import Answers, Known, Slots

SECOND = 10**9


def test_a_pause_begins_when_the_failure_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not when the request came that took ten seconds to fail."""
    clock = [0]
    monkeypatch.setattr(time, "monotonic_ns", lambda: clock[0])
    asked: list[int] = []

    def ask() -> Known[str]:
        asked.append(clock[0])
        clock[0] += 10 * SECOND
        raise Unavailable("No.")

    answers: Answers[str, str] = Answers(Slots(1), most_kept=1, pause=5 * SECOND)
    for now, times in [(0, 1), (10, 1), (14, 1), (15, 2)]:
        with pytest.raises(Unavailable):
            answers.get("issuer", now * SECOND, ask)
        assert len(asked) == times


def test_what_nobody_foresaw_leaves_the_key_and_the_slot_free() -> None:
    def ask() -> Known[str]:
        raise ZeroDivisionError

    answers: Answers[str, str] = Answers(Slots(1), most_kept=1)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            answers.get("token", 0, ask)
    assert answers.get("token", 0, lambda: Known("ada", 1, 1)) == "ada"


def test_nobody_queues_for_a_slot_after_somebody_did_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A second each would hold the threads that the bound is to keep free."""
    waits: list[float | None] = []
    slots = Slots(1)
    acquire = slots._free.acquire

    def note(blocking: bool = True, timeout: float | None = None) -> bool:
        waits.append(timeout)
        return acquire(timeout=0)

    monkeypatch.setattr(slots._free, "acquire", note)
    with slots:
        for _ in range(2):
            with pytest.raises(Unavailable), slots:
                pass
    assert waits == [1, 1, 0]
    fresh = Slots(1)
    with pytest.raises(Unavailable), fresh:
        raise Unavailable("No.")
    assert fresh._calm_from > time.monotonic()
