"""What code made a run: the versions of packages, the commit of the checkout, and what differs from it."""

import difflib
import io
import subprocess
from importlib.metadata import version
from pathlib import Path

from moe_exp import names

PACKAGES = ("moe_exp", "numpy", "scikit-learn", "torch", "mlflow", "hydra-core")
"""Packages that decide the numbers, or how they are kept."""

MOST_KEPT = 200_000
"""Bytes of a new file that are kept with a run."""


def version_tags() -> dict[str, str]:
    """Return the versions of the packages that decide the numbers."""
    return {names.TAGS_VERSION + package: version(package) for package in PACKAGES}


def git_tags(folder: Path) -> dict[str, str]:
    """Return the commit of a checkout and whether its tree differs from it; nothing outside a checkout."""
    try:
        commit = _git(folder, "rev-parse", "HEAD").strip()
        dirty = bool(_git(folder, "status", "--porcelain").strip())
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {names.TAG_COMMIT: commit, names.TAG_DIRTY: str(dirty).lower()}


def git_diff(folder: Path) -> str:
    """Return what the tree changes against its commit, new files included; nothing outside a checkout."""
    try:
        changed = _git(folder, "diff", "HEAD")
        new = _git(folder, "ls-files", "--others", "--exclude-standard", "-z").split("\0")
    except (OSError, subprocess.CalledProcessError):
        return ""
    return changed + "".join(_diff_of_new(folder, name) for name in sorted(filter(None, new)))


def _diff_of_new(folder: Path, name: str) -> str:
    """Return the diff that adds a file; of one that is large or no text only that it was there."""
    path = folder / name
    try:
        text = path.read_bytes().decode() if path.stat().st_size <= MOST_KEPT else None
    except (OSError, UnicodeDecodeError):  # gone, a folder with a checkout of its own, no text
        text = None
    if text is None:
        return f"# not kept: {name}\n"
    lines = io.StringIO(text).readlines()
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n\\ No newline at end of file\n"
    diff = difflib.unified_diff([], lines, "/dev/null", f"b/{name}")
    return f"diff --git a/{name} b/{name}\nnew file mode 100644\n{''.join(diff)}"


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, errors="replace").stdout
