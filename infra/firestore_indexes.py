r"""Lists the indexes of firestore.indexes.json, or those of them that a database lacks.

Print the call of Firestore's Admin API that makes each index, as verb, path and JSON:

    python3 infra/firestore_indexes.py

Print each index and exemption that a database lacks, and fail if it lacks one:

    python3 infra/firestore_indexes.py <(gcloud firestore indexes composite list --format=json) \
        <(gcloud firestore indexes fields list --format=json)

With --no-lists-over-all-engines, both leave out the indexes that Terraform leaves out if its
variable `lists_over_all_engines` is false.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Json = dict[str, Any]

FILE = Path(__file__).parent / "firestore.indexes.json"


def changes(*, lists_over_all_engines: bool = True) -> Iterator[tuple[str, str, Json]]:
    """Yields verb, path below `collectionGroups/` and body of each call that makes an index."""
    file = json.loads(FILE.read_text())
    for index in file["indexes"]:
        if not lists_over_all_engines and _is_of_such_lists(index):
            continue
        body = {"queryScope": index["queryScope"], "fields": index["fields"]}
        yield "POST", f"{index['collectionGroup']}/indexes", body
    for field in file["fieldOverrides"]:
        path = f"{field['collectionGroup']}/fields/{field['fieldPath']}?updateMask=indexConfig"
        yield "PATCH", path, {"indexConfig": {"indexes": list(_of_field(field))}}


def missing(
    indexes: list[Json], fields: list[Json], *, lists_over_all_engines: bool = True
) -> list[str]:
    """Returns the path and the indexes of each change that the lists lack or that is not ready."""
    there = {
        _line(_below(index["name"]), index) for index in indexes if index.get("state") == "READY"
    }
    there |= {_line(_below(field["name"]), field) for field in fields}
    wanted = (
        _line(path.partition("?")[0], body)
        for _, path, body in changes(lists_over_all_engines=lists_over_all_engines)
    )
    return [f"missing: {line}" for line in wanted if line not in there]


def _is_of_such_lists(index: Json) -> bool:
    """Whether an index serves lists over all engines alone."""
    return index["queryScope"] == "COLLECTION_GROUP" and "arrayConfig" in index["fields"][0]


def _line(path: str, body: Json) -> str:
    """Returns a path with its index, or with all indexes of its field."""
    of_field = body.get("indexConfig")
    indexes = of_field.get("indexes", []) if of_field is not None else [body]
    return f"{path}: {'; '.join(sorted(map(_entry, indexes)))}"


def _of_field(field: Json) -> Iterator[Json]:
    for index in field["indexes"]:
        mode = {key: value for key, value in index.items() if key != "queryScope"}
        fields = [{"fieldPath": field["fieldPath"], **mode}]
        yield {"queryScope": index["queryScope"], "fields": fields}


def _below(name: str) -> str:
    """Returns the end of a full name: `sessions/fields/expiry` or `sessions/indexes`."""
    collection, kind, last = name.split("/")[-3:]
    return f"{collection}/{kind}" if kind == "indexes" else f"{collection}/{kind}/{last}"


def _entry(index: Json) -> str:
    """Returns the scope and the fields of an index without `__name__`, which Firestore adds."""
    fields = [
        f"{field['fieldPath']} {field.get('order') or field['arrayConfig']}"
        for field in index["fields"]
        if field["fieldPath"] != "__name__"
    ]
    return ", ".join([index["queryScope"], *fields])


def main(argv: list[str]) -> int:
    """Prints the calls, or compares with the lists in two files; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="indexes, then fields, as JSON")
    parser.add_argument(
        "--lists-over-all-engines",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="as Terraform's variable of that name",
    )
    args = parser.parse_args(argv)
    if not args.files:
        for verb, path, body in changes(lists_over_all_engines=args.lists_over_all_engines):
            print(verb, path, json.dumps(body), sep="\t")
        return 0
    lacking = missing(
        *(json.loads(Path(file).read_text()) for file in args.files),
        lists_over_all_engines=args.lists_over_all_engines,
    )
    print("\n".join(lacking) or "every index and exemption is there")
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
