r"""Lists the indexes of firestore.indexes.json that Firestore is to make, or has not made.

Each change, as verb, path and JSON of Firestore's Admin API:

    python3 infra/firestore_indexes.py

Each index and exemption that a database lacks; fails if there is one:

    python3 infra/firestore_indexes.py <(gcloud firestore indexes composite list --format=json) \
        <(gcloud firestore indexes fields list --format=json)
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


def missing(indexes: list[Json], fields: list[Json]) -> list[str]:
    """The path and the indexes of each change that is not in the lists, or not in effect yet."""
    there = {
        _line(_below(index["name"]), index) for index in indexes if index.get("state") == "READY"
    }
    there |= {_line(_below(field["name"]), field) for field in fields}
    wanted = (_line(path.partition("?")[0], body) for _, path, body in changes())
    return [f"missing: {line}" for line in wanted if line not in there]


def _line(path: str, body: Json) -> str:
    """A path and its index, or all indexes of a field."""
    of_field = body.get("indexConfig")
    indexes = of_field.get("indexes", []) if of_field is not None else [body]
    return f"{path}: {'; '.join(sorted(map(_entry, indexes)))}"


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
