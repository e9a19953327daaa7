"""A database as servers of version 1 left it, and the calls that made it.

`version_1.json` has its documents in the order in which they were written. The code of commit
23b7241, the last one of that version, wrote them while `live` called it.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict

from functions.store.firestore.protobuf import StructuredQuery, Write
from functions.store.firestore.rpc import Rpc
from tests.support.api import SECOND, START, Api
from tests.support.project import LOCATION

DOCUMENTS = Path(__file__).with_suffix(".json")

ENGINES = (
    f"{LOCATION}/reasoningEngines/1",
    f"{LOCATION}/reasoningEngines/2",
    "projects/test-project/locations/europe-west4/reasoningEngines/1",
)
SESSIONS = tuple(
    f"{engine}/sessions/{session}"
    for engine, session in zip((ENGINES[0], *ENGINES), "baaa", strict=True)
)
FOREVER = "2200-01-01T00:00:00Z"


def live(api: Api) -> None:
    """Some sessions of three engines in two locations; one is over, and one deleted."""
    api.now = START
    api.settings = replace(api.settings, min_ttl=0)
    api.ok("POST", f"{LOCATION}/reasoningEngines", {"displayName": "Created"})
    for name in SESSIONS:
        api.now += SECOND
        api.engine, _, session = name.rpartition("/sessions/")
        state = {"plain": 1, "ключ": [[1], {"": None}], "__x__": 2, "app:a": 3, "user:u": 4}
        labels = {"session": session}
        display = {"displayName": "Another"} if session == "a" else {}
        api.create(session, sessionState=state, labels=labels, expireTime=FOREVER, **display)
        for number in range(5):
            send(api, name, number)
    api.engine = ENGINES[0]
    over = api.create("over", ttl="9s")
    send(api, over, 0)
    deleted = api.create("deleted", "v")
    send(api, deleted, 0)
    api.ok("DELETE", deleted)
    api.ok("PATCH", SESSIONS[0], {"displayName": "Renamed", "labels": {"new": "label"}})
    api.now += 10 * SECOND


def send(api: Api, session: str, number: int) -> None:
    """Appends an event that may be sent again."""
    delta = {"plain": number, "__x__": number, "user:u": number} if number % 2 else {"app:a": "x"}
    answer = api.append(
        session,
        f"2026-01-01T00:00:0{number // 2}Z",
        invocationId=f"run{number % 3}",
        rawEvent={"id": f"event{number}"},
        actions={"stateDelta": delta},
        content={"role": "user", "parts": [{"text": "Grüße\n"}]},
    )
    assert answer.status == 200, answer.text


def answers(api: Api) -> dict[str, Any]:
    """The answers of every method that reads, except lists over all engines and streams."""
    said = {}
    for query in ({}, {"filter": 'user_id="u"'}, {"filter": 'labels.session="a"'}):
        for order in ("update_time", "update_time desc", "create_time", "create_time desc"):
            for engine in ENGINES:
                path, query = f"{engine}/sessions", {**query, "orderBy": order, "pageSize": "1"}
                said[f"{path} {query}"] = api.walk(path, "sessions", **query)
    for session in SESSIONS:
        said[session] = api.ok("GET", session)
        said[f"{session}/runs/run1"] = api.ok("GET", f"{session}/runs/run1")
        said[f"{session}/runs"] = api.walk(f"{session}/runs", "runs", pageSize="2")
        for query in ({}, {"orderBy": "timestamp desc"}, {"filter": 'invocation_id="run0"'}):
            path = f"{session}/events"
            said[f"{path} {query}"] = api.walk(path, "sessionEvents", pageSize="2", **query)
    said["over"] = api.call("GET", f"{ENGINES[0]}/sessions/over").status
    said["deleted"] = api.call("GET", f"{ENGINES[0]}/sessions/deleted").status
    engines = api.walk(f"{LOCATION}/reasoningEngines", "reasoningEngines")
    said["engines"] = [engine["displayName"] for engine in engines]
    return said


def load(rpc: Rpc) -> None:
    """Writes the documents, each in a commit of its own as far as their order matters."""
    for document in json.loads(DOCUMENTS.read_text()):
        document["name"] = f"{rpc.root}/{document['name']}"
        rpc.commit([ParseDict({"update": document}, Write())])


def dump(rpc: Rpc, *collections: str) -> list[dict[str, Any]]:
    """Documents of collections of these names, as they were created."""
    documents = []
    for collection in collections or ("reasoningEngines", "users", "sessions", "events", "schema"):
        query = StructuredQuery()
        query.from_.add(collection_id=collection, all_descendants=True)
        documents += [found for found, _ in rpc.run_query("", query) if found is not None]
    documents.sort(key=lambda found: (found.create_time.ToNanoseconds(), found.name))
    return [
        {
            "name": found.name.removeprefix(f"{rpc.root}/"),
            "fields": MessageToDict(found)["fields"],
        }
        for found in documents
    ]
