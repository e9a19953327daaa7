"""A store that others use between two calls of one request."""

from collections.abc import Callable
from typing import Any, cast

from functions.store.protocol import Store


class _Meddled:
    def __init__(self, store: Store, call: int, act: Callable[[], object]) -> None:
        self._store, self._calls, self._act = store, call, act

    def __getattr__(self, name: str) -> Any:
        self._calls -= 1
        if self._calls == 0:
            self._act()
        return getattr(self._store, name)


def meddled_store(store: Store, call: int, act: Callable[[], object]) -> Store:
    """The store, to which others do something just before one of its calls, counted from 1."""
    return cast(Store, _Meddled(store, call, act))
