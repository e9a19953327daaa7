"""A thread of the worker serves the next request of its client, unless other clients wait."""

import threading
from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from functions.api.worker import BoundedWorker


class Client:
    """A connection whose client always sends its next request at once."""

    def __init__(self) -> None:
        self.sock = self

    def has_more(self, seconds: float) -> bool:
        return True


class Worker(BoundedWorker):
    """A worker without a server; it answers a number of requests of one client."""

    def __init__(self, answers: int, after_answer: Callable[["Worker"], object]) -> None:
        self.alive = True
        self.client, self.answers, self.after_answer = Client(), answers, after_answer
        self._queued: deque[Client] = deque()

    def _serve(self, conn: Any) -> bool:
        self.answers -= 1
        self.after_answer(self)
        return self.answers > 0

    def wait(self) -> None:
        """Another connection waits for a thread."""
        self._queued.append(Client())

    def stop(self) -> None:
        """The worker is told to stop."""
        self.alive = False


@pytest.mark.parametrize(
    ("after_answer", "left"), [(lambda _: None, 0), (Worker.wait, 9), (Worker.stop, 9)]
)
def test_a_thread_serves_its_client_until_another_waits_or_the_worker_stops(
    after_answer: Callable[[Worker], object], left: int
) -> None:
    worker = Worker(10, after_answer)
    worker._serve_client(worker.client)
    assert worker.answers == left


class Busy(BoundedWorker):
    """A worker without a server, for which connections wait; it answers one request of each."""

    def __init__(self, waiting: int, threads: int) -> None:
        self.alive = True
        self.cfg = SimpleNamespace(threads=threads)
        self.method_queue = SimpleNamespace(defer=lambda _: self.calls.append(len(self._served)))
        self.calls: list[int] = []
        self._queued = deque(Client() for _ in range(waiting))
        self._served: deque[tuple[Any, bool]] = deque()
        self._lock, self._busy, self._is_called = threading.Lock(), 1, False

    def _serve(self, conn: Any) -> bool:
        return False


def test_a_busy_worker_calls_the_selector_once_few_connections_wait() -> None:
    """One call hands over all that were served until then."""
    worker = Busy(waiting=10, threads=4)
    worker._serve_queued()
    assert worker.calls == [6]
    assert len(worker._served) == 10
    assert worker._busy == 0
