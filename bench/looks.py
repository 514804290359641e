"""How often verdicts are wrong that were looked for while seeds were added, and how many seeds they save.

python bench/looks.py [--repetitions 2000]
"""

import argparse
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from common import keep
from levels import CONFIDENCE, MIXTURES, N_STARS, draw

from moe_exp.comparison import Contender
from moe_exp.comparison.hypotheses import REFUTED, SUPPORTED, UNDECIDED, Criterion, Hypothesis, judge
from moe_exp.comparison.looks import Looks
from moe_exp.comparison.training_seeds import Estimate, estimate

EFFECT = 0.01
"""The true difference where there is one; also the margin of the claim that there is none."""
N_RESAMPLES = 5000
PLACE = {"n_train": 1, "noise_level": 0.2}
MODEL, REFERENCE = (Contender(model=name, kind="gate", **PLACE) for name in ("a", "b"))
CLAIMS = {
    kind: Hypothesis(
        name=kind,
        statement="a against b",
        date="2026-11-29",
        criteria=[Criterion(quantity="delta_r2", model="a", reference="b", **PLACE, **bound)],
    )
    for kind, bound in {"above 0": {"above": 0.0}, "within .01": {"equivalent_within": EFFECT}}.items()
}
NAMES = ("stars", "all alike", "data seeds", "all alike, stars' tails heavy")
PLANS = {
    "data.seed": ((5, 7, 9, 11), (2, 3, 4, 5), tuple(range(3, 13))),
    "seed": ((5, 7, 9, 11),),
}
"""Seeds at each look, by which seeds are added."""
DECIDED = (SUPPORTED, REFUTED)


def compare_made_up(estimates: Sequence[Estimate], confidence: float) -> Any:
    """Return what `judge` reads of a comparison of two models, whose difference each data seed says."""
    scorings = [
        SimpleNamespace(
            panel=SimpleNamespace(entries={MODEL: {}, REFERENCE: {}}, data_seed=number, seeds=lambda *_: (0,)),
            delta=lambda *_, found=found: found,
        )
        for number, found in enumerate(estimates)
    ]
    return SimpleNamespace(scorings=scorings, settings=SimpleNamespace(confidence=confidence))


def estimate_made_up(said: np.ndarray, draws: np.ndarray) -> Estimate:
    """Estimate a difference from what each star says after each training, (n_stars, n_seeds)."""
    contributions, seeds = said.mean(axis=1) / len(said), said.mean(axis=0)
    about = {"limited": True, "confidence": CONFIDENCE, "seed": 0}
    return estimate(float(said.mean()), draws, seeds, contributions, **about)


COUNTS = np.random.default_rng(0).multinomial(N_STARS, np.full(N_STARS, 1 / N_STARS), N_RESAMPLES).astype(float)
"""How often each resample has each star, (n_resamples, n_stars)."""


def estimate_data_seeds(said: Sequence[np.ndarray]) -> list[Estimate]:
    """Return the estimate of each data seed, whose own draws decide nothing."""
    return [estimate_made_up(each, np.full(20, each.mean())) for each in said]


def estimate_training_seeds(said: Sequence[np.ndarray]) -> list[Estimate]:
    """Return the estimate of trainings on one data seed."""
    [one] = said
    return [estimate_made_up(one, COUNTS @ one.mean(axis=1) / N_STARS)]


def draw_data_seeds(sd: dict[str, float], effect: float, most: int, rng: np.random.Generator) -> Callable:
    """Return what gives the first data seeds of a sweep."""
    said = draw(rng, 1, most, sd, effect)
    return lambda number: said[:number]


def draw_training_seeds(sd: dict[str, float], effect: float, most: int, rng: np.random.Generator) -> Callable:
    """Return what gives the first trainings of a sweep."""
    said = draw(rng, most, 1, sd | {"data_seed": 0.0}, effect)[0]
    return lambda number: [said[:, :number]]


GROWN = {"data.seed": (draw_data_seeds, estimate_data_seeds), "seed": (draw_training_seeds, estimate_training_seeds)}


def is_open(said: Sequence[np.ndarray], claim: str) -> bool:
    """Whether a difference is so near to a bound that no interval excludes it: the judge need not be asked."""
    if len(said) == 1:
        [one] = said
        error = np.hypot(np.std(one.mean(axis=0)) / one.shape[1] ** 0.5, np.std(one.mean(axis=1)) / len(one) ** 0.5)
    else:
        error = np.std([each.mean() for each in said]) / len(said) ** 0.5
    size = abs(np.mean([each.mean() for each in said]))
    return size < 1.6 * error if claim == "above 0" else EFFECT - 1.5 * error < size < EFFECT + 1.6 * error


def look(grow: str, said: Sequence[np.ndarray], claim: str, confidences: Sequence[float]) -> list[str]:
    """Judge a claim at one look, at each of some confidences of which the first is the least."""
    if is_open(said, claim):
        return [UNDECIDED] * len(confidences)
    estimates = GROWN[grow][1](said)
    return [judge(CLAIMS[claim], compare_made_up(estimates, each)).verdict for each in confidences]


def follow(grow: str, first: Callable, claim: str, planned: Sequence[int], paid: Sequence[float]) -> dict[str, tuple]:
    """Return verdict and seeds used of one sweep, for looks as they are paid for, at 95 %, and a single one at last."""
    ended: dict[str, tuple] = {}
    for number, confidence in zip(planned, paid, strict=True):
        is_last = number == planned[-1]
        if "naive" not in ended or "paid" not in ended or is_last:
            naive, spent = look(grow, first(number), claim, (CONFIDENCE, confidence))
            for way, verdict in {"naive": naive, "paid": spent}.items():
                if verdict in DECIDED or is_last:
                    ended.setdefault(way, (verdict, number))
    return ended | {"fixed": (naive, planned[-1])}


def run(grow: str, sd: dict[str, float], planned: tuple[int, ...], claim: str, effect: float, repetitions: int) -> Any:
    """Return verdict and seeds used of every experiment: for looks as they are paid for, at 95 %, and one at last."""
    paid = Looks(option=grow, start=0, planned=planned, overall=CONFIDENCE).confidences
    rng = np.random.default_rng([29, planned[-1], int(1000 * effect)])
    sweeps = (GROWN[grow][0](sd, effect, planned[-1], rng) for _ in range(repetitions))
    found = [follow(grow, first, claim, planned, paid) for first in sweeps]
    return {way: [each[way] for each in found] for way in ("paid", "naive", "fixed")}


def row(grow: str, mixture: str, planned: tuple[int, ...], claim: str, repetitions: int) -> dict[str, object]:
    """Return one row: verdicts that are wrong, and verdicts and seeds where they are right."""
    sd = MIXTURES[mixture]
    bound = 0.0 if claim == "above 0" else EFFECT
    wrong = DECIDED if claim == "above 0" else (SUPPORTED,)
    false = run(grow, sd, planned, claim, bound, repetitions)
    true = run(grow, sd, planned, claim, EFFECT - bound, repetitions // 10)
    shares = {way: np.mean([said in wrong for said, _ in each]) for way, each in false.items()}
    power = {way: np.mean([said == SUPPORTED for said, _ in each]) for way, each in true.items()}
    seeds = f"{planned[0]} to {planned[-1]}, {len(planned)} looks"
    found: dict[str, object] = {"added": grow, "seeds": seeds, "what scatters most": mixture, "claim": claim}
    found |= {f"false, {way}": _percent(shares[way]) for way in ("fixed", "naive", "paid")}
    found |= {f"shown, {way}": _percent(power[way]) for way in ("fixed", "paid")}
    return found | {"seeds used": f"{np.mean([number for _, number in true['paid']]):.1f}"}


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def main() -> None:
    """Look at made-up sweeps as they grow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=2000)
    repetitions = parser.parse_args().repetitions
    first, *others = PLANS["data.seed"]
    cases = [("data.seed", name, first, "above 0") for name in NAMES]
    cases += [("data.seed", "all alike", planned, "above 0") for planned in others]
    cases += [("seed", name, PLANS["seed"][0], "above 0") for name in ("stars", "trainings")]
    cases += [("data.seed", "stars", first, "within .01")]
    table = pd.DataFrame([row(*case, repetitions) for case in cases])
    notes = [
        "fixed: one look, at all seeds; naive: the 95 % interval after every round, and an end at the first verdict; "
        "paid: the same with the levels of `moe_exp.comparison.looks`. All are judged by "
        "`moe_exp.comparison.hypotheses.judge`.",
        f"false: both verdicts on 'above 0' where the true difference is 0, or 'within .01' supported where it is .01; "
        f"{repetitions:,} made-up sweeps, so that 5 % is known to "
        f"{100 * 1.96 * np.sqrt(0.05 * 0.95 / repetitions):.1f} %. A share that paid looks may reach is 5 %.",
        f"shown: 'above 0' supported where the true difference is .01, or 'within .01' where it is 0; seeds used: mean "
        f"of the paid looks there; {repetitions // 10:,} sweeps.",
        f"What scatters is as in levels.md, {N_STARS} stars a data seed. seed: trainings are added on one data seed, "
        f"{N_RESAMPLES:,} resamples; its stars stay the same, whatever is added.",
    ]
    keep("looks", "Looking while seeds are added", table, notes)


if __name__ == "__main__":
    main()
