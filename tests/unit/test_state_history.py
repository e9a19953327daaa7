"""The fold of state in the order of arrival."""

from hypothesis import given
from hypothesis import strategies as st

from functions.messages.json_text import write_json
from functions.rules.rewind import Rewind, new_rewind, rewind_event
from functions.rules.state import MemberChanges, members_of
from functions.rules.state_history import StateHistory, changes_of_event

KEYS = st.sampled_from("abcd")
CHANGES = st.lists(
    st.tuples(st.dictionaries(KEYS, st.one_of(st.none(), st.integers())), st.booleans()),
    max_size=12,
)


def members(values: dict[str, int | None]) -> MemberChanges:
    """The change that sets these keys, and removes those with None."""
    return {key: None if each is None else f'"{key}":{each}' for key, each in values.items()}


@given(CHANGES, st.integers(0, 12))
def test_a_history_in_pieces_makes_the_state_that_one_by_one_changes_make(
    changes: list[tuple[dict[str, int | None], bool]], cut: int
) -> None:
    """Whatever piece a change is in, the last one of each key counts."""
    state: dict[str, str] = {}
    for values, replace in changes:
        state = {} if replace else state
        for key, member in members(values).items():
            state.pop(key, None)
            if member is not None:
                state[key] = member
    whole = StateHistory()
    for values, replace in changes:
        whole.apply(members(values), replace=replace)
    assert whole.members == state

    pieces = StateHistory()
    for piece in (changes[:cut], changes[cut:]):
        together = StateHistory(replace=False)
        for values, replace in piece:
            together.apply(members(values), replace=replace)
        pieces.apply(together.members, replace=together.replace)
    assert pieces.members == state


@given(CHANGES)
def test_a_history_holds_no_more_than_the_state(
    changes: list[tuple[dict[str, int | None], bool]],
) -> None:
    """A key that went takes no room, however many of them there were."""
    history = StateHistory()
    for number, (values, replace) in enumerate(changes):
        history.apply({f"k{number}": '"k":1'})
        history.apply({f"k{number}": None, **members(values)}, replace=replace)
    assert None not in history.members.values()
    assert len(history.members) <= 4


def test_an_event_changes_keys_of_the_session_alone() -> None:
    """Keys of the app, the user and the turn are none of the session's; null is a value."""
    delta = {"a": None, "b": [1], "app:c": 1, "user:d": 1, "temp:e": 1}
    text = write_json({"actions": {"stateDelta": delta}})[1:]
    assert changes_of_event(text) == members_of({"a": None, "b": [1]})
    assert changes_of_event(write_json({"content": {"stateDelta": {"a": 1}}})[1:]) == {}
    assert changes_of_event(write_json({"actions": {"stateDelta": {}}})[1:]) == {}


def test_the_event_of_a_rewind_is_canonical() -> None:
    """Its text is what the server would write of the same event from a client."""
    from functions.messages.json_text import read_json
    from functions.messages.session_event import SessionEvent

    now = {"x": '"k\\"ey":1', "b": '"b":2', "c": '"c":3'}
    then = {"b": '"b":9007199254740993', "c": '"c":3', "d": '"d":null'}
    rewind = Rewind("before", "id")
    event, change = rewind_event(rewind, now, then, 1_795_305_600_000_000_001)
    message = SessionEvent.read(read_json(b"{" + event.text.encode()), "event")
    assert message.write()[1:] == event.text
    assert change.session == {"b": '"b":9007199254740993', "d": '"d":null', 'k"ey': None}
    assert event.removed == ('k"ey',)
    raw = message.raw_event or {}
    assert raw["actions"]["stateDelta"] == {"b": 9007199254740993, "d": None, 'k"ey': None}
    assert raw["timestamp"] == 1795305600


def test_a_request_id_makes_the_same_event_of_the_same_rewind() -> None:
    """Another invocation, or no request id, is another event."""
    assert new_rewind("i", "r") == new_rewind("i", "r")
    ids = {new_rewind(*each).event_id for each in (("i", "r"), ("j", "r"), ("i", ""), ("i", ""))}
    assert len(ids) == 4
