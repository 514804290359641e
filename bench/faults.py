"""Faults, tried for real: what a sweep holds after a kill, damage, a full disk or a server that is away.

    python bench/faults.py                     # 1,000 faults, an hour and a half on 2 cores; as root, on Linux
    python bench/faults.py --seed 1000 --minutes 30

A fault hits the sweep, of two small jobs, at a random moment, or a random byte of what it left; then the same sweep
runs again. The numbers have to be those of a sweep that nothing hit, each job there once, nothing RUNNING, nothing
waiting, and no process left. What the faults are: `fault_kinds.py`.
"""

import argparse
import random
import shutil
import tempfile
import time
import traceback
from pathlib import Path

import pandas as pd
from common import configure, keep
from fault_kinds import KINDS, WITH_A_SERVER, place_for
from fault_sweeps import FORK, GATES, LONGEST_S, SMALL, Server, Sweep, apart

from moe_exp.runs.identity import identify
from moe_exp.tracking import children_of, open_store, send_left_behind, settle_dead_runs

OUTCOMES = ("whole", "lost", "doubled", "left RUNNING", "other numbers", "something waits", "hangs", "error")


class Trials:
    """What all trials share: the disk as they find it, and the numbers that they have to end with.

    Attributes
    ----------
    template : path
    seconds : float
        That a sweep takes which nothing hits.
    """

    def __init__(self, place: Path) -> None:
        self.template = place / "template"
        self.template.mkdir()
        whole = Sweep(self.template)
        whole.wait(whole.start(), 10 * LONGEST_S)  # makes the spectra, too
        for left in ("mlruns", "cache/stages", "mlflow.db", "mlflow.db.outbox"):
            path = self.template / left
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        apart(lambda: open_store(whole.tracking)[1])
        shutil.copytree(self.template, place / "whole")
        before = _size(place / "whole")
        whole = Sweep(place / "whole")
        begin = time.monotonic()
        whole.wait(whole.start())
        self.seconds, self.needs = time.monotonic() - begin, _size(place / "whole") - before
        self.expected = apart(whole.numbers)
        assert {*self.expected} == {*GATES}

    def try_one(self, kind: str, seed: int) -> str:
        """Try one fault, and say what became of the sweep."""
        folder = Path(tempfile.mkdtemp(prefix="moe_exp_fault_"))
        try:
            with place_for(kind, folder):
                shutil.copytree(self.template, folder, dirs_exist_ok=True)
                outcome = self._try(kind, seed, folder)
                if outcome != "whole":
                    shutil.copytree(folder, folder.with_name(f"{folder.name}_kept"))
        except Exception as error:
            traceback.print_exc()
            outcome = "hangs" if isinstance(error, TimeoutError) else "error"
        if outcome == "whole":
            shutil.rmtree(folder)
        else:
            print(f"{kind}, seed {seed}: {outcome}; see {folder}_kept", flush=True)
        return outcome

    def _try(self, kind: str, seed: int, folder: Path) -> str:
        fault, _ = KINDS[kind]
        sweep = Sweep(folder, needs=self.needs, server=Server(folder) if kind in WITH_A_SERVER else None)
        try:
            fault(sweep, random.Random(seed), self.seconds)
            again = sweep.start()
            sweep.wait(again)
            return apart(judge, sweep, self.expected) if again.exitcode == 0 else "error"
        finally:
            if sweep.server:
                sweep.server.kill()


def judge(sweep: Sweep, expected: dict[str, dict[str, float]]) -> str:
    """Say what is wrong with a sweep that ran again; ``whole`` if nothing is."""
    left = send_left_behind(sweep.tracking)
    settle_dead_runs(sweep.tracking)
    runs = children_of(sweep.tracking, sweep.parent_id)
    gates = [run.parameters["gate"] for run in runs if run.status == "FINISHED"]
    waiting = left or [path for path in sweep.tracking.outbox_folder.glob("*") if path.suffix != ".refused"]
    found = {
        "lost": {*gates} != {*GATES},
        "doubled": len(gates) > len(GATES),
        "left RUNNING": any(run.status == "RUNNING" for run in runs),
        "other numbers": sweep.numbers() != expected,
        "something waits": bool(waiting),
    }
    return next((outcome for outcome, is_so in found.items() if is_so), "whole")


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    """Try faults, print a table of what became of the sweeps, and keep it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="trials at a time")
    parser.add_argument("--kind", default="", help="only faults whose name has this in it")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="after which no further fault is tried")
    options = parser.parse_args()
    names = [name for name, (_, weight) in KINDS.items() if options.kind in name for _ in range(weight)]
    random.Random(0).shuffle(names)
    seeds = range(options.seed, options.seed + options.n)
    counts = pd.DataFrame(0, index=pd.Index([*KINDS]), columns=OUTCOMES)
    results = FORK.SimpleQueue()
    with tempfile.TemporaryDirectory() as place:
        identify(configure(*SMALL))  # reads the code, for all copies
        trials = Trials(Path(place))

        def work(part: int) -> None:
            deadline = time.monotonic() + 60 * options.minutes
            for seed in seeds[part :: options.jobs]:
                if time.monotonic() > deadline:
                    break
                kind = names[seed % len(names)]
                results.put((kind, trials.try_one(kind, seed)))
            results.put(None)

        workers = [FORK.Process(target=work, args=(part,)) for part in range(options.jobs)]
        for worker in workers:
            worker.start()
        for _ in workers:
            while (found := results.get()) is not None:
                counts.loc[found] += 1
                print(f"{': '.join(found)}; {counts['whole'].sum()} of {counts.to_numpy().sum()} whole", flush=True)
    counts = counts[counts.any(axis=1)]
    table = counts.loc[:, counts.any()].reset_index(names="fault")
    table.insert(1, "tried", counts.sum(axis=1).to_numpy())
    total = {"fault": "all", "tried": int(counts.to_numpy().sum()), **counts.loc[:, counts.any()].sum().to_dict()}
    notes = [
        f"A sweep of two jobs ({' and '.join(GATES)}; smoke preset, {trials.seconds:.0f} s with spectra on disk) is "
        f"hit once, run again, and held against one that nothing hit. Whole: each job FINISHED once, with the same "
        f"numbers bit for bit, nothing RUNNING, nothing waiting, no process left. Seeds from {seeds[0]}.",
        "Signals come at a random moment. `side by side`: both jobs at once, with a starter; the signal goes to all "
        "three or to the starter alone. `store away`: each call of a running job to the store is lost, or its answer, "
        "with a probability of 0.05, 0.3 or 1. `server killed`: a real server, started again soon or after the end. "
        "`disk full`: a disk of its own that fills at a random moment. `no right to write`: of a random folder, taken "
        "from a user who is not root. `cache`, `outbox`: a bit of a file, or its end, is lost.",
    ]
    keep("faults", "Faults, and what is left of a sweep", pd.concat([table, pd.DataFrame([total])]), notes)


if __name__ == "__main__":
    main()
