"""The Firestore emulator of the Google Cloud CLI."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.servers import free_port, running


class EmulatorMissing(Exception):
    """This machine has no emulator, or no Java to run it; the message says how to install it."""


@contextmanager
def firestore_emulator() -> Iterator[str]:
    """`host:port` of a new emulator, which ends with the block; raises EmulatorMissing."""
    jar = _jar()
    if jar is None or shutil.which("java") is None:
        raise EmulatorMissing(
            "no Firestore emulator: install it with "
            "`gcloud components install cloud-firestore-emulator` (it needs Java)"
        )
    port = free_port()
    start = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
    command = ["java", "-cp", str(jar), start, "start", "--host=127.0.0.1", f"--port={port}"]
    with running(command, f"http://127.0.0.1:{port}/"):
        yield f"127.0.0.1:{port}"


def _jar() -> Path | None:
    gcloud = shutil.which("gcloud")
    roots = [Path(gcloud).resolve().parent.parent] if gcloud else []
    roots += [Path("/usr/lib/google-cloud-sdk"), Path.home() / "google-cloud-sdk"]
    for root in roots:
        jar = root / "platform/cloud-firestore-emulator/cloud-firestore-emulator.jar"
        if jar.exists():
            return jar
    return None
