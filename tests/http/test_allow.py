"""A 405 says in Allow what the path takes; see rfc-editor.org/rfc/rfc9110#section-15.5.6."""

from pathlib import Path

import pytest

from tests.support.authentication import ENGINE_PATH, SESSIONS_PATH, open_api


@pytest.mark.parametrize(
    ("verb", "path", "allowed"),
    [
        ("PUT", f"{ENGINE_PATH}/sessions/s", "DELETE, GET, PATCH, POST"),
        ("DELETE", SESSIONS_PATH, "GET, POST"),
        ("GET", f"{ENGINE_PATH}/sessions/s:appendEvent", "POST"),
        ("TRACE", "/v1/operations/1", "DELETE, GET"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(
    tmp_path: Path, verb: str, path: str, allowed: str
) -> None:
    answer = open_api(tmp_path).send(verb, path)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == allowed


def test_no_other_answer_names_methods(tmp_path: Path) -> None:
    answer = open_api(tmp_path).send("GET", f"{ENGINE_PATH}/sessions/s")
    assert answer.status_code == 404
    assert "Allow" not in answer.headers
