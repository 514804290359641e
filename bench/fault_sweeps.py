"""The sweep that `faults.py` tries faults on: two small jobs, in copies of this process, which has the libraries."""

import multiprocessing
import multiprocessing.process
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.error import URLError
from urllib.request import urlopen

import psutil
from common import ROOT, configure
from mlflow.exceptions import MlflowException

from moe_exp.program import tell_workers
from moe_exp.runs.job import run_job
from moe_exp.runs.membership import PARENT_VARIABLE
from moe_exp.tracking import LoggedRun, RunStatus, Tracking, children_of, open_run, writing
from moe_exp.tracking.sending import Sender

GATES = ("linear", "classify")
SMALL = ("experiment=smoke", "training.max_epochs=3", "evaluation.n_resamples=100", "tracking.figure_formats=[]")
LONGEST_S = 120
"""A sweep that takes longer after a fault counts as one that hangs."""

NOT_NUMBERS = ("time/", "memory/")
"""What the names of metrics begin with that are no results."""

Process = multiprocessing.process.BaseProcess
FORK = multiprocessing.get_context("fork")
T = TypeVar("T")


def numbers_of(run: LoggedRun) -> dict[str, float]:
    """Return the results of a job, without what differs each time."""
    return {name: value for name, value in run.metrics.items() if not name.startswith(NOT_NUMBERS)}


def copy_of_this_process(work: Callable[[], object]) -> Process:
    """Let a copy of this process do something, in a group of its own."""

    def run() -> None:
        os.setsid()
        work()

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


class Server:
    """A tracking server on a port of this machine that can be killed and started again.

    Parameters
    ----------
    folder : path
        Where it keeps artifacts.
    store : str, optional
        Where it keeps all else; by default a SQLite file in the folder.
    """

    def __init__(self, folder: Path, store: str | None = None) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.uri = f"http://127.0.0.1:{port}"
        store = store or f"sqlite:///{folder}/mlflow.db"
        places = ("--backend-store-uri", store, "--artifacts-destination", f"{folder}/kept")
        self._command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1", *places]
        self._said = folder / "server.txt"

    def start(self) -> None:
        """Start it, and return when it answers."""
        with self._said.open("ab") as said:
            self._process = subprocess.Popen(self._command, stdout=said, stderr=said, start_new_session=True)
        for _ in range(600):
            try:
                urlopen(f"{self.uri}/health", timeout=5).close()
                return
            except (URLError, OSError):
                time.sleep(0.1)
        raise RuntimeError(f"the server does not start: see {self._said}")

    def kill(self) -> None:
        """End it, at once."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@dataclass
class Sweep:
    """A sweep whose store and cache lie in a folder.

    Attributes
    ----------
    folder : path
    needs : int
        Bytes that a whole one adds to the disk.
    server : Server or None
        That which it tells its results; None where the store is a file.
    user : int
        Who runs it.
    """

    folder: Path
    needs: int = 0
    server: Server | None = None
    user: int = 0
    parent_id: str = field(init=False)
    _group: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        """Open its parent."""
        if self.server:
            self.server.start()
        self.parent_id = apart(self._open_parent)

    def _open_parent(self) -> str:
        parent = open_run(self.tracking, run_name="sweep", parameters={}, tags={})
        parent.close(RunStatus.FINISHED)
        return parent.run_id

    @property
    def tracking(self) -> Tracking:
        """Its store."""
        if self.server:
            return Tracking(uri=self.server.uri, outbox=f"{self.folder}/outbox")
        return Tracking(uri=f"sqlite:///{self.folder}/mlflow.db", artifacts=f"{self.folder}/mlruns")

    def start(self, *, side_by_side: bool = False, lost: float = 0, seed: int = 0) -> Process:
        """Start its jobs, one after the other or side by side; calls to the store get lost with some probability."""

        def run() -> None:
            for stream in (1, 2):
                os.dup2(os.open(self.folder / "said.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666), stream)
            tempfile.tempdir = str(self.folder)  # so that all of it shares the fate of the disk
            if self.user:
                os.setgid(self.user)
                os.setuid(self.user)
            os.environ[PARENT_VARIABLE] = self.parent_id
            if lost:
                writing.Sender = lambda client, outbox: Sender(Lossy(client, lost, seed), outbox)  # type: ignore
            if not side_by_side:
                for gate in GATES:
                    self._run_job(gate)
                return
            tell_workers()
            jobs = [FORK.Process(target=self._run_job, args=(gate,)) for gate in GATES]
            for job in jobs:
                job.start()
            for job in jobs:
                job.join()

        process = copy_of_this_process(run)
        self._group = process.pid
        return process

    def _run_job(self, gate: str) -> None:
        store = self.tracking
        places = [f"tracking.uri={store.uri}", f"tracking.outbox={store.outbox}", f"cache_dir={self.folder}/cache"]
        places += [f"tracking.artifacts={store.artifacts}"] if store.artifacts else []
        run_job(configure(*SMALL, f"gate={gate}", *places), ROOT)

    def wait(self, process: Process, most_s: float = LONGEST_S) -> None:
        """Wait until the process and all that it started have ended.

        Raises
        ------
        TimeoutError
            If they do not in that time; they are killed.
        """
        deadline = time.monotonic() + most_s
        process.join(most_s)
        while self.is_running():
            if time.monotonic() > deadline:
                os.killpg(self._group, signal.SIGKILL)
                raise TimeoutError("a process hangs")
            time.sleep(0.05)

    def is_running(self) -> bool:
        """Say whether a process is left of those that were started last."""
        for process in psutil.process_iter(["status"]):
            try:
                if os.getpgid(process.pid) == self._group and process.info["status"] != psutil.STATUS_ZOMBIE:
                    return True
            except ProcessLookupError:
                continue
        return False

    def numbers(self) -> dict[str, dict[str, float]]:
        """Return the results of the finished jobs, by gate."""
        runs = [run for run in children_of(self.tracking, self.parent_id) if run.status == "FINISHED"]
        return {run.parameters["gate"]: numbers_of(run) for run in runs}
