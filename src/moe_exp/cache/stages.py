"""Results kept on disk under a key of everything that they depend on: values, code, data.

What the keys hold is in `experiment.stage_keys`, the digests of code in `code`.

An entry appears under its name only when it is complete. Two processes that need the same entry at the same time do the
work once: the second waits for the first. Entries that were used least recently go when the limit is reached.
"""

import contextlib
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, ReadWriteLock, Timeout

from moe_exp.cache.atomic import complete_file
from moe_exp.cache.codec import NotStorableError, decode, encode
from moe_exp.cache.private import make_private
from moe_exp.codes import Code, tagged
from moe_exp.errors import InputError

log = logging.getLogger(__name__)

T = TypeVar("T")

SUFFIX = ".kept"
PICKLE = ".pickle"
"""What older versions kept: never read, and removed when it is its turn."""

LOCK = "in_use.lock"

DIGEST_SIZE = 32
"""Bytes at the head of a kept result that tell whether the rest is whole."""


def cache_key(identity: Mapping[str, Any]) -> str:
    """Return a short hash of plain values; the order of a mapping counts, as it may be the order of columns.

    Raises
    ------
    TypeError
        If a value is not plain: text that stands for it may be cut, or be another one each time.
    """
    return hashlib.sha256(json.dumps(identity, default=_as_text).encode()).hexdigest()[:20]


def _as_text(value: Any) -> str:
    """Return text for the values beside JSON's own that an option may have."""
    if not isinstance(value, Path | Enum | bytes):
        raise TypeError(f"{type(value).__name__} is no plain value.")
    return repr(value)


class UnreadableError(Exception):
    """What is kept cannot be given back."""


def _recall(path: Path) -> Any:
    """Return a kept result, which is then the most recently used.

    Raises
    ------
    FileNotFoundError
        If there is none.
    UnreadableError
        Saying why it cannot be trusted.
    """
    os.utime(path)
    kept = path.read_bytes()
    if _digest(kept[DIGEST_SIZE:]) != kept[:DIGEST_SIZE]:
        raise UnreadableError("is damaged")
    try:
        return decode(kept[DIGEST_SIZE:])
    except Exception as error:  # whatever comes of a class that moved, or was changed
        raise UnreadableError(f"cannot be read by this code ({error})") from error


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=DIGEST_SIZE).digest()


@dataclass(frozen=True)
class StageCache:
    """Results of stages that several runs share.

    Parameters
    ----------
    folder : path
    limit_gb : float
        Size above which the least recently used entries are removed [1e9 bytes].
    quiet : bool
        Whether nothing is said of results that are recalled.
    made : dict of str to bool
        Stages whose results were asked for, and whether any of them was made here and not recalled.
    """

    folder: Path
    limit_gb: float = 5.0
    quiet: bool = False
    made: dict[str, bool] = field(default_factory=dict, compare=False)

    def get(self, stage: str, identity: Mapping[str, Any], make: Callable[[], T]) -> T:
        """Return the result of a stage: what is kept under `identity`, else what `make` returns, which is then kept."""
        path = self._path(stage, identity)
        make_private(path.parent)
        with FileLock(path.with_suffix(".lock")):
            try:
                recalled: T = _recall(path)
            except FileNotFoundError:
                pass
            except UnreadableError as error:
                log.warning(tagged(Code.CACHE_DAMAGED, "%s: %s %s and is made again"), stage, path, error)
            else:
                log.log(logging.DEBUG if self.quiet else logging.INFO, "%s: recalled from the cache", stage)
                self.made.setdefault(stage, False)
                return recalled
            self.made[stage] = True
            result = make()
            self._keep(stage, path, result)
        return result

    def _keep(self, stage: str, path: Path, result: Any) -> None:
        try:
            content = encode(result)
        except NotStorableError as error:
            log.warning(tagged(Code.NOT_CACHED, "%s: %s, so that every run makes it anew"), stage, error)
            return
        with complete_file(path) as partial:
            partial.write_bytes(_digest(content) + content)
        self._prune(keep=path)

    def discard(self, stage: str, identity: Mapping[str, Any]) -> None:
        """Forget the result of a stage, if it is kept."""
        self._path(stage, identity).unlink(missing_ok=True)

    def _path(self, stage: str, identity: Mapping[str, Any]) -> Path:
        return self.folder / stage / f"{cache_key(identity)}{SUFFIX}"

    def _prune(self, keep: Path) -> None:
        kept = (entry for entry in _files(self.folder) if entry[0].suffix in (SUFFIX, PICKLE))
        entries = sorted(kept, key=lambda entry: entry[1].st_mtime)
        size = sum(stat.st_size for _, stat in entries)
        for path, stat in entries:
            if size <= self.limit_gb * 1e9:
                return
            if path != keep:
                size -= stat.st_size
                path.unlink(missing_ok=True)


def measure(folder: Path) -> tuple[int, int]:
    """Return the number of files in a folder and their size in bytes."""
    sizes = [stat.st_size for path, stat in _files(folder) if path.suffix != ".lock"]
    return len(sizes), sum(sizes)


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield the files in a folder and those within; other processes may add and remove some, and folders, meanwhile."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            with contextlib.suppress(FileNotFoundError):
                yield path, path.stat()


@contextlib.contextmanager
def in_use(folder: Path) -> Iterator[None]:
    """Keep a cache folder from being cleared for as long as a run reads it."""
    with _lock(folder).read_lock():
        yield


def clear(folder: Path, parts: Iterable[str]) -> None:
    """Remove parts of a cache folder and all they hold.

    Raises
    ------
    InputError
        If a run is using the cache.
    """
    try:
        with _lock(folder).write_lock(blocking=False):
            for part in parts:
                shutil.rmtree(folder / part, ignore_errors=True)
    except Timeout as error:
        raise InputError(
            Code.CACHE_IN_USE, f"A run is using {folder}: nothing was removed. Clear it when the run has ended."
        ) from error


def is_cache(folder: Path) -> bool:
    """Whether a folder is a cache that runs have used."""
    return (folder / LOCK).exists()


def _lock(folder: Path) -> ReadWriteLock:
    """Return the folder's lock, which the system takes back from a process that dies."""
    make_private(folder)
    return ReadWriteLock(folder / LOCK, is_singleton=False)
