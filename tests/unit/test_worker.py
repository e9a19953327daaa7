"""A thread of the worker serves the next request of its client, unless other clients wait."""

from collections import deque
from collections.abc import Callable
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
