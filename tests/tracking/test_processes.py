import multiprocessing
import os

from moe_exp.tracking.processes import _started, is_alive, process_tags


def test_a_process_is_known_by_its_number_and_its_start():
    tags = process_tags()
    assert is_alive(tags, 0)
    assert not is_alive({**tags, "process.started": "1"}, 0)  # another one had the number before
    assert not is_alive({**tags, "process.pid": str(2**22 + 1)}, 0)


def test_a_process_that_may_not_be_seen_lives_for_as_long_as_its_heartbeat_says(monkeypatch):
    def forbid(*_):
        raise PermissionError

    hidden = {**process_tags(), "process.pid": str(2**22 + 1)}
    monkeypatch.setattr("os.kill", forbid)
    assert is_alive(hidden, 0)
    assert not is_alive({**hidden, "process.heartbeat": "0 0"}, 0)
    assert not is_alive({**process_tags(), "process.started": "1"}, 0)  # this one may be seen


def test_a_clock_that_is_set_changes_no_start(monkeypatch):
    before = _started(os.getpid())
    monkeypatch.setattr("psutil.boot_time", lambda: 0.0)
    monkeypatch.setattr("time.time", lambda: 0.0)
    assert _started(os.getpid()) == before


def test_a_process_that_has_ended_and_was_not_waited_for_is_none():
    child = multiprocessing.get_context("fork").Process(target=os._exit, args=(0,))
    child.start()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert _started(child.pid) is None
    child.join()
