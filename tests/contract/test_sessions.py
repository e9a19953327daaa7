import pytest

from tests.contract.conftest import SECOND, Api

DEEP: dict = {"a": [[1, [2]], 9007199254740993, {"": {"__x__": None}}]}
for _ in range(25):
    DEEP = {"d": [DEEP]}


@pytest.mark.parametrize(
    "state", [{}, {"a": [[1, [2]], 9007199254740993, {"": {"__x__": None}}]}, DEEP]
)
def test_session_state_comes_back_as_sent(api: Api, state: dict) -> None:
    """Structs are kept key for key: nested arrays, empty and reserved keys, integers past 2^53."""
    session = api.create(sessionState=state)
    assert api.state(session) == state


def test_an_expired_session_is_gone_for_every_method(api: Api) -> None:
    """A session ends exactly at its expire_time, whether or not anything purged it."""
    api.settings = api.settings.model_copy(update={"min_ttl": 0})
    session = api.create("s", ttl="1s")
    api.now += SECOND - 1000
    assert api.call("GET", session).status == 200
    api.now += 1000
    for verb, path, body in (
        ("GET", session, None),
        ("PATCH", session, {"displayName": "x", "ttl": "9s"}),
        ("DELETE", session, None),
        ("GET", f"{session}/events", None),
    ):
        assert api.call(verb, path, body).status == 404
    assert api.append(session).status == 404
    assert api.ok("GET", f"{api.engine}/sessions") == {}
