"""An API for each test, with an engine of its own and a clock that the test holds."""

import itertools
import secrets

import pytest

from functions.store.protocol import Store
from tests.support.api import Api
from tests.support.project import LOCATION

# An emulator that outlives the run has seen the engines of the last one.
_engines = itertools.count(secrets.randbelow(10**9) * 10**4)


@pytest.fixture
def api(store: Store) -> Api:
    """The API with an engine of the test's own."""
    return Api(store, f"{LOCATION}/reasoningEngines/{next(_engines)}")
