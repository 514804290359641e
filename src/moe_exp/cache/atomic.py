"""Files that appear under their name only when they are complete."""

import contextlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LEFT_AFTER_S = 3600.0
"""A file that nobody has written to for so long has no writer any more."""


@contextmanager
def complete_file(path: Path) -> Iterator[Path]:
    """Give a path to write to beside `path`; it takes that name when the block ends, and is removed if it fails.

    What was written is on the disk before it gets its name, so that not even a power cut leaves half a file there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _remove_leftovers(path: Path) -> None:
    """Remove what killed processes left; that of a living one, which may run on another machine, is young."""
    for left in path.parent.glob(f".{path.name}.*.partial"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > LEFT_AFTER_S:
                left.unlink()
