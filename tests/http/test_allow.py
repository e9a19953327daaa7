"""A 405 says in Allow what the path takes; see rfc-editor.org/rfc/rfc9110#section-15.5.6."""

from pathlib import Path

import pytest

from tests.http.door import ENGINE, open_door


@pytest.mark.parametrize(
    ("verb", "path", "allowed"),
    [
        ("PUT", f"{ENGINE}/sessions/s", "DELETE, GET, PATCH, POST"),
        ("DELETE", f"{ENGINE}/sessions", "GET, POST"),
        ("GET", f"{ENGINE}/sessions/s:appendEvent", "POST"),
        ("TRACE", "/v1/operations/1", "DELETE, GET"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(
    tmp_path: Path, verb: str, path: str, allowed: str
) -> None:
    answer = open_door(tmp_path).knock(verb=verb, path=path)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == allowed


def test_no_other_answer_names_methods(tmp_path: Path) -> None:
    answer = open_door(tmp_path).knock(path=f"{ENGINE}/sessions/s")
    assert answer.status_code == 404
    assert "Allow" not in answer.headers
