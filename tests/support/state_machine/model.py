"""The API as plain dictionaries: what every answer must be, in a page of Python.

Times are nanoseconds since the epoch. A method answers the JSON of a success, or the HTTP status
of a refusal.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import compress
from typing import Any

from functions.aip.timestamp import format_timestamp, parse_timestamp
from tests.support.state_machine.records import Engine, Json, Session

SECOND = 10**9
MICROSECOND = 1_000
YEAR = 365 * 86400 * SECOND
WEEKS = 21 * 86400 * SECOND


class Model:
    """All engines of a location, and the clock."""

    def __init__(self, location: str, now: int) -> None:
        self.location = location
        self.now = now
        self.engines: dict[str, Engine] = {}

    def engine(self, name: str) -> Engine:
        return self.engines.setdefault(name, Engine(name))

    def live(self, name: str) -> Session | None:
        """The session of that full name, None when it is missing or its life is over."""
        session = self.engine(name.partition("/sessions/")[0]).sessions.get(name)
        return session if session and session.expire_time > self.now else None

    def sessions(self, engine: str) -> list[Session]:
        found = self.engine(engine).sessions.values()
        return [session for session in found if session.expire_time > self.now]

    def next_end(self) -> int:
        """When the next life ends that ends within weeks, else now."""
        sessions = [session for engine in list(self.engines) for session in self.sessions(engine)]
        return min(
            (s.expire_time for s in sessions if s.expire_time < self.now + WEEKS), default=self.now
        )

    def session_json(self, session: Session) -> Json:
        engine = self.engine(session.name.partition("/sessions/")[0])
        shared = {**engine.app, **engine.users.get(session.user, {})}
        answer: Json = {
            "name": session.name,
            "createTime": format_timestamp(session.create_time),
            "updateTime": format_timestamp(session.update_time),
            "expireTime": format_timestamp(session.expire_time),
            "userId": session.user,
        }
        if session.display_name:
            answer["displayName"] = session.display_name
        if session.labels:
            answer["labels"] = session.labels
        if session.state is not None or shared:
            answer["sessionState"] = {**(session.state or {}), **shared}
        return answer

    def full_json(self, session: Session) -> Json:
        """The session in the full view but for its etag."""
        told = {**self.session_json(session), "eventCount": len(session.events)}
        said = [
            event["rawEvent"]["usageMetadata"]["promptTokenCount"]
            for event in session.events
            if "usageMetadata" in event.get("rawEvent", {})
        ]
        if said:
            told["usage"] = {"promptTokenCount": sum(said)}
        if session.events:
            times = [parse_timestamp(event["timestamp"]) for event in session.events]
            told["lastEventTime"] = format_timestamp(max(times))
        if session.source:
            told["forkedFrom"] = {"session": session.source}
        return told

    def create(self, engine: str, session_id: str, body: Json) -> Json | int:
        name = f"{engine}/sessions/{session_id}"
        if self.live(name):
            return 400
        session = Session(name, body["userId"], self.now, self.now, self.now + YEAR)
        self._change(session, body, list(body))
        self.engine(engine).users.setdefault(session.user, {})
        self.engine(engine).sessions[name] = session
        return self.session_json(session)

    def get(self, name: str) -> Json | int:
        session = self.live(name)
        return self.session_json(session) if session else 404

    def update(self, name: str, body: Json, mask: list[str]) -> Json | int:
        session = self.live(name)
        if session is None:
            return 404
        self._change(session, body, mask or list(body))
        session.update_time = max(self.now, session.update_time + MICROSECOND)
        return self.session_json(session)

    def delete(self, name: str) -> int | None:
        session = self.live(name)
        if session is None:
            return 404
        del self.engine(name.partition("/sessions/")[0]).sessions[name]
        return None

    def delete_in_location(self, session_id: str) -> int | None:
        names = [f"{engine}/sessions/{session_id}" for engine in self.engines]
        found = [name for name in names if self.live(name)]
        return self.delete(found[0]) if len(found) == 1 else 400 if found else 404

    def append(self, name: str, body: Json, request_id: str) -> int | None:
        session = self.live(name)
        if session is None:
            return 404
        raw_id = body.get("rawEvent", {}).get("id")
        key = ("raw", raw_id, body) if raw_id else ("request", request_id, body)
        can_be_met = bool(raw_id or request_id)
        if can_be_met and key in session.retry_keys + session.removed_keys:
            return None
        session.retry_keys.append(key if can_be_met else None)
        session.events.append({"content": {}, "actions": {}, **body})
        session.update_time = max(self.now, session.update_time + MICROSECOND)
        before = session.state
        self._merge(session, body.get("actions", {}).get("stateDelta", {}))
        session.states.append((before, session.state))
        return None

    def append_batch(self, name: str, bodies: list[Json], request_id: str) -> int | None:
        """The events one after the other; the session moves once."""
        session = self.live(name)
        if session is None:
            return 404
        before, count = session.update_time, len(session.events)
        for body in bodies:
            self.append(name, body, request_id)
        if len(session.events) > count:
            session.update_time = max(self.now, before + MICROSECOND)
        return None

    def fork(self, name: str, session_id: str, body: Json, point: int | str | None) -> Json | int:
        """The point is the number of an event, right after it, or an invocation, or the end."""
        engine = name.partition("/sessions/")[0]
        target, request = f"{engine}/sessions/{session_id}", (name, point, body)
        there, source = self.live(target), self.live(name)
        if there:
            return self.session_json(there) if there.request == request else 400
        if source is None:
            return 404
        end, state = len(source.events), source.state
        if isinstance(point, int):
            if point >= end:
                return 404
            end, state = point + 1, source.states[point][1]
        elif point is not None:
            first = self._first(source, point)
            if first is None:
                return 404
            end, state = first, source.states[first][0]
        session = Session(target, source.user, self.now, self.now, source.expire_time)
        session.display_name, session.labels = source.display_name, source.labels
        session.state = None if source.state is None else state or {}
        session.events, session.states = source.events[:end], source.states[:end]
        session.retry_keys, session.request = source.retry_keys[:end], request
        session.source = name
        self._change(session, body, list(body))
        self.engine(engine).sessions[target] = session
        return self.session_json(session)

    def rewind(
        self, name: str, before: str, request_id: str
    ) -> tuple[Json, list[str]] | Json | int:
        """The values that the rewind's event sets, and the keys that it removes.

        Returns the session if the request has landed already. `rewound` adds the event.
        """
        session = self.live(name)
        key = ("rewind", request_id, before)
        if session is not None and request_id and key in session.retry_keys + session.removed_keys:
            return self.session_json(session)
        first = None if session is None else self._first(session, before)
        if session is None or first is None:
            return 404
        now, then = session.state or {}, session.states[first][0] or {}
        changed = {key: then[key] for key in then if key not in now or now[key] != then[key]}
        return changed, [key for key in now if key not in then]

    def rewound(
        self, name: str, event: Json, changed: Json, gone: list[str], request_id: str, before: str
    ) -> None:
        session = self.live(name)
        assert session is not None
        old = session.state
        if old is not None:
            kept = {key: value for key, value in old.items() if key not in gone}
            session.state = {**kept, **changed}
        session.events.append(event)
        session.states.append((old, session.state))
        session.retry_keys.append(("rewind", request_id, before) if request_id else None)
        session.update_time = max(self.now, session.update_time + MICROSECOND)

    def events(self, session: Session) -> list[Json]:
        """By timestamp, then arrival."""
        return sorted(session.events, key=lambda event: parse_timestamp(event["timestamp"]))

    def _first(self, session: Session, invocation: str) -> int | None:
        found = [event["invocationId"] for event in session.events]
        return found.index(invocation) if invocation in found else None

    def originals(self, session: Session) -> list[Json]:
        """The events as they were before compaction."""
        return [self._original(session, event) for event in self.events(session)]

    def change_event(self, session: Session, event: Json, change: Json) -> Json:
        """The event as it is then; an original changes alike."""
        original = self._original(session, event)
        if {**event, **change} == event and {**original, **change} == original:
            return event
        self._touch(session)
        was = None if original is event else {**original, **change}
        return self._replace(session, event, {**event, **change}, was)

    def purge(self, session: Session, request_id: str, text: str, gone: list[Json]) -> int:
        """How many events the purge removes, or removed when it came first."""
        receipt = request_id, text
        if request_id and receipt in session.receipts:
            return session.receipts[receipt]
        self.remove_events(session, gone)
        session.receipts[receipt] = len(gone)
        return len(gone)

    def remove_events(self, session: Session, gone: list[Json]) -> None:
        """Their states and their retries stay; a fork has neither."""
        if not gone:
            return
        kept = [all(event is not each for each in gone) for event in session.events]
        removed = zip(session.retry_keys, kept, strict=True)
        session.removed_keys += [key for key, stays in removed if key and not stays]
        session.retry_keys = list(compress(session.retry_keys, kept))
        session.states = list(compress(session.states, kept))
        session.events = list(compress(session.events, kept))
        self._touch(session)

    def compact(self, session: Session) -> None:
        """Takes the thoughts from all invocations but the one whose event is the last."""
        events = self.events(session)
        for event in events:
            parts = event["content"].get("parts", [])
            said = [part for part in parts if "thought" not in part]
            if len(said) < len(parts) and event["invocationId"] != events[-1]["invocationId"]:
                smaller = {**event, "content": {**event["content"], "parts": said}}
                self._replace(session, event, smaller, self._original(session, event))

    def _replace(self, session: Session, event: Json, by: Json, original: Json | None) -> Json:
        """A fork goes on with the event that it copied."""
        session.events = [by if each is event else each for each in session.events]
        session.originals = [pair for pair in session.originals if pair[0] is not event]
        if original is not None:
            session.originals.append((by, original))
        return by

    def _touch(self, session: Session) -> None:
        session.update_time = max(self.now, session.update_time + MICROSECOND)

    def _original(self, session: Session, event: Json) -> Json:
        """What the event was before its compaction, or the event itself."""
        return next((was for each, was in session.originals if each is event), event)

    def runs(self, session: Session) -> list[Json]:
        """One per invocationId, in order of first event."""
        runs: dict[str, Json] = {}
        for event in self.events(session):
            started = {"startTime": event["timestamp"], "eventCount": 0, "authors": []}
            run = runs.setdefault(
                event["invocationId"], {"invocationId": event["invocationId"], **started}
            )
            run["endTime"] = event["timestamp"]
            run["eventCount"] += 1
            if event["author"] not in run["authors"]:
                run["authors"].append(event["author"])
        return list(runs.values())

    def create_engine(self, name: str, resource: Json) -> None:
        engine = self.engine(name)
        engine.resource, engine.create_time, engine.update_time = resource, self.now, self.now

    def engine_json(self, engine: Engine) -> Json:
        assert engine.resource is not None
        return {
            "name": engine.name,
            "createTime": format_timestamp(engine.create_time),
            "updateTime": format_timestamp(engine.update_time),
            **engine.resource,
        }

    def get_engine(self, name: str) -> Json | int:
        engine = self.engine(name)
        return 404 if engine.resource is None else self.engine_json(engine)

    def created_engines(self) -> list[Json]:
        created = [engine for engine in self.engines.values() if engine.resource is not None]
        created.sort(key=lambda engine: (engine.create_time, engine.name))
        return [self.engine_json(engine) for engine in created]

    def update_engine(self, name: str, resource: Json) -> Json | int:
        engine = self.engine(name)
        if engine.resource is None:
            return 404
        engine.resource = {**engine.resource, **resource}
        engine.update_time = max(self.now, engine.update_time + MICROSECOND)
        return self.engine_json(engine)

    def delete_engine(self, name: str, *, force: bool) -> int | None:
        engine = self.engine(name)
        if engine.resource is None and not (force and (engine.app or engine.users)):
            return 404
        if self.sessions(name) and not force:
            return 400
        self.engines[name] = Engine(name)
        return None

    def change_state(self, engine: str, user: str, state: Json, mask: list[str]) -> Json:
        """App state for the user ""; answers the state with its keys' prefix."""
        found = self.engine(engine)
        prefix = "user:" if user else "app:"
        old = found.users.setdefault(user, {}) if user else found.app
        masked = {f"{prefix}{key}" for key in mask}
        kept = {key: value for key, value in old.items() if mask and key not in masked}
        sent = {key: state[key] for key in mask if key in state} if mask else state
        new = {**kept, **{f"{prefix}{key}": value for key, value in sent.items()}}
        old.clear()
        old.update(new)
        return new

    def move(self, engine: str, target: str) -> None:
        """The sessions are there a second time, without originals and all that was removed."""
        old, new = self.engine(engine), self.engine(target)
        new.app = dict(old.app)
        sessions = self.sessions(engine)
        owners = {session.user for session in sessions}
        new.users = {u: dict(state) for u, state in old.users.items() if state or u in owners}
        for session in sessions:
            name = f"{target}/sessions/{session.name.rpartition('/')[2]}"
            new.sessions[name] = replace(
                session,
                name=name,
                request=None,
                originals=[],
                removed_keys=[],
                receipts={},
                events=[*session.events],
                retry_keys=[*session.retry_keys],
                states=[*session.states],
            )

    def erase(self, engines: list[str], user: str) -> None:
        for name in engines:
            engine = self.engine(name)
            engine.users.pop(user, None)
            for session in list(engine.sessions.values()):
                if session.user == user:
                    del engine.sessions[session.name]

    def _change(self, session: Session, body: Json, mask: list[str]) -> None:
        setters: dict[str, Callable[[Any], None]] = {
            "displayName": lambda text: setattr(session, "display_name", text),
            "labels": lambda labels: setattr(session, "labels", labels),
            "ttl": lambda ttl: setattr(
                session, "expire_time", self.now + int(ttl.removesuffix("s")) * SECOND
            ),
        }
        for path in mask:
            if path in setters:
                setters[path](body[path])
            if path == "sessionState":
                session.state = {}
                self._merge(session, body[path])
            if path.startswith("sessionState."):
                key = path.partition(".")[2]
                session.state = {**(session.state or {})}
                session.state.pop(key, None)
                if key in body.get("sessionState", {}):
                    self._merge(session, {key: body["sessionState"][key]})

    def _merge(self, session: Session, delta: Json) -> None:
        engine = self.engine(session.name.partition("/sessions/")[0])
        for key, value in delta.items():
            scope = key.partition(":")[0] if ":" in key else "session"
            if scope == "app":
                engine.app[key] = value
            elif scope == "user":
                engine.users.setdefault(session.user, {})[key] = value
            elif scope == "session":
                session.state = {**(session.state or {}), key: value}
