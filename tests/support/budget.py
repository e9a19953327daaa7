"""What docs/cost.md says that a method asks of Firestore, and what it really asks."""

import math
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from functions.store.firestore.rpc import Rpc
from tests.support.project import ROOT

COUNTS = ("calls", "reads", "writes", "deletes")


def table(page: str, first_column: str) -> list[dict[str, str]]:
    """The rows of the table whose first column has that title: title → cell, without backticks."""
    lines = re.search(rf"^\| {first_column} \|.*\n(?:\|.*\n)+", page, re.MULTILINE)
    assert lines is not None, f"no table begins with a column {first_column!r}"
    rows = [
        [cell.strip().replace("`", "") for cell in line.strip("|").split("|")]
        for line in lines[0].splitlines()
    ]
    titles, _, *body = rows
    return [dict(zip(titles, row, strict=True)) for row in body]


def evaluate(formula: str, **values: float) -> float:
    """The value of a formula of docs/cost.md, with values for its names."""
    names = {"ceil": math.ceil, "log2": math.log2, "max": max, "min": min, **values}
    return float(eval(formula, {"__builtins__": {}}, names))


BUDGET = {
    (row["Method"], row["Case"]): {count: row[count.title()] for count in COUNTS}
    for row in table((ROOT / "docs/cost.md").read_text(), "Method")
}
"""(method, case) → count → its formula on the page."""


@contextmanager
def counted(spent: Counter[str]) -> Iterator[None]:
    """Counts the calls, reads, writes and deletes of the block, as Firestore bills them."""
    commit, batch_get, run_query = Rpc.commit, Rpc.batch_get, Rpc.run_query
    find, count = Rpc.find, Rpc.count
    lock = threading.Lock()

    def spend(**amounts: int) -> None:
        with lock:
            spent.update(amounts)

    def counting_commit(rpc: Rpc, writes: Any) -> Any:
        spend(calls=1)
        answer = commit(rpc, writes)
        deletes = sum(write.HasField("delete") for write in writes)
        spend(writes=len(writes) - deletes, deletes=deletes)
        return answer

    def counting_batch_get(rpc: Rpc, names: Any, *args: Any, **options: Any) -> Any:
        spend(calls=1, reads=len(names))
        return batch_get(rpc, names, *args, **options)

    def counting_run_query(rpc: Rpc, *args: Any, **options: Any) -> Iterator[Any]:
        # To its end, although the caller may stop before: Firestore reads up to the limit.
        answers = list(run_query(rpc, *args, **options))
        found = sum(document is not None for document, _ in answers)
        spend(calls=1, reads=max(found, 1))
        yield from answers

    def counting_find(rpc: Rpc, *args: Any) -> Iterator[Any]:
        answers = list(find(rpc, *args))
        spend(calls=1, reads=max(len(answers), 1))
        return iter(answers)

    def counting_count(rpc: Rpc, *args: Any) -> int:
        number = count(rpc, *args)
        spend(calls=1, reads=max(math.ceil(number / 1_000), 1))
        return number

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rpc, "find", counting_find)
        patch.setattr(Rpc, "count", counting_count)
        patch.setattr(Rpc, "commit", counting_commit)
        patch.setattr(Rpc, "batch_get", counting_batch_get)
        patch.setattr(Rpc, "run_query", counting_run_query)
        yield
