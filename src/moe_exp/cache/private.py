"""Folders that nobody else writes to: what lies there is taken for what this user made."""

import logging
import os
import stat
from functools import cache
from pathlib import Path

from moe_exp.codes import Code, tagged
from moe_exp.errors import InputError

log = logging.getLogger(__name__)


def make_private(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for this user alone; see that no other may write there.

    Raises
    ------
    InputError
        If everybody may. A folder that another user owns, or that a group may write, is warned of.
    """
    for each in (*reversed(folder.parents), folder):
        if not each.exists():
            each.mkdir(mode=0o700, exist_ok=True)
    if os.name == "posix":  # elsewhere the mode tells nothing
        _check(folder)


def _check(folder: Path) -> None:
    found = folder.stat()
    if found.st_mode & stat.S_IWOTH:
        raise InputError(
            Code.OPEN_TO_OTHERS,
            f"Every user of this machine may write to {folder}, and so change the results of runs that use it. Forbid "
            f"it with `chmod o-w {folder}`, or name a folder of your own with cache_dir=... or MOE_EXP_CACHE.",
        )
    if found.st_uid not in (os.getuid(), 0):
        _warn_once(f"{folder} belongs to another user (number {found.st_uid}), who may change what runs find there")
    elif found.st_mode & stat.S_IWGRP and found.st_gid != os.getgid():
        _warn_once(f"{folder} may be written by a group (number {found.st_gid}), who may change what runs find there")


@cache
def _warn_once(message: str) -> None:
    log.warning("%s", tagged(Code.OPEN_TO_OTHERS, message))
