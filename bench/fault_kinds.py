"""The faults of `faults.py`, each done to a sweep that is under way, or to what it leaves on the disk."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from unittest import mock

import psutil
from fault_sweeps import LONGEST_S, Sweep, apart

from moe_exp.tracking import processes, settle_dead_runs

NOBODY = 65534
"""Number of the user who may write only what is open to it; root may write everything."""

Fault = Callable[[Sweep, random.Random, float], None]


def kill(name: str, sweep: Sweep, chance: random.Random, seconds: float) -> None:
    """Send a signal to the process of the sweep."""
    process = sweep.start()
    process.join(chance.uniform(0, 1.1 * seconds))
    with suppress(ProcessLookupError):
        os.kill(process.pid, getattr(signal, name))
    sweep.wait(process)


def kill_jobs(name: str, whom: str, sweep: Sweep, chance: random.Random, seconds: float) -> None:
    """Send a signal to jobs that run side by side: to all with their starter, to the starter alone, or to one."""
    process = sweep.start(side_by_side=True)
    process.join(chance.uniform(0, 0.8 * seconds))
    number = getattr(signal, name)
    with suppress(ProcessLookupError, psutil.NoSuchProcess):
        if whom == "group":
            os.killpg(process.pid, number)
        elif whom == "starter":
            os.kill(process.pid, number)
        else:
            os.kill(chance.choice([process.pid, *(job.pid for job in psutil.Process(process.pid).children())]), number)
    sweep.wait(process)


def race(sweep: Sweep, chance: random.Random, seconds: float) -> None:
    """Let two jobs make the same stars and stages at once, of which nothing is there, and one of them be killed."""
    shutil.rmtree(sweep.folder / "cache")
    kill_jobs("SIGKILL", "one", sweep, chance, 2 * seconds)


def lose_calls(sweep: Sweep, chance: random.Random, seconds: float) -> None:
    """Lose calls to the store, or its answers, with some probability."""
    process = sweep.start(lost=chance.choice([0.05, 0.3, 1.0]), seed=chance.randrange(10**6))
    sweep.wait(process)


def kill_server(sweep: Sweep, chance: random.Random, seconds: float) -> None:
    """Kill the tracking server, and start it again while the sweep runs, or after its end."""
    process = sweep.start()
    process.join(chance.uniform(0, 1.1 * seconds))
    sweep.server.kill()
    process.join(chance.choice([0, 1, LONGEST_S]))
    sweep.server.start()
    sweep.wait(process)


def fill_disk(sweep: Sweep, chance: random.Random, seconds: float) -> None:
    """Run on a disk that is full at some moment, and has room again afterwards."""
    room = chance.uniform(0, 1.1) * sweep.needs
    _mount(f"remount,size={int(_used(sweep.folder) + room)}", sweep.folder)
    sweep.wait(sweep.start())
    _mount("remount,size=2g", sweep.folder)


def forbid_writing(sweep: Sweep, chance: random.Random, seconds: float) -> None:
    """Take the right to write from one folder at some moment, as a user who is not root, and give it back."""
    sweep.user = NOBODY
    subprocess.run(["chown", "-R", str(NOBODY), sweep.folder], check=True)
    process = sweep.start()
    process.join(chance.uniform(0, 1.1 * seconds))
    taken = Path(chance.choice([where for where, _, _ in os.walk(sweep.folder)]))
    with suppress(FileNotFoundError):
        taken.chmod(0o555)
    sweep.wait(process)
    with suppress(FileNotFoundError):
        taken.chmod(0o700)


def step_clock(sweep: Sweep, chance: random.Random, seconds: float) -> None:
    """Let a start on another machine, whose clock is up to 25 minutes off, look for dead runs meanwhile."""
    process = sweep.start()
    process.join(chance.uniform(0, seconds))
    step, real = chance.uniform(-1500, 1500), time.time

    def settle() -> None:
        with (
            mock.patch.object(time, "time", side_effect=lambda: real() + step),
            mock.patch.object(processes, "_boot", return_value="of another machine"),
        ):
            settle_dead_runs(sweep.tracking)

    apart(settle)
    sweep.wait(process)


def share_host_name(sweep: Sweep, chance: random.Random, seconds: float) -> None:
    """Let a start in another container of the same host name look for dead runs meanwhile."""
    code = (
        f"import sys; sys.path[:] = {sys.path!r}\n"
        "from moe_exp.tracking import *\n"
        f"settle_dead_runs(Tracking(uri={sweep.tracking.uri!r}, artifacts={sweep.tracking.artifacts!r}))"
    )
    command = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", code]
    with subprocess.Popen(command) as other:
        time.sleep(chance.uniform(0, 3))  # it takes as long to load
        process = sweep.start()
        sweep.wait(process)
    assert other.returncode == 0


def damage(part: str, how: str, sweep: Sweep, chance: random.Random, seconds: float) -> None:
    """Flip a bit of a file of the cache between two jobs, or of what waits for a store that is away; or cut it off."""
    process = sweep.start(lost=1.0 if part == "outbox" else 0)
    if part == "cache":
        process.join(seconds * chance.uniform(0.3, 0.6))
    else:
        sweep.wait(process)
    folder = sweep.folder / "cache" if part == "cache" else sweep.tracking.outbox_folder
    files = sorted(Path(where, name) for where, _, names in os.walk(folder) for name in names)
    path = chance.choice([path for path in files if path.suffix not in (".lock", ".db") and _size(path)])
    with suppress(FileNotFoundError):  # it was still being written, and has another name by now
        _spoil(path, how, chance)
    sweep.wait(process)


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _spoil(path: Path, how: str, chance: random.Random) -> None:
    place = chance.randrange(path.stat().st_size)
    if how == "cut":
        os.truncate(path, place)
        return
    with path.open("rb+") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 1 << chance.randrange(8)]))


KINDS: dict[str, tuple[Fault, int]] = {
    **{name: (partial(kill, name), 8) for name in ("SIGINT", "SIGTERM", "SIGKILL")},
    **{
        f"side by side: {name} to {whom}": (partial(kill_jobs, name, whom), 3)
        for name in ("SIGINT", "SIGTERM", "SIGKILL")
        for whom in ("group", "starter")
    },
    "race for stars and stages, one killed": (race, 4),
    "store away": (lose_calls, 10),
    "server killed": (kill_server, 2),
    "disk full": (fill_disk, 10),
    "no right to write": (forbid_writing, 8),
    "clock of another machine": (step_clock, 4),
    "another container of one host name": (share_host_name, 2),
    **{
        f"{part}: {how}": (partial(damage, part, how), 4)
        for part in ("cache", "outbox")
        for how in ("flip", "cut")
    },
}  # fmt: skip
"""Each fault, and how many of a hundred are of its kind, about."""

ON_A_DISK_OF_ITS_OWN, WITH_A_SERVER = {"disk full"}, {"server killed"}


@contextmanager
def place_for(kind: str, folder: Path) -> Iterator[None]:
    """Give a folder the disk that a fault needs."""
    if kind not in ON_A_DISK_OF_ITS_OWN:
        yield
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2g", "faults", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def _mount(options: str, folder: Path) -> None:
    subprocess.run(["mount", "-o", options, folder], check=True)


def _used(folder: Path) -> int:
    found = os.statvfs(folder)
    return (found.f_blocks - found.f_bfree) * found.f_frsize
