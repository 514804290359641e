"""The house rules that imports can break; each is read from the source, so that late imports count too."""

import ast
from pathlib import Path

import pytest

from tests.conftest import PROJECT_ROOT

PACKAGE = PROJECT_ROOT / "src" / "moe_exp"
ORDER = ("spectra", "model", "evaluation", "figures")
"""Later may import earlier, never the other way."""


def imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return names


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize(
    ("package", "allowed"),
    [("mlflow", {"tracking"}), ("hydra", {"config.py", "sweep.py"}), ("omegaconf", {"config.py", "sweep.py"})],
)
def test_only_these_parts_import(package, allowed):
    users = {
        path.relative_to(PACKAGE).parts[0] for path in modules() if package in {n.split(".")[0] for n in imports(path)}
    }
    assert users == allowed


def test_pyplot_is_never_imported():
    assert not [path for path in modules() if any("pyplot" in name for name in imports(path))]


@pytest.mark.parametrize("place", range(len(ORDER)))
def test_imports_point_one_way(place):
    later = ORDER[place + 1 :] + ("pipeline", "record", "tracking", "jobs", "config")
    for path in modules():
        if ORDER[place] in path.relative_to(PACKAGE).parts:
            wrong = [name for name in imports(path) for other in later if name.startswith(f"moe_exp.{other}")]
            assert not wrong, f"{path.name} imports {wrong}"


def test_importing_the_package_costs_nothing():
    assert imports(PACKAGE / "__init__.py") == set()
