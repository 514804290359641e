"""Deliberate faults in processes: how they end, and which cores they use."""

from .mutant import Mutant

MUTANTS = [
    Mutant("more cores used than a launcher gave", "machine.py",
           "return max(1, min(_cores(), int(told))) if told.isdecimal() else _cores()", "return _cores()",
           "tests/sweeps/test_launchers.py"),
    Mutant("sizes that no machine has", "machine.py",
           "if n_bytes > there:", "if False:", "tests/experiment/test_bounds.py -k memory"),
    Mutant("relative stores where a job is", "program.py",
           'os.environ.get(START_VARIABLE, ".")', '"."', "tests/test_checkouts.py -k relative"),
    Mutant("output that a locale's encoding ends", "program.py",
           'reconfigure(errors="replace")', 'reconfigure(errors="strict")', "tests/test_checkouts.py -k locale"),
    Mutant("a signal that was swallowed stays so", "program.py",
           "signal.setitimer(signal.ITIMER_REAL, INSIST_S)", "pass", "tests/test_program.py -k swallows"),
]  # fmt: skip
