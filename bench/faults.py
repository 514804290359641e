"""Faults, tried for real: what a sweep of two small jobs holds after a kill, damage or a store that is away.

    python bench/faults.py                     # 1,000 faults, some seconds each
    python bench/faults.py --n 40 --seed 3

A fault hits the sweep at a random moment, or a random byte of what it left; then the same sweep runs again.
The numbers have to be those of a sweep that nothing hit, each job there once, nothing RUNNING, nothing waiting, and no
process left. Jobs run in copies of this process, so that only they are paid for.
"""

import argparse
import multiprocessing
import multiprocessing.process
import os
import random
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pandas as pd
import psutil
from common import ROOT, configure, keep
from mlflow.exceptions import MlflowException

from moe_exp.runs.identity import identify
from moe_exp.runs.job import run_job
from moe_exp.runs.membership import PARENT_VARIABLE
from moe_exp.tracking import (
    RunStatus,
    Tracking,
    children_of,
    open_run,
    open_store,
    send_left_behind,
    settle_dead_runs,
    writing,
)
from moe_exp.tracking.sending import Sender

GATES = ("linear", "classify")
SMALL = ("experiment=smoke", "training.max_epochs=3", "evaluation.n_resamples=100", "tracking.figure_formats=[]")
NOT_NUMBERS = ("time/", "memory/")
"""What the names of metrics begin with that are no results."""

T = TypeVar("T")

FORK = multiprocessing.get_context("fork")
OUTCOMES = (
    "whole",
    "lost",
    "doubled",
    "left RUNNING",
    "other numbers",
    "something waits",
    "a process is left",
    "error",
)


class Lossy:
    """A client that loses requests, or answers, with some probability."""

    def __init__(self, client: object, probability: float, seed: int) -> None:
        self._client, self._probability, self._random = client, probability, random.Random(seed)

    def __getattr__(self, name: str) -> Callable:
        def call(*args: object, **kwargs: object) -> object:
            if self._random.random() < self._probability:
                raise MlflowException("the connection was refused")
            answer = getattr(self._client, name)(*args, **kwargs)
            if self._random.random() < self._probability:
                raise MlflowException("the connection was reset")
            return answer

        return call


def tracking_in(folder: Path) -> Tracking:
    """Return the store of one trial."""
    return Tracking(uri=f"sqlite:///{folder}/mlflow.db", artifacts=str(folder / "mlruns"))


def sweep(folder: Path, parent_id: str, probability: float, seed: int) -> None:
    """Run the jobs of a sweep, one after the other, on a store that is away with some probability."""
    os.environ[PARENT_VARIABLE] = parent_id
    if probability:
        writing.Sender = lambda client, outbox: Sender(Lossy(client, probability, seed), outbox)  # type: ignore
    places = (f"tracking.uri=sqlite:///{folder}/mlflow.db", f"tracking.artifacts={folder}/mlruns")
    for gate in GATES:
        run_job(configure(*SMALL, f"gate={gate}", *places, f"cache_dir={folder}/cache"), ROOT)


def start(folder: Path, parent_id: str, probability: float = 0, seed: int = 0) -> multiprocessing.process.BaseProcess:
    """Start a sweep in a copy of this process, whose words go to a file."""

    def run() -> None:
        os.setsid()
        for stream in (1, 2):
            os.dup2(os.open(folder / "said.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
        sweep(folder, parent_id, probability, seed)

    process = FORK.Process(target=run)
    process.start()
    return process


def apart(ask: Callable[..., T], *args: object) -> T:
    """Return what a copy of this process says: no store that is open here may be open in further copies."""
    here, there = FORK.Pipe(duplex=False)
    process = FORK.Process(target=lambda: there.send(ask(*args)))
    process.start()
    there.close()
    answer = here.recv()
    process.join()
    return answer


def numbers(folder: Path, parent_id: str) -> dict[str, dict[str, float]]:
    """Return the results of the finished jobs, by gate."""
    runs = [run for run in children_of(tracking_in(folder), parent_id) if run.status == "FINISHED"]
    return {
        run.parameters["gate"]: {k: v for k, v in run.metrics.items() if not k.startswith(NOT_NUMBERS)} for run in runs
    }


def hit(kind: str, folder: Path, parent_id: str, chance: random.Random, seconds: float) -> None:
    """Let one fault happen to a sweep of `seconds`."""
    if kind.startswith("SIG"):
        process = start(folder, parent_id)
        process.join(chance.uniform(0, 1.1 * seconds))
        if process.is_alive():
            os.kill(process.pid, getattr(signal, kind))
    elif kind == "store away":
        process = start(folder, parent_id, probability=chance.choice([0.05, 0.3, 1.0]), seed=chance.randrange(10**6))
    else:
        part, _, how = kind.partition(": ")
        process = start(folder, parent_id, probability=1.0 if part == "outbox" else 0)
        if part == "cache":  # before the second job: it reads what the first one left
            process.join(seconds * chance.uniform(0.3, 0.6))
        else:
            process.join()
        damage(folder / ("cache" if part == "cache" else "mlflow.db.outbox"), how, chance)
    process.join()


def damage(folder: Path, how: str, chance: random.Random) -> None:
    """Flip a bit of one file, or cut it off."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_size]
    path = chance.choice([path for path in files if path.suffix not in (".lock", ".db")])
    place = chance.randrange(path.stat().st_size)
    if how == "cut":
        os.truncate(path, place)
        return
    with path.open("rb+") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 1 << chance.randrange(8)]))


KINDS = ("SIGINT", "SIGTERM", "SIGKILL", "store away", "cache: flip", "cache: cut", "outbox: flip", "outbox: cut")


def judge(folder: Path, parent_id: str, expected: dict[str, dict[str, float]]) -> str:
    """Say what is wrong with a sweep that ran again; ``whole`` if nothing is."""
    tracking = tracking_in(folder)
    left = send_left_behind(tracking)
    settle_dead_runs(tracking)
    runs = children_of(tracking, parent_id)
    gates = [run.parameters["gate"] for run in runs if run.status == "FINISHED"]
    waiting = left or [path for path in (folder / "mlflow.db.outbox").glob("*") if path.suffix != ".refused"]
    found = {
        "lost": {*gates} != {*GATES},
        "doubled": len(gates) > len(GATES),
        "left RUNNING": any(run.status == "RUNNING" for run in runs),
        "other numbers": numbers(folder, parent_id) != expected,
        "something waits": bool(waiting),
    }
    return next((outcome for outcome, is_so in found.items() if is_so), "whole")


def try_one(kind: str, seed: int, template: Path, expected: dict, seconds: float) -> str:
    """Try one fault, and say what became of the sweep."""
    chance = random.Random(seed)
    folder = Path(tempfile.mkdtemp(prefix="moe_exp_fault_"))
    shutil.copytree(template, folder, dirs_exist_ok=True)
    try:
        parent_id = apart(open_parent, folder)
        hit(kind, folder, parent_id, chance, seconds)
        again = start(folder, parent_id)
        again.join()
        outcome = apart(judge, folder, parent_id, expected) if again.exitcode == 0 else "error"
        if outcome == "whole" and psutil.Process().children(recursive=True):
            outcome = "a process is left"
    except Exception:
        traceback.print_exc()
        outcome = "error"
    if outcome == "whole":
        shutil.rmtree(folder)
    else:
        print(f"{kind}, seed {seed}: {outcome}; see {folder}", flush=True)
    return outcome


def open_parent(folder: Path) -> str:
    """Open the run of a sweep."""
    parent = open_run(tracking_in(folder), run_name="sweep", parameters={}, tags={})
    parent.close(RunStatus.FINISHED)
    return parent.run_id


def main() -> None:
    """Try faults, print a table of what became of the sweeps, and keep it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        template, whole = Path(name, "template"), Path(name, "whole")
        template.mkdir()
        identify(configure(*SMALL))  # reads the code, for all copies
        apart(lambda: open_store(tracking_in(template))[1])
        shutil.copytree(template, whole)
        start(whole, apart(open_parent, whole)).join()  # makes the spectra, too
        shutil.copytree(whole / "cache" / "simulated", template / "cache" / "simulated")
        shutil.rmtree(whole)
        shutil.copytree(template, whole)
        parent_id, begin = apart(open_parent, whole), time.monotonic()
        start(whole, parent_id).join()
        seconds, expected = time.monotonic() - begin, apart(numbers, whole, parent_id)
        assert {*expected} == {*GATES}
        counts = pd.DataFrame(0, index=KINDS, columns=OUTCOMES)
        for number in range(options.n):
            kind = KINDS[number % len(KINDS)]
            counts.loc[kind, try_one(kind, options.seed + number, template, expected, seconds)] += 1
            print(number + 1, counts["whole"].sum(), "whole", flush=True)
    table = counts.loc[:, counts.any()].reset_index(names="fault")
    table.insert(1, "tried", counts.sum(axis=1).to_numpy())
    notes = [
        f"A sweep of two jobs ({' and '.join(GATES)}; smoke preset, {seconds:.0f} s with spectra on disk) is hit once, "
        f"run again, and held against one that nothing hit. Whole: each job FINISHED once, with the same numbers bit "
        f"for bit, nothing RUNNING, nothing waiting, no process left. Seeds {options.seed} to "
        f"{options.seed + options.n - 1}.",
        "Signals come at a random moment. `store away`: each call of a running job to the store is lost, or its "
        "answer, with a probability of 0.05, 0.3 or 1. `cache`, `outbox`: a bit of a file, or its end, is lost.",
    ]
    keep("faults", "Faults, and what is left of a sweep", table, notes)


if __name__ == "__main__":
    main()
