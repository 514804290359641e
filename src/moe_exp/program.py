"""What a program owes who starts it: paths from there, an orderly end when told to, output in whatever encoding."""

import io
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType

START_VARIABLE = "MOE_EXP_STARTED_IN"
"""Environment variable that tells jobs, wherever a launcher puts them, the folder that the user typed in."""


STARTER_VARIABLE = "MOE_EXP_STARTER"
"""Environment variable that tells workers the number of the process that started them."""

TIME_TO_CLOSE_S = 30


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


def tell_workers() -> None:
    """Let the processes that this one starts know that they are its workers."""
    os.environ[STARTER_VARIABLE] = str(os.getpid())


@cache
def end_with_starter() -> None:
    """End this process when the one whose worker it is has gone: joblib's would wait for it for ever."""
    starter = os.getppid()
    if os.environ.get(STARTER_VARIABLE) != str(starter):
        return

    def watch() -> None:
        while os.getppid() == starter:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)  # closes what is open
        time.sleep(TIME_TO_CLOSE_S)
        os._exit(1)

    threading.Thread(target=watch, name="starter", daemon=True).start()


def print_in_any_encoding() -> None:
    """Show a question mark for what the encoding of the standard output lacks, such as R² in a C locale."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
