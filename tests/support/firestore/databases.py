"""Databases of the Firestore emulator that no other test uses, and servers of them."""

import itertools
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from functions.config.settings import Settings
from functions.store.firestore.migration import PATH, ROLLOUT
from functions.store.firestore.protobuf import Write
from functions.store.firestore.rpc import Rpc
from functions.store.firestore.schema import STEPS
from functions.store.firestore.values import creation
from functions.store.opening import open_store
from tests.support.api import START, Api
from tests.support.firestore.version_1 import ENGINES
from tests.support.project import LOCATION
from tests.support.stores import PATIENCE

NEWEST = 1 + len(STEPS)
EVERYWHERE = f"{LOCATION}/reasoningEngines/-/sessions"

_projects = itertools.count(time.time_ns())


def new_store_url() -> str:
    """A SESSIONS_STORE that no other test has."""
    return f"firestore://versions-{next(_projects)}"


@dataclass
class Database:
    """One that no other test uses, and servers of it."""

    settings: Settings
    rpc: Rpc

    @contextmanager
    def serving(self) -> Iterator[Api]:
        """A new server; its clock stands where every server of earlier code is gone."""
        with closing(open_store(self.settings)) as store:
            yield Api(store, ENGINES[0], max(time.time_ns(), START) // 1000 * 1000 + 2 * ROLLOUT)

    @property
    def version(self) -> int | None:
        (found,) = self.rpc.batch_get([PATH])()
        return found and int(found.fields["version"].integer_value)

    def become(self, version: int) -> None:
        """Says that all documents are of a version."""
        path = f"{self.rpc.root}/{PATH}"
        self.rpc.commit([Write(delete=path)])
        self.rpc.commit([creation(path, {"version": version})])

    def migrate(self) -> None:
        """Has one server purge until all documents are up to date."""
        with self.serving() as api:
            api.ok("POST", "sessions:purgeExpired")
        (state,) = self.rpc.batch_get([PATH])()
        assert state.fields["version"].integer_value == NEWEST
        assert not {"since", "place"} & set(state.fields)


@contextmanager
def new_database(emulator: str) -> Iterator[Database]:
    """A new one; `emulator` is the host and port."""
    environment = {
        "SESSIONS_STORE": new_store_url(),
        "FIRESTORE_EMULATOR_HOST": emulator,
        **PATIENCE,
    }
    settings = Settings.from_environment(environment)
    project = settings.store_url.removeprefix("firestore://")
    with closing(Rpc(project, "(default)", emulator, settings.store_timeout)) as rpc:
        yield Database(settings, rpc)


def never() -> bool:
    """Whether the time of a purge is up."""
    return False
