"""The messages of the Firestore store are those of google-cloud-firestore."""

import subprocess
import sys

from functions.store.firestore.protobuf import descriptors
from infra.generate.firestore_messages import library_descriptors
from infra.generate.firestore_types import render
from tests.support.project import ROOT


def test_the_descriptors_are_the_librarys() -> None:
    """Where this fails after an upgrade: `make messages`."""
    assert descriptors() == library_descriptors()


def test_the_types_are_those_of_the_descriptors() -> None:
    """Where this fails after an upgrade: `make messages`."""
    stub = ROOT / "functions/store/firestore/protobuf.pyi"
    assert stub.read_text() == render()


def test_a_start_does_not_import_the_library() -> None:
    """It would take longer than all the rest."""
    code = (
        "import sys, functions.store.firestore; print('google.cloud.firestore_v1' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "False"
