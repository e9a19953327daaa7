"""How long a conditional write is tried again."""

from types import SimpleNamespace

import pytest

from functions.rules.errors import Contention
from functions.store.firestore import retries
from functions.store.firestore.retries import Retries


def test_a_try_that_would_end_too_late_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of tries of four seconds each, the third would end after ten."""
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(retries, "time", SimpleNamespace(monotonic=lambda: now, sleep=sleep))
    tries = Retries("a session", timeout=10)
    now += 4
    tries.wait()
    now += 4
    with pytest.raises(Contention):
        tries.wait()
