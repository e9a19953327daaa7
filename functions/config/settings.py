"""Every setting of the project, read from environment variables and checked at the start."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal, Self

from functions.config.auth_settings import AuthSettings
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
"""As browsers send it: in small letters, without the scheme's own port."""


def _parse_origins(text: str) -> frozenset[str]:
    origins = frozenset(origin.strip() for origin in text.split(",")) - {""}
    for origin in sorted(origins - {"*"}):
        if not re.fullmatch(_ORIGIN, origin):
            raise ValueError(
                f"{origin!r} is no scheme://host or scheme://host:port in small letters, "
                "without a path and without the scheme's own port"
            )
    return origins


def _parse_labels(text: str) -> str:
    keys = split(text)
    if {"*", "-"} & {*keys} and len(keys) > 1:
        raise ValueError("`*` and `-` stand alone")
    return ",".join(sorted({*keys}))


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
        if path.endswith("/") or path.rpartition("/")[2] in ("", ".", ".."):
            raise ValueError("it must name a file, not a folder")
    return text


@dataclass(frozen=True, kw_only=True)
class Settings(AuthSettings, LimitSettings):
    """One field per environment variable of the same name in capitals.

    Each may be given as the text of its variable, too; raises ValueError with a sentence per wrong
    text.
    """

    sessions_store: str = setting(
        "",
        "Where sessions live: `sqlite:///path.db`, `sqlite:////absolute/path.db`, "
        "`sqlite:///:memory:` (until the process ends) or `firestore://PROJECT[/DATABASE]`. "
        "Unset: Firestore when `K_SERVICE` or `FIRESTORE_EMULATOR_HOST` is set, "
        "else `sqlite:///.data/sessions.db`.",
        _parse_store,
    )
    google_cloud_project: str = setting(
        "",
        "The project that short names (`reasoningEngines/…`) stand for. "
        "Unset: the project of the Firestore store, else `local`.",
        matching(rf"({PROJECT.pattern})?"),
    )
    google_cloud_location: str = setting(
        "us-central1",
        "The location that short names stand for.",
        matching(LOCATION.pattern),
    )
    project_number: str = setting(
        "",
        "The project's number, an alias of its id in every name.",
        matching(r"[0-9]*"),
    )
    min_ttl: int = setting(
        86400 * 10**9,
        'The shortest life that a session may be given, such as `"86400s"`.',
        duration,
    )
    require_engine: bool = setting(
        False,
        "`true`: sessions live only under reasoning engines that were created.",
        truth,
    )
    unknown_fields: Literal["reject", "keep", "strict"] = setting(
        "reject",
        "What happens to JSON fields that the API does not know: "
        "`reject` answers 400, `keep` stores and returns them. `strict` also answers 400 to the "
        "fields that ADK's clients send and Google's schema lacks, which are kept otherwise.",
        one_of("reject", "keep", "strict"),
    )
    cors_origins: frozenset[str] = setting(
        frozenset(),
        "Web pages that may call the API from a browser: origins as browsers send "
        "them, such as `https://app.example,http://localhost:3000`, or `*` for every page. "
        "Unset: none but the API's own.",
        _parse_origins,
    )
    store_timeout: int = setting(
        10 * 10**9,
        "How long one request may wait for the store before it answers 503 or 409.",
        patience,
    )
    shards: int = setting(
        30,
        "How many ranges of an index share the sessions that one list of Firestore goes through: "
        "500 writes a second for each. Each 30 cost a page one query. All servers of a database "
        "have the same; a change moves its sessions.",
        whole(1, 600),
    )
    indexed_labels: str = setting(
        "*",
        "Keys of labels that Firestore finds sessions by, separated by commas; `-` for none, `*` "
        "for all. A list reads the sessions that it decides other labels of. All servers of a "
        "database have the same; a change moves its sessions.",
        _parse_labels,
    )
    purge_time_limit: int = setting(
        50 * 10**9,
        "How long one purge may work; less than the function's own time limit.",
        patience,
    )
    watch_time_limit: int | None = setting(
        None,
        "How long one stream of `watch_events` lasts before its client has to connect "
        "again; less than the function's own time limit. Unset: `50s` in the cloud, else `3600s`.",
        patience,
    )
    watch_heartbeat: int = setting(
        15 * 10**9,
        "How often a stream without events says that it is still there.",
        patience,
    )
    watchers: int | None = setting(
        None,
        "How many streams one process holds, a thread each; more are answered 429. "
        "Unset: three quarters of `THREADS`.",
        whole(0),
    )
    log_requests: bool | None = setting(
        None,
        "`true`: one line of JSON for each request on standard output. "
        "Unset: `true` when `K_SERVICE` is set, else `false`.",
        truth,
    )
    workers: int | None = setting(
        None,
        "Processes that serve; a database in memory takes one. Unset: 1.",
        whole(1),
    )
    threads: int | None = setting(
        None,
        "Threads of one process. Unset: four for each processor.",
        whole(1),
    )
    firestore_emulator_host: str = setting(
        "",
        "`host:port` of a Firestore emulator to use instead of the cloud.",
    )

    def __post_init__(self) -> None:
        """Reads what was given as text, and holds the settings against each other."""
        read_settings(self)
        self.check_auth()
        if self.store_url == IN_MEMORY and (self.workers or 1) > 1:
            raise ValueError(
                f"WORKERS={self.workers} is not allowed with SESSIONS_STORE={IN_MEMORY}: "
                "each process would have a database of its own."
            )
        if self.k_service and not (self.sessions_store or self.google_cloud_project):
            raise ValueError("In the cloud, set GOOGLE_CLOUD_PROJECT or SESSIONS_STORE.")
        if "google_iam" in self.auth_kinds and not self.has_project:
            raise ValueError("AUTH=google_iam needs GOOGLE_CLOUD_PROJECT, whose IAM it asks.")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Reads the settings; raises SystemExit with a sentence per wrong value."""
        texts = {name: environment.get(name.upper(), "") for name in cls.descriptions()}
        try:
            return cls(**{name: text for name, text in texts.items() if text})  # type: ignore[arg-type]
        except ValueError as error:
            raise SystemExit(str(error)) from None

    @classmethod
    def descriptions(cls) -> dict[str, str]:
        """What each setting is for, by the name of its field."""
        return {each.name: each.metadata["description"] for each in fields(cls)}

    @property
    def watch_seconds(self) -> float:
        """How long one stream lasts, with the default applied."""
        if self.watch_time_limit is not None:
            return self.watch_time_limit / 1e9
        return 50 if self.k_service else 3600

    @property
    def most_watchers(self) -> int:
        """How many streams one process holds, with the default applied."""
        if self.watchers is not None:
            return self.watchers
        return self._threads * 3 // 4

    @property
    def most_asking(self) -> int:
        """How many threads of one process may wait for others to judge a credential."""
        return max(1, self._threads // 2)

    @property
    def _threads(self) -> int:
        return self.threads or 4 * (os.cpu_count() or 1)

    @property
    def logs_requests(self) -> bool:
        """Whether each request leaves a line in the log, with the default applied."""
        return bool(self.k_service) if self.log_requests is None else self.log_requests

    @property
    def store_url(self) -> str:
        """The store to use, with the defaults applied."""
        if self.sessions_store:
            return self.sessions_store
        if self.k_service or self.firestore_emulator_host:
            return f"firestore://{self.google_cloud_project or 'local'}"
        return "sqlite:///.data/sessions.db"

    @property
    def has_project(self) -> bool:
        """Whether short names stand for a project that somebody chose."""
        return bool(self.google_cloud_project) or self.store_url.startswith("firestore:")

    @property
    def default_project(self) -> str:
        """The project that short names stand for."""
        if self.google_cloud_project:
            return self.google_cloud_project
        scheme, _, rest = self.store_url.partition("://")
        return rest.split("/")[0] if scheme == "firestore" else "local"
