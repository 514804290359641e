"""Which code a result depends on: a digest of a module, of all it imports of this project, and of the libraries."""

import ast
import hashlib
import importlib.util
import json
import sysconfig
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

PACKAGE = "moe_exp"
INSTALLED = {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
"""Folders of the standard library and of installed packages."""
LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch")


@cache
def code_digest(module: str) -> str:
    """Hash what a module does: its code, that of all it imports but installed packages, and the libraries' versions.

    Comments, docstrings and layout do not count; data files of a package do.

    Parameters
    ----------
    module : str
        Full name, for example ``"moe_exp.model.experts"``.
    """
    digest = hashlib.sha256(json.dumps({name: version(name) for name in LIBRARIES}).encode())
    for path in sorted(_source_files(module)):
        digest.update(path.name.encode() + b"\0" + _read_source(path).content)
    return digest.hexdigest()[:16]


def _source_files(module: str) -> set[Path]:
    """Return the files of a module, of the project's and the user's modules that it imports, and so on."""
    found: set[Path] = set()
    waiting = [module]
    while waiting:
        spec = importlib.util.find_spec(waiting.pop())
        if spec is None or spec.origin is None or Path(spec.origin) in found:
            continue
        path = Path(spec.origin)
        found.add(path)
        if path.name == "__init__.py":
            found |= set(path.parent.rglob("*.csv"))
        package = spec.name if spec.submodule_search_locations else spec.parent
        names = (importlib.util.resolve_name(name, package) for name in _read_source(path).imports)
        waiting += [name for name in names if _is_own(name.split(".")[0]) and _is_module(name)]
    return found


@cache
def _is_own(package: str) -> bool:
    """Whether a package is this project's or the user's, not the standard library's or an installed one."""
    if package == PACKAGE:
        return True
    try:
        spec = importlib.util.find_spec(package)
    except ValueError:  # of the main module
        return False
    if spec is None or spec.origin is None or not spec.has_location:
        return False
    return not any(Path(spec.origin).is_relative_to(folder) for folder in INSTALLED)


class _Source(NamedTuple):
    """What counts of a file: its code (all of it, for a data file), and what that imports."""

    content: bytes
    imports: tuple[str, ...]


@cache
def _read_source(path: Path) -> _Source:
    if path.suffix != ".py":
        return _Source(path.read_bytes(), ())
    tree = ast.parse(path.read_text())
    return _Source(_code_alone(tree).encode(), tuple(_imports(tree)))


def _imports(tree: ast.Module) -> Iterable[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield module
            yield from (f"{module}{'' if module.endswith('.') else '.'}{alias.name}" for alias in node.names)


@cache
def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # a name within a module
        return False


def _code_alone(tree: ast.Module) -> str:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)
