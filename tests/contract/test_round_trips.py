"""Arbitrary JSON comes back equal, from wherever a client may store it."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.api import Api

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
KEYS = st.one_of(
    TEXT,
    st.sampled_from(["", "__x__", "__name__", ".", "a.b", "`", "~", "*", "a b", "é", "\x00", "k"]),
).filter(lambda key: not key.startswith(("app:", "user:", "temp:")))
NUMBERS = st.one_of(
    st.integers(),
    st.integers(-(2**200), 2**200),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**60), 2**60).map(float),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=12,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=5)


@settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(state=OBJECTS, delta=OBJECTS, metadata=OBJECTS)
def test_arbitrary_json_comes_back_equal(
    api: Api, state: dict[str, Any], delta: dict[str, Any], metadata: dict[str, Any]
) -> None:
    """sessionState, stateDelta and customMetadata are kept key for key, value for value."""
    session = api.create(sessionState=state)
    assert api.state(session) == state
    event: dict[str, Any] = {
        "actions": {"stateDelta": delta},
        "eventMetadata": {"customMetadata": metadata},
    }
    answer = api.append(session, **event)
    assert answer.status == 200, answer.text
    (found,) = api.ok("GET", f"{session}/events")["sessionEvents"]
    assert found["actions"] == {"stateDelta": delta}
    assert found["eventMetadata"] == {"customMetadata": metadata}
    assert api.ok("GET", session).get("sessionState") == {**state, **delta}


@settings(
    max_examples=30,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(value=OBJECTS)
def test_arbitrary_json_survives_wherever_structs_are(api: Api, value: dict[str, Any]) -> None:
    """rawEvent, a call's args, a response and auth configs are Structs, too."""
    session = api.create()
    parts = [{"functionCall": {"args": value}}, {"functionResponse": {"response": value}}]
    event: dict[str, Any] = {
        "rawEvent": value,
        "content": {"parts": parts},
        "actions": {"requestedAuthConfigs": value},
    }
    answer = api.append(session, **event)
    assert answer.status == 200, answer.text
    (found,) = api.ok("GET", f"{session}/events")["sessionEvents"]
    assert {field: found[field] for field in event} == event


@pytest.mark.parametrize(
    "keys", [("a", "A"), ("é", "e\u0301"), ("", " "), ("~", "~~"), ("1", "01")]
)
def test_keys_that_look_alike_are_two(api: Api, keys: tuple[str, str]) -> None:
    """No normalisation of keys."""
    state = {keys[0]: 1, keys[1]: 2}
    session = api.create(sessionState=state)
    assert api.state(session) == state
    api.append(session, actions={"stateDelta": {keys[0]: 3}})
    assert api.state(session) == {keys[0]: 3, keys[1]: 2}
