r"""Manages the Cloud Scheduler jobs that purge expired sessions; see cloud.google.com/scheduler.

Terraform makes the jobs without this script. `pause`, `resume`, `run` and `status` also work on
Terraform's jobs. With --jobs=3, each command is about three jobs, each of which purges its part.

    python infra/schedule_purge.py apply --project=my-project --location=us-central1 \
        --url=https://purge-abc-uc.a.run.app \
        --service-account=purge-scheduler@my-project.iam.gserviceaccount.com
    python infra/schedule_purge.py status --project=my-project --location=us-central1

`apply` may be repeated. It changes only the fields that differ, and sets omitted flags to their
defaults. With a wrong flag the script exits with 2 and sends nothing. If Cloud Scheduler refuses a
call, it exits with 1 and prints the remedy.
"""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial, reduce
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

import grpc
from google.api_core.exceptions import AlreadyExists, GoogleAPICallError, NotFound
from google.auth.exceptions import GoogleAuthError
from google.cloud.scheduler_v1 import CloudSchedulerClient, HttpMethod, Job
from google.cloud.scheduler_v1.services.cloud_scheduler import transports

PATH = "/v1beta1/sessions:purgeExpired"

Reader = Callable[[str], Any]


def matching(pattern: str, meaning: str, value_of: Reader = str) -> Reader:
    """Returns a reader of flags that match the whole pattern."""

    def read(text: str) -> Any:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise argparse.ArgumentTypeError(f"must be {meaning}: {text!r}")
        return value_of(text)

    return read


def zone(text: str) -> str:
    """Reads the name of a time zone."""
    try:
        return ZoneInfo(text).key
    except (LookupError, OSError, ValueError) as error:
        message = f"must be a name such as Europe/Paris: {text!r}"
        raise argparse.ArgumentTypeError(message) from error


def duration(text: str) -> timedelta:
    """Reads a duration such as `30s`."""
    return timedelta(seconds=int(text[:-1]))


_PART = r"(\*|(\d+|[A-Za-z]{3})(-(\d+|[A-Za-z]{3}))?)(/\d+)?"
_FIELD = f"{_PART}(,{_PART})*"
cron = matching(f"{_FIELD}( {_FIELD}){{4}}", "cron's five fields, such as '*/10 * * * *'")
email = matching(r"[\w.-]+@[\w.-]+\.gserviceaccount\.com", "a service account's email")
name = matching(r"[\w.:-]+", "letters, digits and .:_-")
word = matching("[!-~]*", "one word")
function_url = matching(
    rf"https://[\w.-]+(:\d+)?(/[\w./~-]*)?({PATH})?",
    "https://, a host and perhaps a path",
    lambda text: text.removesuffix(PATH).rstrip("/") + PATH,
)
# Cloud Scheduler may read a zero as unset and use its default.
seconds = matching(r"[1-9]\d{0,4}s", "seconds such as 30s", duration)
seconds_or_0 = matching(r"\d{1,5}s", "seconds such as 30s", duration)
deadline = matching(r"(1[5-9]|[2-9]\d|[1-9]\d\d|1[0-7]\d\d|1800)s", "15s to 1800s", duration)
repeats = matching("[0-5]", "0 to 5", int)
doublings = matching("[1-9]|1[0-6]", "1 to 16", int)
parts = matching("[1-9]|[12][0-9]|30", "1 to 30", int)

COMMON = (
    ("project", "project", name, None, "the project's id"),
    ("location", "location", name, None, "the job's region, such as us-central1"),
    ("job", "job", name, "sessions-purge-expired-sessions", "the job's name"),
    ("jobs", "jobs", parts, "1", "how many jobs purge side by side"),
    ("timeout", "timeout", seconds, "30s", "for each call of the API"),
    ("endpoint", "endpoint", word, "", "host:port of a private or local Cloud Scheduler API"),
)
APPLIED = (
    ("url", "http_target.uri", function_url, None, "the purge function's URL"),
    ("service-account", "http_target.oidc_token.service_account_email", email, None,
     "the service account to call it as"),
    ("audience", "http_target.oidc_token.audience", word, "", "the OIDC token's; else --url"),
    ("schedule", "schedule", cron, "*/10 * * * *", "when to call, in cron's five fields"),
    ("time-zone", "time_zone", zone, "Etc/UTC", "the schedule's, as the tz database names it"),
    ("attempt-deadline", "attempt_deadline", deadline, "180s",
     "how long a call may take; more than the function's own limit"),
    ("retry-count", "retry_config.retry_count", repeats, "3", "how often to repeat a failed call"),
    ("max-retry-duration", "retry_config.max_retry_duration", seconds_or_0, "0s",
     "how long to repeat it at least; 0s: --retry-count decides"),
    ("min-backoff", "retry_config.min_backoff_duration", seconds, "10s",
     "the pause before the first repeat"),
    ("max-backoff", "retry_config.max_backoff_duration", seconds, "120s", "the longest pause"),
    ("max-doublings", "retry_config.max_doublings", doublings, "5", "how often the pause doubles"),
)  # fmt: skip
"""Flag, attribute (a path in the job, when applied), reader, default or None if required, help."""

FIXED = {
    "description": "Removes expired sessions and their events.",
    "http_target.http_method": HttpMethod.POST,
    "http_target.body": b"",
}
PATHS = (*FIXED, *(path for _, path, *_ in APPLIED))
"""The fields that `apply` compares; Cloud Scheduler sets others, such as the header User-Agent."""

FIXES = {
    "UNAUTHENTICATED|metadata from plugin": "run `gcloud auth application-default login`",
    "PERMISSION_DENIED.*(has not been used|is disabled)":
        "run `gcloud services enable cloudscheduler.googleapis.com --project={project}`",
    "PERMISSION_DENIED.*quota project":
        "run `gcloud auth application-default set-quota-project {project}`",
    "PERMISSION_DENIED.*actAs":
        "check that --service-account exists and that you have roles/iam.serviceAccountUser on it",
    "PERMISSION_DENIED":
        "check --project and --location, and that you have roles/cloudscheduler.admin",
    r"Location must equal (?P<region>[\w-]+)": "use --location={region}",
    "App Engine": "run `gcloud app create --project={project}`",
    "ocation.* not a valid": "use a --location from `gcloud scheduler locations list`",
    "NOT_FOUND": "check --project, --location and --job, or create the job with `apply`",
    "UNAVAILABLE|DEADLINE_EXCEEDED": "check the network and --endpoint, and try again",
    "": "correct what Cloud Scheduler names",
}  # fmt: skip
"""A pattern of the error `CODE: text` → its remedy; the first pattern that is found decides."""

CODES = {code.value[0]: code.name for code in grpc.StatusCode}
HINTS = {
    "DEADLINE_EXCEEDED": "; raise --attempt-deadline",
    "NOT_FOUND": "; check --url",
    "PERMISSION_DENIED": "; let the service account call it (roles/run.invoker)",
    "UNAUTHENTICATED": "; check --audience",
}
"""The code of a failed attempt → its remedy."""


class PurgeJob:
    """One of the jobs that the flags name; each command returns the text to print."""

    def __init__(
        self, client: CloudSchedulerClient, args: argparse.Namespace, number: int = 0
    ) -> None:
        """`number` counts the jobs from 0; all but the first have it behind their name."""
        self._client = client
        self._args = args
        self._part = f"?shard={number}/{args.jobs}" if args.jobs > 1 else ""
        job = f"{args.job}-{number}" if number else args.job
        self._name = client.job_path(args.project, args.location, job)
        self._timeout = args.timeout.total_seconds()

    def apply(self) -> str:
        """Creates the job or updates the fields that differ; a paused job stays paused."""
        wanted = self._wanted()
        try:
            existing = self._get()
        except NotFound:
            try:
                parent = self._name.rpartition("/jobs/")[0]
                self._client.create_job(parent=parent, job=wanted, timeout=self._timeout)
                return "created"
            except AlreadyExists:  # somebody else applied at the same moment
                existing = self._get()
        broken = existing.state == Job.State.UPDATE_FAILED  # until an update succeeds
        values = attrgetter(*PATHS)
        pairs = zip(PATHS, values(existing), values(wanted), strict=True)
        changed = [path for path, old, new in pairs if broken or old != new]
        if not changed:
            return "unchanged"
        request = {"job": wanted, "update_mask": {"paths": changed}}
        self._client.update_job(request, timeout=self._timeout)
        return f"updated: {', '.join(changed)}"

    def pause(self) -> str:
        """Stops the schedule until `resume`."""
        return self._switch(Job.State.PAUSED, self._client.pause_job, "paused")

    def resume(self) -> str:
        """Starts the schedule again."""
        return self._switch(Job.State.ENABLED, self._client.resume_job, "resumed")

    def run(self) -> str:
        """Calls the purge now, outside its schedule."""
        self._client.run_job(name=self._name, timeout=self._timeout)
        return "started; `status` shows its result"

    def status(self) -> str:
        """Shows the job's call, its next run and the result of its last attempt."""
        job = self._get()
        token = job.http_target.oidc_token
        paused = job.state == Job.State.PAUSED
        lines = (
            f"job:          {job.name}",
            f"state:        {job.state.name.lower()}",
            f"schedule:     {job.schedule} ({job.time_zone})",
            f"calls:        {job.http_target.uri}",
            f"as:           {token.service_account_email} for {token.audience}",
            f"next run:     {'none while paused' if paused else _time(job.schedule_time)}",
            f"last attempt: {_time(job.last_attempt_time)}",
            f"last result:  {_result(job)}",
        )
        return "\n".join(lines)

    def delete(self) -> str:
        """Deletes the job; expired sessions stay invisible and are no longer removed."""
        self._client.delete_job(name=self._name, retry=None, timeout=self._timeout)
        return "deleted"

    def _wanted(self) -> Job:
        job = Job(name=self._name)
        for path in PATHS:
            *parents, leaf = path.split(".")
            setattr(reduce(getattr, parents, job), leaf, vars(self._args)[path])
        target = job.http_target
        target.oidc_token.audience = target.oidc_token.audience or target.uri.removesuffix(PATH)
        target.uri += self._part
        return job

    def _get(self) -> Job:
        # The library would retry for ten minutes while somebody waits at a terminal.
        return self._client.get_job(name=self._name, retry=None, timeout=self._timeout)

    def _switch(self, state: int, call: Callable[..., Job], done: str) -> str:
        if self._get().state == state:
            return "unchanged"
        call(name=self._name, timeout=self._timeout)
        return done


def _time(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if moment else "never"


def _result(job: Job) -> str:
    code = CODES.get(job.status.code)
    if code is None or job.last_attempt_time is None:  # a new job's code is -1
        return "none yet"
    return "succeeded" if code == "OK" else f"failed with {code}{HINTS.get(code, '')}"


def connect(args: argparse.Namespace) -> CloudSchedulerClient:
    """Returns the official client with this machine's credentials, or without if --insecure."""
    if args.insecure:
        channel = grpc.insecure_channel(args.endpoint)
        transport = transports.CloudSchedulerGrpcTransport(channel=channel)
        return CloudSchedulerClient(transport=transport)
    return CloudSchedulerClient(client_options={"api_endpoint": args.endpoint or None})


def explain(error: GoogleAPICallError | GoogleAuthError, args: argparse.Namespace) -> str:
    """Returns the remedy for an error with the error itself."""
    if isinstance(error, GoogleAuthError):
        answer = f"UNAUTHENTICATED: {error}"
    else:
        code = error.grpc_status_code
        answer = f"{code.name if code else error.code}: {error.message}"
    answer = " ".join(answer.split())
    found = ((re.search(pattern, answer), fix) for pattern, fix in FIXES.items())
    match, fix = next((match, fix) for match, fix in found if match)
    return f"{fix.format_map(vars(args) | match.groupdict())} ({answer})"


def read_flags(argv: Sequence[str] | None) -> argparse.Namespace:
    """Reads and checks the command line; exits with 2 if it is wrong."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in ("apply", "pause", "resume", "run", "status", "delete"):
        method = getattr(PurgeJob, command)
        about = method.__doc__
        below = commands.add_parser(command, help=about, description=about, allow_abbrev=False)
        below.set_defaults(method=method, **FIXED)
        flags = COMMON + APPLIED if command == "apply" else COMMON
        for flag, attribute, read, default, text in flags:
            add = partial(
                below.add_argument, f"--{flag}", dest=attribute, type=read, metavar="VALUE"
            )
            if default is None:
                add(required=True, help=text)
            else:
                add(default=default, help=f"{text} (%(default)s)" if default else text)
        below.add_argument("--insecure", action="store_true", help="no TLS, no credentials")
    args = parser.parse_args(argv)
    if args.insecure and not args.endpoint:
        parser.error("--insecure needs --endpoint")
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    args = read_flags(argv)
    try:
        with connect(args) as client:
            for number in range(args.jobs):
                print(args.method(PurgeJob(client, args, number)))
    except (GoogleAPICallError, GoogleAuthError) as error:
        print(f"schedule_purge.py: error: {explain(error, args)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
