"""Writes that expect the session as their writer saw it."""

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.support.state_machine import calls
from tests.support.state_machine.event_rules import EventRules
from tests.support.state_machine.records import Json, Session

EVENT: Json = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
EVENTS = [{**EVENT, "rawEvent": {"id": id_}} for id_ in ("seen", "seen too")]


class ExpectingRules(EventRules):
    """Every method that takes an etag."""

    @rule(
        slot=calls.slots,
        session_id=calls.ids,
        kind=st.sampled_from(["update", "append", "batch", "rewind", "compact", "delete"]),
        is_overtaken=st.booleans(),
        event=calls.events,
    )
    def write_what_was_seen(
        self, slot: int, session_id: str, kind: str, is_overtaken: bool, event: Json
    ) -> None:
        """Another write may come before it: then it is refused, and nothing is done."""
        name = self.name(slot, session_id)
        if self.model.live(name) is None:
            self.create(slot, session_id, "u", {})
        self.send(name, {**event, "invocationId": "i"}, "")
        session = self.model.live(name)
        assert session is not None
        etag, seen = self.look(name), session.update_time
        if is_overtaken:
            self.send(name, event, "")
        is_current = session.update_time == seen
        answer = self.api.send("GET", name, None, {"If-None-Match": etag})
        assert answer.status_code == (304 if is_current else 200)
        if is_current:
            self.write(name, session, kind, etag)
        else:
            self.refused(name, kind, etag)
        self.look(name)

    def write(self, name: str, session: Session, kind: str, etag: str) -> None:
        """Writes what the etag allows; an append that is sent again has landed, whatever it is."""
        body: Json = {"displayName": "One"}
        if kind == "update":
            answer = self.api.call("PATCH", name, body, etag=etag)
            self.same(answer, self.model.update(name, body, []))
        elif kind == "append":
            for _ in range(2):
                answer = self.api.call("POST", f"{name}:appendEvent", EVENTS[0], etag=etag)
                self.same(answer, self.model.append(name, EVENTS[0], "") or {})
        elif kind == "batch":
            batch = {"events": EVENTS}
            for _ in range(2):
                answer = self.api.call("POST", f"{name}:batchAppendEvents", batch, etag=etag)
                self.same(answer, self.model.append_batch(name, EVENTS, "") or {})
        elif kind == "rewind":
            self.rewound(name, "i", self.send_rewind(name, "i", etag=etag))
        elif kind == "compact":
            self.compacted(name, self.send_compaction(name, etag=etag))
        else:
            self.gone(self.api.call("DELETE", name, etag=etag), self.model.delete(name), "")

    def refused(self, name: str, kind: str, etag: str) -> None:
        fresh = {**EVENT, "rawEvent": {"id": "never"}}
        if kind == "update":
            answer = self.api.call("PATCH", name, {"displayName": "Never"}, etag=etag)
        elif kind == "append":
            answer = self.api.call("POST", f"{name}:appendEvent", fresh, etag=etag)
        elif kind == "batch":
            batch = {"events": [*EVENTS, fresh]}
            answer = self.api.call("POST", f"{name}:batchAppendEvents", batch, etag=etag)
        elif kind == "rewind":
            answer = self.send_rewind(name, "i", etag=etag)
        elif kind == "compact":
            answer = self.send_compaction(name, etag=etag)
        else:
            answer = self.api.call("DELETE", name, etag=etag)
        self.same(answer, 409)
