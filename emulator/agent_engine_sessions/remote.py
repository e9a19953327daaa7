"""A server's export, import, erasure and purge over HTTP, sent again until they are through."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, Self, TypeVar
from urllib.parse import quote

import httpx
import tenacity

from agent_engine_sessions.serving import caller_headers

BODY_BYTES = 4 * 2**20
"""Bytes of one import request, unless one line has more; MAX_BODY_BYTES is far above."""

_TIMEOUT = httpx.Timeout(600.0, connect=30.0)
_PATIENCE = 120
"""Seconds for which a request is sent again while the server is unavailable."""

_TRANSIENT = {409, 429, 500, 502, 503, 504}
_ODD = "~"
_FIELD = re.compile(rb'\s*\{\s*"([^"]*)"')

_PURGE = "/sessions:purgeExpired"
"""Relative to the version; without the slash, `sessions` would be the scheme of a URL."""

_UNREACHED = (httpx.ConnectError, httpx.ConnectTimeout)

Answer = TypeVar("Answer")

Report = Callable[[str, int], None]
"""Takes progress: the kind of line, such as `session`, and how many more."""


class Refused(Exception):
    """The server refused a request: its message. Or a line is none that a server takes."""


class Cut(Exception):
    """An export ended before its last line."""


class Unreadable(Exception):
    """Another session service cannot be read: why."""


class NoServer(Refused):
    """Nothing listens at the server's URL."""


class Remote:
    """One engine of a server, or with the engine `-` all engines of a location."""

    def __init__(
        self, url: str, parent: str, *, token: str = "", api_key: str = "", pause: float = 0.5
    ) -> None:
        """`parent` is the engine's name, such as `reasoningEngines/1`, or with its project.

        `pause` is the seconds before a request is first sent again. Raises ValueError for a URL or
        a credential that cannot be sent.
        """
        _check_url(url)
        headers = caller_headers(token, api_key)
        if not all(text.isascii() and text.isprintable() for text in headers.values()):
            raise ValueError("The token or API key has a character that no header can carry.")
        self._url = url
        self._has_answered = False
        self._client = httpx.Client(
            base_url=f"{url.rstrip('/')}/v1beta1/",
            # The commands use extensions, also of a server that refuses them to other clients.
            headers={**headers, "X-Extensions": "true"},
            timeout=_TIMEOUT,
            event_hooks={"response": [self._note_answer]},
        )
        self._parent = parent
        self._retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(self._may_pass),
            wait=tenacity.wait_random_exponential(multiplier=pause, max=20),
            stop=tenacity.stop_after_delay(_PATIENCE),
            reraise=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def export(self, file: BinaryIO, query_filter: str, report: Report) -> Counter[str]:
        """Writes all lines to a file that can seek, and tells how many sessions and events.

        Where the stream is cut, the file goes back to the last token and the export goes on.
        """
        total: Counter[str] = Counter()
        token: str | None = ""
        while token is not None:
            start = file.tell()

            def read(behind: str = token, start: int = start) -> tuple[str | None, Counter[str]]:
                file.seek(start)
                file.truncate()
                return self._export_part(file, query_filter, behind)

            token, counts = self._patiently(read)
            for what, count in counts.items():
                report(what, count)
            total += counts
        file.write(json_line({"end": {"sessions": total["session"], "events": total["event"]}}))
        return total

    def import_lines(self, lines: Iterable[bytes], report: Report) -> dict[str, Any]:
        """Sends lines in several requests, and returns the sums of the server's answers."""
        total: dict[str, Any] = {
            "importedSessions": 0,
            "importedEvents": 0,
            "skipped": 0,
            "conflicts": [],
        }
        for repeated, body in bodies(lines):
            answer = self._call("POST", f"{self._parent}:import", content=repeated + body)
            for field, value in answer.items():
                total[field] += value
            # The session that a body repeats was counted with the body before.
            if repeated and not _is_among(repeated, answer["conflicts"]):
                total["skipped"] -= 1
            report("session", answer.get("importedSessions", 0))
            report("event", answer.get("importedEvents", 0))
        total["conflicts"] = list(dict.fromkeys(total["conflicts"]))
        return total

    def erase(self, user_id: str, report: Report, *, dry_run: bool = False) -> Counter[str]:
        """Erases a user, or with `dry_run` counts what an erasure would remove."""
        path = f"{self._parent}/users/{spell(user_id)}:erase"
        return self._repeated(path, {"dryRun": "true"} if dry_run else {}, report)

    def purge(self, report: Report) -> Counter[str]:
        """Purges expired and deleted sessions until none is left."""
        return self._repeated(_PURGE, {}, report)

    def backlog(self) -> dict[str, Any]:
        """Counts expired sessions and removes nothing."""
        return self._call("POST", _PURGE, params={"dryRun": "true"})

    def _repeated(self, path: str, query: dict[str, str], report: Report) -> Counter[str]:
        """Calls a method until it says that it is done; adds the counts of its answers."""
        total: Counter[str] = Counter()
        while True:
            answer = self._call("POST", path, params=query)
            done = answer.pop("done", True)
            total.update(answer)
            for what, count in answer.items():
                report(what, count)
            if done or query:
                return total

    def _export_part(
        self, file: BinaryIO, query_filter: str, token: str
    ) -> tuple[str | None, Counter[str]]:
        """Writes the lines of one answer; returns the token of the next one, or None."""
        asked = {"filter": query_filter, "pageToken": token}
        query = {name: text for name, text in asked.items() if text}
        counts: Counter[str] = Counter()
        with self._client.stream("GET", f"{self._parent}:export", params=query) as answer:
            if answer.status_code != 200:
                answer.read()
            _check(answer)
            for line in _lines(answer.iter_bytes()):
                kind = kind_of(line)
                if kind == "end":
                    return None, counts
                if kind == "nextPageToken":
                    next_token: str = json.loads(line)["nextPageToken"]
                    return next_token, counts
                counts[kind] += 1
                file.write(line)
        raise Cut("The server ended an export before its last line.")

    def _call(self, verb: str, path: str, **options: Any) -> dict[str, Any]:
        def send() -> dict[str, Any]:
            answer = self._client.request(verb, path, **options)
            _check(answer)
            found: dict[str, Any] = answer.json()
            return found

        return self._patiently(send)

    def _patiently(self, call: Callable[[], Answer]) -> Answer:
        """Calls again while the server is unavailable; raises NoServer where none listens."""
        try:
            return self._retrying(call)
        except _UNREACHED as error:
            raise NoServer(
                f"No server answers at {self._url} ({error}). Start one with "
                "`agent-engine-sessions start`, or name another one with --url."
            ) from error

    def _may_pass(self, error: BaseException) -> bool:
        """Whether the call may succeed later: a server that has answered may be starting anew."""
        if isinstance(error, _UNREACHED):
            return self._has_answered
        return isinstance(error, (httpx.TransportError, _Unavailable, Cut))

    def _note_answer(self, _: httpx.Response) -> None:
        self._has_answered = True


class _Unavailable(Refused):
    """The server may answer later."""


def _check_url(url: str) -> None:
    """Raises ValueError for what is no URL of a server."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"{url!r} is no URL: {error}.") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ValueError(f"{url!r} is no URL such as http://127.0.0.1:8080.")


def _check(answer: httpx.Response) -> None:
    if answer.status_code == 200:
        return
    try:
        message = str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        message = answer.reason_phrase
    kind = _Unavailable if answer.status_code in _TRANSIENT else Refused
    raise kind(f"{answer.status_code}: {message}")


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines with their ends; what stands behind the last end is no line."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line + b"\n"


def kind_of(line: bytes) -> str:
    """The one field of a line, such as `session`, read without the rest of the line.

    Raises ValueError for a line that begins no JSON object with a field.
    """
    found = _FIELD.match(line)
    if found is None:
        raise ValueError(f"no JSON object: {line!r:.64}")
    return found[1].decode()


def bodies(lines: Iterable[bytes], size: int = BODY_BYTES) -> Iterator[tuple[bytes, bytes]]:
    """Bodies of about `size` bytes, each behind the line of the session that it goes on with.

    That line is empty for a body that begins with no event or change. Blank lines are left out.
    Raises Refused with the number of a line, from 1 on, that begins no JSON object.
    """
    body: list[bytes] = []
    total, session, repeated = 0, b"", b""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        line = line.rstrip(b"\r\n") + b"\n"
        try:
            kind = kind_of(line)
        except ValueError:
            raise Refused(
                f"line {number} must be a JSON object with one field, such as session."
            ) from None
        if body and total + len(line) > size:
            yield repeated, b"".join(body)
            repeated = session if kind in ("event", "stateChange") else b""
            body, total = [], len(repeated)
        if kind == "session":
            session = line
        body.append(line)
        total += len(line)
    if body:
        yield repeated, b"".join(body)


def _is_among(session: bytes, names: Iterable[str]) -> bool:
    """Whether a session's line is that of one of the names; its own engine may be another."""
    session_id = json.loads(session)["session"]["name"].rpartition("/")[2]
    return any(name.endswith(f"/sessions/{session_id}") for name in names)


def spell(user_id: str) -> str:
    """A user id as the last segment of a name: odd bytes become `~` and two digits."""
    return quote(user_id, safe="").replace("~", "%7E").replace(".", "%2E").replace("%", _ODD)


def json_line(value: object, *, sort_keys: bool = False) -> bytes:
    """A value as one line of newline-delimited JSON."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=sort_keys)
    return text.encode() + b"\n"
