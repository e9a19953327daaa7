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

from functions.aip.timestamp import parse_timestamp
from functions.rules.names import spell
from functions.store.protocol import Store
from functions.store.sqlite import SqliteStore
from tests.support.api import SECOND
from tests.support.state_machine import calls
from tests.support.state_machine.comparing import Comparing
from tests.support.state_machine.model import Json, without
from tests.support.state_machine.walk import Walk

STEPS_PER_RUN = 50
STEPS = os.environ.get("TORTURE_STEPS", "")


class Machine(Comparing):
    """Calls the API and the model alike and compares what both answer."""

    @initialize()
    def begin_with_a_session(self) -> None:
        """Of each engine, since most calls do nothing without one."""
        for slot in range(len(self.engines)):
            self.create(slot, "a", "u", {})

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
        self.same(self.api.call("GET", name), self.model.get(name))

    @rule(
        slot=calls.slots,
        session_id=calls.ids,
        kind=st.sampled_from(["update", "append", "delete"]),
        is_overtaken=st.booleans(),
        event=calls.events,
    )
    def write_what_was_seen(
        self, slot: int, session_id: str, kind: str, is_overtaken: bool, event: Json
    ) -> None:
        """A write that expects what it read in the full view; another one may come before it."""
        name = self.name(slot, session_id)
        session = self.model.live(name)
        if session is None:
            self.create(slot, session_id, "u", {})
            session = self.model.engine(self.engines[slot]).sessions[name]
        answer = self.api.call("GET", name, view="FULL")
        self.same(answer, self.model.full_json(session))
        query = {"etag": answer.json["etag"]}
        seen = session.update_time
        if is_overtaken:
            self.send(name, event, "")
        is_current = session.update_time == seen
        body: Json = {"displayName": "One"}
        if kind == "update":
            answer = self.api.call("PATCH", name, body, **query)
            self.same(answer, self.model.update(name, body, []) if is_current else 409)
        elif kind == "append":
            body = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
            answer = self.api.call("POST", f"{name}:appendEvent", body, **query)
            self.same(answer, (self.model.append(name, body, "") or {}) if is_current else 409)
        else:
            answer = self.api.call("DELETE", name, **query)
            self.gone(answer, self.model.delete(name) if is_current else 409, "")
        self.same(self.api.call("GET", name), self.model.get(name))

    @rule(slot=calls.slots, session_id=calls.ids, body=calls.bodies.filter(bool))
    def update_what_is_set(self, slot: int, session_id: str, body: Json) -> None:
        name = self.name(slot, session_id)
        self.same(self.api.call("PATCH", name, body), self.model.update(name, body, []))

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
            self.same(self.api.call("GET", name), self.model.get(name))
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
        query = {"allowMissing": "true", "userId": user}
        if request_id:
            query["requestId"] = request_id
        answer = self.api.call("POST", f"{name}:appendEvent", event, **query)
        session = self.model.live(name)
        if session is not None and session.user != user:
            self.same(answer, 400)
            return
        if session is None:
            self.model.create(self.engines[slot], session_id, {"userId": user})
        self.model.append(name, event, request_id)
        self.same(answer, {"session": self.model.get(name)})

    @rule(
        slot=calls.slots,
        session_id=calls.ids,
        position=calls.positions,
        words=st.sampled_from(["hello", "other"]),
    )
    def change_an_event(self, slot: int, session_id: str, position: int, words: str) -> None:
        """And its original; a change that changes nothing leaves the session as it is."""
        name, content = self.name(slot, session_id), {"role": "user", "parts": [{"text": words}]}
        session, names = self.model.live(name), self.events_of(name)
        if session is not None and position < len(names):
            event = self.model.events(session)[position]
            answer = self.api.ok("PATCH", names[position], {"content": content})
            assert without(answer, "name") == self.model.change_event(session, event, content)
            self.same(self.api.call("GET", name), self.model.get(name))

    @rule(slot=calls.slots, session_id=calls.ids, position=calls.positions)
    def delete_an_event(self, slot: int, session_id: str, position: int) -> None:
        name = self.name(slot, session_id)
        session, names = self.model.live(name), self.events_of(name)
        if session is not None and position < len(names):
            self.model.remove_events(session, [self.model.events(session)[position]])
            assert self.api.ok("DELETE", names[position]) == {}
            assert self.api.call("GET", names[position]).status == 404
            self.forget([names[position]])
            self.same(self.api.call("GET", name), self.model.get(name))

    @rule(
        slot=calls.slots, session_id=calls.ids, text=st.sampled_from(list(calls.EVENT_FILTERS)[1:])
    )
    def purge_events(self, slot: int, session_id: str, text: str) -> None:
        name = self.name(slot, session_id)
        session, names = self.model.live(name), self.events_of(name)
        answer = self.api.call("POST", f"{name}/events:purge", {"filter": text, "force": True})
        if session is None:
            self.same(answer, 404)
            return
        gone = calls.choose(calls.EVENT_FILTERS[text], self.model.events(session))
        self.model.remove_events(session, gone)
        assert answer.json["purgeCount"] == len(gone)
        assert set(answer.json.get("purgeSample", [])) <= set(names)
        self.forget(answer.json.get("purgeSample", []))
        self.same(self.api.call("GET", name), self.model.get(name))

    @rule(slot=calls.slots, session_id=calls.ids)
    def compact(self, slot: int, session_id: str) -> None:
        """Originals are there before and after, and the session does not change."""
        name = self.name(slot, session_id)
        body = {"compaction": {"eventEditing": {"mode": "AUTO"}}}
        session = self.model.live(name)
        answer = self.api.call("POST", f"{name}:compact", body)
        if session is None:
            self.same(answer, 404)
            return
        self.model.compact(session)
        self.same(answer, {"response": self.model.session_json(session)})
        self.same(self.api.call("GET", name), self.model.get(name))
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
        asked: Json = {"sessionId": fork_id, "session": body}
        if isinstance(point, int):
            asked["throughEvent"] = self.event_name(name, point)
        elif point is not None:
            asked["beforeInvocationId"] = point
        answer = self.api.call("POST", f"{name}:fork", asked)
        expected = self.model.fork(name, fork_id, body, point)
        if isinstance(expected, dict):
            self.operations.append((answer.json["name"], expected["name"]))
            self.same(answer, {"response": expected})
        else:
            self.same(answer, expected)

    @rule(
        slot=calls.slots,
        session_id=calls.ids | calls.fork_ids,
        sent=calls.batches,
        before=calls.invocations,
    )
    def rewind(
        self, slot: int, session_id: str, sent: list[tuple[Json, str, bool]], before: str
    ) -> None:
        """The event is the last of the list, and tells what it does to the state."""
        name = self.name(slot, session_id)
        self.append(slot, session_id, sent, be_there=session_id == "a")
        answer = self.api.call("POST", f"{name}:rewind", {"beforeInvocationId": before})
        expected = self.model.rewind(name, before)
        if isinstance(expected, int):
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
        self.model.rewound(name, event, changed, gone)
        self.same(answer, self.model.get(name))

    def event_name(self, session: str, number: int) -> str:
        """The id of the event that arrived so many events behind the first one."""
        live = self.model.live(session)
        if live is None or number >= len(live.events):
            return "none"
        found = self.api.walk(f"{session}/events", "sessionEvents")
        in_order = self.model.events(live)
        place = next(at for at, event in enumerate(in_order) if event is live.events[number])
        return str(found[place]["name"].rpartition("/")[2])

    @rule(slot=calls.slots, session_id=calls.ids)
    def delete(self, slot: int, session_id: str) -> None:
        name = self.name(slot, session_id)
        self.gone(self.api.call("DELETE", name), self.model.delete(name), name)

    @rule(session_id=calls.ids)
    def delete_without_engine(self, session_id: str) -> None:
        answer = self.api.call("DELETE", f"{self.model.location}/sessions/{session_id}")
        self.gone(answer, self.model.delete_in_location(session_id), "")

    @rule(time=st.sampled_from([1_000, SECOND, 89 * SECOND, 4_000 * SECOND, 100_000 * SECOND]))
    def time_passes(self, time: int) -> None:
        self.api.now += time
        self.model.now = self.api.now

    @rule(too_early=st.booleans())
    def a_life_ends(self, too_early: bool) -> None:
        """At its very expire_time and not a microsecond before."""
        self.time_passes(max(self.model.next_end() - self.model.now - 1_000 * too_early, 0))
        for slot in range(len(self.engines)):
            self.list_sessions(slot, "", "", 100)

    @rule()
    def purge(self) -> None:
        assert self.api.ok("POST", "sessions:purgeExpired")["done"]

    @rule(
        slot=calls.slots,
        user=st.one_of(st.just(""), calls.users),
        state=st.dictionaries(st.sampled_from(["k", "new"]), st.integers(0, 3)),
        mask=st.lists(st.sampled_from(["k", "new"]), unique=True),
    )
    def change_state(self, slot: int, user: str, state: Json, mask: list[str]) -> None:
        """Of the user, or of the engine for none; keys are without their prefix."""
        engine = self.engines[slot]
        path = f"{engine}/users/{spell(user)}/state" if user else f"{engine}/state"
        query = {"updateMask": ",".join(f"state.{key}" for key in mask)} if mask else {}
        answer = self.api.ok("PATCH", path, {"state": state}, **query)
        expected = self.model.change_state(engine, user, state, mask)
        told = {f"{'user' if user else 'app'}:{k}": value for k, value in answer["state"].items()}
        assert told == expected
        assert self.api.ok("GET", path) == answer

    @rule(slot=calls.slots, size=calls.page_sizes)
    def list_users(self, slot: int, size: int) -> None:
        found = self.api.walk(f"{self.engines[slot]}/users", "users", pageSize=size)
        ids = [user["userId"] for user in found]
        assert ids == sorted(self.model.engine(self.engines[slot]).users)

    @rule(slot=calls.slots, user=calls.users, everywhere=st.booleans())
    def erase_user(self, slot: int, user: str, everywhere: bool) -> None:
        """Of one engine or of all; nothing of the user is left to be erased."""
        engine = self.engines[slot]
        engines = list(self.model.engines) if everywhere else [engine]
        parent = f"{self.model.location}/reasoningEngines/-" if everywhere else engine
        assert self.api.ok("POST", f"{parent}/users/{spell(user)}:erase")["done"]
        self.model.erase(engines, user)
        counted = self.api.ok("POST", f"{parent}/users/{spell(user)}:erase", dryRun="true")
        assert counted == {"erasedSessions": 0, "erasedEvents": 0, "done": True}

    @rule(slot=calls.slots, display_name=calls.display_names)
    def create_engine(self, slot: int, display_name: str) -> None:
        """The engine takes the place of another, which stays where it was."""
        body = {"displayName": display_name} if display_name else {}
        made = self.api.ok("POST", f"{self.model.location}/reasoningEngines", body)
        name = made["response"]["name"]
        self.model.create_engine(name, body)
        self.engines[slot] = name
        self.same(self.api.call("GET", name), self.model.get_engine(name))

    @rule(slot=calls.slots, name=st.sampled_from(["New", "Newer"]))
    def update_engine(self, slot: int, name: str) -> None:
        engine, body = self.engines[slot], {"displayName": name}
        answer = self.api.call("PATCH", engine, body, updateMask="display_name")
        expected = self.model.update_engine(engine, body)
        self.same(answer, expected if isinstance(expected, int) else {"response": expected})

    @rule(slot=calls.slots, force=st.booleans())
    def delete_engine(self, slot: int, force: bool) -> None:
        engine = self.engines[slot]
        answer = self.api.call("DELETE", engine, force=str(force).lower())
        self.gone(answer, self.model.delete_engine(engine, force=force), "")

    @rule(size=calls.page_sizes)
    def list_engines(self, size: int) -> None:
        path = f"{self.model.location}/reasoningEngines"
        found = self.api.walk(path, "reasoningEngines", pageSize=size)
        assert [without(item, "etag") for item in found] == self.model.created_engines()

    @rule(
        slot=calls.slots,
        text=st.sampled_from(list(calls.SESSION_FILTERS)),
        order=st.sampled_from(calls.SESSION_ORDERS),
        size=calls.page_sizes,
    )
    def list_sessions(self, slot: int, text: str, order: str, size: int) -> None:
        path = f"{self.engines[slot]}/sessions"
        found = self.api.walk(path, "sessions", filter=text, orderBy=order, pageSize=size)
        field = "create_time" if order.startswith("create") else "update_time"
        expected = sorted(
            calls.choose(calls.SESSION_FILTERS[text], self.model.sessions(self.engines[slot])),
            key=lambda session: (getattr(session, field), session.name),
            reverse="desc" in order or not order,
        )
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
        runs = [without(run, "name", "state") for run in found]
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
    steps = int(STEPS) if STEPS else 3_000 if isinstance(store, SqliteStore) else 800
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
