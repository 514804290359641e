"""Whether a file is still the one that it was."""

from pathlib import Path
from typing import NamedTuple

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.spectra.files import PLAIN
from moe_exp.spectra.hdf5 import files_behind


class FileState(NamedTuple):
    """What changes when another file takes a name, or other content a file."""

    inode: int
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> "FileState | None":
        """Return the state of a file; None if there is none."""
        try:
            stat = path.stat()
        except FileNotFoundError:
            return None
        return cls(stat.st_ino, stat.st_size, stat.st_mtime_ns)


class Watch:
    """Holds a file, and all that it points to, to what they were when the watch began.

    Parameters
    ----------
    path : path of an HDF5 file
    datasets : tuple of str
        What is read of it.
    """

    def __init__(self, path: Path, datasets: tuple[str, ...]) -> None:
        self._states = {each: FileState.of(each) for each in files_behind(path, datasets)}

    def check(self) -> None:
        """Raise `InputError` if a file was replaced, changed or removed."""
        changed = [str(path) for path, state in self._states.items() if FileState.of(path) != state]
        if changed:
            raise InputError(
                Code.FILE_CHANGED,
                f"{', '.join(changed)} changed while it was in use: what was read and what would be read do not belong "
                f"together. Start again, and leave the file alone until the run has ended.",
            )


def identify(path: Path, datasets: tuple[str, ...] = PLAIN.datasets) -> str:
    """Return a text that changes with a file and with whatever some of its datasets point to.

    Besides size and time of change it holds what a copy that keeps both cannot keep: the inode, and when the system saw
    it last change.
    """
    return "; ".join(_describe(each) for each in files_behind(path, datasets))


def _describe(path: Path) -> str:
    stat = path.stat()
    return f"{path} inode={stat.st_ino} size={stat.st_size} changed={stat.st_mtime_ns} {stat.st_ctime_ns}"
