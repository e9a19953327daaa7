"""What the checks are for: each of these mistakes in the Terraform is caught."""

import subprocess
from collections.abc import Callable

import pytest

from tests.support.firestore.indexes import Shape, read_indexes
from tests.support.firestore.wire import Wire
from tests.support.project import INFRA
from tests.support.terraform.computed import computed
from tests.support.terraform.configuration import Configuration, Spoil, read_configuration
from tests.support.terraform.providers import terraform
from tests.support.terraform.settings import neglected, unsettled
from tests.support.terraform.targets import missing_or_wrong

INVALID: dict[str, tuple[str, str, str, str]] = {
    "an argument misspelled": (
        "firestore.tf",
        "location_id ",
        "location_di ",
        'An argument named "location_di" is not expected here',
    ),
    "an argument of a nested block misspelled": (
        "functions.tf",
        "available_memory",
        "available_mem",
        'An argument named "available_mem" is not expected here',
    ),
    "a type misspelled": (
        "identities.tf",
        '"google_project_iam_member" "build_logs"',
        '"google_project_iam_membre" "build_logs"',
        'does not support resource type "google_project_iam_membre"',
    ),
    "an argument left out": (
        "source.tf",
        'format        = "DOCKER"',
        "",
        'The argument "format" is required',
    ),
    "a reference to nothing": (
        "secrets.tf",
        "google_service_account.functions.member",
        "google_service_account.functions.membre",
        "Unsupported attribute",
    ),
    "an exemption misspelled": (
        "exemptions.tf.json",
        '"field": "*"',
        '"path": "*"',
        'No argument or block type is named "path"',
    ),
}


@pytest.mark.parametrize("mistake", INVALID)
def test_terraform_catches(mistake: str, spoiled: Spoil, providers: dict[str, str]) -> None:
    file, old, new, complaint = INVALID[mistake]
    copy = spoiled(file, old, new)
    with pytest.raises(subprocess.CalledProcessError) as caught:
        terraform(copy, "validate", "-no-color", environment=providers)
    assert complaint in " ".join(caught.value.stdout.split())


def test_a_file_that_is_not_formatted_is_caught(spoiled: Spoil) -> None:
    copy = spoiled("firestore.tf", "  location_id ", "    location_id ")
    with pytest.raises(subprocess.CalledProcessError):
        terraform(copy, "fmt", "-check")


Check = Callable[[Configuration], list[str]]

MISTAKES: dict[str, tuple[Check, str, str, str, str]] = {
    "an argument that only the provider sets": (
        computed,
        "gateway.tf",
        "gateway_id = ",
        "default_hostname = ",
        "google_api_gateway_gateway.sessions.default_hostname is for the provider to set",
    ),
    "such an argument of a nested block": (
        computed,
        "functions.tf",
        "all_traffic_on_latest_revision   = true",
        'uri = "https://function.example"',
        "google_cloudfunctions2_function.function.service_config.uri is for the provider to set",
    ),
    "a target renamed": (
        missing_or_wrong,
        "functions.tf",
        "append_event ",
        "append_events ",
        "append_events is not in main.py",
    ),
    "a target left out": (
        missing_or_wrong,
        "functions.tf",
        'list_events         = { memory = "1Gi", timeout = 60, invoker = "gateway" }',
        "",
        "list_events is not in the table",
    ),
    "a target without memory": (
        missing_or_wrong,
        "functions.tf",
        'sessions_api           = { memory = "1Gi", ',
        "sessions_api           = { ",
        "sessions_api has no memory",
    ),
    "a purge that anybody may call": (
        missing_or_wrong,
        "functions.tf",
        'timeout = 120, invoker = "scheduler"',
        'timeout = 120, invoker = "clients"',
        "purge_expired_sessions has not the invoker scheduler",
    ),
    "a setting misspelled": (
        unsettled,
        "functions.tf",
        "PURGE_TIME_LIMIT = ",
        "PURGE_TIMELIMIT = ",
        "PURGE_TIMELIMIT is no setting",
    ),
    "a setting that cannot be set": (
        unsettled,
        "variables.tf",
        '"MIN_TTL", ',
        "",
        "MIN_TTL cannot be set",
    ),
    "a variable that is not used": (
        neglected,
        "alerts.tf",
        "${var.alert_error_rate}",
        "0.1",
        "var.alert_error_rate is not used",
    ),
    "a variable that is not explained": (
        neglected,
        "variables_alerts.tf",
        'description = "Addresses',
        'default = "Addresses',
        "variable alert_emails has no description",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_caught(mistake: str, spoiled: Spoil, configuration: Configuration) -> None:
    check, file, old, new, complaint = MISTAKES[mistake]
    assert check(configuration) == []
    assert complaint in check(read_configuration(spoiled(file, old, new)))


INDEX = (
    '"queryScope": "COLLECTION", "fields": '
    '[{"fieldPath": "shardFacets", "arrayConfig": "CONTAINS"}, '
)
LATEST_FIRST = INDEX + '{"fieldPath": "updated", "order": "DESCENDING"}]'
BY_USER = Shape(
    "sessions",
    filters=(("shardFacets", "ARRAY_CONTAINS_ANY"),),
    orders=(("updated", "DESCENDING"), ("__name__", "DESCENDING")),
)
FILE = "firestore.indexes.json"


def test_an_index_in_the_wrong_direction_is_caught(spoiled: Spoil, wire: Wire) -> None:
    wrong = LATEST_FIRST.replace("DESCENDING", "ASCENDING")
    indexes = read_indexes(spoiled(FILE, LATEST_FIRST, wrong) / FILE)
    assert BY_USER in indexes.unserved(wire.shapes)


def test_an_index_that_is_missing_is_caught(wire: Wire) -> None:
    """Whichever it is, of a single field or of several."""
    indexes = read_indexes()
    assert len(indexes.all) == (INFRA / FILE).read_text().count("queryScope")
    for index in indexes.all:
        assert indexes.without(index).unserved(wire.shapes), index


def test_an_index_that_nobody_needs_is_caught(spoiled: Spoil, wire: Wire) -> None:
    useless = LATEST_FIRST.replace("updated", "displayName")
    indexes = read_indexes(spoiled(FILE, LATEST_FIRST, useless) / FILE)
    assert [index.fields[1][0] for index in indexes.unused(wire.shapes)] == ["displayName"]


def test_an_exemption_that_is_missing_is_caught(spoiled: Spoil, wire: Wire) -> None:
    of_all = '"collectionGroup": "events", "fieldPath": "*"'
    indexes = read_indexes(spoiled(FILE, of_all, of_all.replace("*", "x")) / FILE)
    assert indexes.exempt_collections == wire.collections - {"events"}
