"""Makes Terraform's single-field indexes from infra/firestore.indexes.json.

    python -m infra.generate.exemptions > infra/exemptions.tf.json

Firestore refuses simultaneous changes of several fields with 409. The resources therefore form a
chain: each depends on the one before. Terraform's for_each cannot express that.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

Json = dict[str, Any]

INDEXES = Path(__file__).parent.parent / "firestore.indexes.json"
_COMMENT = (
    "Made by `python -m infra.generate.exemptions` from firestore.indexes.json; change that file. "
    "By default Firestore indexes every field in both directions, and each write pays for it. "
    "Here each collection is exempt as a whole, and a field has only the indexes of its queries. "
    "Each field waits for the one before: Firestore refuses simultaneous changes."
)


def render(overrides: list[Json]) -> str:
    """Returns the text of the file."""
    fields: Json = {}
    before = "google_firestore_index.index"
    for override in overrides:
        name = resource_name(override)
        fields[name] = {
            "count": "${var.own_database ? 1 : 0}",
            "database": "${local.database}",
            "collection": override["collectionGroup"],
            "field": override["fieldPath"],
            "index_config": {"indexes": [_index(index) for index in override["indexes"]]},
            "depends_on": [before],
        }
        before = f"google_firestore_field.{name}"
    lines = ",\n".join(f'    "{name}": {json.dumps(field)}' for name, field in fields.items())
    return (
        f'{{\n  "//": {json.dumps(_COMMENT)},\n'
        f'  "resource": {{"google_firestore_field": {{\n{lines}\n  }}}}\n}}\n'
    )


def resource_name(override: Json) -> str:
    """Returns `sessions_create_time`, or `sessions` for the override of all other fields."""
    words = f"{override['collectionGroup']}_{override['fieldPath']}".removesuffix("_*")
    return re.sub(r"(?=[A-Z])", "_", words).lower()


def _index(index: Json) -> Json:
    mode = "order" if "order" in index else "arrayConfig"
    name = {"order": "order", "arrayConfig": "array_config"}[mode]
    return {name: index[mode], "query_scope": index["queryScope"]}


if __name__ == "__main__":
    sys.stdout.write(render(json.loads(INDEXES.read_text())["fieldOverrides"]))
