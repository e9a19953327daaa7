"""The Terraform of `infra/`, spoiled copies of it, and what the store really asks Firestore for."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from functions.config.settings import Settings
from functions.store.firestore.migration import PATH
from functions.store.firestore.rpc import Rpc
from functions.store.firestore.schema import WITH_CANONICAL_IDS
from functions.store.firestore.values import creation
from functions.store.opening import open_store
from functions.store.protocol import Store
from tests.support.firestore.every_query import (
    QUERIES,
    converse,
    converse_with_earlier_version,
)
from tests.support.firestore.wire import Wire, tapped
from tests.support.project import INFRA, ROOT
from tests.support.stores import PATIENCE
from tests.support.terraform.configuration import Configuration, Spoil, read_configuration
from tests.support.terraform.providers import provided


@pytest.fixture(scope="session")
def configuration() -> Configuration:
    """The Terraform as it is."""
    return read_configuration()


@pytest.fixture(scope="session")
def providers() -> Iterator[dict[str, str]]:
    """The environment in which Terraform finds providers that know their schemas."""
    with provided() as environment:
        yield environment


@pytest.fixture
def spoiled(tmp_path: Path) -> Spoil:
    """Copies `infra/` and replaces a text, which must be there, in one file of the copy."""
    files = ("constraints.txt", "main.py", "requirements.txt", "requirements-otel.txt")
    for name in (*files, "functions"):
        (tmp_path / name).symlink_to(ROOT / name)

    def spoil(file: str, old: str, new: str) -> Path:
        copy = tmp_path / "infra"
        shutil.copytree(INFRA, copy, ignore=shutil.ignore_patterns(".terraform", "*.tfstate*"))
        text = (copy / file).read_text()
        assert old in text, f"{file} does not say {old!r}"
        (copy / file).write_text(text.replace(old, new, 1))
        return copy

    return spoil


@pytest.fixture(scope="session")
def called() -> set[str]:
    """The functions of `queries` that the conversation called."""
    return set()


@pytest.fixture(scope="session")
def wire(emulator: str, called: set[str]) -> Wire:
    """What went over the wire in the conversation; its project is no other test's."""
    environment = {
        "SESSIONS_STORE": "firestore://index-coverage",
        "FIRESTORE_EMULATOR_HOST": emulator,
        **PATIENCE,
    }
    with pytest.MonkeyPatch.context() as monkeypatch, tapped(monkeypatch) as tap:
        _watch(monkeypatch, called)
        with closing(open_store(Settings.from_environment(environment))) as store:
            converse(store)
        with closing(_open_earlier_version(environment)) as store:
            converse_with_earlier_version(store)
    return tap


def _open_earlier_version(environment: dict[str, str]) -> Store:
    """A store whose documents have reached version 4."""
    project = "index-coverage-earlier"
    settings = Settings.from_environment(
        {**environment, "SESSIONS_STORE": f"firestore://{project}"}
    )
    host = settings.firestore_emulator_host
    with closing(Rpc(project, "(default)", host, settings.store_timeout)) as rpc:
        rpc.commit([creation(f"{rpc.root}/{PATH}", {"version": WITH_CANONICAL_IDS})])
    return open_store(settings)


def _watch(monkeypatch: pytest.MonkeyPatch, called: set[str]) -> None:
    """Notes which functions of QUERIES are called, wherever they were imported to."""

    def noting(function: Any) -> Any:
        def noted(*args: Any, **options: Any) -> Any:
            called.add(QUERIES[function])
            return function(*args, **options)

        return noted

    modules = [module for name, module in sys.modules.items() if name.startswith("functions.store")]
    for module in modules:
        for name, value in list(vars(module).items()):
            if isinstance(value, FunctionType) and value in QUERIES:
                monkeypatch.setattr(module, name, noting(value))
