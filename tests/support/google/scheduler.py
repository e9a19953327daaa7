"""The Cloud Scheduler API in this process: the real messages over real gRPC.

Rules and defaults are those of the API's reference, and texts are those of the real service where
they are known. `calls` are the calls so far; `failures` and `before` break it on purpose.
"""

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import available_timezones

import grpc
from google.cloud import scheduler_v1 as v1
from google.cloud.scheduler_v1 import Job
from google.protobuf.empty_pb2 import Empty
from google.protobuf.field_mask_pb2 import FieldMask

SERVICE = "google.cloud.scheduler.v1.CloudScheduler"
LOCATIONS = ("europe-west1", "us-central1")
NEXT_RUN = datetime(2026, 11, 22, 10, 10, tzinfo=UTC)
LAST_RUN = datetime(2026, 11, 22, 10, 3, 21, tzinfo=UTC)
OUTPUT_ONLY = {"name", "user_update_time", "state", "status", "schedule_time", "last_attempt_time"}
LARGEST = (59, 23, 31, 12, 7)
"""What each field of a cron line may be at most."""

TIME_ZONES = available_timezones()

Code = grpc.StatusCode


class Refused(Exception):
    """An answer that is not OK."""

    def __init__(self, code: grpc.StatusCode, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Call(NamedTuple):
    """What one call asked for."""

    method: str
    request: Any
    metadata: dict[str, str]


class FakeScheduler:
    """Jobs by name, and everything that was asked."""

    def __init__(self) -> None:
        self.address = ""
        self.jobs: dict[str, Job] = {}
        self.calls: list[Call] = []
        self.failures: dict[str, tuple[grpc.StatusCode, str]] = {}
        self.before: dict[str, Callable[[], object]] = {}
        self.outcome = 0
        """The code that every attempt ends with."""
        self._lock = threading.Lock()

    @property
    def writes(self) -> list[str]:
        """The methods called, but for those that only read."""
        return [call.method for call in self.calls if call.method != "GetJob"]

    def get_job(self, request: v1.GetJobRequest) -> Job:
        if request.name not in self.jobs:
            raise Refused(Code.NOT_FOUND, "Job not found.")
        return self.jobs[request.name]

    def create_job(self, request: v1.CreateJobRequest) -> Job:
        job = Job(request.job)
        if not job.name.startswith(f"{request.parent}/jobs/"):
            raise Refused(Code.INVALID_ARGUMENT, f"Job name must be below {request.parent}.")
        if job.name in self.jobs:
            raise Refused(Code.ALREADY_EXISTS, f"Job [{job.name}] already exists.")
        _fill_in(job)
        _check(job)
        self.jobs[job.name] = job
        return job

    def update_job(self, request: v1.UpdateJobRequest) -> Job:
        existing = self.get_job(v1.GetJobRequest(name=request.job.name))
        mask: FieldMask = request.update_mask
        if not mask.paths or not mask.IsValidForDescriptor(Job.pb(existing).DESCRIPTOR):
            raise Refused(Code.INVALID_ARGUMENT, f"Invalid update mask: {list(mask.paths)}")
        allowed = FieldMask(paths=[path for path in mask.paths if path not in OUTPUT_ONLY])
        job = Job(existing)
        allowed.MergeMessage(Job.pb(request.job), Job.pb(job), replace_message_field=True)
        if job.state == Job.State.UPDATE_FAILED:
            job.state = Job.State(Job.State.ENABLED)
        _check(job)
        self.jobs[job.name] = job
        return job

    def delete_job(self, request: v1.DeleteJobRequest) -> Empty:
        self.get_job(v1.GetJobRequest(name=request.name))
        del self.jobs[request.name]
        return Empty()

    def pause_job(self, request: v1.PauseJobRequest) -> Job:
        return self._switch(request.name, Job.State.ENABLED, Job.State.PAUSED)

    def resume_job(self, request: v1.ResumeJobRequest) -> Job:
        return self._switch(request.name, Job.State.PAUSED, Job.State.ENABLED)

    def run_job(self, request: v1.RunJobRequest) -> Job:
        job = self.get_job(v1.GetJobRequest(name=request.name))
        job.last_attempt_time = LAST_RUN
        job.status = {"code": self.outcome}
        return job

    def _switch(self, name: str, before: int, after: int) -> Job:
        job = self.get_job(v1.GetJobRequest(name=name))
        if job.state != before:
            raise Refused(Code.FAILED_PRECONDITION, f"Job is {job.state.name}.")
        job.state = Job.State(after)
        return job

    def _answer(self, method: str, request: Any, context: grpc.ServicerContext) -> Any:
        metadata = {key: str(value) for key, value in context.invocation_metadata()}
        self.calls.append(Call(method, request, metadata))
        self.before.get(method, lambda: None)()
        try:
            if method in self.failures:
                raise Refused(*self.failures[method])
            _check_location(str(request))
            with self._lock:
                return getattr(self, re.sub(r"(?<=[a-z])J", "_j", method).lower())(request)
        except Refused as refused:
            context.abort(refused.code, refused.text)


def _fill_in(job: Job) -> None:
    job.state = Job.State(Job.State.ENABLED)
    job.status = {"code": -1}
    job.schedule_time = NEXT_RUN
    job.time_zone = job.time_zone or "UTC"
    job.attempt_deadline = job.attempt_deadline or timedelta(minutes=3)
    job.http_target.headers["User-Agent"] = "Google-Cloud-Scheduler"
    retry = job.retry_config
    retry.min_backoff_duration = retry.min_backoff_duration or timedelta(seconds=5)
    retry.max_backoff_duration = retry.max_backoff_duration or timedelta(hours=1)
    retry.max_doublings = retry.max_doublings or 16


def _check(job: Job) -> None:
    retry = job.retry_config
    wrong = {
        "Schedule or time zone is invalid.": not _is_cron(job.schedule)
        or job.time_zone not in TIME_ZONES,
        "HttpTarget.url must start with http:// or https://.": not job.http_target.uri.startswith(
            ("http://", "https://")
        ),
        "RetryConfig.retry_count must be 0 to 5.": not 0 <= retry.retry_count <= 5,
        "RetryConfig.max_backoff_duration must not be less than min_backoff_duration.": (
            retry.max_backoff_duration < retry.min_backoff_duration
        ),
        "Job.attempt_deadline must be 15s to 30m.": not (
            timedelta(seconds=15) <= job.attempt_deadline <= timedelta(minutes=30)
        ),
    }
    for text, is_wrong in wrong.items():
        if is_wrong:
            raise Refused(Code.INVALID_ARGUMENT, text)


def _is_cron(schedule: str) -> bool:
    fields = schedule.split(" ")
    return len(fields) == len(LARGEST) and all(
        int(number) <= largest
        for field, largest in zip(fields, LARGEST, strict=True)
        for number in re.findall(r"\d+", field)
    )


def _check_location(request: str) -> None:
    match = re.search(r"projects/[^/]+/locations/([^/\"]+)", request)
    location = match[1] if match else ""
    if location not in LOCATIONS:
        text = f"Location '{location}' is not a valid location. Use ListLocations to list valid "
        raise Refused(Code.INVALID_ARGUMENT, f"{text}locations.")


@contextmanager
def serving(credentials: grpc.ServerCredentials | None = None) -> Iterator[FakeScheduler]:
    """A fake with an address, over TLS when credentials are given."""
    fake = FakeScheduler()

    def handler(method: str, request: Any, response: Any) -> "grpc.RpcMethodHandler[Any, Any]":
        return grpc.unary_unary_rpc_method_handler(
            lambda asked, context: fake._answer(method, asked, context),
            request_deserializer=request.deserialize,
            response_serializer=response,
        )

    methods = {
        "GetJob": handler("GetJob", v1.GetJobRequest, Job.serialize),
        "CreateJob": handler("CreateJob", v1.CreateJobRequest, Job.serialize),
        "UpdateJob": handler("UpdateJob", v1.UpdateJobRequest, Job.serialize),
        "DeleteJob": handler("DeleteJob", v1.DeleteJobRequest, Empty.SerializeToString),
        "PauseJob": handler("PauseJob", v1.PauseJobRequest, Job.serialize),
        "ResumeJob": handler("ResumeJob", v1.ResumeJobRequest, Job.serialize),
        "RunJob": handler("RunJob", v1.RunJobRequest, Job.serialize),
    }
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, methods)])
    if credentials:
        port = server.add_secure_port("localhost:0", credentials)
    else:
        port = server.add_insecure_port("localhost:0")
    fake.address = f"localhost:{port}"
    server.start()
    try:
        yield fake
    finally:
        server.stop(grace=None).wait()
