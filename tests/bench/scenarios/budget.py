"""What the hot paths ask of Firestore, counted at the store's calls."""

import json
from collections import Counter
from collections.abc import Callable
from contextlib import closing

from functions.config.settings import Settings
from functions.store.opening import open_store
from tests.bench import peers
from tests.bench.bench import Bench
from tests.bench.calls import EVENT_BODY
from tests.bench.figures import Comparison, Section, constant
from tests.support.api import Api
from tests.support.budget import COUNTS, counted

PAGE = 10

TEXT = f"""\
Calls, document reads, writes and deletes of one request, where there are any; the page and the
batch have {PAGE} events. [What it costs](cost.md) has every method, and a test holds each to its
row.
"""

Counts = tuple[int, int, int, int]


def run(bench: Bench) -> Section:
    environment = peers.firestore(bench.emulator, "bench-budget")
    with closing(open_store(Settings.from_environment(environment))) as store:
        api = Api(store, f"{peers.PARENT}/reasoningEngines/1")
        session = api.create()
        for number in range(2 * PAGE):
            api.append(session, invocationId=f"i{number}")
        shared = Api(store, f"{peers.PARENT}/reasoningEngines/2")
        of_user = shared.create(sessionState={"user:a": 1})
        scoped = {"stateDelta": {"a": 1, "app:b": 1}}
        page = {"pageSize": PAGE}
        batch = {"events": [json.loads(EVENT_BODY)] * PAGE}

        def rows(what: str, most: Counts, call: Callable[[], object]) -> list[Comparison]:
            spent: Counter[str] = Counter()
            with counted(spent):
                call()
            return [
                Comparison(
                    f"{what}: {count}",
                    constant(spent[count], 1),
                    "budget",
                    constant(limit, 1),
                    count,
                    at_most=1,
                )
                for count, limit in zip(COUNTS, most, strict=True)
                if limit or spent[count]
            ]

        found = [
            *rows("append_event", (1, 0, 2, 0), lambda: api.append(session)),
            *rows(
                "append_event, app: key", (2, 2, 3, 0), lambda: api.append(session, actions=scoped)
            ),
            *rows(
                f"batch_append_events of {PAGE}",
                (1, 0, PAGE + 1, 0),
                lambda: api.ok("POST", f"{session}:batchAppendEvents", batch),
            ),
            *rows("get_session", (1, 2, 0, 0), lambda: api.ok("GET", session)),
            *rows("get_session, user state", (2, 3, 0, 0), lambda: shared.ok("GET", of_user)),
            *rows(
                "list_events",
                (2, PAGE + 3, 0, 0),
                lambda: api.ok("GET", f"{session}/events", **page),
            ),
        ]
    return Section("What Firestore is asked for", TEXT, found)
