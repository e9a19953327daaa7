"""infra/schedule_purge.py as its user runs it, against a Cloud Scheduler API of our own."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib.metadata import version
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pytest
from google.cloud.scheduler_v1 import HttpMethod, Job, PubsubTarget

from functions.api.path_table import PathTable
from functions.api.routes import ROUTES
from functions.store.protocol import MAX_PARTS
from infra.schedule_purge import COMMON, PATH, PATHS, main
from tests.support.certificates import certificate_of
from tests.support.google.scheduler import FakeScheduler, serving

INFRA = Path(__file__).parents[2] / "infra"
SCRIPT = str(INFRA / "schedule_purge.py")
NAME = "projects/my-project/locations/us-central1/jobs/sessions-purge-expired-sessions"
URL = "https://purge-abc-uc.a.run.app"
ACCOUNT = "purge-scheduler@my-project.iam.gserviceaccount.com"
WHERE = ("--project=my-project", "--location=us-central1")
WHAT = (f"--url={URL}", f"--service-account={ACCOUNT}")
COMMANDS = ("apply", "pause", "resume", "run", "status", "delete")


class Outcome(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def scheduler() -> Iterator[FakeScheduler]:
    with serving() as fake:
        yield fake


@pytest.fixture
def run(scheduler: FakeScheduler, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command; later flags win over those of every run."""

    def run(command: str, *flags: str) -> Outcome:
        try:
            code = main(flags_of(command, scheduler, *flags))
        except SystemExit as left:
            code = int(left.code or 0)
        return Outcome(code, *(text.rstrip("\n") for text in capsys.readouterr()))

    return run


def flags_of(command: str, scheduler: FakeScheduler, *flags: str) -> list[str]:
    what = WHAT if command == "apply" else ()
    return [command, *WHERE, *what, f"--endpoint={scheduler.address}", "--insecure", *flags]


def test_apply_creates_the_job_that_was_asked_for(scheduler: FakeScheduler, run: Run) -> None:
    assert run("apply") == (0, "created", "")
    job = scheduler.jobs[NAME]
    assert {path: attrgetter(path)(job) for path in PATHS} == {
        "description": "Removes expired sessions and their events.",
        "schedule": "*/10 * * * *",
        "time_zone": "Etc/UTC",
        "http_target.uri": URL + PATH,
        "http_target.http_method": HttpMethod.POST,
        "http_target.body": b"",
        "http_target.oidc_token.service_account_email": ACCOUNT,
        "http_target.oidc_token.audience": URL,
        "attempt_deadline": timedelta(minutes=3),
        "retry_config.retry_count": 3,
        "retry_config.max_retry_duration": timedelta(0),
        "retry_config.min_backoff_duration": timedelta(seconds=10),
        "retry_config.max_backoff_duration": timedelta(minutes=2),
        "retry_config.max_doublings": 5,
    }


def test_several_jobs_purge_a_part_each(scheduler: FakeScheduler, run: Run) -> None:
    """Every command is about all of them."""
    assert run("apply", "--jobs=3") == (0, "created\ncreated\ncreated", "")
    assert {name: job.http_target.uri for name, job in scheduler.jobs.items()} == {
        NAME: f"{URL}{PATH}?shard=0/3",
        f"{NAME}-1": f"{URL}{PATH}?shard=1/3",
        f"{NAME}-2": f"{URL}{PATH}?shard=2/3",
    }
    assert {job.http_target.oidc_token.audience for job in scheduler.jobs.values()} == {URL}
    assert run("apply", "--jobs=3").out == "unchanged\nunchanged\nunchanged"
    assert run("pause", "--jobs=3").out == "paused\npaused\npaused"
    assert run("delete", "--jobs=3").out == "deleted\ndeleted\ndeleted"
    assert scheduler.jobs == {}


def test_there_are_as_many_jobs_as_parts_at_most(run: Run) -> None:
    assert run("apply", f"--jobs={MAX_PARTS}").code == 0
    assert "must be 1 to 30: '31'" in run("apply", f"--jobs={MAX_PARTS + 1}").err


def test_the_job_calls_the_route_of_the_purge() -> None:
    assert PathTable(ROUTES).match("POST", PATH).route.method == "purge_expired_sessions"


def test_applying_twice_in_a_row_changes_nothing_the_second_time(scheduler: FakeScheduler) -> None:
    command = [sys.executable, SCRIPT, *flags_of("apply", scheduler)]
    for expected in ("created\n", "unchanged\n"):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, expected, "")
    assert [call.method for call in scheduler.calls] == ["GetJob", "CreateJob", "GetJob"]


CHANGES = (
    ("--url=https://other.example", "http_target.uri", "https://other.example" + PATH),
    (
        "--service-account=other@my-project.iam.gserviceaccount.com",
        "http_target.oidc_token.service_account_email",
        "other@my-project.iam.gserviceaccount.com",
    ),
    ("--audience=https://aud", "http_target.oidc_token.audience", "https://aud"),
    ("--schedule=0 3 * * MON-FRI", "schedule", "0 3 * * MON-FRI"),
    ("--time-zone=Europe/Paris", "time_zone", "Europe/Paris"),
    ("--attempt-deadline=1800s", "attempt_deadline", timedelta(minutes=30)),
    ("--retry-count=0", "retry_config.retry_count", 0),
    ("--max-retry-duration=60s", "retry_config.max_retry_duration", timedelta(minutes=1)),
    ("--min-backoff=1s", "retry_config.min_backoff_duration", timedelta(seconds=1)),
    ("--max-backoff=300s", "retry_config.max_backoff_duration", timedelta(minutes=5)),
    ("--max-doublings=16", "retry_config.max_doublings", 16),
)


@pytest.mark.parametrize(("flag", "path", "value"), CHANGES, ids=[row[0] for row in CHANGES])
def test_a_changed_flag_updates_its_field_and_no_other(
    scheduler: FakeScheduler, run: Run, flag: str, path: str, value: Any
) -> None:
    audience = f"--audience={URL}"
    run("apply", audience)
    before = scheduler.jobs[NAME]
    assert run("apply", audience, flag) == (0, f"updated: {path}", "")
    assert list(scheduler.calls[-1].request.update_mask.paths) == [path]
    after = scheduler.jobs[NAME]
    assert attrgetter(path)(after) == value
    assert [other for other in PATHS if attrgetter(other)(before) != attrgetter(other)(after)] == [
        path
    ]
    assert run("apply", audience, flag).out == "unchanged"
    assert scheduler.writes == ["CreateJob", "UpdateJob"]


def test_every_field_that_a_flag_decides_has_a_change_above() -> None:
    fixed = {"description", "http_target.http_method", "http_target.body"}
    assert {path for _, path, _ in CHANGES} == set(PATHS) - fixed


def test_several_changes_are_one_update(scheduler: FakeScheduler, run: Run) -> None:
    run("apply")
    updated = run("apply", "--time-zone=Asia/Tokyo", "--retry-count=5").out
    assert updated == "updated: time_zone, retry_config.retry_count"
    assert scheduler.writes == ["CreateJob", "UpdateJob"]


def test_a_new_url_is_the_new_audience(scheduler: FakeScheduler, run: Run) -> None:
    run("apply")
    run("apply", "--url=https://new.example")
    assert scheduler.jobs[NAME].http_target.oidc_token.audience == "https://new.example"


@pytest.mark.parametrize("url", [URL, f"{URL}/", URL + PATH])
def test_the_url_may_be_given_with_or_without_its_path(
    scheduler: FakeScheduler, run: Run, url: str
) -> None:
    run("apply")
    assert run("apply", f"--url={url}").out == "unchanged"


def test_flags_left_out_return_to_their_defaults(scheduler: FakeScheduler, run: Run) -> None:
    run("apply", "--schedule=0 * * * *")
    assert run("apply").out == "updated: schedule"
    assert scheduler.jobs[NAME].schedule == "*/10 * * * *"


def test_what_was_changed_by_hand_is_put_back(scheduler: FakeScheduler, run: Run) -> None:
    run("apply")
    target = scheduler.jobs[NAME].http_target
    target.http_method, target.body = HttpMethod(HttpMethod.PUT), b"{}"
    assert run("apply").out == "updated: http_target.http_method, http_target.body"
    assert target.headers == {"User-Agent": "Google-Cloud-Scheduler"}
    assert run("apply").out == "unchanged"


def test_a_field_that_cloud_scheduler_leaves_out_is_empty(
    scheduler: FakeScheduler, run: Run
) -> None:
    run("apply")
    del scheduler.jobs[NAME].retry_config.max_retry_duration
    assert run("apply").out == "unchanged"


def test_a_job_of_another_kind_becomes_the_purge(scheduler: FakeScheduler, run: Run) -> None:
    run("apply")
    scheduler.jobs[NAME].pubsub_target = PubsubTarget(topic_name="projects/my-project/topics/other")
    updated = run("apply").out
    assert "http_target.uri" in updated
    assert "http_target.oidc_token.audience" in updated
    assert "pubsub_target" not in scheduler.jobs[NAME]
    assert run("apply").out == "unchanged"


def test_a_paused_job_stays_paused_when_applied(scheduler: FakeScheduler, run: Run) -> None:
    run("apply")
    run("pause")
    assert run("apply").out == "unchanged"
    assert run("apply", "--retry-count=1").out == "updated: retry_config.retry_count"
    assert scheduler.jobs[NAME].state == Job.State.PAUSED


def test_a_job_whose_update_failed_is_updated_as_a_whole(
    scheduler: FakeScheduler, run: Run
) -> None:
    run("apply")
    scheduler.jobs[NAME].state = Job.State(Job.State.UPDATE_FAILED)
    assert run("apply").out == f"updated: {', '.join(PATHS)}"
    assert run("apply").out == "unchanged"


def test_an_apply_that_finds_another_at_its_heels_updates_what_that_one_created(
    scheduler: FakeScheduler, run: Run
) -> None:
    run("apply", "--schedule=0 * * * *")
    other = scheduler.jobs.pop(NAME)
    scheduler.before["CreateJob"] = lambda: scheduler.jobs.update({NAME: other})
    assert run("apply") == (0, "updated: schedule", "")
    assert scheduler.writes == ["CreateJob", "CreateJob", "UpdateJob"]


def test_of_two_applies_at_once_one_creates_the_job(scheduler: FakeScheduler) -> None:
    scheduler.before["CreateJob"] = threading.Barrier(2, timeout=30).wait
    command = [sys.executable, SCRIPT, *flags_of("apply", scheduler)]
    racing = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert sorted(process.communicate()[0] for process in racing) == ["created\n", "unchanged\n"]
    assert [process.returncode for process in racing] == [0, 0]
    assert scheduler.writes == ["CreateJob", "CreateJob"]


def test_pause_and_resume_switch_the_job(scheduler: FakeScheduler, run: Run) -> None:
    run("apply")
    assert run("pause") == (0, "paused", "")
    assert scheduler.jobs[NAME].state == Job.State.PAUSED
    assert run("resume") == (0, "resumed", "")
    assert scheduler.jobs[NAME].state == Job.State.ENABLED


def test_pause_and_resume_write_nothing_when_there_is_nothing_to_do(
    scheduler: FakeScheduler, run: Run
) -> None:
    run("apply")
    assert run("resume").out == "unchanged"
    run("pause")
    assert run("pause").out == "unchanged"
    assert scheduler.writes == ["CreateJob", "PauseJob"]


def test_run_calls_the_purge_now_even_while_paused(scheduler: FakeScheduler, run: Run) -> None:
    run("apply")
    run("pause")
    assert run("run") == (0, "started; `status` shows its result", "")
    assert scheduler.writes[-1] == "RunJob"
    assert "last result:  succeeded" in run("status").out


def test_status_of_a_new_job_says_when_it_runs_next(run: Run) -> None:
    run("apply", "--time-zone=Europe/Paris")
    assert run("status").out.splitlines() == [
        f"job:          {NAME}",
        "state:        enabled",
        "schedule:     */10 * * * * (Europe/Paris)",
        f"calls:        {URL}{PATH}",
        f"as:           {ACCOUNT} for {URL}",
        "next run:     2026-11-22 10:10:00 UTC",
        "last attempt: never",
        "last result:  none yet",
    ]


def test_status_of_a_paused_job_says_that_it_does_not_run(run: Run) -> None:
    run("apply")
    run("pause")
    shown = run("status").out
    assert "state:        paused\n" in shown
    assert "next run:     none while paused\n" in shown


RESULTS = (
    (-1, "none yet"),
    (0, "succeeded"),
    (4, "failed with DEADLINE_EXCEEDED; raise --attempt-deadline"),
    (5, "failed with NOT_FOUND; check --url"),
    (7, "failed with PERMISSION_DENIED; let the service account call it (roles/run.invoker)"),
    (13, "failed with INTERNAL"),
    (16, "failed with UNAUTHENTICATED; check --audience"),
)


@pytest.mark.parametrize(("code", "text"), RESULTS)
def test_status_says_how_the_last_attempt_went(
    scheduler: FakeScheduler, run: Run, code: int, text: str
) -> None:
    scheduler.outcome = code
    run("apply")
    run("run")
    assert run("status").out.splitlines()[-2:] == [
        "last attempt: 2026-11-22 10:03:21 UTC",
        f"last result:  {text}",
    ]


def test_status_reads_and_writes_nothing(scheduler: FakeScheduler, run: Run) -> None:
    run("apply")
    run("status")
    assert scheduler.writes == ["CreateJob"]


def test_delete_removes_the_job(scheduler: FakeScheduler, run: Run) -> None:
    run("apply")
    assert run("delete") == (0, "deleted", "")
    assert scheduler.jobs == {}


@pytest.mark.parametrize("command", [command for command in COMMANDS if command != "apply"])
def test_a_job_that_does_not_exist_is_an_error(run: Run, command: str) -> None:
    assert run(command) == refused(
        "check --project, --location and --job, or create the job "
        "with `apply` (NOT_FOUND: Job not found.)"
    )


def test_a_job_deleted_while_it_is_applied_is_an_error(scheduler: FakeScheduler, run: Run) -> None:
    run("apply")
    scheduler.before["UpdateJob"] = scheduler.jobs.clear
    assert run("apply", "--retry-count=1").err.startswith(
        "schedule_purge.py: error: check --project, --location and --job"
    )


LACKS = "The principal (user or service account) lacks IAM permission"
Code = grpc.StatusCode
REFUSALS = (
    (
        Code.PERMISSION_DENIED,
        f'{LACKS} "cloudscheduler.jobs.create" for the resource '
        '"projects/my-project/locations/us-central1" (or the resource may not exist).',
        "check --project and --location, and that you have roles/cloudscheduler.admin",
    ),
    (
        Code.PERMISSION_DENIED,
        f'{LACKS} "iam.serviceAccounts.actAs" for the resource "{ACCOUNT}" '
        "(or the resource may not exist).",
        "check that --service-account exists and that you have roles/iam.serviceAccountUser on it",
    ),
    (
        Code.PERMISSION_DENIED,
        "Cloud Scheduler API has not been used in project 123 before or it is disabled. "
        "Enable it by visiting https://console.developers.google.com/ then retry.",
        "run `gcloud services enable cloudscheduler.googleapis.com --project=my-project`",
    ),
    (
        Code.PERMISSION_DENIED,
        "Your application is authenticating by using local Application Default Credentials. "
        "The cloudscheduler.googleapis.com API requires a quota project, which is not set.",
        "run `gcloud auth application-default set-quota-project my-project`",
    ),
    (
        Code.UNAUTHENTICATED,
        "Request had invalid authentication credentials.",
        "run `gcloud auth application-default login`",
    ),
    (
        Code.UNAVAILABLE,
        "Getting metadata from plugin failed with error: Reauthentication is needed.",
        "run `gcloud auth application-default login`",
    ),
    (
        Code.FAILED_PRECONDITION,
        "Location must equal europe-west1 because the App Engine app that is associated with "
        "this project is located in europe-west1",
        "use --location=europe-west1",
    ),
    (
        Code.NOT_FOUND,
        "The project my-project does not contain an App Engine application.\n"
        "Please visit https://console.developers.google.com/appengine to add one.",
        "run `gcloud app create --project=my-project`",
    ),
    (
        Code.UNAVAILABLE,
        "The service is currently unavailable.",
        "check the network and --endpoint, and try again",
    ),
    (
        Code.INTERNAL,
        "Something else.",
        "correct what Cloud Scheduler names",
    ),
)


@pytest.mark.parametrize(("code", "text", "fix"), REFUSALS)
@pytest.mark.parametrize("method", ["GetJob", "CreateJob"])
def test_a_refusal_is_one_sentence_that_says_what_to_do(
    scheduler: FakeScheduler, run: Run, method: str, code: Code, text: str, fix: str
) -> None:
    scheduler.failures[method] = (code, text)
    if method == "GetJob" and code is Code.NOT_FOUND:
        scheduler.failures["CreateJob"] = scheduler.failures[method]
    assert run("apply") == refused(f"{fix} ({code.name}: {' '.join(text.split())})")
    assert scheduler.jobs == {}


def test_a_region_without_cloud_scheduler_is_an_error(scheduler: FakeScheduler, run: Run) -> None:
    assert run("apply", "--location=mars-west1") == refused(
        "use a --location from `gcloud scheduler locations list` (INVALID_ARGUMENT: Location "
        "'mars-west1' is not a valid location. Use ListLocations to list valid locations.)"
    )
    assert scheduler.writes == []


@pytest.mark.parametrize(
    ("flag", "text"),
    [
        ("--schedule=99 * * * *", "Schedule or time zone is invalid."),
        (
            "--max-backoff=5s",
            "RetryConfig.max_backoff_duration must not be less than min_backoff_duration.",
        ),
    ],
)
def test_a_value_that_only_cloud_scheduler_knows_to_be_wrong_is_an_error(
    run: Run, flag: str, text: str
) -> None:
    expected = f"correct what Cloud Scheduler names (INVALID_ARGUMENT: {text})"
    assert run("apply", flag) == refused(expected)


def test_an_api_that_nobody_serves_is_an_error(run: Run) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        outcome = run("status", f"--endpoint={address}")
    assert outcome.code == 1
    assert "check the network and --endpoint, and try again (UNAVAILABLE: " in outcome.err
    assert len(outcome.err.splitlines()) == 1


def test_an_api_that_never_answers_is_an_error(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        outcome = run("status", f"--endpoint={address}", "--timeout=1s")
    assert outcome.code == 1
    assert "check the network and --endpoint, and try again (DEADLINE_EXCEEDED: " in outcome.err


def test_a_machine_without_credentials_is_told_to_log_in_without_a_traceback(
    tmp_path: Path,
) -> None:
    environment = {"HOME": str(tmp_path), "CLOUDSDK_CONFIG": str(tmp_path), "NO_GCE_CHECK": "true"}
    command = [sys.executable, SCRIPT, "status", *WHERE]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        "schedule_purge.py: error: run `gcloud auth application-default login` (UNAUTHENTICATED: "
    )
    assert len(done.stderr.splitlines()) == 1


def test_without_insecure_the_endpoint_is_reached_over_tls_and_with_credentials(
    tmp_path: Path,
) -> None:
    key, certificate = certificate_of("localhost")
    (tmp_path / "roots.pem").write_bytes(certificate)
    account = {
        "type": "service_account",
        "client_email": "deployer@my-project.iam.gserviceaccount.com",
        "token_uri": "https://localhost:1/never-asked",
        "private_key": key.decode(),
    }
    (tmp_path / "account.json").write_text(json.dumps(account))
    environment = {
        "GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "account.json"),
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(tmp_path / "roots.pem"),
    }
    with serving(grpc.ssl_server_credentials([(key, certificate)])) as scheduler:
        command = [sys.executable, SCRIPT, "apply", *WHERE, *WHAT]
        command.append(f"--endpoint={scheduler.address}")
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "created\n", "")
    sent = [call.metadata["authorization"] for call in scheduler.calls]
    assert [text.partition(" ")[0] for text in sent] == ["Bearer", "Bearer"]


def refused(sentence: str) -> Outcome:
    return Outcome(1, "", f"schedule_purge.py: error: {sentence}")


WRONG = (
    ("--project=a/b", "must be letters, digits and .:_-: 'a/b'"),
    ("--location=", "must be letters, digits and .:_-: ''"),
    ("--job=my job", "must be letters, digits and .:_-: 'my job'"),
    ("--timeout=0s", "must be seconds such as 30s: '0s'"),
    ("--url=http://purge.example", "must be https://, a host and perhaps a path"),
    ("--url=purge.example", "must be https://, a host and perhaps a path"),
    ("--url=https://", "must be https://, a host and perhaps a path"),
    ("--url=https://me:secret@purge.example", "must be https://, a host and perhaps a path"),
    ("--url=https://purge.example/?a=b", "must be https://, a host and perhaps a path"),
    ("--service-account=purge-scheduler", "must be a service account's email"),
    ("--service-account=me@example.com", "must be a service account's email"),
    ("--audience=two words", "must be one word: 'two words'"),
    ("--schedule=* * * *", "must be cron's five fields, such as '*/10 * * * *': '* * * *'"),
    ("--schedule=* * * * * *", "must be cron's five fields"),
    ("--schedule=every 10 minutes", "must be cron's five fields"),
    ("--schedule=every day at noon today", "must be cron's five fields"),
    ("--schedule=@hourly", "must be cron's five fields"),
    ("--time-zone=Europe", "must be a name such as Europe/Paris: 'Europe'"),
    ("--time-zone=Paris", "must be a name such as Europe/Paris: 'Paris'"),
    ("--time-zone=../etc/passwd", "must be a name such as Europe/Paris"),
    ("--attempt-deadline=14s", "must be 15s to 1800s: '14s'"),
    ("--attempt-deadline=1801s", "must be 15s to 1800s: '1801s'"),
    ("--retry-count=6", "must be 0 to 5: '6'"),
    ("--retry-count=-1", "must be 0 to 5: '-1'"),
    ("--max-retry-duration=5m", "must be seconds such as 30s: '5m'"),
    ("--min-backoff=0s", "must be seconds such as 30s: '0s'"),
    ("--max-backoff=1.5s", "must be seconds such as 30s: '1.5s'"),
    ("--max-doublings=0", "must be 1 to 16: '0'"),
    ("--endpoint=", "--insecure needs --endpoint"),
    ("--sched=* * * * *", "unrecognized arguments: --sched=* * * * *"),
)


@pytest.mark.parametrize(("flag", "text"), WRONG, ids=[row[0] for row in WRONG])
def test_a_wrong_flag_is_refused_before_anything_is_sent(
    scheduler: FakeScheduler, run: Run, flag: str, text: str
) -> None:
    outcome = run("apply", flag)
    assert outcome.code == 2
    assert text in outcome.err.splitlines()[-1]
    assert scheduler.calls == []


@pytest.mark.parametrize(
    "schedule",
    ["* * * * *", "0 3 1 * *", "5,35 0-6/2 * JAN-MAR,DEC 1-5", "0 0 * * SUN", "15/30 * * * *"],
)
def test_the_forms_of_cron_are_accepted(scheduler: FakeScheduler, run: Run, schedule: str) -> None:
    assert run("apply", f"--schedule={schedule}").out == "created"
    assert scheduler.jobs[NAME].schedule == schedule


@pytest.mark.parametrize("seconds", [15, 19, 20, 99, 100, 999, 1000, 1799, 1800])
def test_an_attempt_may_take_from_15_seconds_to_half_an_hour(run: Run, seconds: int) -> None:
    assert run("apply", f"--attempt-deadline={seconds}s").out == "created"


@pytest.mark.parametrize("flag", ["--project", "--location", "--url", "--service-account"])
def test_a_missing_flag_is_named(capsys: pytest.CaptureFixture[str], flag: str) -> None:
    given = [text for text in (*WHERE, *WHAT) if not text.startswith(f"{flag}=")]
    with pytest.raises(SystemExit, match="2"):
        main(["apply", *given])
    assert f"the following arguments are required: {flag}\n" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_its_flags(capsys: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    shown = capsys.readouterr().out
    assert all(f"--{flag} " in shown for flag, *_ in COMMON)


def test_the_script_is_tested_with_the_versions_that_it_pins() -> None:
    lines = (INFRA / "requirements.txt").read_text().splitlines()
    pins = dict(line.split()[0].split("==") for line in lines if "==" in line and ";" not in line)
    assert pins == {name: version(name) for name in pins}
