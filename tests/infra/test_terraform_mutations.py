"""What the checks are for: each of these mistakes in the Terraform is caught."""

import subprocess
from collections.abc import Callable

import pytest

from tests.infra.configuration import Configuration, read_configuration
from tests.infra.conftest import Spoil
from tests.infra.firestore_indexes import Shape, indexes_in
from tests.infra.indexing import exempt_collections, unserved, unused
from tests.infra.naming import misnamed
from tests.infra.queries_at_the_wire import Wire
from tests.infra.setting import neglected, unsettled
from tests.infra.stand_in import terraform
from tests.infra.targets import missing_or_wrong

Check = Callable[[Configuration], list[str]]

MISTAKES: dict[str, tuple[Check, str, str, str, str]] = {
    "an argument misspelled": (
        misnamed,
        "firestore.tf",
        "location_id ",
        "location_di ",
        "google_firestore_database.sessions has no argument location_di",
    ),
    "an argument of a nested block misspelled": (
        misnamed,
        "functions.tf",
        "available_memory",
        "available_mem",
        "google_cloudfunctions2_function.function.service_config has no argument available_mem",
    ),
    "an argument of a dynamic block misspelled": (
        misnamed,
        "functions.tf",
        "version    = ",
        "versoin    = ",
        "google_cloudfunctions2_function.function.service_config.secret_environment_variables"
        " has no argument versoin",
    ),
    "a block misspelled": (
        misnamed,
        "source.tf",
        "most_recent_versions {",
        "most_recent_version {",
        "google_artifact_registry_repository.images.cleanup_policies has no block"
        " most_recent_version",
    ),
    "a block where an argument belongs": (
        misnamed,
        "alerts.tf",
        "label_extractors = {",
        "label_extractors {",
        "google_logging_metric.purges has no block label_extractors",
    ),
    "a type misspelled": (
        misnamed,
        "identities.tf",
        '"google_project_iam_member" "build_logs"',
        '"google_project_iam_membre" "build_logs"',
        "google has no resource google_project_iam_membre",
    ),
    "an argument left out": (
        misnamed,
        "source.tf",
        'format        = "DOCKER"',
        "",
        "google_artifact_registry_repository.images lacks format",
    ),
    "an argument that only the provider sets": (
        misnamed,
        "gateway.tf",
        "gateway_id = ",
        "default_hostname = ",
        "google_api_gateway_gateway.sessions has no argument default_hostname",
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
        'list_events    = { memory = "1Gi", timeout = 60, invoker = "gateway" }',
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


INDEX = """
  fields {
    field_path   = "facets"
    array_config = "CONTAINS"
  }
  fields {
    field_path = "updateTime"
    order      = "DESCENDING"
  }
"""
OTHER_INDEX = INDEX.replace("DESCENDING", "ASCENDING")
OFF_BY_ONE = "google_service_account.functions.membre"
BY_USER = Shape(
    "sessions",
    filters=(("facets", "ARRAY_CONTAINS"),),
    orders=(("updateTime", "DESCENDING"), ("__name__", "DESCENDING")),
)


def test_an_index_in_the_wrong_direction_is_caught(spoiled: Spoil, wire: Wire) -> None:
    indexes = indexes_in(read_configuration(spoiled("indexes.tf", INDEX, OTHER_INDEX)))
    assert BY_USER in unserved(indexes, wire.shapes)


def test_an_index_that_is_missing_is_caught(configuration: Configuration, wire: Wire) -> None:
    """Whichever it is, of a single field or of several."""
    indexes = indexes_in(configuration)
    assert len(indexes.all) == 22
    for index in indexes.all:
        assert unserved(indexes.without(index), wire.shapes), index


def test_an_index_that_nobody_needs_is_caught(spoiled: Spoil, wire: Wire) -> None:
    old = 'field_path = "updateTime"\n    order      = "DESCENDING"'
    new = 'field_path = "displayName"\n    order      = "DESCENDING"'
    indexes = indexes_in(read_configuration(spoiled("indexes.tf", old, new)))
    assert [index.fields[1][0] for index in unused(indexes, wire.shapes)] == ["displayName"]


def test_an_exemption_that_is_missing_is_caught(spoiled: Spoil, wire: Wire) -> None:
    indexes = indexes_in(
        read_configuration(
            spoiled("exemptions.tf", '"events"\n  field      = "*"', '"events"\n  field      = "x"')
        )
    )
    assert exempt_collections(indexes) == wire.collections - {"events"}


def test_a_file_that_is_not_formatted_is_caught(spoiled: Spoil) -> None:
    copy = spoiled("firestore.tf", "  location_id ", "    location_id ")
    with pytest.raises(subprocess.CalledProcessError):
        terraform(copy, "fmt", "-check")


def test_a_reference_to_nothing_is_caught(spoiled: Spoil, providers: dict[str, str]) -> None:
    """By Terraform itself, which knows what a service account has."""
    copy = spoiled("secrets.tf", "google_service_account.functions.member", OFF_BY_ONE)
    with pytest.raises(subprocess.CalledProcessError) as caught:
        terraform(copy, "validate", "-no-color", environment=providers)
    assert "Unsupported attribute" in caught.value.stdout
