"""Every query that the store issues has its index in `infra/`, and every index its query.

The emulator answers without indexes, production does not. The queries are read off the store's
connection while it lives through a conversation that makes it ask all that it can ask.
"""

from tests.infra.configuration import Configuration
from tests.infra.conftest import QUERIES
from tests.infra.firestore_indexes import indexes_in
from tests.infra.indexing import exempt_collections, unserved, unused
from tests.infra.queries_at_the_wire import Wire

KNOWN_METHODS = {"BatchGetDocuments", "Commit", "Listen", "RunQuery"}


def test_every_query_that_the_store_issues_has_its_index(
    configuration: Configuration, wire: Wire
) -> None:
    assert unserved(indexes_in(configuration), wire.shapes) == set()


def test_every_index_is_used_by_a_query(configuration: Configuration, wire: Wire) -> None:
    assert unused(indexes_in(configuration), wire.shapes) == set()


def test_every_collection_that_is_written_is_exempt_from_automatic_indexes(
    configuration: Configuration, wire: Wire
) -> None:
    assert exempt_collections(indexes_in(configuration)) == wire.collections


def test_the_conversation_makes_every_query_that_the_store_has(
    wire: Wire, called: set[str]
) -> None:
    assert wire.shapes
    assert called == set(QUERIES.values())


def test_the_store_asks_in_no_other_way_than_by_queries(wire: Wire) -> None:
    """A method that is new here may need indexes that nobody looked for."""
    assert wire.methods == KNOWN_METHODS
