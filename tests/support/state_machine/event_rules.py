"""Events come, change and go, one by one and many at once."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.support.api import SECOND, Answer
from tests.support.state_machine import calls
from tests.support.state_machine.records import Json, without
from tests.support.state_machine.session_rules import SessionRules


class EventRules(SessionRules):
    """The methods that write events, and forks of sessions with them."""

    @rule(slot=calls.slots, session_id=calls.ids, sent=calls.batches, be_there=calls.often)
    def append(
        self, slot: int, session_id: str, sent: list[tuple[Json, str, bool]], be_there: bool
    ) -> None:
        """Some events, some of them sent again: a retry, or where no id makes it one, a second."""
        name = self.name(slot, session_id)
        if be_there and not self.model.live(name):
            self.create(slot, session_id, "u", {})
        for event, request_id, again in sent:
            for _ in range(1 + again):
                self.send(name, event, request_id)
                self.time_passes(SECOND * again)
            self.appends = [*self.appends[-9:], (name, event, request_id)]

    @precondition(lambda self: self.appends)
    @rule(data=st.data())
    def append_again(self, data: st.DataObject) -> None:
        """Long after, or in a session that has taken the name over."""
        self.send(*data.draw(st.sampled_from(self.appends)))

    @rule(
        slot=calls.slots,
        session_id=calls.ids,
        events=st.lists(calls.events, min_size=1, max_size=4),
        request_id=calls.request_ids,
        again=st.booleans(),
    )
    def append_batch(
        self, slot: int, session_id: str, events: list[Json], request_id: str, again: bool
    ) -> None:
        """Some of the events may have landed before, alone or in a batch, or stand there twice."""
        name = self.name(slot, session_id)
        query = {"requestId": request_id} if request_id else {}
        for _ in range(1 + again):
            answer = self.api.call("POST", f"{name}:batchAppendEvents", {"events": events}, **query)
            expected = self.model.append_batch(name, events, request_id)
            self.same(answer, {} if expected is None else expected)
            self.look(name)
        self.appends = [*self.appends[-9:], (name, events[-1], request_id)]

    @rule(
        slot=calls.slots,
        session_id=calls.ids,
        user=calls.users,
        event=calls.events,
        request_id=calls.request_ids,
    )
    def append_to_a_session_that_may_be_missing(
        self, slot: int, session_id: str, user: str, event: Json, request_id: str
    ) -> None:
        """It is created for the user; another user's takes nothing."""
        name = self.name(slot, session_id)
        query = missing_allowed(user, request_id)
        answer = self.api.call("POST", f"{name}:appendEvent", event, **query)
        if self.may_append(slot, session_id, user, answer):
            self.model.append(name, event, request_id)
            self.same(answer, {"session": self.model.get(name)})

    @rule(
        slot=calls.slots,
        session_id=calls.ids,
        user=calls.users,
        events=st.lists(calls.events, min_size=1, max_size=3),
        request_id=calls.request_ids,
    )
    def append_a_batch_to_a_session_that_may_be_missing(
        self, slot: int, session_id: str, user: str, events: list[Json], request_id: str
    ) -> None:
        """The server stores all events or none."""
        name = self.name(slot, session_id)
        query = missing_allowed(user, request_id)
        answer = self.api.call("POST", f"{name}:batchAppendEvents", {"events": events}, **query)
        if self.may_append(slot, session_id, user, answer):
            self.model.append_batch(name, events, request_id)
            self.same(answer, {"session": self.model.get(name)})
        self.look(name)

    def may_append(self, slot: int, session_id: str, user: str, answer: Answer) -> bool:
        """Creates the session in the model if it is missing; returns whether it is the user's."""
        session = self.model.live(self.name(slot, session_id))
        if session is None:
            self.model.create(self.engines[slot], session_id, {"userId": user})
        elif session.user != user:
            self.same(answer, 400)
            return False
        return True

    @rule(
        slot=calls.slots,
        session_id=calls.ids,
        position=calls.positions,
        change=st.sampled_from(calls.EVENT_CHANGES),
    )
    def change_an_event(self, slot: int, session_id: str, position: int, change: Json) -> None:
        """Also changes the original. An equal value leaves the session as it is."""
        name = self.name(slot, session_id)
        session, names = self.model.live(name), self.events_of(name)
        if session is None or position >= len(names):
            self.same(self.api.call("PATCH", f"{name}/events/none", change), 404)
            return
        event = self.model.events(session)[position]
        answer = self.api.ok("PATCH", names[position], change)
        assert without(answer, "name") == self.model.change_event(session, event, change)
        assert self.api.ok("GET", names[position]) == answer
        self.look(name)

    @rule(slot=calls.slots, session_id=calls.ids, position=calls.positions)
    def delete_an_event(self, slot: int, session_id: str, position: int) -> None:
        name = self.name(slot, session_id)
        session, names = self.model.live(name), self.events_of(name)
        if session is not None and position < len(names):
            self.model.remove_events(session, [self.model.events(session)[position]])
            assert self.api.ok("DELETE", names[position]) == {}
            assert self.api.call("GET", names[position]).status == 404
            self.forget([names[position]])
            self.look(name)

    @rule(
        slot=calls.slots,
        session_id=calls.ids,
        text=st.sampled_from(list(calls.EVENT_FILTERS)[1:]),
        request_id=calls.request_ids,
        again=st.booleans(),
    )
    def purge_events(
        self, slot: int, session_id: str, text: str, request_id: str, again: bool
    ) -> None:
        """Without `force` it only counts; the same requestId removes no more."""
        name = self.name(slot, session_id)
        query = {"requestId": request_id} if request_id else {}
        for _ in range(1 + again):
            session, names = self.model.live(name), self.events_of(name)
            counted = self.api.call("POST", f"{name}/events:purge", {"filter": text})
            body = {"filter": text, "force": True}
            answer = self.api.call("POST", f"{name}/events:purge", body, **query)
            if session is None:
                self.same(counted, 404)
                self.same(answer, 404)
                return
            found = calls.choose(calls.EVENT_FILTERS[text], self.model.events(session))
            assert counted.json["purgeCount"] == len(found)
            assert set(counted.json.get("purgeSample", [])) <= set(names)
            removed = self.model.purge(session, request_id, text, found)
            assert answer.json["purgeCount"] == removed
            self.forget(answer.json.get("purgeSample", []))
            if request_id:
                self.may_have_written(session)
            self.look(name)

    @rule(slot=calls.slots, session_id=calls.ids)
    def compact(self, slot: int, session_id: str) -> None:
        """Originals are there before and after, and the session does not change."""
        name = self.name(slot, session_id)
        self.compacted(name, self.send_compaction(name))

    def send_compaction(self, name: str, **query: str) -> Answer:
        body = {"compaction": {"eventEditing": {"mode": "AUTO"}}}
        return self.api.call("POST", f"{name}:compact", body, **query)

    def compacted(self, name: str, answer: Answer) -> None:
        session = self.model.live(name)
        if session is None:
            self.same(answer, 404)
            return
        self.model.compact(session)
        self.same(answer, {"response": self.model.session_json(session)})
        self.may_have_written(session)
        self.look(name)
        for view, expected in (("BASIC", self.model.events), ("ORIGINAL", self.model.originals)):
            found = self.api.walk(f"{name}/events", "sessionEvents", view=view)
            assert [without(event, "name") for event in found] == expected(session)

    @rule(
        slot=calls.slots,
        session_id=calls.ids | calls.fork_ids,
        fork_id=calls.fork_ids,
        sent=calls.batches,
        body=calls.forks,
        point=calls.points,
    )
    def fork(
        self,
        slot: int,
        session_id: str,
        fork_id: str,
        sent: list[tuple[Json, str, bool]],
        body: Json,
        point: int | str | None,
    ) -> None:
        """To a name that may be taken, also by the same fork; the session is complete at once."""
        name = self.name(slot, session_id)
        self.append(slot, session_id, sent, be_there=session_id == "a")
        answer = self.send_fork(name, body, point, sessionId=fork_id)
        self.forked(answer, self.model.fork(name, fork_id, body, point))

    @rule(
        slot=calls.slots,
        session_id=calls.ids | calls.fork_ids,
        request_id=st.sampled_from(["r1", "r2"]),
        body=calls.forks,
        point=calls.points,
        again=st.booleans(),
    )
    def fork_by_request(
        self,
        slot: int,
        session_id: str,
        request_id: str,
        body: Json,
        point: int | str | None,
        again: bool,
    ) -> None:
        """The server derives the new session's id from the requestId, so a retry finds it."""
        name = self.name(slot, session_id)
        for _ in range(1 + again):
            answer = self.send_fork(name, body, point, request_id)
            if answer.status == 200:
                fork_id = answer.json["response"]["name"].rpartition("/")[2]
                assert self.forks.setdefault((name, request_id), fork_id) == fork_id
            fork_id = self.forks.get((name, request_id), "never")
            self.forked(answer, self.model.fork(name, fork_id, body, point))

    def send_fork(
        self, name: str, body: Json, point: int | str | None, request_id: str = "", **asked: Any
    ) -> Answer:
        asked["session"] = body
        if isinstance(point, int):
            asked["throughEvent"] = self.event_name(name, point)
        elif point is not None:
            asked["beforeInvocationId"] = point
        query = {"requestId": request_id} if request_id else {}
        return self.api.call("POST", f"{name}:fork", asked, **query)

    def forked(self, answer: Answer, expected: Json | int) -> None:
        if isinstance(expected, dict):
            self.operations.append((answer.json["name"], expected["name"]))
            self.same(answer, {"response": expected})
            self.look(expected["name"])
        else:
            self.same(answer, expected)

    @rule(
        slot=calls.slots,
        session_id=calls.ids | calls.fork_ids,
        sent=calls.batches,
        before=calls.invocations,
        request_id=calls.request_ids,
        again=st.booleans(),
    )
    def rewind(
        self,
        slot: int,
        session_id: str,
        sent: list[tuple[Json, str, bool]],
        before: str,
        request_id: str,
        again: bool,
    ) -> None:
        """The rewind adds an event at the end of the list, which has the change of the state.

        A retry with the same requestId adds no event.
        """
        name = self.name(slot, session_id)
        self.append(slot, session_id, sent, be_there=session_id == "a")
        query = {"requestId": request_id} if request_id else {}
        for _ in range(1 + again):
            answer = self.send_rewind(name, before, **query)
            self.rewound(name, before, answer, request_id)

    def send_rewind(self, name: str, before: str, **query: str) -> Answer:
        return self.api.call("POST", f"{name}:rewind", {"beforeInvocationId": before}, **query)

    def rewound(self, name: str, before: str, answer: Answer, request_id: str = "") -> None:
        expected = self.model.rewind(name, before, request_id)
        if not isinstance(expected, tuple):
            self.same(answer, expected)
            return
        changed, gone = expected
        query = {"orderBy": "timestamp desc", "pageSize": 1}
        event = without(self.api.ok("GET", f"{name}/events", **query)["sessionEvents"][0], "name")
        assert event["actions"] == {"stateDelta": changed}
        assert event["rawEvent"]["actions"] == {
            "stateDelta": {**changed, **dict.fromkeys(gone)},
            "rewindBeforeInvocationId": before,
        }
        self.model.rewound(name, event, changed, gone, request_id, before)
        self.same(answer, self.model.get(name))
        self.look(name)

    def event_name(self, session: str, number: int) -> str:
        """The id of the event that arrived so many events behind the first one."""
        live = self.model.live(session)
        if live is None or number >= len(live.events):
            return "none"
        found = self.api.walk(f"{session}/events", "sessionEvents")
        in_order = self.model.events(live)
        place = next(at for at, event in enumerate(in_order) if event is live.events[number])
        return str(found[place]["name"].rpartition("/")[2])


def missing_allowed(user: str, request_id: str) -> Json:
    """The parameters of an append that creates a session."""
    query = {"allowMissing": "true", "userId": user}
    return {**query, "requestId": request_id} if request_id else query
