"""What code made a run: the versions of packages, the commit of the checkout, and what differs from it."""

import difflib
import io
import logging
import os
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

from moe_exp import names

log = logging.getLogger(__name__)

PACKAGES = ("moe_exp", "numpy", "scikit-learn", "torch", "mlflow", "hydra-core")
"""Packages that decide the numbers, or how they are kept."""

MOST_KEPT = 200_000
"""Bytes of a new file that are kept with a run."""

NAMED_REPOSITORY = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
"""Environment variables by which git takes a repository for that of any folder."""


def version_tags() -> dict[str, str]:
    """Return the versions of the packages that decide the numbers."""
    return {names.TAGS_VERSION + package: version(package) for package in PACKAGES}


def git_tags(folder: Path) -> dict[str, str]:
    """Return the commit of a checkout and whether its tree differs from it; nothing outside a checkout of its own."""
    if not _is_checkout(folder):
        return {}
    commit = _git(folder, "rev-parse", "HEAD").strip()
    dirty = bool(_git(folder, "status", "--porcelain").strip())
    return {names.TAG_COMMIT: commit, names.TAG_DIRTY: str(dirty).lower()}


def git_diff(folder: Path) -> str:
    """Return what the tree changes against its commit, new files included; nothing outside a checkout of its own."""
    if not _is_checkout(folder):
        return ""
    changed = _git(folder, "diff", "HEAD")
    new = _git(folder, "ls-files", "--others", "--exclude-standard", "-z").split("\0")
    return changed + "".join(_diff_of_new(folder, name) for name in sorted(filter(None, new)))


def _is_checkout(folder: Path) -> bool:
    """Whether a folder is the root of a checkout with a commit, not a part of another one; says so if not."""
    try:
        _git(folder, "rev-parse", "--verify", "HEAD")
        root, inside = (_git(folder, "rev-parse", f"--show-{what}").strip() for what in ("toplevel", "prefix"))
    except OSError as error:
        reason = f"git cannot be run ({error.strerror})"
    except subprocess.CalledProcessError as error:
        reason = f"git says: {error.stderr.strip()}"
    else:
        if not inside:
            return True
        reason = f"it lies in the checkout {root}, which is another project's"
    _say_once(f"the commit of {folder} is unknown, and not kept with its runs: {reason}")
    return False


@cache
def _say_once(message: str) -> None:
    log.warning("%s", message)


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
    """Return what git says of a folder, not of the repository that the environment of a git hook names."""
    command = ["git", "-C", str(folder), *arguments]
    environment = {name: value for name, value in os.environ.items() if name not in NAMED_REPOSITORY}
    done = subprocess.run(command, check=True, capture_output=True, env=environment, encoding="utf-8", errors="replace")
    return done.stdout
