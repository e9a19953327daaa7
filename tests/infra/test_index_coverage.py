"""Every query that the store issues has its index in `infra/`, and every index its query.

The emulator answers without indexes, production does not. The queries are read off the store's
connection while it lives through a conversation that makes it ask all that it can ask.
"""

import json

from infra.generate.exemptions import render
from tests.support.firestore.every_query import QUERIES
from tests.support.firestore.indexes import read_indexes
from tests.support.firestore.wire import Wire
from tests.support.project import INFRA

KNOWN_METHODS = {"BatchGetDocuments", "Commit", "Listen", "RunAggregationQuery", "RunQuery"}


def test_every_query_that_the_store_issues_has_its_index(wire: Wire) -> None:
    assert read_indexes().unserved(wire.shapes) == set()


def test_every_index_is_used_by_a_query(wire: Wire) -> None:
    assert read_indexes().unused(wire.shapes) == set()


def test_every_collection_that_is_written_is_exempt_from_automatic_indexes(wire: Wire) -> None:
    assert read_indexes().exempt_collections == wire.collections


def test_the_conversation_makes_every_query_that_the_store_has(
    wire: Wire, called: set[str]
) -> None:
    assert wire.shapes
    assert called == set(QUERIES.values())


def test_the_store_asks_in_no_other_way_than_by_queries(wire: Wire) -> None:
    """A method that is new here may need indexes that nobody looked for."""
    assert wire.methods == KNOWN_METHODS


def test_terraform_changes_one_field_after_the_other() -> None:
    """Firestore refuses changes of several fields at the same time with 409."""
    overrides = json.loads((INFRA / "firestore.indexes.json").read_text())["fieldOverrides"]
    committed = (INFRA / "exemptions.tf.json").read_text()
    assert render(overrides) == committed, "run `make openapi`"
    fields = json.loads(committed)["resource"]["google_firestore_field"]
    chain = ["google_firestore_index.index", *(f"google_firestore_field.{name}" for name in fields)]
    assert [body["depends_on"] for body in fields.values()] == [[before] for before in chain[:-1]]
    assert [(body["collection"], body["field"]) for body in fields.values()] == [
        (override["collectionGroup"], override["fieldPath"]) for override in overrides
    ]
