"""Which runs were looked at while seeds were added to them: no comparison forgets it, and no sweep starts anew."""

from collections.abc import Sequence

from moe_exp import names
from moe_exp.cache.stages import cache_key
from moe_exp.codes import Code
from moe_exp.comparison.looks import Looks
from moe_exp.errors import InputError
from moe_exp.experiment.config import Experiment
from moe_exp.runs.identity import identify
from moe_exp.runs.membership import entered
from moe_exp.tracking import LoggedRun, Tracking, open_store, runs_with_tag


def looks_at(tracking: Tracking, runs: Sequence[LoggedRun]) -> Looks | None:
    """Return the looks that were taken at any of some runs; None if there was none.

    A sweep that goes on where one was killed takes the looks of that one again: they count once. Of sweeps that have
    nothing to do with each other the strictest is returned.
    """
    last: dict[str, Looks] = {}
    for parent in runs_with_tag(tracking, names.TAG_LOOKS):
        if any(run.tags.get(names.TAG_PARENT) == parent.run_id for run in runs) or _has_entered(parent, runs):
            found = Looks.from_json(parent.tags[names.TAG_LOOKS])
            last[_family(parent)] = max(last.get(_family(parent), found), found, key=lambda looks: looks.n_taken)
    return max(last.values(), key=lambda looks: looks.confidence, default=None)


def _has_entered(parent: LoggedRun, runs: Sequence[LoggedRun]) -> bool:
    return not {run.run_id for run in runs}.isdisjoint(entered(parent).values())


def _family(parent: LoggedRun) -> str:
    return parent.tags[names.TAG_FAMILY]


def family_of(jobs: Sequence[Experiment]) -> str:
    """Return a hash of the jobs that seeds are added to."""
    return cache_key({"jobs": sorted(map(identify, jobs))})


def check_plan(tracking: Tracking, family: str, looks: Looks) -> None:
    """Refuse other looks at jobs than those which an earlier sweep began to take.

    Raises
    ------
    InputError
        If what that one spent would be spent again.
    """
    open_store(tracking)
    for parent in runs_with_tag(tracking, names.TAG_LOOKS):
        before = Looks.from_json(parent.tags[names.TAG_LOOKS])
        same = (before.option, before.planned, before.overall) == (looks.option, looks.planned, looks.overall)
        if _family(parent) == family and not same:
            raise InputError(
                Code.LOOKS_SPENT,
                f"until: sweep {parent.run_id} looked at these jobs {before.n_taken} time(s), by a plan for "
                f"{', '.join(map(str, before.planned))} seeds of {before.option} at {100 * before.overall:g} %; this "
                f"one is for {', '.join(map(str, looks.planned))} of {looks.option} at {100 * looks.overall:g} %. What "
                f"was spent cannot be spent again: keep that plan, or begin with another {looks.option}, beyond those.",
            )
