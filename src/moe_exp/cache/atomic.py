"""Files that appear under their name only when they are complete."""

import glob
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout


@contextmanager
def complete_file(path: Path) -> Iterator[Path]:
    """Give a path to write to beside `path`; it takes that name when the block ends, and is removed if it fails.

    What was written is on the disk before it gets its name, so that not even a power cut leaves half a file there. A
    writer holds a lock for as long as it lives, be it suspended: what it writes is left alone, and what a killed one
    left is removed by the next writer of the same file. On a disk that several machines share this needs locks that
    all of them see, as NFS and Lustre (mounted with ``flock``) have.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)
    partial = path.with_name(f".{path.name}.{uuid4().hex[:12]}.partial")
    with _locked(partial):
        try:
            yield partial
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def _locked(partial: Path) -> Iterator[None]:
    """Hold the lock of a file that is being written; it has a file of its own, which goes with it."""
    lock = FileLock(partial.with_suffix(".writing"), blocking=False)
    lock.acquire()
    try:
        yield
    finally:
        lock.release()
        Path(lock.lock_file).unlink(missing_ok=True)


def _remove_leftovers(path: Path) -> None:
    """Remove what killed processes left: the system has taken their locks back."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*"):
        if left.suffix in (".partial", ".writing"):
            with suppress(Timeout), _locked(left):
                left.with_suffix(".partial").unlink(missing_ok=True)
