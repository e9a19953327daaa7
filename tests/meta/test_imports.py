"""The rooms of the house: imports point one way, without circles, and only the edge knows flask."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

FUNCTIONS = Path(__file__).parent.parent.parent / "functions"
ROOMS = ("aip", "messages", "rules", "access", "config", "calls", "store", "methods", "api")
"""Each may import itself and those before it; a method's folder is named for its resource."""

EDGE_LIBRARIES = {"flask", "werkzeug", "functions_framework"}
MODULES = sorted(FUNCTIONS.rglob("*.py"))


def dotted(path: Path) -> str:
    parts = path.relative_to(FUNCTIONS.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {dotted(path) for path in MODULES}


def room_of(module: str) -> str:
    """The room of a dotted name below `functions`; methods live in `functions` itself."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in ROOMS else "methods"


def imports_of(path: Path) -> set[str]:
    """The modules that a file imports, at its top, in a function or for types only."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            submodules = {f"{node.module}.{alias.name}" for alias in node.names} & NAMES
            names |= submodules or {str(node.module)}
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(FUNCTIONS)))
def test_imports_point_one_way(path: Path) -> None:
    room = room_of(dotted(path))
    allowed = ROOMS[: ROOMS.index(room) + 1]
    for name in imports_of(path):
        if name.startswith("functions."):
            assert room_of(name) in allowed, f"{room} imports {name}"
        if room != "api":
            assert name.split(".")[0] not in EDGE_LIBRARIES, f"{room} imports {name}"


def test_no_imports_form_a_circle() -> None:
    """Each module can be read after all modules that it imports, also inside its functions."""
    graph = {dotted(path): imports_of(path) & NAMES for path in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(FUNCTIONS)))
def test_no_file_is_a_drawer_of_leftovers(path: Path) -> None:
    assert path.stem not in {"utils", "helpers", "common", "misc"}
    assert len(path.read_text().splitlines()) <= 450
