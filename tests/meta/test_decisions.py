"""The decision records: one form, one index, and a link from the code that each explains."""

import re
from pathlib import Path

import pytest

from tests.support.project import ROOT

FOLDER = ROOT / "docs/decisions"
INDEX = (FOLDER / "README.md").read_text()
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))
CODE = "\n".join(path.read_text() for path in (ROOT / "functions").rglob("*.py"))


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_a_decision_record_has_its_form_its_row_and_a_link_from_code(record: Path) -> None:
    text = record.read_text()
    number = record.stem[:4]
    head = re.match(rf"# {int(number)}\. (.+)\n\nDate: ([\d-]{{10}})\. Status: (\w+)", text)
    assert head is not None, "the title has the number; below it stand date and status"
    title, date, status = head.groups()
    assert re.findall(r"^## (.*)$", text, re.M) == ["Context", "Decision", "Consequence"]
    assert f"| [{number}]({record.name}) | {title} | {status} | {date} |" in INDEX
    assert f"docs/decisions/{number}" in CODE


def test_the_index_has_no_other_rows() -> None:
    assert re.findall(r"^\| \[\d{4}\]\((.*?)\)", INDEX, re.M) == [path.name for path in RECORDS]
