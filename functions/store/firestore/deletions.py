"""What is hidden already and still being removed: an entry for each engine and each user.

    deletions/{hash}    engine, its name; of a user also userId and erased

The purge finds the entries and goes on with what they name; the last commit removes the entry.
"""

import hashlib
from collections.abc import Callable, Iterator

from functions.store.firestore.protobuf import Document, StructuredQuery
from functions.store.firestore.queries import documents_by_name
from functions.store.firestore.rpc import Rpc

_COLLECTION = "deletions"


def entry_path(name: object) -> str:
    """Returns the path of the entry of an engine or a user."""
    return f"{_COLLECTION}/{hashlib.sha256(str(name).encode()).hexdigest()[:40]}"


def entries(rpc: Rpc) -> list[Document]:
    """Reads all entries; there are as many as deletions under way."""
    query = documents_by_name(_COLLECTION, ("engine", "userId", "erased"), 0, "", everywhere=False)
    return list(rpc.find("", query))


def one_pass(
    rpc: Rpc, parent: str, query: Callable[[str], StructuredQuery], size: int
) -> Iterator[list[Document]]:
    """Yields documents by name, in pages of `size`; `query` makes the one behind a name."""
    behind, is_full = "", True
    while is_full:
        page = list(rpc.find(parent, query(behind)))
        is_full = len(page) == size
        if page:
            yield page
            behind = page[-1].name


def passes(
    rpc: Rpc,
    parent: str,
    query: Callable[[str], StructuredQuery],
    size: int,
    is_meant: Callable[[Document], bool] = lambda found: True,
) -> Iterator[list[Document]]:
    """Yields pages of documents that are meant, from the start again until there are none.

    Each page begins behind the one before: Firestore passes over what was deleted slowly.
    """
    has_met = True
    while has_met:
        has_met = False
        for page in one_pass(rpc, parent, query, size):
            if meant := [found for found in page if is_meant(found)]:
                has_met = True
                yield meant
