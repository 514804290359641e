"""What code made a run: the versions of packages, the commit of the checkout, and what differs from it."""

import subprocess
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("moe_exp", "numpy", "scikit-learn", "torch", "mlflow", "hydra-core")
"""Packages that decide the numbers, or how they are kept."""


def version_tags() -> dict[str, str]:
    """Return the versions of the packages that decide the numbers."""
    return {f"version.{package}": version(package) for package in PACKAGES}


def git_tags(folder: Path) -> dict[str, str]:
    """Return the commit of a checkout and whether its tree differs from it; nothing outside a checkout."""
    try:
        commit = _git(folder, "rev-parse", "HEAD").strip()
        dirty = bool(_git(folder, "status", "--porcelain").strip())
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {"mlflow.source.git.commit": commit, "git.dirty": str(dirty).lower()}


def git_diff(folder: Path) -> str:
    """Return what the tree changes against its commit, or nothing outside a checkout."""
    try:
        return _git(folder, "diff", "HEAD")
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, errors="replace").stdout
