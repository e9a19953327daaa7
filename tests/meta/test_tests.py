"""The tests themselves: each stands alone, and what several share is in `tests/support`."""

import ast
import re
from pathlib import Path

import pytest

from tests.support.project import ROOT

TESTS = ROOT / "tests"
PROGRAMS = ("bench", "fuzz", "support", "clients/snippets", "clients/webhook")
"""Folders that hold more than tests and fixtures."""

MODULES = sorted(TESTS.rglob("*.py"))
CONFTESTS = sorted(TESTS.rglob("conftest.py"))
SUPPORT = sorted((TESTS / "support").rglob("[a-z]*.py"))


def named(path: Path) -> str:
    return str(path.relative_to(TESTS))


def imports_of(path: Path) -> set[str]:
    """The dotted names of the modules that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
            names.add(f"{node.module}")
    return names


IMPORTED = {path: imports_of(path) for path in MODULES}


def test_a_module_imports_neither_a_test_nor_a_conftest() -> None:
    found = re.compile(r"(^|\.)(test_|conftest)")
    assert [named(path) for path, names in IMPORTED.items() if any(map(found.search, names))] == []


@pytest.mark.parametrize("path", CONFTESTS, ids=named)
def test_a_conftest_holds_fixtures_and_hooks_only(path: Path) -> None:
    """What else it needs is private to it."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            is_fixture = any("fixture" in ast.unparse(each) for each in node.decorator_list)
            assert is_fixture or node.name.startswith(("_", "pytest_")), node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            assert all(ast.unparse(target).startswith("_") for target in targets)
        else:
            assert not isinstance(node, ast.ClassDef), node.name


def test_a_folder_of_tests_holds_nothing_but_tests_and_fixtures() -> None:
    folders = [TESTS / folder for folder in PROGRAMS]
    others = [path for path in MODULES if not any(path.is_relative_to(each) for each in folders)]
    assert [named(path) for path in others if not path.stem.startswith(("test_", "conftest"))] == []


@pytest.mark.parametrize("path", SUPPORT, ids=named)
def test_a_module_of_support_is_used_and_says_what_for(path: Path) -> None:
    """Python itself imports `sitecustomize`."""
    assert ast.get_docstring(ast.parse(path.read_text()))
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    assert path.stem == "sitecustomize" or any(module in names for names in IMPORTED.values())


@pytest.mark.parametrize("path", sorted((TESTS / "contract").glob("test_*.py")), ids=named)
def test_a_section_of_the_contract_that_a_test_names_is_on_the_page(path: Path) -> None:
    page = (ROOT / "docs/contract.md").read_text()
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    named_sections = re.search(r"See docs/contract\.md, sections? (.+)\.$", docstring, re.MULTILINE)
    assert bool(named_sections) == ("section" in docstring)
    for number in re.findall(r"\d+", named_sections[1] if named_sections else ""):
        assert f"\n## {number}. " in page
