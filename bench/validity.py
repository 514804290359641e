"""How often intervals of differences of R² hold the truth, against what carries them: where `validity` draws its line.

python bench/validity.py [--repetitions 1000] [--n-test 250000]

Populations are the covered ones of a quarter of a million simulated stars that trained gates predict, and as many
made-up errors. Samples are drawn from a population, whose own difference is the truth. A percentile interval holds it
where it lies between two quantiles of the bootstrap; how far out the truth lies follows from the sample without any
resample, by Lugannani and Rice's formula (Davison & Hinkley 1988, Biometrika 75, 417).
"""

import argparse
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from common import RESULTS, configure, keep
from matplotlib.figure import Figure
from scipy import stats

from moe_exp.evaluation.bootstrap import bootstrap_r2
from moe_exp.evaluation.expansion import degrees_of_freedom
from moe_exp.evaluation.validity import HEAVIEST_TAIL, LEAST_CARRIERS, find_carriers
from moe_exp.experiment.pipeline import run
from moe_exp.progress import Stages

N_STARS = (400, 816, 3000, 8000)
DESIGNS = {"clipped": (), "unclipped": ("experiment=next_a_32k",)}
GATES = ("mlp", "linear", "mlp_classify")
SCATTER = 0.3
"""Of made-up errors [dex]; that of the better model is a tenth less."""
DISASTERS = [(rate, size) for rate in (1e-4, 1e-3, 1e-2) for size in (3, 10, 30)]
"""How often the reference errs by more, and how many times its scatter; 30 times it no clipped prediction does."""
CARRIERS = (0, 10, 20, 30, 40, 60, 100, 200, 500, 1000, 10_000)
ALPHA = 0.05
AT_A_TIME = 1_000_000
"""Sampled stars held in memory."""


class Population(NamedTuple):
    """Many stars: labels and errors [dex] of two models, (n_stars,), and whether these are limited."""

    y: np.ndarray
    model: np.ndarray
    reference: np.ndarray
    limited: bool


def predicted(n_test: int) -> Iterator[tuple[str, Population]]:
    """Yield gates and classify with and without clipping, as the default and the published preset train them."""
    for design, overrides in DESIGNS.items():
        for gate in GATES:
            options = (f"gate={gate}", f"data.n_test={n_test}", "evaluation.n_resamples=10", *overrides)
            found = run(configure(*options), Stages()).results.predictions
            y, covered = found.y[found.covered], found.covered
            error, reference = (found.configured[model][covered] - y for model in ("soft", "classify"))
            yield f"{design}: {gate} - classify", Population(y, error, reference, found.clip)


def made_up(n_stars: int) -> Iterator[tuple[str, Population]]:
    """Yield correlated errors: normal, of Student's t, and normal with rare disasters of the reference."""
    rng = np.random.default_rng(0)
    y, (shared, own, other) = rng.uniform(1, 5, n_stars), rng.standard_normal((3, n_stars))
    reference, model = SCATTER * (0.8 * shared + 0.6 * own), 0.9 * SCATTER * (0.8 * shared + 0.6 * other)
    yield "normal errors", Population(y, model, reference, True)
    for freedom in (6, 4, 3, 2.5):
        scale, other_scale = np.sqrt(freedom / rng.chisquare(freedom, (2, n_stars)))
        yield f"Student's t errors, {freedom:g} degrees", Population(y, other_scale * model, scale * reference, True)
    for rate, size in DISASTERS:
        wild = size * SCATTER * rng.standard_normal(n_stars)
        hit = np.where(rng.random(n_stars) < rate, wild, reference)
        yield f"disasters of {size * SCATTER:g} dex, {rate:g} of stars", Population(y, model, hit, size < 30)


def share_below(influence: np.ndarray) -> np.ndarray:
    """Return the probability that resamples of values, (n_stars, n_samples), sum to zero or less, by saddlepoint."""
    x = influence / np.sqrt(np.mean(influence**2, axis=0))
    s = -np.mean(x, axis=0) / np.var(x, axis=0)
    for _ in range(100):
        top = np.max(s * x, axis=0)
        weight = np.exp(s * x - top)
        total = np.sum(weight, axis=0)
        slope = np.sum(weight * x, axis=0) / total
        curvature = np.maximum(np.sum(weight * x**2, axis=0) / total - slope**2, 1e-12)
        if np.max(np.abs(slope)) < 1e-9:
            break
        s = s - np.clip(slope / curvature, -0.5, 0.5)
    exponent = len(x) * (top + np.log(total / len(x)))
    r, v = np.sign(s) * np.sqrt(np.maximum(-2 * exponent, 0)), s * np.sqrt(len(x) * curvature)
    small = np.abs(r) < 1e-4
    r, v = np.where(small, 1, r), np.where(small, 1, v)
    return np.where(small, 0.5, np.clip(stats.norm.cdf(r) + stats.norm.pdf(r) * (1 / r - 1 / v), 0, 1))


def sample(name: str, population: Population, n_stars: int, repetitions: int) -> pd.DataFrame:
    """Return one row a sample: whether two intervals hold the truth, what carries it, and whether it is marked."""
    y, gain = population.y, population.reference**2 - population.model**2
    truth = np.sum(gain) / np.sum((y - np.mean(y)) ** 2)
    rng = np.random.default_rng([n_stars, zlib.crc32(name.encode())])
    tables = []
    for start in range(0, repetitions, AT_A_TIME // n_stars):
        drawn = rng.integers(0, len(y), (n_stars, min(AT_A_TIME // n_stars, repetitions - start)))
        d, distance = gain[drawn], (y[drawn] - np.mean(y[drawn], axis=0)) ** 2
        share = share_below(d - truth * distance)
        tail = np.minimum(share, 1 - share)
        influence = d - np.sum(d, axis=0) / np.sum(distance, axis=0) * distance
        freedom = np.array([degrees_of_freedom(column) for column in influence.T])
        carriers = [find_carriers(column, limited=population.limited) for column in d.T]
        columns = {"percentile": tail >= ALPHA / 2, "expanded": tail >= stats.norm.cdf(stats.t.ppf(ALPHA / 2, freedom))}
        columns |= {
            "n_carriers": [each.n_carriers for each in carriers],
            "trusted": [each.trusted for each in carriers],
        }
        tables.append(pd.DataFrame(columns))
    table = pd.concat(tables)
    return table.assign(population=name, n_stars=n_stars, limited=population.limited)


def summarise(samples: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each population and number of stars."""
    rows = []
    for (name, n_stars), group in samples.groupby(["population", "n_stars"], sort=False):
        trusted = group[group["trusted"]]
        row = {"population": name, "stars": n_stars, "carriers, median": round(group["n_carriers"].median())}
        row |= {"marked": f"{100 * (1 - group['trusted'].mean()):.1f} %"}
        row |= {f"{kind}, all": f"{100 * group[kind].mean():.1f} %" for kind in ("percentile", "expanded")}
        enough = len(trusted) >= len(group) / 20
        rows.append(row | {"expanded, unmarked": f"{100 * trusted['expanded'].mean():.1f} %" if enough else ""})
    return pd.DataFrame(rows)


def draw_coverage(samples: pd.DataFrame) -> Figure:
    """Draw coverage against the number of carriers, for limited predictions without and with disasters."""
    figure = Figure(figsize=(7.1, 3), dpi=150, layout="constrained")
    disasters = samples["population"].str.startswith("disasters")
    panels = {
        "simulated stars, clipped; normal and t errors": samples["limited"] & ~disasters,
        "rare disasters of 0.9 and 3 dex": samples["limited"] & disasters,
        "simulated stars, unclipped; disasters of 9 dex": ~samples["limited"],
    }
    for axes, (title, chosen) in zip(figure.subplots(1, 3, sharey=True), panels.items(), strict=True):
        groups = samples[chosen].groupby(pd.cut(samples[chosen]["n_carriers"], CARRIERS), observed=True)
        centre = [np.sqrt(max(edges.left, 4) * edges.right) for edges in groups.groups]
        axes.axhspan(93, 97, color="#E5E5E5")
        for kind, style in (("percentile", "s--"), ("expanded", "o-")):
            axes.plot(centre, 100 * groups[kind].mean(), style, markersize=3.5, label=kind)
        axes.axvline(LEAST_CARRIERS, color="#404040", linewidth=0.8)
        axes.set_xscale("log")
        axes.set_title(title, fontsize=6.5)
        axes.set_xlabel("Stars that carry the difference", fontsize=8)
        axes.tick_params(labelsize=7)
    figure.axes[0].set_ylabel("Intervals that hold the truth (%)", fontsize=8)
    figure.axes[0].legend(fontsize=7, frameon=False, loc="lower right")
    return figure


def check(name: str, population: Population, *, n_stars: int = 816, repetitions: int = 400) -> str:
    """Say how often intervals of actual resamples hold the truth, beside what the formula says of other samples."""
    y, errors = population.y, {"model": population.model, "reference": population.reference}
    variation = np.sum((y - np.mean(y)) ** 2)
    truth = np.sum(population.reference**2 - population.model**2) / variation
    held = []
    for repetition in range(repetitions):
        drawn = np.random.default_rng([8, repetition]).integers(0, len(y), n_stars)
        predictions = {model: y[drawn] + error[drawn] for model, error in errors.items()}
        delta = bootstrap_r2(y[drawn], predictions, n_resamples=1000, seed=repetition).delta("model", "reference")
        held.append(delta.interval.low <= truth <= delta.interval.high)
    return (
        f"{name}, {n_stars} stars: `bootstrap_r2` itself, 1,000 resamples, holds it in {100 * np.mean(held):.1f} % of "
        f"{repetitions}."
    )


def main() -> None:
    """Sample every population, then tabulate and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("--n-test", type=int, default=250_000)
    options = parser.parse_args()
    populations = dict(predicted(options.n_test))
    n_covered = len(next(iter(populations.values())).y)
    populations |= dict(made_up(n_covered))
    samples = pd.concat(
        sample(name, population, n_stars, options.repetitions)
        for name, population in populations.items()
        for n_stars in N_STARS
    )
    first = next(iter(populations))
    notes = [
        f"{n_covered:,} stars a population; {options.repetitions:,} samples a row: a share of 95 % is known to "
        f"{100 * 1.96 * np.sqrt(0.05 * 0.95 / options.repetitions):.1f} %.",
        f"Marked: fewer than {LEAST_CARRIERS} carriers, a tail index above {HEAVIEST_TAIL:g}, or predictions without "
        f"limit (unclipped, and disasters of 9 dex). Where more than 95 % are marked nothing is said of the others.",
        "percentile: intervals as versions before had them; expanded: as they are, `evaluation/expansion.py`.",
        "Disasters of 3 dex that a sample lacks cannot be seen in it, whatever is measured, and where the samples that "
        "hold one are marked, the others are just those that lack it. Clipping allows such errors; among simulated "
        "stars they are rarer than 1 in 10,000, and the intervals hold.",
        "Errors of Student's t with 2.5 degrees lie beyond what the marks can do: their squares have no variance.",
        check(first, populations[first]),
    ]
    keep("validity", "How often intervals hold the truth", summarise(samples), notes)
    draw_coverage(samples).savefig(RESULTS / "validity.png")


if __name__ == "__main__":
    main()
