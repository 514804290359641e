import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from moe_exp.workers import WorkerError, run_in_workers

ROOT = Path(__file__).resolve().parents[1]

# Not guarded by __name__, on purpose: workers do not import the caller's script.
SCRIPT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background is started with it ignored
sys.path.insert(0, {root!r})
from moe_exp.workers import run_in_workers
from tests.test_workers import sleeper
for answer in run_in_workers(sleeper, (), range(100), n_workers=2):
    print(answer, flush=True)
"""


def adder(amount: int) -> Callable[[int], int]:
    def respond(question: int) -> int:
        if question == 13:
            raise ArithmeticError("13 brings bad luck")
        if question == 66:
            os._exit(3)
        print("chatter must not disturb the answers")
        time.sleep(0.02 * (question % 2))
        return question + amount

    return respond


def sleeper() -> Callable[[int], int]:
    def respond(question: int) -> int:
        time.sleep(0.2)
        return os.getpid()

    return respond


def test_answers_come_in_order():
    assert list(run_in_workers(adder, (100,), range(9), n_workers=2)) == list(range(100, 109))


def test_errors_reach_the_caller():
    with pytest.raises(ArithmeticError, match="13 brings bad luck"):
        list(run_in_workers(adder, (1,), [1, 13, 2], n_workers=1))
    with pytest.raises(WorkerError, match="exit status 3"):
        list(run_in_workers(adder, (1,), [66], n_workers=1))


def test_workers_run_the_code_of_their_parent(tmp_path, monkeypatch):
    """A model of another time, once loaded by MLflow, stands before the package on the path."""
    (tmp_path / "moe_exp").mkdir()
    (tmp_path / "moe_exp" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert list(run_in_workers(adder, (1,), range(2), n_workers=1)) == [1, 2]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[:1]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks processes up in /proc")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_their_parent(end):
    script = SCRIPT.format(root=str(ROOT))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), *filter(None, sys.path)])}
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    ) as parent:
        pids = {int(parent.stdout.readline()) for _ in range(4)}
        os.killpg(parent.pid, end)
        errors = parent.stderr.read()
    deadline = time.monotonic() + 60  # they end at once; a busy machine takes a while to say so
    while any(map(is_alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(is_alive, pids))
    assert errors.count("Traceback") == (end == signal.SIGINT)
