"""GET {session}/runs: lists a session's runs."""

from functions.calls.filters import RUN_DEFAULT_ORDER, RUN_FIELDS
from functions.calls.request import Request, list_json
from functions.rules.run import MAX_RUNS_PAGE
from functions.store.protocol import Store


def list_runs(request: Request, store: Store, now: int) -> str:
    """Answers one page of runs in the order of their first events; raises SessionNotFound."""
    session = request.session_name
    query = request.page(session, RUN_FIELDS, (), RUN_DEFAULT_ORDER, MAX_RUNS_PAGE)
    page = store.list_runs(session, query, now)
    runs = [run.to_json(session) for run in page.items]
    return list_json("runs", runs, session, query, page.cursor)
