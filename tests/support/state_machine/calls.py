"""What the machine may send: few names and values, so that calls meet one another."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from tests.support.state_machine.records import Session

slots = st.integers(0, 1)
ids = st.sampled_from(["a", "a", "a", "b", "C_-1"])
users = st.sampled_from(["u", 'v "é"'])
values = st.one_of(st.integers(0, 9), st.sampled_from([None, [[1], {}], {"k": {"": 2**60}}]))
state_keys = st.sampled_from(["k", "__x__", "a.b", "app:k", "app:l", "user:k", "user:l", "temp:k"])
states = st.dictionaries(state_keys, values, max_size=3)
display_names = st.sampled_from(["", "One", "two words"])
labels = st.dictionaries(st.sampled_from(["k", "l"]), st.sampled_from(["", "x"]), max_size=2)
ttls = st.sampled_from(["1s", "90s", "5000s", "999999s"])
instants = st.sampled_from([f"2026-01-01T00:00:0{second}Z" for second in range(4)])
invocations = st.sampled_from(["i", "j"])
points = st.one_of(st.none(), invocations, st.integers(0, 4))
"""The end, before an invocation, or through the event of a number."""

fork_ids = st.sampled_from(["b", "f", "g", "h"])
forks = st.fixed_dictionaries({}, optional={"displayName": display_names, "labels": labels})
authors = st.sampled_from(["user", "agent"])
page_sizes = st.sampled_from([1, 2, 3, 100])

bodies = st.fixed_dictionaries(
    {},
    optional={"sessionState": states, "displayName": display_names, "labels": labels, "ttl": ttls},
)
events = st.fixed_dictionaries(
    {"author": authors, "invocationId": invocations, "timestamp": instants},
    optional={
        "actions": st.fixed_dictionaries({"stateDelta": states.filter(bool)}),
        "content": st.sampled_from(
            [
                {"role": "user", "parts": [{"text": "hello"}]},
                {"role": "model", "parts": [{"text": "hm", "thought": True}, {"text": "hello"}]},
            ]
        ),
        "rawEvent": st.fixed_dictionaries(
            {"id": st.sampled_from(["1", "2"])},
            optional={"usageMetadata": st.just({"promptTokenCount": 3})},
        ),
    },
)
request_ids = st.sampled_from(["", "", "r1", "r2"])
often = st.sampled_from([True, True, True, False])
batches = st.lists(st.tuples(events, request_ids, st.booleans()), min_size=1, max_size=5)
"""Events with a requestId, and whether they are sent twice."""

SESSION_FILTERS: dict[str, Callable[[Session], bool]] = {
    "": lambda session: True,
    'user_id="u"': lambda session: session.user == "u",
    'userId="v \\"é\\"" AND labels.k="x"': lambda session: (
        session.user != "u" and session.labels.get("k") == "x"
    ),
    'NOT display_name="One"': lambda session: session.display_name != "One",
}
EVENT_FILTERS: dict[str, Callable[[Any], bool]] = {
    "": lambda event: True,
    'author="agent"': lambda event: event["author"] == "agent",
    'timestamp>="2026-01-01T00:00:02Z"': lambda event: event["timestamp"] >= "2026-01-01T00:00:02Z",
    'author="user" OR invocation_id!="i"': lambda event: (
        event["author"] == "user" or event["invocationId"] != "i"
    ),
}
positions = st.integers(0, 3)
"""Of an event among those of its session."""

EVENT_CHANGES: list[dict[str, Any]] = [
    {"content": {"role": "user", "parts": [{"text": "hello"}]}},
    {"content": {"role": "user", "parts": [{"text": "other"}]}},
    {"rawEvent": {"id": "3", "usageMetadata": {"promptTokenCount": 5}}},
    {"errorMessage": "none"},
]

SESSION_ORDERS = ["", "create_time", "create_time desc", "updateTime", "update_time desc"]


def choose(matches: Callable[[Any], bool], items: list[Any]) -> list[Any]:
    """The items that a filter matches."""
    return [item for item in items if matches(item)]
