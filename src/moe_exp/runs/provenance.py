"""What code made a run: the versions of packages, the commit of the checkout, and what differs from it."""

import difflib
import io
import logging
import os
import re
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

from moe_exp import names
from moe_exp.codes import Code, tagged
from moe_exp.credentials import redact

log = logging.getLogger(__name__)

PACKAGES = ("moe_exp", "numpy", "scikit-learn", "torch", "mlflow", "hydra-core")
"""Packages that decide the numbers, or how they are kept."""

SOURCE = {".cfg", ".ini", ".jinja", ".py", ".pyi", ".sh", ".toml", ".yaml", ".yml"}
SOURCE_NAMES = {"Makefile", "Dockerfile", "constraints.txt", "requirements.txt"}
"""What source and configuration are called: of new files only these are kept."""

SECRET = re.compile(
    r"/\.(env|netrc|pgpass|pypirc|npmrc|htpasswd|git-credentials)[^/]*$|/id_(rsa|dsa|ecdsa|ed25519)[^/]*$"
    r"|\.(env|pem|key|p12|pfx|jks|kdbx|keystore|gpg|asc|ppk)$|/kubeconfig[^/]*$"
    r"|/[^/]*(secret|credential|passw|token)[^/]*(?<!\.py)$|/(\.ssh|\.aws|\.gnupg|\.docker|\.kube|secrets)/",
    re.IGNORECASE,
)
PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY")
"""What is not kept, new or changed."""

PATCH = ("--no-renames", "--no-ext-diff", "--no-textconv", "--no-color", "--src-prefix=a/", "--dst-prefix=b/", "-U3")
"""By which ``git diff`` says what ``git apply`` takes, whatever the user's configuration makes of a diff."""

BINARY = re.compile(rb"^Binary files .* differ$", re.MULTILINE)
"""What a diff says instead of the content; its own lines begin with a sign."""

MOST_OF_ONE = 200_000
"""Bytes of a new file that is kept with a run."""
MOST_KEPT = 1_000_000
"""Bytes that are kept with a run in all."""
MOST_NAMED = 50
"""Files that are named of those which are not kept."""

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
    """Return what the tree changes against its commit, new files included; nothing outside a checkout of its own.

    It begins with the names of files that are not kept and why. Of new files only source and configuration are kept, of
    no kind those that look like secrets, and in all no more than `MOST_KEPT`; credentials in addresses are hidden.
    """
    if not _is_checkout(folder):
        return ""
    changed = _list(folder, "diff", "HEAD", "--name-only", "--no-renames")
    new = _list(folder, "ls-files", "--others", "--exclude-standard")
    kept, left_out, size = [], [], 0
    for name in [*changed, *new]:
        reason = "it looks like a secret" if SECRET.search(f"/{name}") else ""
        reason = reason or (_refuse_new(folder / name) if name in new else "")
        diff = b"" if reason else _diff_of_new(folder, name) if name in new else _diff_of_changed(folder, name)
        size += len(diff)
        reason = reason or _refuse_diff(diff, size)
        if reason:
            size -= len(diff)
            left_out.append(f"# not kept: {name} ({reason})\n")
        else:
            kept.append(redact(diff.decode()))
    more = len(left_out) - MOST_NAMED
    return "".join([*left_out[:MOST_NAMED], *([f"# not kept: {more} more\n"] if more > 0 else []), *kept])


def _list(folder: Path, *arguments: str) -> list[str]:
    """Return the names of files that git lists, in order."""
    return sorted(filter(None, _git(folder, *arguments, "-z").split("\0")))


def _refuse_new(path: Path) -> str:
    """Say why a new file is not kept; nothing if its diff may be."""
    if path.suffix.lower() not in SOURCE and path.name not in SOURCE_NAMES:
        return "neither source nor configuration"
    try:
        if path.is_symlink() or path.stat().st_size > MOST_OF_ONE:
            return f"no file of at most {MOST_OF_ONE:,} bytes"
        path.read_bytes().decode()
    except (OSError, UnicodeDecodeError):  # gone, a folder with a checkout of its own, no text
        return "it cannot be read as text"
    return ""


def _refuse_diff(diff: bytes, size: int) -> str:
    """Say why a diff is not kept that would make all of them `size` long; nothing if it may be."""
    try:
        text = diff.decode()
    except UnicodeDecodeError:
        return "it is not text in UTF-8"
    if BINARY.search(diff):
        return "it is binary"
    if PRIVATE_KEY.search(text):
        return "it holds a private key"
    return f"all would be more than {MOST_KEPT:,} bytes" if size > MOST_KEPT else ""


def _is_checkout(folder: Path) -> bool:
    """Whether a folder is the root of a checkout with a commit, not a part of another one; says so if not."""
    try:
        _git(folder, "rev-parse", "--verify", "HEAD")
        root, inside = (_git(folder, "rev-parse", f"--show-{what}").strip() for what in ("toplevel", "prefix"))
    except OSError as error:
        reason = f"git cannot be run ({error.strerror})"
    except subprocess.CalledProcessError as error:
        reason = f"git says: {error.stderr.decode(errors='replace').strip()}"
    else:
        if not inside:
            return True
        reason = f"it lies in the checkout {root}, which is another project's"
    _say_once(f"the commit of {folder} is unknown, and not kept with its runs: {reason}")
    return False


@cache
def _say_once(message: str) -> None:
    log.warning("%s", tagged(Code.COMMIT_UNKNOWN, message))


def _diff_of_changed(folder: Path, name: str) -> bytes:
    return _ask_git(folder, "diff", "HEAD", *PATCH, "--", f":(literal){name}")


def _diff_of_new(folder: Path, name: str) -> bytes:
    """Return the diff that adds a file of text."""
    lines = io.StringIO((folder / name).read_bytes().decode()).readlines()
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n\\ No newline at end of file\n"
    diff = difflib.unified_diff([], lines, "/dev/null", f"b/{name}")
    return f"diff --git a/{name} b/{name}\nnew file mode 100644\n{''.join(diff)}".encode()


def _git(folder: Path, *arguments: str) -> str:
    return _ask_git(folder, *arguments).decode(errors="replace")


def _ask_git(folder: Path, *arguments: str) -> bytes:
    """Return what git says of a folder, not of the repository that the environment of a git hook names."""
    command = ["git", "-C", str(folder), *arguments]
    environment = {name: value for name, value in os.environ.items() if name not in NAMED_REPOSITORY}
    return subprocess.run(command, check=True, capture_output=True, env=environment).stdout
