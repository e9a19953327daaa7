"""Every setting of the project, read from environment variables and checked at the start."""

import os
import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from functions.aip.duration import parse_duration
from functions.rules.auth_settings import AuthSettings
from functions.rules.limits import LimitSettings

_Duration = Annotated[int, BeforeValidator(parse_duration)]
"""Written like `"86400s"`, held as nanoseconds."""

_ORIGIN = re.compile(
    r"(?!https:.*:443$|http:.*:80$)[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?"
)
"""As browsers send it: in small letters, without the scheme's own port."""


def _parse_origins(text: str) -> frozenset[str]:
    origins = frozenset(origin.strip() for origin in text.split(",")) - {""}
    for origin in sorted(origins - {"*"}):
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(
                f"{origin!r} is no scheme://host or scheme://host:port in small letters, "
                "without a path and without the scheme's own port"
            )
    return origins


class Settings(AuthSettings, LimitSettings):
    """One field per environment variable of the same name in capitals."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    sessions_store: str = Field(
        default="",
        pattern=r"^(|sqlite:///.+|firestore://[^/]+(/[^/]+)?)$",
        description="Where sessions live: `sqlite:///path.db` or `firestore://PROJECT[/DATABASE]`. "
        "Unset: Firestore when `K_SERVICE` or `FIRESTORE_EMULATOR_HOST` is set, "
        "else `sqlite:///.data/sessions.db`.",
    )
    google_cloud_project: str = Field(
        default="",
        pattern=r"^([A-Za-z0-9][A-Za-z0-9.-]{0,127})?$",
        description="The project that short names (`reasoningEngines/…`) stand for. "
        "Unset: the project of the Firestore store, else `local`.",
    )
    google_cloud_location: str = Field(
        default="us-central1",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,127}$",
        description="The location that short names stand for.",
    )
    project_number: str = Field(
        default="",
        pattern=r"^[0-9]*$",
        description="The project's number, an alias of its id in every name.",
    )
    min_ttl: _Duration = Field(
        default=86400 * 10**9,
        ge=0,
        description='The shortest life that a session may be given, such as `"86400s"`.',
    )
    require_engine: bool = Field(
        default=False,
        description="`true`: sessions live only under reasoning engines that were created.",
    )
    unknown_fields: Literal["reject", "keep"] = Field(
        default="reject",
        description="What happens to JSON fields that the API does not know: "
        "`reject` answers 400, `keep` stores and returns them.",
    )
    cors_origins: Annotated[frozenset[str], BeforeValidator(_parse_origins)] = Field(
        default=frozenset(),
        description="Web pages that may call the API from a browser: origins as browsers send "
        "them, such as `https://app.example,http://localhost:3000`, or `*` for every page. "
        "Unset: none but the API's own.",
    )
    store_timeout: _Duration = Field(
        default=10 * 10**9,
        gt=0,
        description="How long one request may wait for the store before it answers 503 or 409.",
    )
    purge_time_limit: _Duration = Field(
        default=50 * 10**9,
        gt=0,
        description="How long one purge may work; less than the function's own time limit.",
    )
    watch_time_limit: _Duration | None = Field(
        default=None,
        gt=0,
        description="How long one stream of `watch_events` lasts before its client has to connect "
        "again; less than the function's own time limit. Unset: `50s` in the cloud, else `3600s`.",
    )
    watch_heartbeat: _Duration = Field(
        default=15 * 10**9,
        gt=0,
        description="How often a stream without events says that it is still there.",
    )
    watchers: int | None = Field(
        default=None,
        ge=0,
        description="How many streams one process holds, a thread each; more are answered 429. "
        "Unset: three quarters of `THREADS`.",
    )
    log_requests: bool | None = Field(
        default=None,
        description="`true`: one line of JSON for each request on standard output. "
        "Unset: `true` when `K_SERVICE` is set, else `false`.",
    )
    threads: int | None = Field(
        default=None,
        gt=0,
        description="Threads of one process. Unset: four for each processor.",
    )
    firestore_emulator_host: str = Field(
        default="", description="`host:port` of a Firestore emulator to use instead of the cloud."
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Reads the settings; raises SystemExit with a sentence per wrong value."""
        values = {
            field: environment[field.upper()]
            for field in cls.model_fields
            if environment.get(field.upper())
        }
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            complaints = [_complaint(cls, values, fault) for fault in error.errors()]
            raise SystemExit("\n".join(complaints)) from None

    @model_validator(mode="after")
    def _cloud_needs_a_project(self) -> Self:
        if self.k_service and not (self.sessions_store or self.google_cloud_project):
            raise ValueError("In the cloud, set GOOGLE_CLOUD_PROJECT or SESSIONS_STORE.")
        return self

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
        return (self.threads or 4 * (os.cpu_count() or 1)) * 3 // 4

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


def _complaint(settings: type[Settings], values: Mapping[str, str], fault: ErrorDetails) -> str:
    why = fault["msg"].removeprefix("Value error, ")
    if not fault["loc"]:
        return why
    field = str(fault["loc"][0])
    allowed = settings.model_fields[field].description
    # A key in the place of its hash must not reach the log.
    shown = "…" if field == "api_keys" else repr(values[field])
    return f"{field.upper()}={shown} is not allowed: {why}. {allowed}"
