"""Deliberate faults, one at a time, in what holds a run together; the tests that are named with each must notice.

``make mutants`` applies each to a copy of the tree and runs its tests there, which pass without it. It ends with
status 1 if a fault survives, and with status 2 if the code has changed so that a fault cannot be applied or its tests
cannot be run.
"""

import argparse
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from pathlib import Path

from faults import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path("src/moe_exp")
TIMEOUT_S = 600


class Verdict(Enum):
    """What became of a fault."""

    KILLED = "killed"
    SURVIVED = "SURVIVED"
    BROKEN = "BROKEN"


def copy_tree(folder: Path) -> None:
    """Copy what git would keep of the tree, changes that are not committed included."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    for name in filter(None, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def run_tests(tests: str, folder: Path) -> tuple[int | None, str]:
    """Run tests of a copy, given as they are for pytest, with what follows -k as one expression.

    Return the exit status, None where they took too long, and what they said.
    """
    paths, _, expression = tests.partition(" -k ")
    arguments = ["-x", "-q", "-n0", "-p", "no:cacheprovider", *paths.split()]
    arguments += ["-k", expression] if expression else []
    with tempfile.NamedTemporaryFile("r", encoding="utf-8", errors="replace") as said:
        process = READY.Process(target=become_pytest, args=(arguments, folder, Path(said.name)))
        process.start()
        process.join(TIMEOUT_S)
        if process.exitcode is None:
            process.kill()
        return process.exitcode, said.read()


READY = multiprocessing.get_context("forkserver")
READY.set_forkserver_preload(
    ["pytest", "lightgbm", "matplotlib.figure", "mlflow.store.tracking.sqlalchemy_store", "torch"]
)


def become_pytest(arguments: list[str], folder: Path, said: Path) -> None:
    """Turn this process, which has the libraries and nothing of this package, into one that tests a copy of it."""
    import pytest

    for stream in (1, 2):
        os.dup2(os.open(said, os.O_WRONLY | os.O_APPEND), stream)
    os.chdir(folder)
    os.environ["PYTHONPATH"] = str(folder / "src")
    sys.path[:0] = [str(folder), str(folder / "src")]
    sys.exit(pytest.main(arguments))


def try_mutant(mutant: Mutant) -> tuple[Verdict, str]:
    """Apply a fault to a copy of the tree and run its tests; return what they say where it was not noticed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_tree(folder)
        path = folder / PACKAGE / mutant.file
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if text.count(mutant.old) != 1:
            return Verdict.BROKEN, f"{mutant.file} holds {mutant.old!r} {text.count(mutant.old)} times, not once."
        path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
        status, said = run_tests(mutant.tests, folder)
        known = {0: Verdict.SURVIVED, 1: Verdict.KILLED, None: Verdict.KILLED}
        verdict = known.get(status, Verdict.BROKEN)
        return verdict, "" if verdict == Verdict.KILLED else said[-2000:]


def main(arguments: Sequence[str] | None = None) -> int:
    """Try all faults, or those whose description or file holds a text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", nargs="?", default="", help="only faults whose description or file holds it")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="faults tried at the same time")
    options = parser.parse_args(arguments)
    chosen = [mutant for mutant in MUTANTS if options.text in f"{mutant.fault} {mutant.file}"]
    found = dict.fromkeys(Verdict, 0)
    with ThreadPoolExecutor(options.jobs) as threads:
        for mutant, (verdict, said) in zip(chosen, threads.map(try_mutant, chosen), strict=True):
            found[verdict] += 1
            print(f"{verdict.value:8}  {mutant.fault} ({mutant.file})", *filter(None, [said]), sep="\n", flush=True)
    print(", ".join(f"{number} {verdict.value}" for verdict, number in found.items()))
    return 2 if found[Verdict.BROKEN] else 1 if found[Verdict.SURVIVED] else 0


if __name__ == "__main__":
    sys.exit(main())
