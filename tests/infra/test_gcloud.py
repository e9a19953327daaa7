"""docs/deploy-with-gcloud.md is run by gcloud itself, against a Google Cloud of our own."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
from google.cloud.scheduler_v1 import Job

from functions.api.path_table import PathTable
from functions.api.routes import ROUTES
from functions.config.settings import Settings
from infra import firestore_indexes
from infra.schedule_purge import PATHS, read_flags
from tests.support.firestore.indexes import read_indexes
from tests.support.google.cloud import ACCESS_TOKEN, ID_TOKEN, NUMBER, FakeGoogle, fake_google
from tests.support.project import ROOT
from tests.support.terraform.configuration import read_configuration

GUIDE = (ROOT / "docs/deploy-with-gcloud.md").read_text()
COMMANDS = "".join(re.findall(r"^```sh\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE))
GCLOUD_MISSING = "no gcloud: install it from cloud.google.com/sdk"

PROJECT = "projects/my-project"
LOCATION = f"{PROJECT}/locations/us-central1"
ACCOUNTS = "my-project.iam.gserviceaccount.com"
TARGETS = ("sessions_api", "purge_expired_sessions")
COLLECTION = rf"/firestore/v1/{PROJECT}/databases/\(default\)/collectionGroups/\w+"

terraform = cache(read_configuration)

if shutil.which("gcloud") is None and not os.environ.get("CI"):
    pytest.skip(GCLOUD_MISSING, allow_module_level=True)


@pytest.fixture(scope="module")
def google(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeGoogle]:
    """What the commands of the guide, run once from the first to the last, have made."""
    if shutil.which("gcloud") is None:
        pytest.fail(GCLOUD_MISSING)
    folder = tmp_path_factory.mktemp("gcloud")
    with fake_google() as google:
        # gcloud has an override for this address, curl has none.
        script = COMMANDS.replace("https://firestore.googleapis.com", f"{google.url}/firestore")
        script = re.sub(r"\bsleep \d+", "sleep 0", script)
        run = subprocess.run(
            ["bash", "-euc", script],
            cwd=ROOT,
            env=environment(google, folder),
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        yield google


def environment(google: FakeGoogle, folder: Path) -> dict[str, str]:
    """Somebody who is signed in to gcloud, and nothing of who runs the tests."""
    credentials = folder / "credentials.json"
    keys = ("client_id", "client_secret", "refresh_token")
    credentials.write_text(json.dumps({"type": "authorized_user", **dict.fromkeys(keys, "any")}))
    inherited = {name: value for name, value in os.environ.items() if "CLOUDSDK" not in name}
    return {
        **inherited,
        **google.environment,
        "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE": str(credentials),
        "CLOUDSDK_CONFIG": str(folder),
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "true",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
    }


def created(google: FakeGoogle, target: str) -> dict[str, Any]:
    """What was asked for as the function of a target."""
    calls = google.sent("POST", f"/cloudfunctions/v2/{LOCATION}/functions")
    bodies = [call.body for call in calls if call.body["buildConfig"]["entryPoint"] == target]
    return dict(bodies[-1])


def name_of(target: str) -> str:
    return f"sessions-{target.replace('_', '-').removeprefix('sessions-')}"


def job(google: FakeGoogle) -> dict[str, Any]:
    (call,) = google.sent("POST", f"/cloudscheduler/v1/{LOCATION}/jobs")
    return dict(call.body)


def policy(google: FakeGoogle, resource: str) -> list[dict[str, Any]]:
    bindings: list[dict[str, Any]] = google.resources[f"{resource}:getIamPolicy"]["bindings"]
    return bindings


def source(google: FakeGoogle) -> zipfile.ZipFile:
    first, *others = google.sent("PUT", "/uploads/source.zip")
    assert len(others) == len(TARGETS)
    return zipfile.ZipFile(io.BytesIO(first.content))


def test_no_command_leaves_the_machine(google: FakeGoogle) -> None:
    assert google.calls
    assert [call.path for call in google.sent("CONNECT", ".*")] == []


def test_the_services_that_it_uses_are_on(google: FakeGoogle) -> None:
    (call,) = google.sent("POST", f"/serviceusage/v1/{PROJECT}/services:batchEnable")
    services = {name.removesuffix(".googleapis.com") for name in call.body["serviceIds"]}
    assert services == {
        "artifactregistry",
        "cloudbuild",
        "cloudfunctions",
        "cloudresourcemanager",
        "cloudscheduler",
        "firestore",
        "iam",
        "logging",
        "monitoring",
        "run",
        "storage",
    }


def test_the_database_is_protected_and_can_be_restored(google: FakeGoogle) -> None:
    (call,) = google.sent("POST", f"/firestore/v1/{PROJECT}/databases")
    assert call.query["databaseId"] == "(default)"
    assert call.body["locationId"] == "us-central1"
    assert call.body["type"] == "FIRESTORE_NATIVE"
    assert call.body["deleteProtectionState"] == "DELETE_PROTECTION_ENABLED"
    assert call.body["pointInTimeRecoveryEnablement"] == "POINT_IN_TIME_RECOVERY_ENABLED"


def test_the_database_has_backups(google: FakeGoogle) -> None:
    calls = google.sent("POST", f"/firestore/v1/{PROJECT}/databases/.*/backupSchedules")
    days, weeks = variable("daily_backup_days"), variable("weekly_backup_weeks")
    assert [call.body for call in calls] == [
        {"dailyRecurrence": {}, "retention": f"{days * 86400}s"},
        {"weeklyRecurrence": {"day": "SUNDAY"}, "retention": f"{weeks * 7 * 86400}s"},
    ]


def test_composite_indexes_are_those_of_the_file(google: FakeGoogle) -> None:
    made = {
        (call.path.split("/")[-2], call.body["queryScope"], modes(call.body["fields"]))
        for call in google.sent("POST", f"{COLLECTION}/indexes")
    }
    assert made == {
        (index.collection, scope(index.is_group), index.fields)
        for index in read_indexes().composite
    }


def test_indexes_of_fields_are_those_of_the_file(google: FakeGoogle) -> None:
    made = {}
    for call in google.sent("PATCH", rf"{COLLECTION}/fields/[\w*]+"):
        *_, collection, _, field = call.path.split("/")
        assert call.query == {"updateMask": "indexConfig"}
        made[collection, field] = {
            (index["queryScope"], modes(index["fields"]))
            for index in call.body["indexConfig"]["indexes"]
        }
    assert made == {
        place: {(scope(index.is_group), index.fields) for index in indexes}
        for place, indexes in read_indexes().single.items()
    }


def test_a_change_waits_for_the_one_before_and_is_tried_again_when_it_is_refused(
    google: FakeGoogle,
) -> None:
    """Firestore answered 409 once; a change before the end of another would have met 409, too."""
    changes = google.sent("POST|PATCH", f"{COLLECTION}/.*")
    assert len(changes) == len(google.indexes) + len(google.fields) + 1
    assert google.unfinished == set()


@pytest.mark.parametrize("lost", ["indexes", "fields"])
def test_an_index_that_is_not_there_is_named(
    google: FakeGoogle, lost: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = {
        "indexes": [{**index, "state": "READY"} for index in google.indexes],
        "fields": list(google.fields),
    }
    files = [tmp_path / "indexes", tmp_path / "fields"]
    for file in files:
        file.write_text(json.dumps(there[file.name]))
    assert firestore_indexes.main([str(file) for file in files]) == 0
    name = there[lost].pop()["name"]
    (tmp_path / lost).write_text(json.dumps(there[lost]))
    capsys.readouterr()
    assert firestore_indexes.main([str(file) for file in files]) == 1
    printed = capsys.readouterr().out
    assert printed.startswith("missing: ")
    assert printed.count("\n") == 1
    assert printed.split()[1].split("/")[0] in name


def test_an_index_that_is_still_built_is_missing(google: FakeGoogle) -> None:
    built = [{**index, "state": "READY"} for index in google.indexes[1:]]
    building = {**google.indexes[0], "state": "CREATING"}
    assert len(firestore_indexes.missing([building, *built], google.fields)) == 1


def test_the_indexes_of_lists_over_all_engines_may_be_left_out(
    google: FakeGoogle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The script then leaves as many as Terraform's own tests count, the purge's among them."""
    without = "--no-lists-over-all-engines"
    assert firestore_indexes.main([without]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    bodies = [json.loads(body) for verb, _, body in lines if verb == "POST"]
    assert len(bodies) == 11
    (group,) = [body for body in bodies if body["queryScope"] == "COLLECTION_GROUP"]
    assert [field["fieldPath"] for field in group["fields"]] == ["purgeShard", "expiry"]
    indexes = [
        {**index, "state": "READY"}
        for index in google.indexes
        if index["queryScope"] == "COLLECTION" or "arrayConfig" not in index["fields"][0]
    ]
    assert len(indexes) == len(bodies)
    files = [tmp_path / "indexes", tmp_path / "fields"]
    for file, content in zip(files, (indexes, google.fields), strict=True):
        file.write_text(json.dumps(content))
    assert firestore_indexes.main([without, *map(str, files)]) == 0
    assert firestore_indexes.main([str(file) for file in files]) == 1


def modes(fields: list[dict[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((body["fieldPath"], body.get("order") or body["arrayConfig"]) for body in fields)


def scope(is_group: bool) -> str:
    return "COLLECTION_GROUP" if is_group else "COLLECTION"


def test_indexes_of_fields_are_asked_for_as_the_one_who_is_signed_in(google: FakeGoogle) -> None:
    for call in google.sent("POST|PATCH", f"{COLLECTION}/.*"):
        assert call.headers["authorization"] == f"Bearer {ACCESS_TOKEN}"
        assert call.headers["x-goog-user-project"] == "my-project"


def test_each_role_has_an_account_of_its_own(google: FakeGoogle) -> None:
    calls = google.sent("POST", f"/iam/v1/{PROJECT}/serviceAccounts")
    names = {call.body["accountId"] for call in calls}
    assert names == {"sessions-functions", "sessions-scheduler", "sessions-build"}


def test_accounts_have_the_roles_that_they_need_and_no_more(google: FakeGoogle) -> None:
    granted = {
        (member, binding["role"], binding.get("condition", {}).get("expression"))
        for binding in policy(google, PROJECT)
        for member in binding["members"]
    }
    build = f"serviceAccount:sessions-build@{ACCOUNTS}"
    assert granted == {
        (
            f"serviceAccount:sessions-functions@{ACCOUNTS}",
            "roles/datastore.user",
            'resource.name == "projects/my-project/databases/(default)"',
        ),
        (build, "roles/artifactregistry.writer", None),
        (build, "roles/logging.logWriter", None),
        (build, "roles/storage.objectViewer", None),
    }


@pytest.mark.parametrize("target", TARGETS)
def test_a_function_is_what_terraform_makes_of_it(google: FakeGoogle, target: str) -> None:
    function = created(google, target)
    assert function["name"] == f"{LOCATION}/functions/{name_of(target)}"
    assert function["buildConfig"]["runtime"] == variable("runtime")
    build = f"{PROJECT}/serviceAccounts/sessions-build@{ACCOUNTS}"
    assert function["buildConfig"]["serviceAccount"] == build
    table = terraform().locals["targets"][target]
    service = function["serviceConfig"]
    assert service["serviceAccountEmail"] == f"sessions-functions@{ACCOUNTS}"
    assert service["availableMemory"] == table["memory"]
    assert service["timeoutSeconds"] == table["timeout"]
    assert service["availableCpu"] == variable("cpu")
    assert service["maxInstanceRequestConcurrency"] == variable("concurrency")
    is_purge = target == "purge_expired_sessions"
    assert service["maxInstanceCount"] == (1 if is_purge else variable("max_instances"))
    assert "minInstanceCount" not in service
    assert "ingressSettings" not in service


def variable(name: str) -> Any:
    return terraform().variables[name]["default"]


@pytest.mark.parametrize("target", TARGETS)
def test_a_function_accepts_its_settings(google: FakeGoogle, target: str) -> None:
    service = created(google, target)["serviceConfig"]
    variables = service["environmentVariables"]
    settings = Settings.from_environment({**variables, "K_SERVICE": "it"})
    assert settings.store_url == "firestore://my-project"
    assert settings.default_project == "my-project"
    assert settings.google_cloud_location == "us-central1"
    assert settings.project_number == NUMBER
    assert settings.purge_time_limit == (service["timeoutSeconds"] - 20) * 10**9
    assert settings.watch_seconds == service["timeoutSeconds"] - 10
    assert variables["THREADS"] == str(service["maxInstanceRequestConcurrency"])


def test_a_build_that_is_refused_is_tried_again(google: FakeGoogle) -> None:
    """The first ended with what the build of a new project is on record with."""
    calls = google.sent("POST", f"/cloudfunctions/v2/{LOCATION}/functions")
    targets = [call.body["buildConfig"]["entryPoint"] for call in calls]
    assert targets == ["sessions_api", *TARGETS]
    assert google.refusals == []


def test_only_what_runs_is_uploaded(google: FakeGoogle) -> None:
    uploaded = {name for name in source(google).namelist() if not name.endswith("/")}
    files = {"main.py", "requirements.txt", "requirements-otel.txt", "constraints.txt"}
    for pattern in ("functions/**/*.py", "functions/api/*.json", "functions/console/*"):
        files |= {str(path.relative_to(ROOT)) for path in ROOT.glob(pattern)}
    assert uploaded == files


def test_what_is_uploaded_starts(google: FakeGoogle, tmp_path: Path) -> None:
    source(google).extractall(tmp_path)
    variables = created(google, "sessions_api")["serviceConfig"]["environmentVariables"]
    subprocess.run(
        [sys.executable, "-c", "import main; main.sessions_api"],
        cwd=tmp_path,
        env={**variables, "K_SERVICE": "sessions-api", "FUNCTION_TARGET": "sessions_api"},
        check=True,
    )


def test_only_who_is_named_may_call(google: FakeGoogle) -> None:
    services = f"{LOCATION}/services"
    scheduler = f"serviceAccount:sessions-scheduler@{ACCOUNTS}"
    assert policy(google, f"{services}/sessions-purge-expired-sessions") == [
        {"role": "roles/run.invoker", "members": [scheduler]}
    ]
    assert policy(google, f"{services}/sessions-api") == [
        {"role": "roles/run.invoker", "members": ["user:ada@example.com"]}
    ]
    assert len(google.sent("POST", "/run/.*:setIamPolicy")) == len(TARGETS)
    assert not google.sent("POST", "/cloudfunctions/.*:setIamPolicy")


def test_the_purge_is_called_with_a_token_for_its_address(google: FakeGoogle) -> None:
    target = job(google)["httpTarget"]
    address = f"{google.url}/called/sessions-purge-expired-sessions"
    assert target["oidcToken"] == {
        "serviceAccountEmail": f"sessions-scheduler@{ACCOUNTS}",
        "audience": address,
    }
    path = target["uri"].removeprefix(address)
    match = PathTable(ROUTES).match(target["httpMethod"], path)
    assert match.route.method == "purge_expired_sessions"


def test_the_schedule_is_the_one_that_schedule_purge_keeps(google: FakeGoogle) -> None:
    made = Job.from_json(json.dumps(job(google)))
    assert made.name == f"{LOCATION}/jobs/sessions-purge-expired-sessions"
    account = f"--service-account=sessions-scheduler@{ACCOUNTS}"
    flags = ["--project=my-project", "--location=us-central1", "--url=https://purge.example"]
    wanted = vars(read_flags(["apply", *flags, account]))
    addresses = {"http_target.uri", "http_target.oidc_token.audience"}
    for path in set(PATHS) - addresses:
        assert attrgetter(path)(made) == wanted[path], path


def test_the_first_session_is_created_with_an_identity_token(google: FakeGoogle) -> None:
    (call,) = google.sent("POST", "/called/sessions-api/.*")
    match = PathTable(ROUTES).match("POST", call.path.removeprefix("/called/sessions-api"))
    assert match.route.method == "create_session"
    assert call.body == {"userId": "ada"}
    assert call.headers["authorization"] == f"Bearer {ID_TOKEN}"
