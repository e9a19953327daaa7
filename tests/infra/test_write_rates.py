"""The tables of docs/write-rates.md, computed from the indexes and from what the store writes."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from functions.config.settings import Settings
from functions.messages.session import Session
from functions.rules.names import SessionName
from functions.rules.session_rules import new_session
from functions.store.firestore.documents import session_fields
from functions.store.firestore.layouts import FORMER, Layout, Layouts
from functions.store.firestore.rpc import Rpc
from functions.store.firestore.values import document
from functions.store.opening import open_store
from tests.support.api import SECOND, START, Api
from tests.support.budget import table
from tests.support.firestore.index_rows import CAPACITY, Row, moved, rows, taken
from tests.support.firestore.indexes import ASCENDING, DESCENDING, Index, Indexes, read_indexes
from tests.support.project import LOCATION, ROOT
from tests.support.stores import PATIENCE

PAGE = (ROOT / "docs/write-rates.md").read_text()
INDEXES = read_indexes()
WITHOUT_LISTS = Indexes(
    frozenset(
        index
        for index in INDEXES.composite
        if not (index.is_group and index.fields[0][1] != ASCENDING)
    ),
    INDEXES.single,
)
BEFORE = Indexes(
    frozenset(
        index
        for index in INDEXES.composite
        if index.fields[0][0] not in ("shardFacets", "purgeShard")
    ),
    {
        **INDEXES.single,
        **{
            ("sessions", name): frozenset(
                Index("sessions", is_group, ((name, mode),)) for is_group, mode in modes
            )
            for name, modes in {
                "createTime": ((False, ASCENDING), (False, DESCENDING)),
                "updateTime": ((False, ASCENDING), (False, DESCENDING)),
                "expiry": ((False, ASCENDING), (True, ASCENDING)),
            }.items()
        },
    },
)
"""The indexes of version 4."""

LABELS = {
    "a user": 0,
    "a user, a display name, 5 labels": 5,
    "a user, a display name, 64 labels": 64,
}
SESSIONS = 3_000


@pytest.fixture(scope="module")
def rpc(emulator: str) -> Iterator[Rpc]:
    with closing(Rpc("write-rates", "(default)", emulator, 60 * SECOND)) as rpc:
        yield rpc


def settings(emulator: str, **values: Any) -> Settings:
    return Settings(
        sessions_store="firestore://write-rates",
        firestore_emulator_host=emulator,
        store_timeout=PATIENCE["STORE_TIMEOUT"],
        **values,
    )


def written(api: Api, rpc: Rpc, labels: int) -> dict[str, tuple[list[Any], list[Any]]]:
    """The documents before and after a create, and an append, as the store writes them."""
    fields: dict[str, Any] = {"labels": {f"k{number}": "v" for number in range(labels)}}
    session = api.create(**fields, **({"displayName": "d"} if labels else {}))
    created = rpc.batch_get([session])()
    api.now += SECOND
    assert api.append(session).status == 200
    (event,) = api.ok("GET", f"{session}/events")["sessionEvents"]
    return {
        "create_session": ([], created),
        "append_event": (created, rpc.batch_get([session, event["name"]])()),
    }


def in_the_former_layout(found: Any) -> Any:
    """A document of this version as version 4 wrote it."""
    name = found.name
    if "/events/" in name:
        return found
    labels = {
        key: item.string_value for key, item in found.fields["labels"].map_value.fields.items()
    }
    user, display = (found.fields[field].string_value for field in ("userId", "displayName"))
    engine, _, session = name.partition("/documents/")[2].rpartition("/sessions/")
    facets = FORMER.facets(SessionName(engine, session), user, display, labels)
    kept = {
        key: item for key, item in found.fields.items() if key not in ("shardFacets", "updated")
    }
    result = document(name, {"facets": facets})
    for key, item in kept.items():
        result.fields[key].CopyFrom(item)
    result.fields["updateTime"].CopyFrom(found.fields["updated"])
    return result


def test_the_page_counts_the_rows_that_a_write_moves(emulator: str, rpc: Rpc) -> None:
    """Counted from the documents that the store writes, with and without lists over all engines."""
    counted = []
    with closing(open_store(settings(emulator))) as store:
        api = Api(store, f"{LOCATION}/reasoningEngines/rates")
        for session, labels in LABELS.items():
            for method, (old, new) in written(api, rpc, labels).items():
                former = [[in_the_former_layout(found) for found in side] for side in (old, new)]
                counts = (
                    len(moved(INDEXES, old, new)),
                    len(moved(WITHOUT_LISTS, old, new)),
                    len(moved(BEFORE, *former)),
                )
                counted.append([method, session, *map(str, counts)])
    assert [list(row.values()) for row in table(PAGE, "Write")] == sorted(counted)


@cache
def ranges(layout: Layout, labels: int = 0) -> list[list[Row]]:
    """The ranges in which an append to each of many sessions of one engine moves rows."""
    indexes = BEFORE if layout == FORMER else INDEXES
    found = []
    for number in range(SESSIONS):
        name = SessionName(f"{LOCATION}/reasoningEngines/1", f"session-{number}")
        message = Session(user_id=f"u{number}")
        record = new_session(name, message, START, 0)[0]
        before = _stored(record, (layout,))
        after = _stored(replace(record, update_time=START + SECOND), (layout,))
        found.append([each.range for each in moved(indexes, [before], [after]) if each.range])
    return found


def _stored(record: Any, layouts: Layouts) -> Any:
    return document(f"root/{record.name}", session_fields(record, "", layouts))


def test_the_page_says_how_many_appends_a_location_takes() -> None:
    """500 a second in the range that most sessions share."""
    said = {row["Layout"]: row["Appends a second"] for row in table(PAGE, "Layout")}
    counted = {}
    for title, layout in {
        "before": FORMER,
        "30 shards": Layout(30),
        "120 shards": Layout(120),
    }.items():
        load = Counter(each for touched in ranges(layout) for each in touched)
        spread = 1 if layout == FORMER else layout.shards
        busiest = max(load.values()) / SESSIONS
        # Hashes spread the sessions: no range has twice its share.
        assert 1 / spread <= busiest < 2 / spread
        counted[title] = f"{CAPACITY * spread:,}"
    assert said == counted


def test_the_page_says_where_the_layouts_saturate() -> None:
    """A second of appends to 3,000 sessions of one engine, each range taking 500 of them."""
    for row in table(PAGE, "Offered"):
        offered = int(row["Offered"].replace(",", ""))
        found = {
            "Before": taken(ranges(FORMER), offered),
            "30 shards": taken(ranges(Layout(30)), offered),
            "120 shards": taken(ranges(Layout(120)), offered),
        }
        assert {title: row[title] for title in found} == {
            title: f"{count:,}" for title, count in found.items()
        }


def test_the_page_says_how_many_jobs_purge_ten_million_sessions_a_day() -> None:
    """A day of runs every ten minutes, each job at the rate that the page says it has."""
    rate = int(re.search(r"removed ([\d,]+) documents a second", PAGE)[1].replace(",", ""))  # type: ignore[index]
    in_time = rate * Settings().purge_time_limit // SECOND // 21
    for row in table(PAGE, "Jobs"):
        purged = left = 0
        for run in range(144):
            left += 10_000_000 // 144 + (run < 10_000_000 % 144)
            removed = min(left, int(row["Jobs"]) * in_time)
            purged, left = purged + removed, left - removed
        found = {"Purged in a day": f"{purged:,}", "Left at its end": f"{left:,}"}
        assert {title: row[title] for title in found} == found


def test_no_row_of_a_session_is_outside_a_shard() -> None:
    """Each range that rises with time, and that sessions share, has its shard in its values."""
    name = SessionName(f"{LOCATION}/reasoningEngines/1", "s")
    record = new_session(name, Session(user_id="u"), START, 0)[0]
    shared = [row.range for row in rows(INDEXES, _stored(record, (Layout(30),))) if row.range]
    assert shared
    assert all(
        "/30" in str(each.values) or each.index.fields[0][0] == "purgeShard" for each in shared
    )
