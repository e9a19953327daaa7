"""Every method but the live stream, in any order, answers what a page of dictionaries answers.

`TORTURE_STEPS` is how many calls each store takes; given one, the calls are other ones each time,
by `--hypothesis-seed`.
"""

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from functions.store.protocol import Store
from functions.store.sqlite import SqliteStore
from tests.support.state_machine.engine_rules import EngineRules
from tests.support.state_machine.expecting_rules import ExpectingRules
from tests.support.state_machine.list_rules import ListRules

STEPS_PER_RUN = 50
STEPS = os.environ.get("TORTURE_STEPS", "")


class Machine(ExpectingRules, EngineRules, ListRules):
    """Calls the API and the model alike and compares what both answer."""

    @initialize()
    def begin_with_a_session(self) -> None:
        """Of each engine, since most calls do nothing without one."""
        for slot in range(len(self.engines)):
            self.create(slot, "a", "u", {})

    @rule(too_early=st.booleans())
    def a_life_ends(self, too_early: bool) -> None:
        """At its very expire_time and not a microsecond before."""
        self.time_passes(max(self.model.next_end() - self.model.now - 1_000 * too_early, 0))
        for slot in range(len(self.engines)):
            self.list_sessions(slot, "", "", 100)

    @precondition(lambda self: self.operations)
    @rule(data=st.data(), location=st.booleans())
    def ask_for_an_operation(self, data: st.DataObject, location: bool) -> None:
        """It answers as long as what it made is there; to cancel or to forget it does nothing."""
        operation, resource = data.draw(st.sampled_from(self.operations))
        if location:
            operation = f"{self.model.location}/operations/{operation.rpartition('/')[2]}"
        expected = self.model.get(resource) if resource else {}
        for verb, suffix in (("GET", ""), ("POST", ":wait")):
            answer = self.api.call(verb, operation + suffix)
            self.same(answer, {"response": expected} if isinstance(expected, dict) else expected)
        assert self.api.ok("POST", f"{operation}:cancel") == {}
        assert self.api.ok("DELETE", operation) == {}
        assert self.api.ok("GET", f"{self.model.location}/operations") == {}

    def teardown(self) -> None:
        """In the end everything that can be seen is compared."""
        for slot in range(len(self.engines)):
            self.list_sessions(slot, "", "", 100)
            self.list_users(slot, 100)
            for session_id in ("a", "b", "C_-1", "f", "g", "h"):
                self.list_events(slot, session_id, "", False, 2)
        self.list_engines(100)


def test_every_method_in_any_order_answers_as_the_model_does(store: Store) -> None:
    steps = int(STEPS) if STEPS else 1_600 if isinstance(store, SqliteStore) else 400
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        lambda: Machine(store),
        settings=settings(
            max_examples=max(steps // STEPS_PER_RUN, 1),
            stateful_step_count=STEPS_PER_RUN,
            derandomize=not STEPS,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
