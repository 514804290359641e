"""Keys of things kept on disk: what they were made from, and the code that made them."""

import ast
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any


def cache_key(identity: Mapping[str, Any]) -> str:
    """Return a short hash of plain values, the same for the same values in any order."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True, default=str).encode()).hexdigest()[:20]


def code_digest(*modules: ModuleType) -> str:
    """Hash what modules and packages do: their code without comments and docstrings, and their data files."""
    digest = hashlib.sha256()
    for module in modules:
        source = Path(str(module.__file__))
        files = sorted(source.parent.rglob("*")) if source.name == "__init__.py" else [source]
        for path in files:
            if path.suffix == ".py":
                digest.update(_code_alone(path.read_text()).encode())
            elif path.suffix == ".csv":
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _code_alone(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)
