"""Keeps answers of other servers about credentials, and bounds how many threads wait for them.

Another thread renews an answer that grows old; requests use the old answer meanwhile.
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

_QUEUEING = 1.0
_TROUBLE = 5.0
"""Seconds."""

_MOST_REFRESHES = 4
_LONGEST_WAIT = 10
"""Seconds; an issuer is asked twice, with a timeout of five seconds each."""


class Slots:
    """Bounds how many threads of a process wait for other servers at a time.

    A thread that finds no free slot waits a second for one: a crowd of new callers is served. For
    five seconds after a failure it does not wait: an outage holds no further threads.
    """

    def __init__(self, most: int) -> None:
        self._free = threading.Semaphore(most)
        self._calm_from = 0.0

    def __enter__(self) -> None:
        """Takes a slot; raises Unavailable if none is free."""
        is_calm = time.monotonic() >= self._calm_from
        if not self._free.acquire(timeout=_QUEUEING if is_calm else 0):
            self._calm_from = time.monotonic() + _TROUBLE
            raise Unavailable("Too many credentials are being checked now. Try again.")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Gives the slot back."""
        if kind is not None and issubclass(kind, Unavailable):
            self._calm_from = time.monotonic() + _TROUBLE
        self._free.release()


class Known(NamedTuple, Generic[V]):
    """An answer of another server.

    The process renews the answer `fresh` nanoseconds after the request, and uses it for `good`
    nanoseconds at most. In an answer that is kept, both are moments of the clock.
    """

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
        slots: Slots,
        *,
        most_kept: int,
        pause: int = 0,
        patience: float = 0,
    ) -> None:
        """`most_kept` bounds the answers that are remembered, and the refusals.

        After a failure, no thread asks for `pause` nanoseconds. The request that starts to renew
        an answer waits `patience` seconds for it.
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
        """The answer that is kept, or else that `ask` gives; with `again`, only a new answer.

        Threads that want the same answer share one call of `ask`. Raises what `ask` raises, an
        ApiError, and Unavailable where no slot is free.
        """
        kept = self._recall(key, now, again)
        if kept is not None:
            return self._refresh(key, now, ask, kept.value) if now >= kept.fresh else kept.value
        with self._slots:
            # Somebody may have asked while this thread had no slot.
            kept = self._recall(key, now, again)
            if kept is not None:
                return kept.value
            asking, is_first = self._begin(key)
            if is_first:
                self._ask(key, now, ask, asking)
            try:
                return asking.result(_LONGEST_WAIT)
            except TimeoutError:
                raise Unavailable("Credentials cannot be checked now. Try again.") from None

    def _recall(self, key: K, now: int, again: bool) -> Known[V] | None:
        """The answer that is still good, unless asked `again`; raises a refusal's error."""
        with self._lock:
            kept, refused = self._kept.get(key), self._refused.get(key)
        if kept is not None and now < kept.good and not again:
            return kept
        if refused is not None and now < refused.until:
            raise refused.error(refused.message)
        return None

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
            elif key in self._kept:
                self._kept[key] = self._kept[key]._replace(fresh=now + life)
            if life and isinstance(error, ApiError):
                self._keep(self._refused, key, _Refusal(now + life, type(error), error.message))
        if not isinstance(error, ApiError):
            _log.error("an answer about a credential cannot be read", exc_info=error)

    def _keep(self, answers: OrderedDict[K, T], key: K, answer: T) -> None:
        answers[key] = answer
        answers.move_to_end(key)
        if len(answers) > self._most_kept:
            answers.popitem(last=False)
