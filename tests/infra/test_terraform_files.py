"""The Terraform is formatted, and it fits its providers, the targets and the settings."""

import json
import subprocess

import pytest

from infra.generate.schemas import from_terraform, pins, render
from tests.support.project import INFRA, ROOT
from tests.support.terraform.computed import computed
from tests.support.terraform.configuration import Configuration
from tests.support.terraform.providers import SCHEMAS, terraform
from tests.support.terraform.settings import neglected, unsettled
from tests.support.terraform.targets import missing_or_wrong


def test_every_file_is_formatted() -> None:
    try:
        terraform(INFRA, "fmt", "-check", "-diff", "-recursive", "-no-color")
    except subprocess.CalledProcessError as error:
        pytest.fail(error.stdout)


def test_terraform_finds_the_configuration_valid(providers: dict[str, str]) -> None:
    """Every resource, argument and block is in the schema of its provider, and every type fits."""
    terraform(INFRA, "validate", "-no-color", environment=providers)


def test_no_argument_is_one_that_only_the_provider_sets(configuration: Configuration) -> None:
    assert computed(configuration) == []


def test_the_providers_are_pinned_to_the_versions_of_the_schemas() -> None:
    assert pins() == SCHEMAS["versions"], "see infra/generate/schemas.py"


def test_the_schemas_are_renewed_from_what_terraform_writes(providers: dict[str, str]) -> None:
    """Terraform writes the schemas of the stand-in, which are those of the file."""
    written = terraform(INFRA, "providers", "schema", "-json", environment=providers)
    renewed = render(from_terraform(json.loads(written)))
    assert renewed == (ROOT / "tests/infra/schemas.json").read_text()


def test_every_target_of_main_is_in_the_table_and_nothing_else(
    configuration: Configuration,
) -> None:
    assert missing_or_wrong(configuration) == []


def test_every_environment_variable_is_a_setting_and_every_setting_can_be_set(
    configuration: Configuration,
) -> None:
    assert unsettled(configuration) == []


def test_every_variable_is_explained_and_used(configuration: Configuration) -> None:
    assert neglected(configuration) == []
