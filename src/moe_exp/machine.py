"""What this machine has: cores, memory, disk, accelerator.

Torch is imported where it is asked, since commands that need none would wait seconds for it.
"""

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from threadpoolctl import threadpool_limits

from moe_exp.codes import Code
from moe_exp.errors import InputError

THREADS_VARIABLE = "OMP_NUM_THREADS"
"""Environment variable by which launchers, and users, limit the threads of a process."""


def usable_cores() -> int:
    """Return the number of cores that this process may use: what `THREADS_VARIABLE` says, but not more than it has."""
    told = os.environ.get(THREADS_VARIABLE, "")
    return max(1, min(_cores(), int(told))) if told.isdecimal() else _cores()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def peak_memory_gb() -> float:
    """Return the largest resident memory of this process so far, in GB (1e9 bytes)."""
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset / 1e9
    import resource  # late: Windows has none

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let each product of matrices be formed by one thread.

    BLAS cuts a product by the number of its threads, and the last bits follow. What is worth several cores is cut here,
    the same way for any number of them, into parts that threads work on side by side.
    """
    with threadpool_limits(1, user_api="blas"):
        yield


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Let torch compute with one thread: the same sums in the same order, whatever the machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def choose_device(device: str) -> str:
    """Turn ``auto``, ``cpu`` or ``cuda`` into the torch device to use.

    Raises
    ------
    InputError
        If the name is unknown, or CUDA is asked for and torch sees none.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise InputError(Code.UNKNOWN_CHOICE, f"device={device}: choose auto, cpu or cuda.")
    import torch

    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise InputError(
            Code.NO_CUDA, "device=cuda, but torch sees no CUDA device here; use device=auto or device=cpu."
        )
    return "cuda" if available and device != "cpu" else "cpu"


def describe_machine() -> dict[str, str]:
    """Return host, system, Python, processor, cores, memory and GPU as plain text."""
    import torch

    return {
        "host": platform.node(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "processor": _processor(),
        "cores": str(_cores()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
    }


def _processor() -> str:
    """Return the processor's name as Linux tells it, else as Python does."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def require_memory(n_bytes: float, what: str, advice: str) -> None:
    """Refuse what would need more memory than the machine has.

    Raises
    ------
    InputError
        Saying what it needs, how much there is, and `advice`.
    """
    there = psutil.virtual_memory().total
    if n_bytes > there:
        raise InputError(
            Code.OUT_OF_MEMORY,
            f"{what} would need {n_bytes / 1e9:,.0f} GB of memory; there are {there / 1e9:.0f}. {advice}",
        )


def require_room(folder: Path, n_bytes: int, what: str, advice: str) -> None:
    """Refuse to write `n_bytes` into a folder whose disk has too little room.

    Raises
    ------
    InputError
        Saying what would be written, how much is free, and `advice`.
    """
    free = shutil.disk_usage(folder).free
    if free < 1.05 * n_bytes + 1e8:
        raise InputError(
            Code.DISK_FULL, f"{what}: {n_bytes / 1e9:.2f} GB, but {folder} has {free / 1e9:.2f} GB free. {advice}"
        )
