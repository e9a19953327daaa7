"""Every setting of the project, read from environment variables and checked at the start."""

import os
import re
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, fields
from typing import Any, Literal, Self

from functions.aip.timestamp import parse_timestamp
from functions.config.auth_settings import AuthSettings
from functions.config.compaction_settings import CompactionSettings
from functions.config.console_settings import ConsoleSettings
from functions.config.limit_settings import LimitSettings
from functions.config.setting import (
    duration,
    matching,
    one_of,
    patience,
    read_settings,
    setting,
    split,
    truth,
    whole,
)
from functions.rules.names import LOCATION, PROJECT

_ORIGIN = (
    r"(?!https:.*:443$|http:.*:80$)[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?"
)
"""An origin as browsers send it: in small letters, without the scheme's default port."""


def _parse_origins(text: str) -> frozenset[str]:
    origins = frozenset(origin.strip() for origin in text.split(",")) - {""}
    for origin in sorted(origins - {"*"}):
        if not re.fullmatch(_ORIGIN, origin):
            raise ValueError(
                f"{origin!r} must be scheme://host or scheme://host:port in small letters, "
                "without a path and without the scheme's default port"
            )
    return origins


def _parse_labels(text: str) -> str:
    keys = split(text)
    if {"*", "-"} & {*keys} and len(keys) > 1:
        raise ValueError("`*` and `-` stand alone")
    return ",".join(sorted({*keys}))


def _read_clock(text: str) -> int:
    # Only an emulator waits for this import.
    from functions.rules.times import kept_time

    return kept_time("it", parse_timestamp(text))


_STORES = (
    "sqlite:///path.db for a file below the folder that the server starts in, "
    "sqlite:////absolute/path.db, sqlite:///:memory: for a database in memory, "
    "or firestore://PROJECT[/DATABASE]"
)

SQLITE = "sqlite:///"
IN_MEMORY = f"{SQLITE}:memory:"


def _parse_store(text: str) -> str:
    path = text.removeprefix(SQLITE)
    if not (path != text or re.fullmatch(r"(firestore://[^/]+(/[^/]+)?)?", text)):
        raise ValueError(f"it must be {_STORES}")
    if path != text and text != IN_MEMORY:
        if path.startswith("file:") or ":memory:" in path:
            raise ValueError(f"it takes a path and no options; a database in memory is {IN_MEMORY}")
        names_folder = path.rpartition("/")[2] in ("", ".", "..")
        if names_folder or os.path.isdir(os.path.expanduser(path)):
            raise ValueError("it must name a file, not a folder")
    return text


@dataclass(init=False, repr=False, eq=False)
class Settings(AuthSettings, CompactionSettings, ConsoleSettings, LimitSettings):
    """All settings; a field has the name of its environment variable in small letters.

    `dataclass` generates no method: every start would wait for it.
    """

    sessions_store: str = setting(
        "",
        "The store that keeps the sessions: `sqlite:///path.db`, `sqlite:////absolute/path.db`, "
        "`sqlite:///:memory:` (the data is lost when the process ends) or "
        "`firestore://PROJECT[/DATABASE]`. Unset: Firestore if `K_SERVICE` or "
        "`FIRESTORE_EMULATOR_HOST` is set, else `sqlite:///.data/sessions.db`.",
        _parse_store,
    )
    google_cloud_project: str = setting(
        "",
        "The id of the project that short names (`reasoningEngines/…`) belong to. "
        "Unset: the project of the Firestore store, else `local`.",
        matching(rf"({PROJECT.pattern})?"),
    )
    google_cloud_location: str = setting(
        "us-central1",
        "The location that short names (`reasoningEngines/…`) belong to.",
        matching(LOCATION.pattern),
    )
    project_number: str = setting(
        "",
        "The project's number. The server reads the number in a name as the project's id.",
        matching(r"[0-9]*"),
    )
    min_ttl: int = setting(
        86400 * 10**9,
        'The shortest life of a session, from its creation to its expireTime, such as `"86400s"`. '
        "The server refuses a shorter one with 400.",
        duration,
    )
    require_engine: bool = setting(
        False,
        "`true`: the server creates and lists sessions only under a reasoning engine that exists, "
        "and answers 404 otherwise.",
        truth,
    )
    session_ids: Literal["long", "official"] = setting(
        "long",
        "The ids that a client may choose for a session. `long`: 1 to 128 of `[A-Za-z0-9_-]`. "
        "`official`: 1 to 63 of `[a-z0-9-]`, as in the managed service.",
        one_of("long", "official"),
    )
    unknown_fields: Literal["reject", "keep", "strict"] = setting(
        "reject",
        "The treatment of JSON fields that the API does not know. `reject`: the server answers "
        "400. `keep`: it stores and returns them. `strict`: it also answers 400 to the fields that "
        "ADK's clients send and Google's schema lacks; the other two store and return those.",
        one_of("reject", "keep", "strict"),
    )
    extensions: bool = setting(
        True,
        "`false`, for tests: the server refuses what the managed service lacks. It answers 404 to "
        "methods, such as the purge, and 400 to parameters and filter fields, ignores `If-Match` "
        "and `If-None-Match`, and sends no `ETag`. A request with the header `X-Extensions: true` "
        "is answered as if this were `true`; the console and the commands `export`, `import`, "
        "`erase` and `purge` send it.",
        truth,
    )
    cors_origins: frozenset[str] = setting(
        frozenset(),
        "The origins of the web pages that may call the API from a browser, separated by commas "
        "and written as browsers send them, such as `https://app.example,http://localhost:3000`. "
        "`*` allows every page. Unset: only pages of the API's own origin may call it.",
        _parse_origins,
    )
    store_timeout: int = setting(
        10 * 10**9,
        "The time that one request may wait for the store. Then the server answers 503, or 409 if "
        "other writers were in the way.",
        patience,
    )
    shards: int = setting(
        30,
        "The number of index ranges that share the sessions of one Firestore list. Each range "
        "takes 500 writes a second. A page takes one query for each 30 ranges. All deployments of "
        "one database must have the same number. If it changes, the purge moves all sessions.",
        whole(1, 600),
    )
    indexed_labels: str = setting(
        "*",
        "The label keys that Firestore indexes, separated by commas. `*`: all. `-`: none. For a "
        "filter on another label, a list reads each session. All deployments of one database must "
        "have the same keys. If they change, the purge moves all sessions.",
        _parse_labels,
    )
    purge_time_limit: int = setting(
        50 * 10**9,
        "The time that one call of the purge may work. It must be less than the function's own "
        "time limit.",
        patience,
    )
    work_time_limit: int = setting(
        20 * 10**9,
        "The time that one request may work if it removes an engine, a user or events, or forks, "
        "exports or compacts. Then it answers that it is not done, or where to go on. It is also "
        "how long the server waits for the summarizer. It must be less than the function's own "
        "time limit.",
        patience,
    )
    watch_time_limit: int | None = setting(
        None,
        "The time after which the server closes a stream of `watch_events`; the client then "
        "connects again. It must be less than the function's own time limit. Unset: `50s` if "
        "`K_SERVICE` is set, else `3600s`.",
        patience,
    )
    watch_heartbeat: int = setting(
        15 * 10**9,
        "The time after which the server sends a comment on a stream that has no events, so that "
        "client and proxies keep the connection open.",
        patience,
    )
    watchers: int | None = setting(
        None,
        "The number of streams that one process holds; each takes a thread. The server answers "
        "429 to more. Unset: three quarters of `THREADS`.",
        whole(0),
    )
    log_requests: bool | None = setting(
        None,
        "`true`: the server writes one line of JSON for each request to standard output. "
        "Unset: `true` if `K_SERVICE` is set, else `false`.",
        truth,
    )
    otel_exporter_otlp_endpoint: str = setting(
        "",
        "URL of an OpenTelemetry collector, such as `http://localhost:4318`, that gets a span for "
        "each request and each call of Firestore; needs the packages of `requirements-otel.txt`. "
        "Unset: no spans.",
        matching(r"(https?://\S+)?"),
    )
    grpc_address: str = setting(
        "",
        "The `host:port` at which the server also answers gRPC, without TLS, such as "
        "`127.0.0.1:9090`; needs the packages of `agent-engine-sessions[grpc]`. Unset: no gRPC.",
        matching(r"(\S+:[0-9]+)?"),
    )
    workers: int | None = setting(
        None,
        "The number of processes that serve. It must be 1 with a database in memory. Unset: 1.",
        whole(1),
    )
    threads: int | None = setting(
        None,
        "The number of threads of one process. Unset: four for each processor.",
        whole(1),
    )
    firestore_emulator_host: str = setting(
        "",
        "The `host:port` of the Firestore emulator that the server uses instead of the cloud.",
    )

    emulator: bool = setting(
        False,
        "`true`: [tests](use-it-in-tests.md) change the server's clock, its answers and its data "
        "under `/emulator/v1/`, without a credential. The server does not start with it in the "
        "cloud, nor with several `WORKERS`.",
        truth,
    )

    emulator_clock: int | None = setting(
        None,
        "The time that the clock of `EMULATOR=true` has when the server starts, such as "
        "`2026-01-01T00:00:00Z`; it goes on from there. It must lie between "
        "`1970-01-01T00:00:00Z` and `2262-01-01T00:00:00Z`. Unset: the time of the machine.",
        _read_clock,
    )

    def __init__(self, **given: Any) -> None:
        """Takes values, or the texts of their variables; the settings do not change afterwards.

        Raises ValueError with a sentence for each wrong text, or for settings that exclude each
        other.
        """
        read_settings(self, given)
        self.check_auth()
        if self.store_url == IN_MEMORY and (self.workers or 1) > 1:
            raise ValueError(
                f"WORKERS={self.workers} is not allowed with SESSIONS_STORE={IN_MEMORY}: "
                "each process would have its own database."
            )
        if self.emulator and (self.k_service or (self.workers or 1) > 1):
            raise ValueError(
                "EMULATOR=true is not allowed in the cloud, nor with several WORKERS, each of "
                "which would have a clock of its own."
            )
        if self.k_service and not (self.sessions_store or self.google_cloud_project):
            raise ValueError("In the cloud, set GOOGLE_CLOUD_PROJECT or SESSIONS_STORE.")
        if "google_iam" in self.auth_kinds and not self.has_project:
            raise ValueError("AUTH=google_iam needs GOOGLE_CLOUD_PROJECT: it asks its IAM.")

    def with_extensions(self) -> Self:
        """The same settings with EXTENSIONS=true."""
        if self.extensions:
            return self
        extended = copy(self)
        extended.extensions = True
        return extended

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.sessions_store, self.google_cloud_project))

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Reads the settings; raises SystemExit with a sentence for each wrong value."""
        texts = {name: environment.get(name.upper(), "") for name in cls.descriptions()}
        try:
            return cls(**{name: text for name, text in texts.items() if text})
        except ValueError as error:
            raise SystemExit(str(error)) from None

    @classmethod
    def descriptions(cls) -> dict[str, str]:
        """The name of each field → the description of its setting."""
        return {each.name: each.metadata["description"] for each in fields(cls)}

    @property
    def watch_seconds(self) -> float:
        """WATCH_TIME_LIMIT in seconds, with its default applied."""
        if self.watch_time_limit is not None:
            return self.watch_time_limit / 1e9
        return 50 if self.k_service else 3600

    @property
    def most_watchers(self) -> int:
        """WATCHERS with its default applied."""
        if self.watchers is not None:
            return self.watchers
        return self.most_threads * 3 // 4

    @property
    def most_asking(self) -> int:
        """The number of threads of a process that may wait while others check credentials."""
        return max(1, self.most_threads // 2)

    @property
    def most_threads(self) -> int:
        """THREADS with its default applied."""
        return self.threads or 4 * (os.cpu_count() or 1)

    @property
    def serves_console(self) -> bool:
        """CONSOLE with its default applied."""
        return not self.k_service if self.console is None else self.console

    @property
    def logs_requests(self) -> bool:
        """LOG_REQUESTS with its default applied."""
        return bool(self.k_service) if self.log_requests is None else self.log_requests

    @property
    def store_url(self) -> str:
        """SESSIONS_STORE with its default applied."""
        if self.sessions_store:
            return self.sessions_store
        if self.k_service or self.firestore_emulator_host:
            return f"firestore://{self.google_cloud_project or 'local'}"
        return "sqlite:///.data/sessions.db"

    @property
    def has_project(self) -> bool:
        """Whether the settings name the project of short names; `local` is no project."""
        return bool(self.google_cloud_project) or self.store_url.startswith("firestore:")

    @property
    def default_project(self) -> str:
        """GOOGLE_CLOUD_PROJECT with its default applied."""
        if self.google_cloud_project:
            return self.google_cloud_project
        scheme, _, rest = self.store_url.partition("://")
        return rest.split("/")[0] if scheme == "firestore" else "local"
