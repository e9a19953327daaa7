"""The Terraform is well-formed, formatted, and called what the providers call it."""

import subprocess
from pathlib import Path

import hcl2
import pytest

from tests.infra.bindings import PROVIDERS, provider_version
from tests.infra.configuration import INFRA, Configuration, arguments_of
from tests.infra.naming import misnamed, provider_of
from tests.infra.setting import neglected, unsettled
from tests.infra.stand_in import terraform
from tests.infra.targets import missing_or_wrong

FILES = sorted(INFRA.rglob("*.tf")) + sorted(INFRA.rglob("*.tftest.hcl"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(INFRA)))
def test_a_file_is_hcl(path: Path) -> None:
    assert hcl2.loads(path.read_text())

    try:
        terraform(INFRA, "fmt", "-check", "-diff", "-recursive", "-no-color")
    except subprocess.CalledProcessError as error:
        pytest.fail(error.stdout)


def test_every_name_is_in_the_schema_of_its_provider(configuration: Configuration) -> None:
    assert misnamed(configuration) == []


def test_the_providers_are_pinned_to_the_versions_of_those_schemas(
    configuration: Configuration,
) -> None:
    (pinned,) = configuration.terraform["required_providers"]
    versions = {name: pin["version"] for name, pin in arguments_of(pinned).items()}
    assert versions == {name: provider_version(name) for name in PROVIDERS}
    used = {provider_of(resource) for resource in configuration.resources.values()}
    assert used - {"terraform"} == set(versions)


def test_terraform_finds_the_configuration_valid(providers: dict[str, str]) -> None:
    """References, types and functions, which the names alone do not show."""
    terraform(INFRA, "validate", "-no-color", environment=providers)


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
