"""When a claim was stated: before the runs that it is judged by, after them, or only not named in them."""

import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from moe_exp.codes import Code, tagged
from moe_exp.comparison.hypotheses import Hypothesis
from moe_exp.experiment.config import flatten
from moe_exp.tracking import LoggedRun

SAYS_NOTHING = re.compile(r", '\w+': None(?=[,}])|(?<=\{)'\w+': None, ")
"""An option without a value, as it stands in the text of a criterion."""

MOST_NAMED = 5
"""Runs that a sentence lists by name."""


def doubts(file: str, hypothesis: Hypothesis, runs: Sequence[LoggedRun]) -> str:
    """Say why a claim may not have been stated before its runs; nothing if all of them named it as it is.

    A run that starts in a sweep with a hypothesis keeps it, word by word, among its parameters.

    Parameters
    ----------
    file : str
        Name of the hypothesis's YAML file.
    hypothesis : Hypothesis
    runs : sequence of LoggedRun
        Those that it is judged by.
    """
    told = [(run, _told(run, file)) for run in runs]
    as_it_is = _comparable(flatten({"hypotheses": {file: asdict(hypothesis)}}, {}))
    unaware = [run for run, known in told if known != as_it_is]
    before = [run for run in unaware if _day(run) < hypothesis.date]
    changed = [run for run, known in told if known not in (as_it_is, {}) and run not in before]
    unnamed = [run for run, known in told if not known and run not in before]
    parts = []
    if before:
        parts.append(f"its date, {hypothesis.date}, is after {_count(before)}")
    if changed:
        parts.append(f"it was changed after {_count(changed)}, where it stands in other words or with other bounds")
    if unnamed:
        parts.append(f"{_count(unnamed)} did not name it: that it was stated before rests on its date alone")
    said = f"Of the {len(runs)} runs that this claim is judged by: {'; '.join(parts)}."
    return tagged(Code.HYPOTHESIS_DOUBTED, said) if parts else ""


def _told(run: LoggedRun, file: str) -> dict[str, str]:
    """Return what a run knew of a hypothesis when it started."""
    return _comparable(
        {name: run.parameters[name] for name in run.parameters if name.startswith(f"hypotheses.{file}.")}
    )


def _comparable(claim: dict[str, str]) -> dict[str, str]:
    """Return a claim without options that it leaves open, of which an older version may have known fewer."""
    return {name: SAYS_NOTHING.sub("", value) for name, value in claim.items()}


def _day(run: LoggedRun) -> str:
    return datetime.fromtimestamp(run.started, UTC).date().isoformat()


def _count(runs: Sequence[LoggedRun]) -> str:
    names = ", ".join(run.name for run in runs[:MOST_NAMED]) + (", ..." if len(runs) > MOST_NAMED else "")
    return f"{len(runs)} ({names})"
