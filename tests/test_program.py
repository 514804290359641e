"""What a program owes who starts it."""

import os
import signal
import threading
import time

import psutil
import pytest

from moe_exp import program
from moe_exp.program import end_with_starter, tell_workers, terminate_as_exit


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("is_worker", [True, False])
def test_a_worker_ends_with_the_process_that_started_it(is_worker):
    reading, writing = os.pipe()
    starter = os.fork()
    if not starter:
        os.environ.pop("MOE_EXP_STARTER", None)
        if is_worker:
            tell_workers()
        worker = os.fork()
        if not worker:
            end_with_starter.cache_clear()
            end_with_starter()
            os.write(writing, b"%d\n" % os.getpid())
        time.sleep(60)
        os._exit(0)
    worker = int(os.read(reading, 100))
    os.kill(starter, signal.SIGKILL)
    os.waitpid(starter, 0)
    try:
        deadline = time.monotonic() + (30 if is_worker else 2)
        while not is_gone(worker) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert is_gone(worker) == is_worker
    finally:
        if not is_gone(worker):
            os.kill(worker, signal.SIGKILL)


def swallow_once(number):
    """Be told to end, and do as a library whose C code ignores whatever is raised in it."""
    threading.Timer(0.1, os.kill, (os.getpid(), number)).start()
    try:
        time.sleep(60)
    except BaseException:  # noqa: BLE001
        time.sleep(60)


@pytest.mark.parametrize(
    ("number", "raised"),
    [(signal.SIGTERM, SystemExit), (signal.SIGHUP, SystemExit), (signal.SIGINT, KeyboardInterrupt)],
)
def test_a_signal_that_a_library_swallows_comes_again_until_the_block_is_left(monkeypatch, number, raised):
    monkeypatch.setattr(program, "INSIST_S", 0.05)
    before = signal.signal(number, signal.default_int_handler)  # a shell in the background lets Ctrl-C be ignored
    try:
        with pytest.raises(raised), terminate_as_exit():
            swallow_once(number)
        assert signal.getsignal(number) == signal.default_int_handler
        time.sleep(0.2)  # it does not come after that
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_that_is_ignored_stays_so(number):
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with terminate_as_exit():
            os.kill(os.getpid(), number)
    finally:
        signal.signal(number, before)


def test_signals_belong_to_the_main_thread():
    done = []

    def work():
        with terminate_as_exit():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done
