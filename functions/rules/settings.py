"""Every setting of the project, read from environment variables and checked at the start."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from functions.aip.duration import parse_duration

_Duration = Annotated[int, BeforeValidator(parse_duration)]
"""Written like `"86400s"`, held as nanoseconds."""


class Settings(BaseModel):
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
        pattern=r"^[A-Za-z0-9.:-]*$",
        description="The project that short names (`reasoningEngines/…`) stand for. "
        "Unset: the project of the Firestore store, else `local`.",
    )
    google_cloud_location: str = Field(
        default="us-central1",
        pattern=r"^[A-Za-z0-9-]+$",
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
    k_service: str = Field(
        default="", description="Set by the platform when the code runs as a Cloud Function."
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
    return f"{field.upper()}={values[field]!r} is not allowed: {why}. {allowed}"
