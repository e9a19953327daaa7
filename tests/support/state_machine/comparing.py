"""The API beside its model, and how their answers are compared."""

import itertools
import secrets

from hypothesis.stateful import RuleBasedStateMachine

from functions.aip.timestamp import parse_timestamp
from functions.config.settings import Settings
from functions.store.protocol import Store
from tests.support.api import SECOND, START, Answer, Api
from tests.support.state_machine.model import Model
from tests.support.state_machine.records import Json, Session, without
from tests.support.state_machine.walk import Walk

# An emulator that outlives the run has seen the locations of the last one.
_locations = itertools.count(secrets.randbelow(10**9) * 10**4)


class Comparing(RuleBasedStateMachine):
    """A location of its own on one store; `engines` are the two that calls choose from.

    `appends`, `operations`, `forks` and `walks` are what later calls may come back to; `forks` has
    the ids of those made by a requestId.
    """

    def __init__(self, store: Store) -> None:
        super().__init__()
        location = f"projects/test-project/locations/m{next(_locations)}"
        settings = Settings(
            google_cloud_project="test-project", min_ttl="0s", compact_keep_invocations=1
        )
        self.api = Api(store, f"{location}/reasoningEngines/1", settings=settings)
        self.model = Model(location, START)
        self.engines = [self.api.engine, f"{location}/reasoningEngines/2"]
        self.appends: list[tuple[str, Json, str]] = []
        self.operations: list[tuple[str, str]] = []
        self.forks: dict[tuple[str, str], str] = {}
        self.walks: list[Walk] = []
        self.moves = 0
        self._versions: dict[Session, tuple[int, str]] = {}

    def name(self, slot: int, session_id: str) -> str:
        return f"{self.engines[slot]}/sessions/{session_id}"

    def send(self, name: str, event: Json, request_id: str) -> None:
        query = {"requestId": request_id} if request_id else {}
        answer = self.api.call("POST", f"{name}:appendEvent", event, **query)
        expected = self.model.append(name, event, request_id)
        self.same(answer, {} if expected is None else expected)
        self.look(name)

    def look(self, name: str) -> str:
        """Compares the session in the full view, and answers its etag, "" without a session.

        The etag's version moves with the updateTime of the session, and only with it.
        """
        session = self.model.live(name)
        answer = self.api.call("GET", name, view="FULL")
        if session is None:
            self.same(answer, 404)
            return ""
        self.same(answer, self.model.full_json(session))
        etag: str = answer.json["etag"]
        now = session.update_time, etag.partition(".")[0]
        before = self._versions.get(session, now)
        assert (before[0] == now[0]) == (before[1] == now[1]), (before, now)
        self._versions[session] = now
        return etag

    def may_have_written(self, session: Session) -> None:
        """On Firestore, a compaction and the answer that a purge keeps write to a session.

        They do so if it expires within minutes, so that its removal misses nothing below it.
        """
        if session.expire_time > self.api.now + 600 * SECOND:
            return
        told = parse_timestamp(self.api.ok("GET", session.name)["updateTime"])
        assert told in (session.update_time, max(self.api.now, session.update_time + 1_000))
        session.update_time = told

    def events_of(self, name: str) -> list[str]:
        """The names of a session's events in the order of the model's; none without a session."""
        if self.model.live(name) is None:
            return []
        return [event["name"] for event in self.api.walk(f"{name}/events", "sessionEvents")]

    def forget(self, names: list[str]) -> None:
        """Events that were removed are no longer promised to walks."""
        for walk in self.walks:
            for name in names:
                walk.promised.pop(name, None)

    def gone(self, answer: Answer, expected: int | None, name: str) -> None:
        self.same(answer, {} if expected is None else expected)
        if expected is None:
            self.operations.append((answer.json["name"], ""))
        if name:
            self.same(self.api.call("GET", name), 404)

    def same(self, answer: Answer, expected: Json | int) -> None:
        """Compares the status, and the JSON of a success, whose fields must be those of the model.

        Of an operation it compares the response.
        """
        if isinstance(expected, int):
            assert answer.status == expected, answer.text
            return
        assert answer.status == 200, answer.text
        found = answer.json
        if "response" in expected or "done" in found:
            found, expected = found["response"], expected.get("response", {})
        assert comparable(found) == expected


def comparable(resource: Json) -> Json:
    """Without what the model does not know; tokens of removed events are no tokens."""
    known = without(resource, "etag", "@type")
    if not any(known.get("usage", {}).values()):
        known.pop("usage", None)
    if "forkedFrom" in known:
        known["forkedFrom"] = without(known["forkedFrom"], "event")
    return known
