#!/usr/bin/env python3
"""Keeps the Cloud Scheduler job that purges expired sessions; see cloud.google.com/scheduler.

    python infra/schedule_purge.py apply --project=my-project --location=us-central1 \\
        --url=https://purge-abc-uc.a.run.app \\
        --service-account=purge-scheduler@my-project.iam.gserviceaccount.com
    python infra/schedule_purge.py status --project=my-project --location=us-central1

It ends with 2 when a flag is wrong, before anything is sent, and with 1 and one sentence that says
what to do when Cloud Scheduler refuses.
"""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import attrgetter
from typing import Any
from zoneinfo import available_timezones

import grpc
from google.api_core.exceptions import AlreadyExists, GoogleAPICallError, NotFound
from google.auth.exceptions import GoogleAuthError
from google.cloud.scheduler_v1 import CloudSchedulerClient, HttpMethod, Job
from google.cloud.scheduler_v1.services.cloud_scheduler import transports
from google.protobuf.field_mask_pb2 import FieldMask

PATH = "/v1beta1/sessions:purgeExpired"

Reader = Callable[[str], Any]
"""Turns a flag's text into its value; raises ArgumentTypeError saying what it must be."""


def reader(is_right: Callable[[str], object], meaning: str, value_of: Reader = str) -> Reader:
    """Reads a flag that `is_right` accepts."""

    def read(text: str) -> Any:
        if not is_right(text):
            raise argparse.ArgumentTypeError(f"must be {meaning}: {text!r}")
        return value_of(text)

    return read


def matching(pattern: str, meaning: str, value_of: Reader = str) -> Reader:
    """Reads a flag that `pattern` describes from end to end."""
    return reader(re.compile(pattern, re.ASCII).fullmatch, meaning, value_of)


def seconds(least: int, most: int) -> Reader:
    """Reads a duration such as `30s`."""

    def is_right(text: str) -> bool:
        return bool(re.fullmatch("[0-9]{1,5}s", text)) and least <= int(text[:-1]) <= most

    meaning = f"{least}s to {most}s"
    return reader(is_right, meaning, lambda text: timedelta(seconds=int(text[:-1])))


ITEM = r"(\*|(\d+|[A-Za-z]{3})(-(\d+|[A-Za-z]{3}))?)(/\d+)?"
ITEMS = f"{ITEM}(,{ITEM})*"
cron = matching(f"{ITEMS}( {ITEMS}){{4}}", "cron's five fields, such as '*/10 * * * *'")
email = matching(r"[\w.-]+@[\w.-]+\.gserviceaccount\.com", "a service account's email")
name = matching(r"[\w.:-]+", "letters, digits and .:_-")
purge_url = matching(
    rf"https://[\w.-]+(:\d+)?(/[\w./~-]*)?({PATH})?",
    "https://, a host and perhaps a path",
    lambda text: text.removesuffix(PATH).rstrip("/") + PATH,
)
zone = reader(lambda text: text in available_timezones(), "a tz database name like Europe/Paris")
# Cloud Scheduler may take a zero for unset and put its own default in its place.
pause = seconds(1, 86400)

FLAGS = (
    ("url", "http_target.uri", purge_url, None, "of the function that purges"),
    ("service-account", "http_target.oidc_token.service_account_email", email, None, "who calls"),
    ("audience", "http_target.oidc_token.audience", matching("[!-~]+", "one word"), "",
     "whom the OIDC token is for; unless given, --url"),
    ("schedule", "schedule", cron, "*/10 * * * *", "when to call, as cron writes it"),
    ("time-zone", "time_zone", zone, "Etc/UTC", "of the schedule, by its tz database name"),
    ("attempt-deadline", "attempt_deadline", seconds(15, 1800), "180s",
     "for one call; more than the function's own time limit"),
    ("retry-count", "retry_config.retry_count", matching("[0-5]", "0 to 5", int), "3",
     "how often to repeat a failed call"),
    ("max-retry-duration", "retry_config.max_retry_duration", seconds(0, 86400), "0s",
     "how long to repeat it at least; 0s: --retry-count decides"),
    ("min-backoff", "retry_config.min_backoff_duration", pause, "10s", "before the first repeat"),
    ("max-backoff", "retry_config.max_backoff_duration", pause, "120s", "before the later ones"),
    ("max-doublings", "retry_config.max_doublings", matching("[1-9]|1[0-6]", "1 to 16", int), "5",
     "of the backoff"),
)  # fmt: skip
"""What `apply` takes: flag, path in the job, reader, default, help."""

FIXED = {
    "description": "Removes expired sessions and their events.",
    "http_target.http_method": HttpMethod.POST,
    "http_target.body": b"",
}
PATHS = (*FIXED, *(path for _, path, *_ in FLAGS))
"""What `apply` compares; the rest, such as the header User-Agent, is Cloud Scheduler's own."""

FIXES = {
    "UNAUTHENTICATED|metadata from plugin": "run `gcloud auth application-default login`",
    "PERMISSION_DENIED.*(has not been used|is disabled)":
        "run `gcloud services enable cloudscheduler.googleapis.com --project={project}`",
    "PERMISSION_DENIED.*quota project":
        "run `gcloud auth application-default set-quota-project {project}`",
    "PERMISSION_DENIED.*actAs":
        "check that --service-account exists and lets you act as it (iam.serviceAccountUser)",
    "PERMISSION_DENIED":
        "check --project and --location, and that you have roles/cloudscheduler.admin",
    r"Location must equal (?P<region>[\w-]+)": "use --location={region}",
    "App Engine": "run `gcloud app create --project={project}`",
    "ocation.* not a valid": "use a --location from `gcloud scheduler locations list`",
    "NOT_FOUND": "check --project, --location and --job, or create the job with `apply`",
    "UNAVAILABLE|DEADLINE_EXCEEDED": "check the network and --endpoint, and try again",
    "": "correct what Cloud Scheduler names",
}  # fmt: skip
"""What helps against an answer `CODE: text`; the first pattern found in it wins."""

CODES = {code.value[0]: code.name for code in grpc.StatusCode}
HINTS = {
    "DEADLINE_EXCEEDED": "; raise --attempt-deadline",
    "NOT_FOUND": "; check --url",
    "PERMISSION_DENIED": "; give the service account roles/run.invoker on the function",
    "UNAUTHENTICATED": "; check --audience",
}


class PurgeJob:
    """The job that the flags name; every command answers what to print."""

    def __init__(self, client: CloudSchedulerClient, args: argparse.Namespace) -> None:
        self._client = client
        self._args = args
        self._name = client.job_path(args.project, args.location, args.job)
        self._timeout = args.timeout.total_seconds()

    def apply(self) -> str:
        """Creates the job or updates what differs; a paused job stays paused."""
        wanted = Job(name=self._name)
        for path in PATHS:
            *parents, leaf = path.split(".")
            setattr(reduce(getattr, parents, wanted), leaf, vars(self._args)[path])
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
        changed = [path for path in PATHS if broken or _differ(existing, wanted, path)]
        if not changed:
            return "unchanged"
        mask = FieldMask(paths=changed)
        self._client.update_job(job=wanted, update_mask=mask, timeout=self._timeout)
        return f"updated: {', '.join(changed)}"

    def pause(self) -> str:
        """Stops the schedule until `resume`."""
        if self._get().state == Job.State.PAUSED:
            return "unchanged"
        self._client.pause_job(name=self._name, timeout=self._timeout)
        return "paused"

    def resume(self) -> str:
        """Starts the schedule again."""
        if self._get().state == Job.State.ENABLED:
            return "unchanged"
        self._client.resume_job(name=self._name, timeout=self._timeout)
        return "resumed"

    def run(self) -> str:
        """Calls the purge now, whatever the schedule."""
        self._client.run_job(name=self._name, timeout=self._timeout)
        return "started; `status` shows its result"

    def status(self) -> str:
        """Shows what the job does, when it runs next and how its last attempt went."""
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
        """Deletes the job; what expires stays invisible, but is no longer removed."""
        self._client.delete_job(name=self._name, retry=None, timeout=self._timeout)
        return "deleted"

    def _get(self) -> Job:
        # The library would retry for ten minutes; somebody waits at a terminal.
        return self._client.get_job(name=self._name, retry=None, timeout=self._timeout)


def _differ(existing: Job, wanted: Job, path: str) -> bool:
    value = attrgetter(path)
    # Unset and empty are the same to Cloud Scheduler.
    return bool((value(existing) or None) != (value(wanted) or None))


def _time(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if moment else "never"


def _result(job: Job) -> str:
    code = CODES.get(job.status.code)
    if code is None or job.last_attempt_time is None:  # a new job's code is -1
        return "none yet"
    return "succeeded" if code == "OK" else f"failed with {code}{HINTS.get(code, '')}"


def connect(args: argparse.Namespace) -> CloudSchedulerClient:
    """The official client, with this machine's credentials or, if --insecure, with none."""
    if args.insecure:
        channel = grpc.insecure_channel(args.endpoint)
        transport = transports.CloudSchedulerGrpcTransport(channel=channel)
        return CloudSchedulerClient(transport=transport)
    return CloudSchedulerClient(client_options={"api_endpoint": args.endpoint})


def explain(error: GoogleAPICallError | GoogleAuthError, args: argparse.Namespace) -> str:
    """What to do about an error, and what was answered."""
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
    """Reads and checks the command line; leaves with 2 when it is wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in ("apply", "pause", "resume", "run", "status", "delete"):
        method = getattr(PurgeJob, command)
        below = commands.add_parser(command, help=method.__doc__, description=method.__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        below.set_defaults(method=method, **FIXED)
        add = below.add_argument
        add("--project", required=True, type=name, metavar="ID")
        add("--location", required=True, type=name, help="the job's region, such as us-central1")
        add("--job", default="purge-expired-sessions", type=name, help="the job's name")
        add("--timeout", default="30s", type=seconds(1, 600), help="for each call of the API")
        add("--endpoint", metavar="HOST:PORT", help="of a private or local Cloud Scheduler API")
        add("--insecure", action="store_true", help="call --endpoint without TLS and credentials")
        for flag, path, read, default, text in FLAGS if command == "apply" else ():
            add(f"--{flag}", dest=path, type=read, default=default, required=default is None, help=text)
    args = parser.parse_args(argv)
    ...
    return args
