"""What Terraform makes of the configuration, and what the functions find of it in the cloud."""

import inspect
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import grpc
import promql_parser
import pytest
from google.cloud.scheduler_v1 import HttpMethod

from functions.api.log import METHOD, JsonFormatter, RequestLog
from functions.calls.request import Request
from functions.config.settings import Settings
from functions.sessions.purge_expired_sessions import purge_expired_sessions
from functions.store.firestore import rpc
from functions.store.opening import open_store
from functions.store.usage import usage
from infra.generate import requirements
from infra.schedule_purge import PATH, PATHS, duration, read_flags
from tests.support.project import INFRA, ROOT
from tests.support.terraform.configuration import Configuration
from tests.support.terraform.providers import terraform

TESTS = sorted((INFRA / "tests").glob("*.tftest.hcl"))


def test_terraforms_own_tests_of_both_shapes_pass(providers: dict[str, str]) -> None:
    """See infra/tests; the providers are mocked, so that nothing is asked of any cloud."""
    try:
        answer = terraform(INFRA, "test", "-no-color", environment=providers)
    except subprocess.CalledProcessError as error:
        pytest.fail(re.sub(r" +├─.*?\n\n", "\n", error.stdout, flags=re.DOTALL))
    runs = len(re.findall(r"^run ", "".join(path.read_text() for path in TESTS), re.MULTILINE))
    assert f"{runs} passed, 0 failed" in answer


@pytest.fixture
def deployed(configuration: Configuration, tmp_path: Path) -> Path:
    """A folder with the files that Terraform packs, and no others."""
    expression = configuration.locals["source_files"]
    named = re.search(r"setunion\(\[(.*?)\], fileset", expression)
    assert named is not None, f"not understood: {expression}"
    files = [ROOT / name.strip(' "') for name in named[1].split(",")]
    for pattern in re.findall(r"fileset\(local\.root, \"(.*?)\"\)", expression):
        files += ROOT.glob(pattern)
    for path in files:
        (tmp_path / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, tmp_path / path.relative_to(ROOT))
    return tmp_path


def test_the_packed_source_is_all_that_the_functions_need(deployed: Path) -> None:
    environment = {
        "FUNCTION_TARGET": "sessions_api",
        "K_SERVICE": "sessions-api",
        "SESSIONS_STORE": "firestore://my-project/(default)",
    }
    command = [sys.executable, "-c", "import main, functions.store.firestore"]
    subprocess.run(command, cwd=deployed, env={**os.environ, **environment}, check=True)
    for served in ("api/openapi.json", "console/index.html", "console/app.js"):
        assert (deployed / "functions" / served).exists()


def test_the_packed_source_has_what_its_requirements_name(deployed: Path) -> None:
    text = (deployed / "requirements.txt").read_text()
    for name in re.findall(r"^-[cr] (\S+)", text, re.MULTILINE):
        assert (deployed / name).exists()


def test_a_function_waits_until_its_grants_have_taken_effect(configuration: Configuration) -> None:
    """Else the first build of a new project fails, half of the time."""
    resources = configuration.resources
    grants = {
        resource.address
        for resource in resources.values()
        if re.search(r"service_account\.(build|functions)\.", resource.body.get("member", ""))
    }
    waited_for = "".join(resources["time_sleep.grants"].body["depends_on"])
    assert {"google_project_iam_member.build_source"} < grants
    for address in {*grants, "google_project_service_identity.agent"}:
        assert address in waited_for
    function = resources["google_cloudfunctions2_function.function"].body
    assert "time_sleep.grants" in "".join(function["depends_on"])


def test_the_tests_run_on_the_runtime_of_the_functions(configuration: Configuration) -> None:
    """Where the machine has it."""
    runtime = configuration.variables["runtime"]["default"]
    assert f"RUNTIME={runtime.replace('python3', '3.')}\n" in (ROOT / ".ci/run").read_text()


def test_a_change_of_constraints_shows_in_requirements() -> None:
    """The build of a function decides by requirements.txt alone whether to install again."""
    assert requirements.render() == (ROOT / "requirements.txt").read_text(), (
        "run `python -m infra.generate.requirements` and copy what it prints to requirements.txt"
    )


def test_every_query_of_alerts_and_charts_is_promql(providers: dict[str, str]) -> None:
    """Google refuses other queries, but only when they are applied."""
    shapes = "-filter=tests/shapes.tftest.hcl"
    answer = terraform(INFRA, "test", "-json", "-verbose", shapes, environment=providers)
    lines = [json.loads(line) for line in answer.splitlines() if line.startswith("{")]
    states = [line["test_state"] for line in lines if line["type"] == "test_state"]
    queries: set[str] = set()
    for resource in (found for state in states for found in state["root_module"]["resources"]):
        values = resource["values"]
        if resource["type"] == "google_monitoring_alert_policy":
            queries.add(values["conditions"][0]["condition_prometheus_query_language"][0]["query"])
        if resource["type"] == "google_monitoring_dashboard":
            widgets = json.loads(values["dashboard_json"])["gridLayout"]["widgets"]
            sets = [widget["xyChart"]["dataSets"][0] for widget in widgets]
            queries.update(one["timeSeriesQuery"]["prometheusQuery"] for one in sets)
    assert any("uptime_check" in query for query in queries)
    for query in queries:
        promql_parser.parse(query)


def line_of_purge(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, **query: str
) -> dict[str, object]:
    """The line that a purge, or its dry run, leaves in the log."""
    settings = Settings(sessions_store=f"sqlite:///{tmp_path}/s.db")
    logger = logging.getLogger(purge_expired_sessions.__module__)
    caplog.set_level(logging.INFO, logger.name)
    logger.addHandler(caplog.handler)
    with closing(open_store(settings)) as store:
        purge_expired_sessions(request(settings, **query), store, time.time_ns())
    logger.removeHandler(caplog.handler)
    line: dict[str, object] = json.loads(JsonFormatter().format(caplog.records[0]))
    return line


def test_the_line_that_the_alerts_count_is_the_one_that_a_purge_writes(
    configuration: Configuration, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    written = line_of_purge(tmp_path, caplog)
    counter = configuration.locals["counters"]["purges"]
    assert f'jsonPayload.message="{written["message"]}"' in counter["filter"].replace("\\", "")
    extracted = re.findall(r"EXTRACT\(jsonPayload\.(\w+)\)", str(counter["labels"]))
    assert extracted
    assert set(extracted) <= set(written)


def test_the_line_that_the_backlog_is_read_from_is_the_one_that_a_dry_run_writes(
    configuration: Configuration, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    written = line_of_purge(tmp_path, caplog, dryRun="true")
    metric = configuration.resources["google_logging_metric.backlog"].body
    assert f'jsonPayload.message="{written["message"]}"' in metric["filter"].replace("\\", "")
    assert metric["value_extractor"] == "EXTRACT(jsonPayload.oldestSeconds)"
    assert written["oldestSeconds"] == 0


def test_the_metrics_read_fields_that_the_line_of_a_request_has(
    configuration: Configuration, capfd: pytest.CaptureFixture[str]
) -> None:
    log = RequestLog({METHOD: "append_event"})
    usage.reads, usage.writes = 1, 2
    log.write(200)
    line = json.loads(capfd.readouterr().out)
    for metric in configuration.locals["distributions"].values():
        assert {metric["field"], *metric["labels"]} <= set(line)


def test_the_line_that_counts_failures_of_firestore_is_the_one_that_the_store_writes(
    configuration: Configuration,
) -> None:
    pattern = re.search(
        r'message=~\\?"(.*?)\\?"', configuration.locals["counters"]["firestore_failures"]["filter"]
    )
    assert pattern is not None
    (written,) = re.findall(r'_log\.warning\("(Firestore .*?)"', inspect.getsource(rpc))
    assert re.search(pattern[1], written % (grpc.StatusCode.UNAVAILABLE, "it is gone"))


def test_the_schedule_is_the_one_that_the_script_makes(configuration: Configuration) -> None:
    """Field by field, but for the addresses, which the Terraform tests hold."""
    job = configuration.resources["google_cloud_scheduler_job.purge"].body
    (target,), (retry,) = job["http_target"], job["retry_config"]
    variables = configuration.variables
    wanted = vars(read_flags(["apply", *FLAGS]))
    made = {
        "description": job["description"],
        "schedule": variables["purge_schedule"]["default"],
        "time_zone": variables["purge_time_zone"]["default"],
        "http_target.http_method": HttpMethod[target["http_method"]],
        "http_target.body": target.get("body", b""),
        "retry_config.retry_count": retry["retry_count"],
        "retry_config.max_retry_duration": duration(retry["max_retry_duration"]),
        "retry_config.min_backoff_duration": duration(retry["min_backoff_duration"]),
        "retry_config.max_backoff_duration": duration(retry["max_backoff_duration"]),
        "retry_config.max_doublings": retry["max_doublings"],
        "attempt_deadline": timedelta(
            seconds=configuration.locals["targets"]["purge_expired_sessions"]["timeout"] + 60
        ),
    }
    addresses = {path for path in PATHS if path.startswith("http_target.")} - set(made)
    assert made == {path: wanted[path] for path in PATHS if path not in addresses}
    part = '${var.purge_jobs == 1 ? "" : "?shard=${count.index}/${var.purge_jobs}"}'
    assert target["uri"].endswith(f"}}{PATH}{part}")
    name = f"{variables['name']['default']}-{'purge_expired_sessions'.replace('_', '-')}"
    assert (wanted["job"], wanted["jobs"]) == (name, variables["purge_jobs"]["default"])


FLAGS = (
    "--project=my-project",
    "--location=us-central1",
    "--url=https://purge-abc-uc.a.run.app",
    "--service-account=sessions-scheduler@my-project.iam.gserviceaccount.com",
)


def request(settings: Settings, **query: str) -> Request:
    return Request("v1beta1", "", "", query, b"", settings, enum_numbers=False)
