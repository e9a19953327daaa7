"""Kills a server while it works on a request, and looks into its store afterwards."""

import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any, TypeVar

from functions.config.settings import Settings
from functions.store.opening import open_store
from functions.store.protocol import Store
from tests.support.torture.client import Answer, Client
from tests.support.torture.killable_server import Server, killable

PARENT = "projects/torture/locations/us-central1/reasoningEngines"

_TOGETHER = 500
"""Events in one body of an import."""

_Result = TypeVar("_Result")


class Killing:
    """A server to kill, and its store, which the test reads by itself."""

    def __init__(self, server: Server, store: Store, pool: ThreadPoolExecutor) -> None:
        self.server, self.store, self.pool = server, store, pool

    @contextmanager
    def client(self) -> Iterator[Client]:
        """A connection for one thread."""
        with closing(Client(self.server.url)) as client:
            yield client

    def call(self, verb: str, path: str, body: Any = None, **query: str) -> Answer:
        """One call on a connection of its own; its status is 0 if the server was killed."""
        with self.client() as client:
            return client.call(verb, path, body, **query)

    def fill(self, session: str, events: Iterable[dict[str, Any]]) -> None:
        """Imports a session with events, whose `name` is an id."""
        head = json.dumps({"session": {"name": session, "userId": "u"}})
        lines = [
            json.dumps({"event": {**event, "name": f"{session}/events/{event['name']}"}})
            for event in events
        ]
        with self.client() as client:
            for start in range(0, len(lines), _TOGETHER):
                body = "\n".join([head, *lines[start : start + _TOGETHER]])
                engine = session.partition("/sessions/")[0]
                answer = client.send("POST", f"{engine}:import", body)
                assert answer.status == 200, answer

    def kill_during(
        self, work: Callable[[], _Result], is_due: Callable[[], bool], *, whole: bool
    ) -> _Result:
        """Kills the server once it `is_due`, at the latest when the work ends; returns its result.

        `whole` kills the parent of the processes that serve, too.
        """
        working = self.pool.submit(work)
        while not working.done() and not is_due():
            pass
        self.server.kill(whole=whole)
        return working.result()


@contextmanager
def killed_server(environment: dict[str, str]) -> Iterator[Killing]:
    """A server to kill, with its store, until the block ends."""
    with (
        killable({**environment, "THREADS": "8"}) as server,
        closing(open_store(Settings.from_environment(environment))) as store,
        ThreadPoolExecutor(8) as pool,
    ):
        yield Killing(server, store, pool)
