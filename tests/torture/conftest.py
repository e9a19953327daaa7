"""How long the torture goes on, and the figures at its end.

Among all other tests it is a few rounds of each kind. `make torture` goes on for
`TORTURE_MINUTES`, shared out among the tests, with the dice of `TORTURE_SEED`.
"""

import itertools
import time
from collections.abc import Iterator

import pytest

from tests.support.torture.figures import MINUTES, SEED, Rounds, table
from tests.support.torture.killing import Killing, killed_server


@pytest.fixture
def killing(store_environment: dict[str, str]) -> Iterator[Killing]:
    """A server to kill. Its time limits are long enough for a busy machine."""
    with killed_server({**store_environment, "WORK_TIME_LIMIT": "120s"}) as killing:
        yield killing


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> Rounds:
    """The numbers of the rounds to go: so many, or as many as the test's share of time takes.

    A test marked `shares(n)` has n shares instead of one.
    """
    items: list[pytest.Item] = request.session.items
    total = sum(_shares(item) for item in items if "rounds" in getattr(item, "fixturenames", ()))
    end = time.monotonic() + MINUTES * 60 * _shares(request.node) / total

    def numbers(bounded: int) -> Iterator[int]:
        if not MINUTES:
            return iter(range(bounded))
        return itertools.takewhile(lambda _: time.monotonic() < end, itertools.count())

    return numbers


def _shares(item: pytest.Item) -> int:
    mark = item.get_closest_marker("shares")
    return int(mark.args[0]) if mark else 1


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "shares(n): how much of the time of a long run it takes")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if MINUTES:
        terminalreporter.write_line(f"TORTURE_SEED={SEED} TORTURE_MINUTES={MINUTES:g}")
        terminalreporter.write_line(table())
