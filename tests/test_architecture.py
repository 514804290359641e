"""The house rules that imports can break; each is read from the source, so that late imports count too."""

import ast
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conftest import PROJECT_ROOT

PACKAGE = PROJECT_ROOT / "src" / "moe_exp"
FLOORS = (
    ("codes", "credentials"),
    ("errors", "names", "random_streams"),
    ("machine", "program", "progress", "workers"),
    ("cache",),
    ("spectra", "tracking"),
    ("model",),
    ("prediction",),
    ("evaluation",),
    ("comparison",),
    ("figures",),
    ("experiment", "page", "report"),
    ("runs",),
    ("sweeps", "cli"),
)
"""The rooms from the ground up: each may use those below its floor and itself, never one above or beside it."""


def imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize(
    ("package", "allowed"),
    [("mlflow", {"tracking"}), ("hydra", {"experiment", "sweeps"}), ("omegaconf", {"experiment", "sweeps"})],
)
def test_only_these_parts_import(package, allowed):
    users = {
        path.relative_to(PACKAGE).parts[0] for path in modules() if package in {n.split(".")[0] for n in imports(path)}
    }
    assert users == allowed


def test_pyplot_is_never_imported():
    assert not [path for path in modules() if any("pyplot" in name for name in imports(path))]


def rooms_used(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imports(path) if name.startswith("moe_exp.")}


@pytest.mark.parametrize("floor", range(len(FLOORS)))
def test_imports_point_one_way(floor):
    below = {room for lower in FLOORS[:floor] for room in lower}
    for room in FLOORS[floor]:
        for path in modules():
            if path.relative_to(PACKAGE).with_suffix("").parts[0] == room:
                wrong = rooms_used(path) - below - {room}
                assert not wrong, f"{path.relative_to(PACKAGE)} imports {wrong}"


def test_every_room_stands_on_a_floor():
    rooms = {path.relative_to(PACKAGE).with_suffix("").parts[0] for path in modules()} - {"__init__"}
    assert rooms == {room for floor in FLOORS for room in floor}


NOT_EVERYWHERE = {"fcntl", "resource", "pwd", "grp", "termios", "msvcrt", "winreg"}


def test_what_only_some_systems_have_is_not_needed_to_import_a_module():
    needed = {
        (str(path.relative_to(PACKAGE)), alias.name)
        for path in modules()
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert not [(path, name) for path, name in needed if name in NOT_EVERYWHERE]


def takes_the_locales_encoding(call: ast.Call) -> bool:
    """Whether a call opens text without saying in which encoding."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    return "encoding" not in given and (name in ("read_text", "write_text") or given.get("text") == "True")


def test_text_is_utf_8_whatever_the_locale():
    calls = [
        (path.name, node)
        for path in [*modules(), PROJECT_ROOT / "train.py"]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    ]
    assert not [(name, ast.unparse(call)) for name, call in calls if takes_the_locales_encoding(call)]


@pytest.mark.parametrize(
    "path", sorted([*(PROJECT_ROOT / "bench").glob("*.py"), *(PROJECT_ROOT / "tools").glob("*.py")])
)
def test_programs_that_no_test_runs_import_what_there_is(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("moe_exp"):
            module = import_module(node.module)
            for alias in node.names:
                assert hasattr(module, alias.name) or find_spec(f"{node.module}.{alias.name}"), alias.name
