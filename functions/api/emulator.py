"""What tests control of a server under `/emulator/v1/`: the clock, faults, and data of a project.

Only where EMULATOR is true, which the settings refuse in the cloud. Each project has a clock,
faults and a log of its own, so that tests share one server and nothing else.
docs/use-it-in-tests.md describes the paths.
"""

import re
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

import flask

from functions.aip import errors
from functions.aip.duration import parse_duration
from functions.aip.errors import ApiError, InvalidArgument
from functions.aip.timestamp import format_timestamp, parse_timestamp
from functions.api.body import read_body
from functions.api.browsers import check_page
from functions.api.errors import CONTENT_TYPE, error_response
from functions.api.faults import Fault
from functions.api.framework import Target
from functions.api.path_table import Match, PathTable
from functions.api.query import effective_verb, sent_path
from functions.api.routes import ROUTES
from functions.api.snapshots import Snapshot, created_engines
from functions.config.settings import Settings
from functions.messages.json_text import read_json, write_plain
from functions.rules.chance import chance
from functions.rules.engine import EngineRecord
from functions.rules.names import EngineName, LocationName, is_resource_id
from functions.rules.times import kept_time
from functions.store.protocol import Store

_PREFIX = "/emulator/"
_PATH = re.compile(
    r"/emulator/v1/projects/([^/]+?)"
    r"(?:/(clock|clock:advance|faults|ids|requests|snapshots|snapshots/([0-9]{1,9}):restore))?"
)
_MOST_LOGGED = 10_000

_TABLE = PathTable(ROUTES)


class Clock:
    """The time of one project; it goes on unless it is frozen. Times are nanoseconds."""

    def __init__(self, real: Callable[[], int]) -> None:
        self._real = real
        self._offset = 0
        self._frozen: int | None = None

    def now(self) -> int:
        """Nanoseconds since the epoch, in whole microseconds."""
        return self._real() + self._offset if self._frozen is None else self._frozen

    @property
    def is_frozen(self) -> bool:
        """Whether it stands still."""
        return self._frozen is not None

    def set(self, time: int, *, is_frozen: bool) -> None:
        """Goes on from `time`, or stands still there; raises ValueError as `kept_time` does."""
        time = kept_time("The clock", time)
        self._offset = time - self._real()
        self._frozen = time if is_frozen else None

    def to_json(self) -> dict[str, Any]:
        """As the path `clock` answers it."""
        return {"time": format_timestamp(self.now()), "frozen": self.is_frozen}

    def change(self, body: Mapping[str, Any]) -> None:
        """Sets `time`, `frozen` or both; raises ValueError for values of other kinds."""
        time = parse_timestamp(str(body["time"])) if "time" in body else self.now()
        self.set(time, is_frozen=_truth(body, "frozen", self.is_frozen))

    def advance(self, duration: int) -> None:
        """Moves forward by nanoseconds."""
        self.set(self.now() + duration, is_frozen=self.is_frozen)


class Logged(NamedTuple):
    """One request: its path as sent, with the query; a dropped connection has the status 0."""

    method: str
    verb: str
    path: str
    status: int


@dataclass(slots=True)
class _Project:
    clock: Clock
    endpoint: Target
    faults: list[Fault] = field(default_factory=list)
    chance: Random | None = None
    """What the project's ids are made from; None is the system's randomness."""
    requests: deque[Logged] = field(default_factory=lambda: deque(maxlen=_MOST_LOGGED))
    places: set[tuple[str, str]] = field(default_factory=set)
    """Locations and engines that requests have named; empty text is no engine."""
    snapshots: list[tuple[int, bool, Snapshot]] = field(default_factory=list)
    """The clock's time, whether it stood still, and the data."""


class Emulator:
    """Answers requests by the clock and with the faults of their project, and the controls."""

    def __init__(
        self,
        endpoint_of: Callable[[Callable[[], int]], Target],
        settings: Settings,
        store: Callable[[], Store],
        clock: Callable[[], int],
    ) -> None:
        """`endpoint_of` makes the endpoint that goes by a clock; EMULATOR_CLOCK starts `clock`."""
        self._settings = settings
        if settings.emulator_clock is not None:
            shown = Clock(clock)
            shown.set(settings.emulator_clock, is_frozen=False)
            clock = shown.now
        self._store = store
        self._lock = threading.Lock()

        def new_project() -> _Project:
            own = Clock(clock)
            return _Project(own, endpoint_of(own.now))

        self._projects: defaultdict[str, _Project] = defaultdict(new_project)

    def __call__(self, request: flask.Request) -> flask.Response:
        """Answers the API's paths and those of the controls."""
        if request.path.startswith(_PREFIX):
            try:
                check_page(request, self._settings.cors_origins)
                answer = write_plain(self._control(request))
            except ApiError as error:
                return error_response(error)
            return flask.Response(answer, content_type=CONTENT_TYPE)
        try:
            match = _TABLE.match(effective_verb(request), sent_path(request))
        except ApiError:
            # Any endpoint answers this error.
            return self._project(self._settings.default_project).endpoint(request)
        return self._serve(request, match)

    def _serve(self, request: flask.Request, match: Match) -> flask.Response:
        location, engine = self._place(match.name)
        project = self._project(location.project)
        with self._lock:
            project.places.add((str(location), engine))
            fault = self._next_fault(project, match.route.method)
        with _ids_of(project.chance):
            if fault is None:
                answer = project.endpoint(request)
            else:
                answer = fault.answer(request, project.endpoint)
        status = 0 if fault is not None and fault.drop else answer.status_code
        target = str(request.environ["RAW_URI"])
        project.requests.append(Logged(match.route.method, match.route.verb, target, status))
        return answer

    def _control(self, request: flask.Request) -> dict[str, Any]:
        found = _PATH.fullmatch(request.path)
        if found is None:
            raise errors.NotFound(f"There is no path {request.path}.")
        project = self._project(found[1])
        match request.method, found[2]:
            case "DELETE", None:
                self._reset(found[1])
                return {}
            case "GET", "clock":
                return project.clock.to_json()
            case "PATCH", "clock":
                body = self._body(request, {"time", "frozen"})
                _checked(project.clock.change, body)
                return project.clock.to_json()
            case "POST", "clock:advance":
                duration = self._body(request, {"duration"}).get("duration", "")
                _checked(lambda text: project.clock.advance(_forward(text)), duration)
                return project.clock.to_json()
            case "POST", "faults":
                project.faults.append(Fault.from_json(self._body(request)))
                return {}
            case "DELETE", "faults":
                project.faults.clear()
                return {}
            case "PATCH", "ids":
                seed = self._body(request, {"seed"}).get("seed")
                if seed is not None and type(seed) is not int:
                    raise InvalidArgument(f"seed must be null or a whole number, not {seed!r}.")
                project.chance = None if seed is None else Random(seed)
                return {}
            case "POST", "snapshots":
                return {"snapshot": self._take_snapshot(project)}
            case "POST", _ if found[3]:
                self._restore(project, int(found[3]))
                return {}
            case "GET", "requests":
                return {"requests": [logged._asdict() for logged in list(project.requests)]}
            case "DELETE", "requests":
                project.requests.clear()
                return {}
        raise errors.NotFound(f"{request.method} {request.path} is no control of the emulator.")

    def _body(self, request: flask.Request, allowed: set[str] | None = None) -> dict[str, Any]:
        body = read_json(read_body(request, self._settings.max_body_bytes) or b"{}")
        if not isinstance(body, dict):
            raise InvalidArgument("The body must be an object.")
        if allowed is not None and not body.keys() <= allowed:
            raise InvalidArgument(f"The body must be an object of {', '.join(sorted(allowed))}.")
        return body

    def _take_snapshot(self, project: _Project) -> int:
        """The number of the snapshot, from 1 on."""
        engines = [
            EngineName(location, engine)
            for location, engine in project.places
            if is_resource_id(engine)
        ]
        now, is_frozen = project.clock.now(), project.clock.is_frozen
        data = Snapshot.take(engines, self._settings, self._store(), now)
        project.snapshots.append((now, is_frozen, data))
        return len(project.snapshots)

    def _restore(self, project: _Project, number: int) -> None:
        """Has the data and the clock of a snapshot again; its faults and its log stay."""
        if not 1 <= number <= len(project.snapshots):
            raise errors.NotFound(f"There is no snapshot {number}.")
        time, is_frozen, data = project.snapshots[number - 1]
        self._remove_data(project)
        project.clock.set(time, is_frozen=is_frozen)
        data.restore(self._settings, self._store(), time)

    def _reset(self, name: str) -> None:
        """Forgets a project: its clock, faults, log, and the data that requests have named."""
        with self._lock:
            project = self._projects.pop(name)
        self._remove_data(project)

    def _remove_data(self, project: _Project) -> None:
        store, now = self._store(), project.clock.now()
        for location, engine in project.places:
            if is_resource_id(engine):
                # An engine that nobody created is deleted as one that was.
                name_of_engine = EngineName(location, engine)
                store.create_engine(EngineRecord(name_of_engine, now, now, {}))
        for location in {location for location, _ in project.places}:
            for record in created_engines(location, store):
                store.delete_engine(record.name, now, lambda: False, force=True)

    def _project(self, name: str) -> _Project:
        with self._lock:
            return self._projects[name]

    def _place(self, name: str) -> tuple[LocationName, str]:
        """The location of a name, and the engine in it or empty text; short names have neither."""
        settings, parts = self._settings, name.split("/")
        project, location = settings.default_project, settings.google_cloud_location
        if parts[0] == "projects":
            _, project, _, location, *parts = parts
        if project == settings.project_number:
            project = settings.default_project
        engine = parts[1] if parts[:1] == ["reasoningEngines"] else ""
        return LocationName(project, location), engine

    @staticmethod
    def _next_fault(project: _Project, method: str) -> Fault | None:
        for fault in project.faults:
            if fault.hits(method):
                if fault.is_over:
                    project.faults.remove(fault)
                return fault
        return None


@contextmanager
def _ids_of(source: Random | None) -> Iterator[None]:
    """Makes ids from this source while the block runs."""
    if source is None:
        yield
        return
    token = chance.set(source)
    try:
        yield
    finally:
        chance.reset(token)


def _truth(body: Mapping[str, Any], name: str, default: bool) -> bool:
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise InvalidArgument(f"{name} must be true or false, not {value!r}.")
    return value


def _checked(change: Callable[[Any], None], value: Any) -> None:
    """Raises InvalidArgument with the reason where `change` raises ValueError."""
    try:
        change(value)
    except ValueError as error:
        raise InvalidArgument(str(error)) from error


def _forward(text: Any) -> int:
    duration = parse_duration(str(text))
    if duration < 0:
        raise ValueError(f"duration must not be negative: {text}")
    return duration
