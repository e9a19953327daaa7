"""A project of an emulator, as a test uses it: clients, the clock, faults, the requests so far."""

import functools
import io
import json
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest import mock
from urllib.parse import quote

if TYPE_CHECKING:
    import agentplatform

    from agent_engine_sessions.adk import SessionService
    from agent_engine_sessions.remote import Remote

_LOCATION = "us-central1"
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_TIMEOUT = 60.0


class Request(NamedTuple):
    """A request that the server took.

    `method` is such as `append_event`, `path` is as sent, with its query. The status of a
    connection that was dropped is 0.
    """

    method: str
    verb: str
    path: str
    status: int


class Sessions:
    """One project of an emulator. Nothing of it touches another project."""

    def __init__(self, url: str, project: str) -> None:
        """`url` is that of a server with EMULATOR=true."""
        self.url = url
        self.project = project
        self.location = _LOCATION
        self._controls = f"{url}/emulator/v1/projects/{project}"

    @property
    def parent(self) -> str:
        """`projects/{project}/locations/{location}`, with which the project's names begin."""
        return f"projects/{self.project}/locations/{self.location}"

    def client(self) -> "agentplatform.Client":
        """Google's client, connected to this project; needs google-cloud-agentplatform."""
        with _of_extra():
            import agentplatform
            from google.oauth2.credentials import Credentials

        return agentplatform.Client(
            project=self.project,
            location=self.location,
            credentials=Credentials("unused"),  # type: ignore[no-untyped-call]
            http_options={"base_url": self.url},
        )

    def adk(self, engine: str = "", *, check_revision: bool = False) -> "SessionService":
        """ADK's session service over this project; needs the extra `adk`.

        The engine is the app's name unless one is given. `check_revision` is as in SessionService.
        """
        with _of_extra():
            from agent_engine_sessions.adk import SessionService

        project = f"project={self.project}&location={self.location}"
        return SessionService(f"{self.url}/{engine}?{project}", check_revision=check_revision)

    @property
    def now(self) -> datetime:
        """The time by the project's clock, in UTC."""
        time: str = self._call("GET", "/clock")["time"]
        return datetime.fromisoformat(time)

    @now.setter
    def now(self, time: datetime) -> None:
        if not isinstance(time, datetime):
            raise TypeError(
                f"now must be a datetime such as datetime(2031, 1, 1, tzinfo=UTC), not {time!r}."
            )
        self._call("PATCH", "/clock", {"time": time.isoformat()})

    def advance(self, by: str | timedelta) -> None:
        """Moves the clock forward by a timedelta or by text such as `25h`, `90s` or `1d12h`."""
        seconds = (by if isinstance(by, timedelta) else _parse(by)).total_seconds()
        self._call("POST", "/clock:advance", {"duration": f"{seconds:.6f}s"})

    def freeze(self, frozen: bool = True) -> None:
        """Stops the clock, or has it go on."""
        self._call("PATCH", "/clock", {"frozen": frozen})

    def fail(
        self,
        method: str = "",
        status: int | None = 503,
        times: int | None = 1,
        after_commit: bool = False,
        *,
        latency: str | timedelta = "0s",
        drop: bool = False,
        probability: float = 1.0,
        seed: int | None = None,
    ) -> None:
        """Has the next calls answered with an error, those of one method or of any.

        With `after_commit`, the server does its work and only the answer is lost. With `drop`, the
        connection ends without an answer. `latency` is time that passes first; with the status
        None, the call is late and nothing else. `times` None is without an end. Of the calls, a
        part of `probability` is hit, by choices that a `seed` repeats. Several faults wait for
        each other. Raises ValueError for a method or a status that there is not.
        """
        seconds = (latency if isinstance(latency, timedelta) else _parse(latency)).total_seconds()
        fault = {
            "method": method,
            "status": status,
            "times": times,
            "afterCommit": after_commit,
            "latency": f"{seconds:.6f}s",
            "drop": drop,
            "probability": probability,
            "seed": seed,
        }
        self._call("POST", "/faults", fault)

    def clear_faults(self) -> None:
        """Removes the faults that have not hit as many calls as they were to."""
        self._call("DELETE", "/faults")

    def seed(self, data: str | Path | Mapping[str, Any] | Iterable[Mapping[str, Any]]) -> None:
        """Adds sessions to the project: a file or lines of an export, or sessions to create.

        `data` is the path of a file that `agent-engine-sessions export` wrote, lines as `export()`
        answers them, or `{"sessions": [{"userId": "ada", "engine": "support"}]}`. A session of the
        last form has the fields of the API's Session and may have `sessionId`, `engine` (default
        `1`) and `events`, SessionEvents whose `timestamp` and `invocationId` may be missing.

        Raises ValueError for what the server refuses, and where the project has a session or an
        event of the same id with another content.
        """
        if isinstance(data, Mapping):
            if [*data] != ["sessions"]:
                raise ValueError(
                    f"A seed has the one key 'sessions', which lists sessions, not {[*data]}."
                )
            for session in data["sessions"]:
                self._create(**session)
            return
        from agent_engine_sessions.remote import Refused

        if isinstance(data, str | Path):
            lines = Path(data).read_bytes().splitlines()
        else:
            lines = [json.dumps(line).encode() for line in data]
        with self._all_engines() as remote:
            try:
                answer = remote.import_lines(lines, lambda *_: None)
            except Refused as error:
                raise ValueError(str(error)) from error
        if conflicts := answer["conflicts"]:
            raise ValueError(f"The project has another content of {', '.join(conflicts)}.")

    def export(self) -> list[dict[str, Any]]:
        """All sessions, events and state of the project, as the lines that docs/move.md tells of.

        `seed` takes them, in this project or another.
        """
        file = io.BytesIO()
        with self._all_engines() as remote:
            remote.export(file, "", lambda *_: None)
        return [json.loads(line) for line in file.getvalue().splitlines()]

    def snapshot(self) -> int:
        """Keeps the project's data and its clock as they are now, for `restore`."""
        number: int = self._call("POST", "/snapshots")["snapshot"]
        return number

    def restore(self, snapshot: int) -> None:
        """Has the data and the clock of a snapshot again, as often as you like.

        Faults and the log stay as they are. Raises ValueError for a snapshot that there is not.
        """
        self._call("POST", f"/snapshots/{snapshot}:restore")

    def seed_ids(self, seed: int | None) -> None:
        """Has the server choose the same ids at every run; None makes them random again."""
        self._call("PATCH", "/ids", {"seed": seed})

    @property
    def requests(self) -> list[Request]:
        """The requests to this project so far, oldest first."""
        return [Request(**each) for each in self._call("GET", "/requests")["requests"]]

    def reset(self) -> None:
        """Removes all data of the project, its faults and its log, and sets its clock right."""
        self._call("DELETE", "")

    def _all_engines(self) -> "Remote":
        from agent_engine_sessions.remote import Remote

        return Remote(self.url, f"{self.parent}/reasoningEngines/-")

    def _create(
        self,
        engine: str = "1",
        sessionId: str = "",  # noqa: N803
        events: Iterable[Mapping[str, Any]] = (),
        **session: Any,
    ) -> None:
        root = f"{self.url}/v1beta1"
        sessions = f"{root}/{self.parent}/reasoningEngines/{engine}/sessions"
        query = f"?sessionId={quote(sessionId)}" if sessionId else ""
        created = self._send("POST", f"{sessions}{query}", session)["response"]
        for event in events:
            defaults = {"invocationId": "-", "timestamp": created["createTime"]}
            self._send("POST", f"{root}/{created['name']}:appendEvent", {**defaults, **event})

    def _call(self, verb: str, path: str, body: object = None) -> dict[str, Any]:
        return self._send(verb, self._controls + path, body)

    def _send(self, verb: str, url: str, body: object) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, data, headers, method=verb)
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
                found: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            message = json.load(error)["error"]["message"]
            raise ValueError(message) from error
        return found


@contextmanager
def _of_extra() -> Iterator[None]:
    """Has an import that fails name the extra that installs the package."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"This needs {error.name}: pip install '.[adk]' in a checkout", name=error.name
        ) from error


@contextmanager
def redirecting_clients(sessions: Sessions) -> Iterator[None]:
    """While the block runs, Google's clients are made for this project, whatever code asks for.

    `agentplatform.Client` knows no environment variable for its URL, so its constructor is
    replaced, and that of `vertexai.Client` if vertexai is imported. ADK's VertexAiSessionService
    makes its client by the former.
    """
    with _of_extra():
        import agentplatform

    modules = [agentplatform, *filter(None, [sys.modules.get("vertexai")])]
    with ExitStack() as stack:
        for client in {module.Client for module in modules}:
            made = _redirected(client.__init__, sessions)
            stack.enter_context(mock.patch.object(client, "__init__", made))
        yield


def _redirected(init: Callable[..., None], sessions: Sessions) -> Callable[..., None]:
    from google.genai.types import HttpOptions
    from google.oauth2.credentials import Credentials

    @functools.wraps(init)
    def redirected(client: object, **options: Any) -> None:
        given = HttpOptions.model_validate(options.get("http_options") or {})
        here = {"base_url": sessions.url, "base_url_resource_scope": None}
        # No credential of the machine goes to the emulator, and none need be there.
        options |= {
            "api_key": None,
            "credentials": Credentials("unused"),  # type: ignore[no-untyped-call]
            "project": sessions.project,
            "location": sessions.location,
            "http_options": given.model_copy(update=here),
        }
        init(client, **options)

    return redirected


def _parse(text: str) -> timedelta:
    if not re.fullmatch(r"(\d+(\.\d+)?[dhms])+", text):
        raise ValueError(f"{text!r} is no duration such as 25h, 90s or 1d12h.")
    parts = re.findall(r"([\d.]+)([dhms])", text)
    return sum((timedelta(**{_UNITS[unit]: float(number)}) for number, unit in parts), timedelta())
