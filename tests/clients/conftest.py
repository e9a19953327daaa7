"""What the tests of every client share: an engine of the test's own."""

from uuid import uuid4

import pytest

from tests.conftest import LOCATION, PROJECT


@pytest.fixture
def engine_id() -> str:
    """The id of an engine that nothing else uses; ADK takes digits only."""
    return str(uuid4().int)[:18]


@pytest.fixture
def short_engine(engine_id: str) -> str:
    """The engine's name without project and location."""
    return f"reasoningEngines/{engine_id}"


@pytest.fixture
def engine(short_engine: str) -> str:
    """The engine's full name."""
    return f"projects/{PROJECT}/locations/{LOCATION}/{short_engine}"
