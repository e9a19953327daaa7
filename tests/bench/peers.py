"""What is measured, and the servers and floors beside it, each started here."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

import grpc

from functions.store.firestore.protobuf import CommitRequest, CommitResponse
from functions.store.firestore.rpc import Rpc
from tests.support.servers import free_port, running, serving
from tests.support.stores import PATIENCE

APP, USER = "bench", "u"
PROJECT = "bench"
PARENT = f"projects/{PROJECT}/locations/us-central1"
TEXT = "x" * 340

ONE_LINE = {"FUNCTION_SOURCE": str(Path(__file__).parent / "one_line.py")}


def one_line(body_size: int = 2, target: str = "one_line") -> AbstractContextManager[str]:
    """The URL of a function of one line on functions-framework, with the same settings."""
    return serving(target, {**ONE_LINE, "BODY_SIZE": str(body_size)})


def sessions_api(store: dict[str, str]) -> AbstractContextManager[str]:
    """The URL of every method over a store, one worker, threads as functions-framework has them."""
    return serving("sessions_api", {"MIN_TTL": "0s", **store})


def sqlite(path: Path) -> dict[str, str]:
    return {"SESSIONS_STORE": f"sqlite:///{path}", **PATIENCE}


def firestore(emulator: str, project: str = PROJECT) -> dict[str, str]:
    return {
        "SESSIONS_STORE": f"firestore://{project}",
        "FIRESTORE_EMULATOR_HOST": emulator,
        **PATIENCE,
    }


@contextmanager
def adk_api_server(directory: Path) -> Iterator[str]:
    """The URL of `adk api_server` on SQLite, with as little logging as it can be told to do."""
    agents = directory / "agents"
    agents.mkdir()
    port = free_port()
    command = [
        *(sys.executable, "-m", "google.adk.cli", "api_server", str(agents)),
        f"--session_service_uri=sqlite:///{directory / 'adk.db'}",
        f"--port={port}",
        "--log_level=error",
    ]
    url = f"http://127.0.0.1:{port}"
    with running(command, f"{url}/health"):
        yield url


class RawFirestore:
    """The floor for Firestore: the generated messages over one stub, and nothing else."""

    def __init__(self, emulator: str, project: str) -> None:
        self.database = f"projects/{project}/databases/(default)"
        self._channel = grpc.insecure_channel(emulator)
        self._commit = self._channel.unary_unary(
            "/google.firestore.v1.Firestore/Commit",
            CommitRequest.SerializeToString,
            CommitResponse.FromString,
        )
        self._metadata = (("authorization", "Bearer owner"),)

    def commit(self, writes: list[Any]) -> None:
        self._commit(CommitRequest(database=self.database, writes=writes), metadata=self._metadata)

    def close(self) -> None:
        self._channel.close()


@contextmanager
def raw_firestore(emulator: str, project: str = PROJECT) -> Iterator[RawFirestore]:
    with closing(RawFirestore(emulator, project)) as raw:
        yield raw


@contextmanager
def store_rpc(emulator: str, project: str = PROJECT) -> Iterator[Rpc]:
    """The store's own calls, to fill a database in bulk."""
    with closing(Rpc(project, "(default)", emulator, 60 * 10**9)) as rpc:
        yield rpc
