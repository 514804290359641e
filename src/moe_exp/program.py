"""What a program owes who starts it: paths from there, an orderly end when told to, output in whatever encoding."""

import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

START_VARIABLE = "MOE_EXP_STARTED_IN"
"""Environment variable that tells jobs, wherever a launcher puts them, the folder that the user typed in."""


def remember_start() -> None:
    """Keep the working folder as the one that relative paths start from, for this process and those it starts."""
    os.environ[START_VARIABLE] = str(Path.cwd())


def from_start(path: str) -> Path:
    """Return an absolute path; a relative one starts from the folder that the user typed in."""
    return (Path(os.environ.get(START_VARIABLE, ".")) / path).resolve()


@contextmanager
def terminate_as_exit() -> Iterator[None]:
    """Turn SIGTERM into SystemExit, so that what is open is closed on the way out."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    try:
        before = signal.signal(signal.SIGTERM, leave)
    except ValueError:  # not in the main thread: signals belong to somebody else
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def print_in_any_encoding() -> None:
    """Show a question mark for what the encoding of the standard output lacks, such as R² in a C locale."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
