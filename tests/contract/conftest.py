"""An API for each test, with an engine of its own and a clock that the test holds."""

import itertools
import secrets
from collections.abc import Iterator

import pytest

from functions.store.protocol import Store
from tests.support.api import Api
from tests.support.firestore.databases import Database, new_database
from tests.support.project import LOCATION

# An emulator that outlives the run has seen the engines of the last one.
_engines = itertools.count(secrets.randbelow(10**9) * 10**4)


@pytest.fixture
def api(store: Store) -> Api:
    """The API with an engine of the test's own."""
    return Api(store, f"{LOCATION}/reasoningEngines/{next(_engines)}")


@pytest.fixture
def database(emulator: str) -> Iterator[Database]:
    """A Firestore database that no other test uses."""
    with new_database(emulator) as new:
        yield new


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three documents are as many as 400 for what happens between batches."""
    monkeypatch.setattr("functions.store.firestore.migration.BATCH", 3)
