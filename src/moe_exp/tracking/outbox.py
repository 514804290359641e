"""What a run logs, on this disk until the store has it: a folder for each run, safe against a cut at any moment.

A line of the journal counts when it is whole and on the disk, and files are there before the line that names them. What
a process leaves that was killed, another one may send; a lock, which the system takes back from a process that dies,
tells whose turn it is.
"""

import errno
import json
import os
import shutil
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

from filelock import FileLock

JOURNAL, SENT, LOCK, FILES = "journal", "sent", "lock", "files"
REFUSED, REMOVED = ".refused", ".removed"
"""How the name ends of an outbox that the store will not take, and of one that was sent."""


class DamagedError(ValueError):
    """An outbox does not hold what was written to it."""


@dataclass(frozen=True)
class Outbox:
    """What one run has logged.

    Attributes
    ----------
    folder : path
        Named for the run's id.
    """

    folder: Path

    @classmethod
    def create(cls, parent: Path, run_id: str, *, name: str, store: str) -> "Outbox":
        """Make the outbox of a run that this process writes, and hold its lock from now on.

        Parameters
        ----------
        parent : path
            Folder of all outboxes.
        run_id, name : str
            Of the run.
        store : str
            Where it belongs, without credentials.
        """
        outbox = cls(parent / run_id)
        while True:
            outbox.lock.acquire(blocking=True, timeout=60)
            try:
                outbox.add("run", name=name, store=store)
            except FileNotFoundError:  # another process took it for what a killed one had left, and removed it
                outbox.lock.release()
            else:
                return outbox

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.folder.name

    @property
    def is_whole(self) -> bool:
        """Whether it was made to its end, and not removed since."""
        return bool(self._lines())

    @cached_property
    def lock(self) -> FileLock:
        """The lock of the process that writes, or sends what another one left."""
        return FileLock(self.folder / LOCK, blocking=False)

    @property
    def about(self) -> dict[str, Any]:
        """What was said of the run when the outbox was made: its `name` and its `store`."""
        return self._read(self._lines()[0])

    @contextmanager
    def files(self, kind: str, **content: Any) -> Iterator[Path]:
        """Give an empty folder for the files of a line, which is added when they are there."""
        name = f"{FILES}/{len(self._lines())}"
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)  # of a line that did not come
        folder.mkdir(parents=True)
        yield folder
        self.add(kind, folder=name, checksums=_keep(folder), **content)

    def add(self, kind: str, **content: Any) -> None:
        """Add a line to the journal; it is on the disk when this returns."""
        journal = self.folder / JOURNAL
        before = journal.stat().st_size if journal.exists() else 0
        try:
            _write(journal, _line({"kind": kind, **content}))
        except OSError:
            if journal.exists():
                os.truncate(journal, before)  # half a line would spoil the next one
            raise

    def waiting(self) -> list[dict[str, Any]]:
        """Return the lines that are not sent yet, in order.

        Raises
        ------
        DamagedError
            If one is not what was written.
        """
        return [self._read(line) for line in self._lines()[self._n_sent :]]

    def mark_sent(self) -> None:
        """Note that one more line was sent."""
        _write(self.folder / SENT, b".")

    @property
    def _n_sent(self) -> int:
        sent = self.folder / SENT
        return sent.stat().st_size if sent.exists() else 0

    def read_folder(self, line: Mapping[str, Any]) -> Path:
        """Return the folder of a line with files.

        Raises
        ------
        DamagedError
            If a file is not what was written.
        """
        folder = self.folder / line["folder"]
        if _checksums(folder) != line["checksums"]:
            raise DamagedError(f"Files in {folder} are damaged.")
        return folder

    def _lines(self) -> list[bytes]:
        """Return the whole lines; a process that is killed may leave half of one behind them."""
        journal = self.folder / JOURNAL
        return journal.read_bytes().split(b"\n")[:-1] if journal.exists() else []

    def _read(self, line: bytes) -> dict[str, Any]:
        checksum, _, content = line.partition(b" ")
        if checksum != _checksum(content):
            raise DamagedError(f"{self.folder / JOURNAL} is damaged.")
        return json.loads(content)

    def remove(self) -> None:
        """Remove all of it, when all was sent; what a cut leaves on the way is for `find_outboxes` to remove."""
        removed = self.folder.with_name(f"{self.folder.name}.{uuid4().hex}{REMOVED}")  # others may be removing one
        self.folder.replace(removed)
        shutil.rmtree(removed, ignore_errors=True)
        self.lock.release()

    def set_aside(self) -> Path:
        """Keep it under another name, where nobody tries to send it; return that."""
        aside = self.folder.with_name(f"{self.folder.name}{REFUSED}")
        self.folder.replace(aside)
        self.lock.release()
        return aside


def find_outboxes(parent: Path) -> list[Outbox]:
    """Return what is there, that of living processes included; remove what was left of those whose content was sent."""
    for path in parent.glob(f"*{REMOVED}"):
        shutil.rmtree(path, ignore_errors=True)
    paths = [path for path in parent.glob("*") if path.suffix not in (REFUSED, REMOVED)]
    return [Outbox(path) for path in sorted(paths) if path.is_dir()]


def _keep(folder: Path) -> dict[str, int]:
    """See that all files of a folder are on the disk, and return their checksums."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
    return _checksums(folder)


def _checksums(folder: Path) -> dict[str, int]:
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: zlib.crc32(path.read_bytes()) for name, path in files.items()}


def _line(content: Mapping[str, Any]) -> bytes:
    text = json.dumps(content).encode()
    return _checksum(text) + b" " + text + b"\n"


def _checksum(content: bytes) -> bytes:
    return b"%08x" % zlib.crc32(content)


def _write(path: Path, content: bytes) -> None:
    with path.open("ab", buffering=0) as file:
        if file.write(content) != len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        os.fsync(file.fileno())
