"""Sessions come, change and go, and time passes."""

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.support.api import SECOND
from tests.support.state_machine import calls
from tests.support.state_machine.comparing import Comparing
from tests.support.state_machine.records import Json


class SessionRules(Comparing):
    """The methods of sessions but for those that are about their events."""

    @rule(time=st.sampled_from([1_000, SECOND, 89 * SECOND, 4_000 * SECOND, 100_000 * SECOND]))
    def time_passes(self, time: int) -> None:
        self.api.now += time
        self.model.now = self.api.now

    @rule(slot=calls.slots, session_id=calls.ids, user=calls.users, body=calls.bodies)
    def create(self, slot: int, session_id: str, user: str, body: Json) -> None:
        engine, body = self.engines[slot], {"userId": user, **body}
        answer = self.api.call("POST", f"{engine}/sessions", body, sessionId=session_id)
        expected = self.model.create(engine, session_id, body)
        if isinstance(expected, dict):
            self.operations.append((answer.json["name"], expected["name"]))
            self.same(answer, {"response": expected})
        else:
            self.same(answer, expected)

    @rule(slot=calls.slots, session_id=calls.ids)
    def get(self, slot: int, session_id: str) -> None:
        name = self.name(slot, session_id)
        self.look(name)
        self.same(self.api.call("GET", name), self.model.get(name))

    @rule(slot=calls.slots, session_id=calls.ids, body=calls.bodies.filter(bool))
    def update_what_is_set(self, slot: int, session_id: str, body: Json) -> None:
        name = self.name(slot, session_id)
        self.same(self.api.call("PATCH", name, body), self.model.update(name, body, []))
        self.look(name)

    @rule(
        slot=calls.slots,
        session_id=calls.ids,
        body=calls.bodies,
        key=st.sampled_from(["k", "new"]),
        masked=calls.display_names,
    )
    def update_by_mask(self, slot: int, session_id: str, body: Json, key: str, masked: str) -> None:
        """A key of state is set or removed; what the mask leaves out stays."""
        name, body = self.name(slot, session_id), {**body, "displayName": masked}
        mask = ["displayName", f"sessionState.{key}"]
        answer = self.api.call("PATCH", name, body, updateMask=",".join(mask))
        self.same(answer, self.model.update(name, body, mask))
        self.look(name)

    @rule(slot=calls.slots, session_id=calls.ids)
    def delete(self, slot: int, session_id: str) -> None:
        name = self.name(slot, session_id)
        self.gone(self.api.call("DELETE", name), self.model.delete(name), name)

    @rule(session_id=calls.ids)
    def delete_without_engine(self, session_id: str) -> None:
        answer = self.api.call("DELETE", f"{self.model.location}/sessions/{session_id}")
        self.gone(answer, self.model.delete_in_location(session_id), "")

    @rule()
    def purge(self) -> None:
        assert self.api.ok("POST", "sessions:purgeExpired")["done"]
        left = self.api.ok("POST", "sessions:purgeExpired", dryRun="true")
        assert left == {"expiredSessions": 0}
