"""Labels of sessions.

See docs/contract.md, section 4.
"""

import pytest

from tests.support.api import Api

LABELS: list[dict[str, str]] = [
    {},
    {"a": "", "b-_9": "v-_9"},
    {"é": "ß", "日本": "語"},
    {"k" * 64: "v" * 64},
    {"é" * 64: "é" * 64},
    {f"k{number}": "v" for number in range(64)},
]


@pytest.mark.parametrize("labels", LABELS, ids=lambda labels: str(labels)[:30])
def test_labels_come_back_as_sent(api: Api, labels: dict[str, str]) -> None:
    """Up to 64, of up to 64 code points of lowercase and international letters, digits, `_-`."""
    assert api.ok("GET", api.create(labels=labels)).get("labels", {}) == labels


@pytest.mark.parametrize(
    "labels",
    [
        {"A": "v"},
        {"k": "V"},
        {"k": "É"},
        {"k" * 65: "v"},
        {"k": "v" * 65},
        {"": "v"},
        {"k.k": "v"},
        {"k": "a b"},
        {f"k{number}": "v" for number in range(65)},
    ],
    ids=lambda labels: str(labels)[:30],
)
def test_other_labels_are_refused(api: Api, labels: dict[str, str]) -> None:
    """400 by create and by update, and nothing changes."""
    session = api.create(labels={"old": "1"})
    body = {"userId": "u", "labels": labels}
    assert api.call("POST", f"{api.engine}/sessions", body).status == 400
    assert api.call("PATCH", session, body).status == 400
    assert api.ok("GET", session)["labels"] == {"old": "1"}
