"""What a program owes who starts it: paths from there, an orderly end when told to, output in whatever encoding."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import FrameType

START_VARIABLE = "MOE_EXP_STARTED_IN"
"""Environment variable that tells jobs, wherever a launcher puts them, the folder that the user typed in."""


STARTER_VARIABLE = "MOE_EXP_STARTER"
"""Environment variable that tells workers the number of the process that started them."""

TIME_TO_CLOSE_S = 30

INSIST_S = 3.0
"""After which a signal is raised again that has not ended anything [s]."""

ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name)]
"""Signals that ask a program to end; not all of them are on Windows."""

CAN_INSIST = hasattr(signal, "setitimer")  # not on Windows


def remember_start() -> None:
    """Keep the working folder as the one that relative paths start from, for this process and those it starts."""
    os.environ[START_VARIABLE] = str(Path.cwd())


def from_start(path: str) -> Path:
    """Return an absolute path; a relative one starts from the folder that the user typed in."""
    return (Path(os.environ.get(START_VARIABLE, ".")) / path).resolve()


@contextmanager
def terminate_as_exit() -> Iterator[None]:
    """Turn Ctrl-C into KeyboardInterrupt, and SIGTERM, and a terminal that is closed, into SystemExit.

    So what is open is closed on the way out. What the starter ignores, as nohup and shells in the background do, stays
    ignored.

    Either may come to nothing where a library swallows all exceptions, as pandas does when it looks a column up. So it
    is raised again every `INSIST_S` seconds until the block is left; what closes things has to stand outside.
    """
    if threading.current_thread() is not threading.main_thread():  # signals belong to somebody else
        yield
        return

    has_left = False

    def leave(number: int, frame: FrameType | None) -> None:
        if has_left:
            return
        if CAN_INSIST:
            signal.signal(signal.SIGALRM, lambda *_: leave(number, None))
            signal.setitimer(signal.ITIMER_REAL, INSIST_S)
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    heard = [number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, leave) for number in heard}
    try:
        yield
    finally:
        has_left = True  # first: a signal that came now would leave all of this as it is
        if CAN_INSIST:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def run_program(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a program and return its exit status; it is told to end, and waited for, when this one is told to.

    Once: it is in a session of its own, where no terminal tells it too, which would cut short what it closes.
    """
    with subprocess.Popen(command, env=environment, start_new_session=True) as process:
        try:
            with terminate_as_exit():
                return process.wait()
        except BaseException as error:
            process.send_signal(signal.SIGINT if isinstance(error, KeyboardInterrupt) else signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(TIME_TO_CLOSE_S)
            process.kill()
            raise


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


def print_no_more() -> None:
    """Let what is still to be printed go nowhere: its reader has gone, or its disk is full, and Python would try again.

    It would do so at exit, and end with a status of its own.
    """
    with suppress(OSError), Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
