"""Lists, at once and page by page while their items come and go."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from functions.aip.timestamp import parse_timestamp
from tests.support.state_machine import calls
from tests.support.state_machine.comparing import Comparing, comparable
from tests.support.state_machine.records import without
from tests.support.state_machine.walk import Walk


class ListRules(Comparing):
    """The lists of sessions, events and runs, and walks through them."""

    @rule(
        slot=calls.slots,
        text=st.sampled_from(list(calls.SESSION_FILTERS)),
        order=st.sampled_from(calls.SESSION_ORDERS),
        size=calls.page_sizes,
        view=st.sampled_from(["BASIC", "FULL"]),
    )
    def list_sessions(
        self, slot: int, text: str, order: str, size: int, view: str = "BASIC"
    ) -> None:
        path = f"{self.engines[slot]}/sessions"
        query = {"filter": text, "orderBy": order, "pageSize": size, "view": view}
        found = self.api.walk(path, "sessions", **query)
        field = "create_time" if order.startswith("create") else "update_time"
        expected = sorted(
            calls.choose(calls.SESSION_FILTERS[text], self.model.sessions(self.engines[slot])),
            key=lambda session: (getattr(session, field), session.name),
            reverse="desc" in order or not order,
        )
        if view == "FULL":
            assert all(session["etag"] for session in found)
            found = [comparable(session) for session in found]
            assert found == [self.model.full_json(session) for session in expected]
        else:
            assert found == [self.model.session_json(session) for session in expected]

    @rule(
        slot=calls.slots,
        session_id=calls.ids,
        text=st.sampled_from(list(calls.EVENT_FILTERS)),
        descending=st.booleans(),
        size=calls.page_sizes,
    )
    def list_events(
        self, slot: int, session_id: str, text: str, descending: bool, size: int
    ) -> None:
        name = self.name(slot, session_id)
        session = self.model.live(name)
        if session is None:
            self.same(self.api.call("GET", f"{name}/events"), 404)
            return
        order = "timestamp desc" if descending else ""
        path = f"{name}/events"
        found = self.api.walk(path, "sessionEvents", filter=text, orderBy=order, pageSize=size)
        expected = calls.choose(calls.EVENT_FILTERS[text], self.model.events(session))
        assert len({event["name"] for event in found}) == len(found)
        assert [without(event, "name") for event in found] == expected[:: -1 if descending else 1]

    @rule(user=st.sampled_from(["", "u"]), size=calls.page_sizes)
    def list_sessions_of_all_engines(self, user: str, size: int) -> None:
        path = f"{self.model.location}/reasoningEngines/-/sessions"
        query = {"filter": f'user_id="{user}"' if user else "", "pageSize": size}
        found = self.api.walk(path, "sessions", **query)
        sessions = [
            session
            for engine in list(self.model.engines)
            for session in self.model.sessions(engine)
            if user in ("", session.user)
        ]
        by_name = {session.name: self.model.session_json(session) for session in sessions}
        assert {session["name"]: session for session in found} == by_name
        times = [parse_timestamp(session["updateTime"]) for session in found]
        assert times == sorted((s.update_time for s in sessions), reverse=True)

    @rule(slot=calls.slots, session_id=calls.ids, size=calls.page_sizes)
    def list_runs(self, slot: int, session_id: str, size: int) -> None:
        """And each of them by its name, with its events."""
        name = self.name(slot, session_id)
        session = self.model.live(name)
        if session is None:
            self.same(self.api.call("GET", f"{name}/runs"), 404)
            return
        found = self.api.walk(f"{name}/runs", "runs", pageSize=size)
        runs = [without(run, "name", "state", "errorMessage") for run in found]
        assert runs == self.model.runs(session)
        for run in found:
            told = self.api.ok("GET", run["name"])
            of_run = [without(event, "name") for event in told.pop("sessionEvents")]
            assert told == run
            assert of_run == [
                event
                for event in self.model.events(session)
                if event["invocationId"] == run["invocationId"]
            ]

    @rule(
        slot=calls.slots,
        order=st.sampled_from(calls.SESSION_ORDERS),
        user=st.sampled_from(["", "u"]),
    )
    def start_a_walk_through_sessions(self, slot: int, order: str, user: str) -> None:
        engine = self.engines[slot]
        promised = {s.name: s for s in self.model.sessions(engine) if user in ("", s.user)}
        query = {"orderBy": order, "filter": f'user_id="{user}"' if user else "", "pageSize": 1}
        self.walks.append(Walk(f"{engine}/sessions", "sessions", query, self.api.now, promised))

    @rule(slot=calls.slots, session_id=calls.ids, descending=st.booleans())
    def start_a_walk_through_events(self, slot: int, session_id: str, descending: bool) -> None:
        name = self.name(slot, session_id)
        session = self.model.live(name)
        if session is not None:
            found = self.api.walk(f"{name}/events", "sessionEvents")
            query = {"orderBy": "timestamp desc" if descending else "", "pageSize": 2}
            promised = {event["name"]: session for event in found}
            walk = Walk(f"{name}/events", "sessionEvents", query, self.api.now, promised)
            self.walks.append(walk)

    @precondition(lambda self: self.walks)
    @rule(data=st.data())
    def turn_a_page(self, data: st.DataObject) -> None:
        """What stays from the first page to the last is seen exactly once, whatever happens."""
        walk = data.draw(st.sampled_from(self.walks))
        if walk.turn(self.api, self.model):
            self.walks.remove(walk)
