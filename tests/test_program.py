"""What a program owes who starts it."""

import os
import signal
import time

import psutil
import pytest

from moe_exp.program import end_with_starter, tell_workers


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
