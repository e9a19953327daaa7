"""Lists what firestore.indexes.json asks of Firestore, for docs/deploy-with-gcloud.md.

    python3 infra/firestore_indexes.py                   # each change, as verb, path and JSON
    python3 infra/firestore_indexes.py INDEXES FIELDS    # those that the lists of both lack

INDEXES and FIELDS are files with the answers of Firestore's Admin API. The second command fails if
it prints anything. No package is needed.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Json = dict[str, Any]

FILE = Path(__file__).parent / "firestore.indexes.json"


def changes() -> Iterator[tuple[str, str, Json]]:
    """Verb, path below `collectionGroups/` and body of each call that makes one index."""
    file = json.loads(FILE.read_text())
    for index in file["indexes"]:
        body = {"queryScope": index["queryScope"], "fields": index["fields"]}
        yield "POST", f"{index['collectionGroup']}/indexes", body
    for field in file["fieldOverrides"]:
        path = f"{field['collectionGroup']}/fields/{field['fieldPath']}?updateMask=indexConfig"
        yield "PATCH", path, {"indexConfig": {"indexes": list(_of_field(field))}}


def missing(indexes: Json, fields: Json) -> list[str]:
    """The path and the body of each change that is not in the lists, or not in effect."""
    ready = [index for index in indexes.get("indexes", []) if index.get("state") == "READY"]
    there = {f"{_below(index['name'])} {_entry(index)}" for index in ready}
    for field in fields.get("fields", []):
        entries = sorted(map(_entry, field["indexConfig"].get("indexes", [])))
        there.add(f"{_below(field['name'])} {entries}")
    lacking = []
    for _, path, body in changes():
        config = body.get("indexConfig")
        entries = sorted(map(_entry, config["indexes"])) if config else _entry(body)
        if f"{path.partition('?')[0]} {entries}" not in there:
            lacking.append(f"missing: {path.partition('?')[0]} {entries}")
    return lacking


def _of_field(field: Json) -> Iterator[Json]:
    for index in field["indexes"]:
        mode = {key: value for key, value in index.items() if key != "queryScope"}
        fields = [{"fieldPath": field["fieldPath"], **mode}]
        yield {"queryScope": index["queryScope"], "fields": fields}


def _below(name: str) -> str:
    """`sessions/fields/expiry` or `sessions/indexes`, of a full name."""
    collection, kind, last = name.split("/")[-3:]
    return f"{collection}/{kind}" if kind == "indexes" else f"{collection}/{kind}/{last}"


def _entry(index: Json) -> str:
    """The scope and the fields of an index, but for the name that Firestore adds."""
    fields = [
        f"{field['fieldPath']} {field.get('order') or field['arrayConfig']}"
        for field in index["fields"]
        if field["fieldPath"] != "__name__"
    ]
    return ", ".join([index["queryScope"], *fields])


def main(files: list[str]) -> int:
    """Prints what the arguments ask for; answers the exit code."""
    if not files:
        for verb, path, body in changes():
            print(verb, path, json.dumps(body), sep="\t")
        return 0
    lacking = missing(*(json.loads(Path(file).read_text()) for file in files))
    print("\n".join(lacking) or "every index and exemption is there")
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
