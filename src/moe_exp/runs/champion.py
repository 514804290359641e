"""Which model of a sweep is its winner: the one that a supported hypothesis rests on."""

from moe_exp import names
from moe_exp.codes import Code
from moe_exp.comparison.hypotheses import SUPPORTED, Hypothesis
from moe_exp.errors import InputError
from moe_exp.runs.membership import find_members
from moe_exp.tracking import LoggedRun, Tracking, get_run


def find_champion(tracking: Tracking, sweep: str, file: str, hypothesis: Hypothesis, *, force: bool) -> LoggedRun:
    """Return the run of a sweep whose model a hypothesis claims something of, the first of its seeds.

    That is not the best one on the test stars: these choose nothing.

    Parameters
    ----------
    tracking : Tracking
    sweep : str
        Id of the sweep's run, or its beginning.
    file : str
        Name of the hypothesis's YAML file.
    hypothesis : Hypothesis
    force : bool
        Whether any verdict will do.

    Raises
    ------
    InputError
        If the sweep did not support the hypothesis, or has no such model.
    """
    parent = get_run(tracking, sweep)
    _check_verdict(parent, file, force=force)
    claimed = hypothesis.criteria[0]
    found = [run for run in find_members(tracking, parent.run_id).finished if _place(run) == claimed.places[0]]
    kept = [run for run in found if names.TAG_MODEL in run.tags]
    if not kept:
        model, n_train, noise_level = claimed.places[0]
        raise InputError(
            Code.NO_CHAMPION,
            f"{parent.name!r} has no model of {model} at n_train={n_train}, noise_level={noise_level:g}, which "
            f"{file} rests on: {len(found)} of its runs are such, and none kept one.",
        )
    return min(kept, key=_seeds)


def _check_verdict(parent: LoggedRun, file: str, *, force: bool) -> None:
    verdict = parent.tags.get(names.TAGS_HYPOTHESIS + file, "")
    if verdict == SUPPORTED or force:
        return
    judged = [
        name.removeprefix(names.TAGS_HYPOTHESIS) for name in parent.tags if name.startswith(names.TAGS_HYPOTHESIS)
    ]
    if verdict:
        said = f"the verdict on {file} is {verdict!r}"
    else:
        others = f", only {', '.join(sorted(judged))}" if judged else "; its sweep named no hypothesis"
        said = f"{file} was not judged{others}"
    raise InputError(
        Code.NO_CHAMPION, f"{parent.name!r} has no champion: {said}. --force registers the model all the same."
    )


def _place(run: LoggedRun) -> tuple[str, int, float]:
    """Return gate, train size and noise level of a run."""
    noise_level = float(run.parameters[names.PARAMETERS["noise_level"]])
    return run.tags.get(names.TAG_GATE, ""), int(run.tags.get(names.TAG_N_TRAIN, 0)), noise_level


def _seeds(run: LoggedRun) -> tuple[int, int]:
    return tuple(int(run.parameters[names.PARAMETERS[name]]) for name in ("data_seed", "seed"))  # type: ignore[return-value]
