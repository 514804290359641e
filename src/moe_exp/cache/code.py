"""Which code a result depends on: a digest of a module, of all the source that it imports, and of the libraries.

What is installed is known by its version; everything else that can be imported, be it this package, the project's
root, the working folder, an editable install or a folder of PYTHONPATH, is known by its source. Nothing is imported to
find it.
"""

import ast
import hashlib
import importlib.util
import json
import sys
import sysconfig
from collections.abc import Collection, Iterator
from contextlib import suppress
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import NamedTuple

from moe_exp.codes import Code
from moe_exp.errors import InputError

PACKAGE = "moe_exp"
INFRASTRUCTURE = (
    "moe_exp.cache",
    "moe_exp.codes",
    "moe_exp.credentials",
    "moe_exp.errors",
    "moe_exp.experiment.config",
    "moe_exp.machine",
    "moe_exp.progress",
    "moe_exp.workers",
)
"""Parts of this package that decide no number: they find, keep, refuse, show or hand out work."""

STANDARD_LIBRARY = tuple(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib"))
INSTALLATION_FOLDERS = {"site-packages", "dist-packages"}
"""What pip and Debian call a folder of installed packages, wherever it lies."""
DISTRIBUTIONS = {"sklearn": "scikit-learn", "yaml": "PyYAML"}
"""Libraries that are imported under another name than they are installed under; a look-up of all takes .4 s."""


@cache
def code_digest(module: str) -> str:
    """Hash what a module does: its code, that of all it imports but installed packages, and these libraries' versions.

    Comments, docstrings and layout do not count; CSV files of a package do.

    Parameters
    ----------
    module : str
        Full name, for example ``"moe_exp.model.experts"``.

    Raises
    ------
    InputError
        If the module has no file, as a notebook has none.
    """
    spec = _find(module)
    if spec is None or not spec.has_location:
        raise InputError(
            Code.CODE_UNREADABLE,
            f"{module}: its code cannot be read, so that its results could not be told apart; use a file.",
        )
    sources, libraries = _follow(module)
    versions = {name: _version(name) for name in sorted(libraries)}
    digest = hashlib.sha256(json.dumps(versions).encode())
    for name, content in sorted(sources.items()):
        digest.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    return digest.hexdigest()[:16]


def _follow(module: str) -> tuple[dict[str, bytes], set[str]]:
    """Return what counts of every source file that a module leads to, by name, and the libraries that these import."""
    sources: dict[str, bytes] = {}
    libraries = set() if _is_source(module) else {_top(module)}
    waiting, met = [module], {module}
    while waiting:
        name = waiting.pop()
        spec = _find(name)
        if spec is None or not spec.has_location:  # a folder without a file of its own
            continue
        source = _read(name)
        sources[name] = source.content
        sources |= _data_files(spec)
        for imported in _imported(source, spec.parent or ""):
            if not _is_source(imported):
                libraries.add(_top(imported))
            elif imported not in met and not _is_infrastructure(imported):
                met.add(imported)
                waiting.append(imported)
    return sources, libraries - sys.stdlib_module_names


class NeededCode(NamedTuple):
    """What has to be at hand for some modules to be imported elsewhere."""

    files: dict[str, Path]
    """source files that no installation has, and the CSV files beside them, by their place in a folder of imports"""
    libraries: dict[str, str]
    """installed packages by the name that they are installed under, with their versions"""


def needed_code(modules: Collection[str]) -> NeededCode:
    """Return all code that modules lead to, infrastructure and packages around them included, and the libraries.

    Raises
    ------
    InputError
        If a module has no file, as a notebook has none.
    """
    waiting, met = [*modules], {*modules}
    files: dict[str, Path] = {}
    libraries: set[str] = set()
    while waiting:
        name = waiting.pop()
        spec = _find(name)
        if name in modules and (spec is None or not spec.has_location):
            raise InputError(
                Code.PART_NOT_KEPT,
                f"{name}: its code cannot be read, so that it cannot be kept with a model; use a file.",
            )
        if spec is None or not spec.has_location or not spec.origin:
            continue
        files |= _placed_files(spec)
        around = [name.rpartition(".")[0]] if "." in name else []
        for imported in [*around, *_imported(_read(name), spec.parent or "")]:
            if not _is_source(imported):
                libraries |= {_top(imported)}
            elif imported not in met:
                met.add(imported)
                waiting.append(imported)
    found = {DISTRIBUTIONS.get(name, name): _version(name) for name in libraries - sys.stdlib_module_names}
    return NeededCode(dict(sorted(files.items())), dict(sorted(found.items())))


def _placed_files(spec: ModuleSpec) -> dict[str, Path]:
    """Return the files of a module by their place in a folder that is searched for imports."""
    assert spec.origin is not None
    origin, place = Path(spec.origin), spec.name.replace(".", "/")
    if not spec.submodule_search_locations:
        return {f"{place}{origin.suffix}": origin}
    data = {f"{place}/{path.name}": path for path in origin.parent.glob("*.csv")}
    return {f"{place}/{origin.name}": origin} | data


def _top(module: str) -> str:
    return module.partition(".")[0]


def _is_infrastructure(module: str) -> bool:
    return any(f"{module}.".startswith(f"{name}.") for name in INFRASTRUCTURE)


def _is_source(module: str) -> bool:
    """Whether a module is known by its source: it is this package's, or not installed."""
    top = _top(module)
    return top == PACKAGE or _lies_outside_installations(top)


@cache
def _lies_outside_installations(top: str) -> bool:
    spec = _find(top)
    if spec is None:
        return False
    if spec.submodule_search_locations:
        folder = Path(next(iter(spec.submodule_search_locations))).parent
    elif spec.has_location and spec.origin:
        folder = Path(spec.origin).parent
    else:
        return False
    within = any(folder.is_relative_to(place) for place in STANDARD_LIBRARY)
    return not (within or INSTALLATION_FOLDERS & {*folder.parts} or any(folder.glob("*.dist-info")))


@cache
def _find(module: str) -> ModuleSpec | None:
    """Find a module without importing anything, as `importlib.util.find_spec` would do with its parents."""
    parent, _, name = module.rpartition(".")
    if parent:
        package = _find(parent)
        places = package.submodule_search_locations if package else None
        return PathFinder.find_spec(module, [*places]) if places else None
    try:
        return importlib.util.find_spec(name)
    except ValueError:  # of a script that runs as the main module, or of what was loaded in another way
        path = getattr(sys.modules[name], "__file__", None)
        return importlib.util.spec_from_file_location(name, path) if path else None


@cache
def _version(library: str) -> str:
    """Return the version of an installed package; one of unknown version is known by its file, one that lacks by ""."""
    with suppress(PackageNotFoundError):
        return version(DISTRIBUTIONS.get(library, library))
    if found := packages_distributions().get(library):
        return ", ".join(f"{name} {version(name)}" for name in sorted({*found}))
    spec = _find(library)
    return hashlib.sha256(_read(library).content).hexdigest() if spec and spec.has_location else ""


class _Source(NamedTuple):
    """What counts of a file: its code (all of it, if it is no Python), and what that imports."""

    content: bytes
    imports: tuple[tuple[str, str], ...]
    """modules, and the name that is imported from each or \"\""""


@cache
def _read(module: str) -> _Source:
    spec = _find(module)
    assert spec is not None
    assert spec.origin is not None
    content: bytes = spec.loader.get_data(spec.origin)  # type: ignore[union-attr]  # which also reads zip files
    try:
        tree = ast.parse(content) if spec.origin.endswith(".py") else None
    except (SyntaxError, ValueError):  # no Python that this interpreter reads
        tree = None
    if tree is None:
        return _Source(content, ())
    imports = tuple(_import_statements(tree))
    return _Source(_code_alone(tree).encode(), imports)


def _data_files(spec: ModuleSpec) -> dict[str, bytes]:
    """Return the CSV files of a package by their names within it; nothing for a module."""
    folders = [Path(place) for place in spec.submodule_search_locations or ()]
    paths = [(path, folder) for folder in folders for path in folder.rglob("*.csv")]
    return {f"{spec.name}/{path.relative_to(folder).as_posix()}": path.read_bytes() for path, folder in paths}


def _import_statements(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ((module, alias.name) for alias in node.names)


def _imported(source: _Source, package: str) -> Iterator[str]:
    """Yield the modules that a file of `package` imports: of ``from a import b`` the module b, where there is one."""
    for module, name in source.imports:
        with suppress(ImportError):  # beyond the top of the package: such an import cannot work
            resolved = importlib.util.resolve_name(module, package)
            is_module = name and _is_source(resolved) and _find(f"{resolved}.{name}") is not None
            yield f"{resolved}.{name}" if is_module else resolved


def _code_alone(tree: ast.Module) -> str:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)
