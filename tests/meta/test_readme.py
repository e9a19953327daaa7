"""What the README and the pages beside it hold: settings, targets, code, the first conversation."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from functions.api.routes import METHODS, ROUTES
from functions.config.settings import Settings
from tests.support.project import ROOT
from tests.support.servers import serving

README = (ROOT / "README.md").read_text()
SETTINGS = (ROOT / "docs/settings.md").read_text()
DEPLOY = (ROOT / "docs/deploy.md").read_text()
CLIENTS = (ROOT / "docs/clients.md").read_text()
CONTRACT = (ROOT / "docs/contract.md").read_text()
EXTENSIONS = (ROOT / "docs/extensions.md").read_text()
FROM_ADK = (ROOT / "docs/use-it-from-adk.md").read_text()
COST = (ROOT / "docs/cost.md").read_text()
SNIPPETS = sorted((ROOT / "tests/clients/snippets").glob("[a-z]*.*"))


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.DOTALL | re.MULTILINE)


def section(page: str, title: str) -> str:
    match = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)
    assert match is not None, f"there is no section {title!r}"
    return match[1]


def test_the_readme_is_read_in_five_minutes() -> None:
    assert len(README.splitlines()) <= 150


def test_the_tables_of_settings_are_the_settings_class() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*?) \| (.*) \|$", SETTINGS, re.MULTILINE)
    described = {name.upper(): text for name, text in Settings.descriptions().items()}
    assert len(rows) == len(described), "a setting stands in two tables"
    assert {name: text for name, _, text in rows} == described
    defaults = {name: default.strip("`") for name, default, _ in rows if default}
    assert Settings.from_environment(defaults) == Settings()


def test_the_table_of_targets_names_every_target() -> None:
    rows = re.findall(r"^\| \w+ \| .*$", section(DEPLOY, "Targets"), re.MULTILINE)
    targets = re.findall(r"`(\w+)`", "\n".join(rows))
    assert sorted(targets) == sorted([*METHODS, "sessions_api", "console"])


def test_the_contract_names_every_method_with_its_query() -> None:
    """The tables of section 1: each row has the parameters of its methods' routes."""
    queries: dict[str, set[str]] = {method: set() for method in METHODS}
    for route in ROUTES:
        queries[route.method] |= set(route.query)
    tables = section(CONTRACT, "1. Methods and paths")
    rows = re.findall(r"^\| (`\w+`.*?) \| .*? \| (.*?) \| .*\|$", tables, re.MULTILINE)
    told = [(re.findall(r"`(\w+)`", methods), query) for methods, query in rows]
    assert sorted(method for methods, _ in told for method in methods) == sorted(METHODS)
    for methods, query in told:
        words = set(re.findall(r"\w+", re.sub(r"\(.*?\)", "", query)))
        assert words == set().union(*(queries[method] for method in methods)), methods


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda path: path.name)
def test_the_code_for_a_client_is_the_code_that_its_tests_run(snippet: Path) -> None:
    code = snippet.read_text()
    if snippet.suffix == ".py":
        code = code.split('"""', 2)[2]
    assert code.strip() in [block.strip() for block in blocks(CLIENTS, r"\w+")]


def test_the_code_of_the_readme_is_that_of_pages_whose_code_is_tested() -> None:
    tested = (CLIENTS, FROM_ADK, (ROOT / "docs/use-it-in-tests.md").read_text())
    for language in ("python", "yaml"):
        printed = blocks(README, language)
        assert printed
        assert set(printed) <= {block for page in tested for block in blocks(page, language)}
    (command,) = [block for block in blocks(README, "sh") if block.startswith("adk ")]
    assert command in blocks(FROM_ADK, "sh")


def test_an_index_links_every_page() -> None:
    """The README, or the table of extensions."""
    linked = set(re.findall(r"\((?:docs/)?([a-z-]+\.md)[)#]", README + EXTENSIONS))
    assert {page.name for page in (ROOT / "docs").glob("*.md")} <= linked


def test_the_figures_of_the_readme_are_those_of_the_cost_page() -> None:
    here, managed = re.search(r"^\| all of it \| (\S+) \| (\S+) \|$", COST, re.MULTILINE).groups()  # type: ignore[union-attr]
    assert re.findall(r"\$[\d.,]+\d", README) == [here, managed]


def test_the_first_conversation_runs_as_printed(tmp_path: Path) -> None:
    conversation = next(block for block in blocks(README, "sh") if "appendEvent" in block)
    with serving(
        "sessions_api",
        {"SESSIONS_STORE": f"sqlite:///{tmp_path}/s.db", "GOOGLE_CLOUD_PROJECT": "local"},
    ) as url:
        commands = "set -e\n" + conversation.replace("http://127.0.0.1:8080", url)
        run = subprocess.run(
            ["bash", "-c", commands], capture_output=True, text=True, timeout=60, check=True
        )
    answers = [
        json.loads(line) for line in re.findall(r"^\{.*?\}$", run.stdout, re.MULTILINE | re.DOTALL)
    ]
    assert answers
    assert all("error" not in answer for answer in answers)
    assert '"plan":"pro"' in run.stdout


def test_every_make_target_in_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for name in re.findall(r"\bmake ([a-z]+)\b", README):
        assert re.search(rf"^{name}:", makefile, re.MULTILINE), name
