"""Engines, their users and their state, and the move of all that they hold."""

import json

from hypothesis import strategies as st
from hypothesis.stateful import rule

from functions.rules.names import spell
from tests.support.state_machine import calls
from tests.support.state_machine.comparing import Comparing, comparable
from tests.support.state_machine.records import Json, without


class EngineRules(Comparing):
    """The methods of engines and users; export and import."""

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
        sessions = [s for name in engines for s in self.model.sessions(name) if s.user == user]
        erased = self.api.ok("POST", f"{parent}/users/{spell(user)}:erase")
        assert erased["done"]
        # Sessions whose life is over may still be stored.
        assert erased["erasedSessions"] >= len(sessions)
        assert erased["erasedEvents"] >= sum(len(session.events) for session in sessions)
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

    @rule(slot=calls.slots)
    def move(self, slot: int) -> None:
        """What an import makes of an export is the same, and takes the place of the engine."""
        engine = self.engines[slot]
        self.moves += 1
        target = f"{self.model.location}/reasoningEngines/moved{self.moves}"
        sent = self.exported(engine)
        answer = self.api.ok("POST", f"{target}:import", sent.encode())
        self.model.move(engine, target)
        self.engines[slot] = target
        sessions = self.model.sessions(target)
        assert (answer["importedSessions"], answer["skipped"]) == (len(sessions), 0)
        assert answer["importedEvents"] == sum(len(session.events) for session in sessions)
        again = self.api.ok("POST", f"{target}:import", sent.encode())
        assert again["skipped"] == len(sent.splitlines()) - 1
        assert answer["conflicts"] == again["conflicts"] == []
        for session in sessions:
            self.look(session.name)
        assert lines_of(self.exported(target)) == lines_of(sent.replace(f"{engine}/", f"{target}/"))

    def exported(self, engine: str) -> str:
        return self.api.send("GET", f"{engine}:export").get_data(as_text=True)


def lines_of(text: str) -> list[Json]:
    """Without where a session comes from, which may be another engine, and tokens of no event."""
    lines = [json.loads(line) for line in text.splitlines()]
    return [
        {"session": comparable(without(line["session"], "forkedFrom"))}
        if "session" in line
        else line
        for line in lines
    ]
