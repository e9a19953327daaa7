"""The two workers that may serve: the one with bounds, and gunicorn's own."""

import pytest

from tests.support.servers import STOCK_WORKER


@pytest.fixture(scope="module", params=["bounded", "stock"])
def worker(request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment of a server with one of the workers, the same for a whole file of tests."""
    return STOCK_WORKER if request.param == "stock" else {}


@pytest.fixture(autouse=True)
def _bounds(request: pytest.FixtureRequest) -> None:
    """Skips what gunicorn's own worker does not promise."""
    if (
        request.node.get_closest_marker("bounds")
        and request.getfixturevalue("worker") is STOCK_WORKER
    ):
        pytest.skip("gunicorn's own worker has no bounds for slow clients")
