"""Remembers what others say about credentials, and bounds how many threads wait for them.

An answer that grows old is asked for again beside the requests, which go on with it meanwhile.
"""

import contextlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, NamedTuple, TypeVar

from functions.aip.errors import ApiError, Unavailable

_log = logging.getLogger(__name__)

K = TypeVar("K")
T = TypeVar("T")
V = TypeVar("V")

_SECOND = 10**9
REFUSAL_LIFE = 30 * _SECOND
"""How long a refusal is remembered, in nanoseconds."""

_MOST_REFRESHES = 4
_LONGEST_WAIT = 10
"""Seconds; an issuer is asked twice, with a timeout of five seconds each."""


class Known(NamedTuple, Generic[V]):
    """What somebody said: nanoseconds until it is asked for again, and until it is good no more."""

    value: V
    fresh: int
    good: int


class _Refusal(NamedTuple):
    until: int
    error: type[ApiError]
    message: str


class Answers(Generic[K, V]):
    """Answers by key, for threads to share."""

    def __init__(
        self,
        slots: threading.Semaphore,
        *,
        most_kept: int,
        pause: int = 0,
        patience: float = 0,
    ) -> None:
        """`slots`: one for each thread that may wait for an answer; several objects may share them.

        `most_kept` bounds the answers that are remembered, and the refusals. After a failure nobody
        is asked for `pause` nanoseconds. The one request that begins to refresh an answer waits
        `patience` seconds for it.
        """
        self._slots = slots
        self._most_kept = most_kept
        self._pause = pause
        self._patience = patience
        self._lock = threading.Lock()
        self._refreshes = threading.Semaphore(_MOST_REFRESHES)
        self._kept: OrderedDict[K, Known[V]] = OrderedDict()
        self._refused: OrderedDict[K, _Refusal] = OrderedDict()
        self._asking: dict[K, Future[V]] = {}

    def get(self, key: K, now: int, ask: Callable[[], Known[V]], *, again: bool = False) -> V:
        """The answer that is remembered, or that `ask` gives; `again` takes only a new one.

        Threads that want the same answer share one call of `ask`. Raises what `ask` raises, an
        ApiError, and Unavailable at once where no slot is free.
        """
        with self._lock:
            kept = self._kept.get(key)
            refused = self._refused.get(key)
        is_good = kept is not None and now < kept.good
        is_refused = refused is not None and now < refused.until
        if kept is not None and is_good and not again:
            if now >= kept.fresh and not is_refused:
                return self._refresh(key, now, ask, kept.value)
            return kept.value
        if refused is not None and is_refused:
            raise refused.error(refused.message)
        if not self._slots.acquire(blocking=False):
            raise Unavailable("Too many credentials are being checked now. Try again.")
        try:
            asking, is_first = self._begin(key)
            if is_first:
                self._ask(key, now, ask, asking)
            return asking.result(_LONGEST_WAIT)
        except TimeoutError:
            raise Unavailable("Credentials cannot be checked now. Try again.") from None
        finally:
            self._slots.release()

    def _refresh(self, key: K, now: int, ask: Callable[[], Known[V]], known: V) -> V:
        """Asks beside the request unless somebody does; the known answer where that takes long."""
        if not self._refreshes.acquire(blocking=False):
            return known
        asking, is_first = self._begin(key)
        if not is_first:
            self._refreshes.release()
            return known

        def refresh() -> None:
            try:
                self._ask(key, now, ask, asking)
            finally:
                self._refreshes.release()

        threading.Thread(target=refresh, name="refresh", daemon=True).start()
        if self._patience:
            with contextlib.suppress(TimeoutError, ApiError):
                return asking.result(self._patience)
        return known

    def _begin(self, key: K) -> tuple[Future[V], bool]:
        """The call of `ask` for the key, and whether it is for this thread to make."""
        with self._lock:
            found = self._asking.get(key)
            if found is not None:
                return found, False
            future = self._asking[key] = Future()
            return future, True

    def _ask(self, key: K, now: int, ask: Callable[[], Known[V]], asking: Future[V]) -> None:
        began = time.monotonic_ns()
        try:
            answer = ask()
        except Exception as error:
            self._fail(key, now + time.monotonic_ns() - began, error)
            asking.set_exception(error)
            return
        with self._lock:
            del self._asking[key]
            self._refused.pop(key, None)
            # Times count from the request, so that no answer is good for longer than it says.
            self._keep(self._kept, key, Known(answer.value, now + answer.fresh, now + answer.good))
        asking.set_result(answer.value)

    def _fail(self, key: K, now: int, error: Exception) -> None:
        is_refusal = isinstance(error, ApiError) and not isinstance(error, Unavailable)
        life = REFUSAL_LIFE if is_refusal else self._pause
        with self._lock:
            del self._asking[key]
            if is_refusal:
                self._kept.pop(key, None)
            if life and isinstance(error, ApiError):
                self._keep(self._refused, key, _Refusal(now + life, type(error), error.message))
        if not isinstance(error, ApiError):
            _log.error("an answer about a credential cannot be read", exc_info=error)

    def _keep(self, answers: OrderedDict[K, T], key: K, answer: T) -> None:
        answers[key] = answer
        answers.move_to_end(key)
        if len(answers) > self._most_kept:
            answers.popitem(last=False)
