"""Which simulated stars and which preprocessing serve for real ones, and what keeps them from serving better.

python bench/transfer.py [--stars ../shared/data/stelib.h5] [--names ../shared/data/stelib.csv]

A choice among many is made on half of the stars, by a hash of their names, and reported on the others.
"""

import argparse
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from common import RESULTS, ROOT, configure, keep
from sklearn.preprocessing import PolynomialFeatures

from moe_exp.evaluation.bootstrap import bootstrap_r2, percentile_interval
from moe_exp.evaluation.external import GIANT_LOGG, ExternalResults
from moe_exp.evaluation.scores import r2, slope
from moe_exp.experiment.pipeline import Outcome, run
from moe_exp.figures import DPI, logg_against_catalogue, to_image
from moe_exp.model.gate_inputs import measure_flux
from moe_exp.random_streams import random_stream

DATA = ROOT.parent / "shared" / "data"
N_RESAMPLES = 10_000

BASE = (
    "data.n_train=8000", "data.n_val=2500", "data.n_test=1000", "evaluation.n_resamples=200", "external=[stelib]",
    "data.simulator.wavelength_min=7107", "data.simulator.wavelength_max=8838", "data.simulator.n_pixels=1732",
    "data.simulator.velocity_step=4.0",
)  # fmt: skip
"""Pixels as wide as those of STELIB, and a step fine enough for them."""

SIMULATORS = {"at rest": (), "within 30 km/s": ("data.simulator.rv_max=30.0",)}
"""STELIB was shifted to rest on one line, at 1 Å (35 km/s) a pixel."""

BOTH = "preprocessing=resolution_and_continuum"
PREPROCESSINGS = {
    "none": (),
    "continuum, 150 Å": ("preprocessing=continuum",),
    "3 Å": ("preprocessing=resolution",),
    "3 Å, continuum 150 Å": (BOTH,),
    "3 Å, continuum 60 Å": (BOTH, "preprocessing.continuum.scale=60.0"),
}
NOISE_LEVELS = (0.2, 1.0)
MODELS = {"soft": "mlp", "global_ridge": "global Ridge"}


REGIONS = {
    "Ca II triplet": ((8490, 8510), (8530, 8555), (8650, 8675)),
    "Mg I 8807": ((8800, 8814),),
    "Na I 8190": ((8180, 8200),),
    "telluric bands of O2 and H2O": ((7160, 7340), (7590, 7710), (8130, 8180), (8200, 8350)),
    "TiO and CN, 7340-7590 and 7710-8130 Å": ((7340, 7590), (7710, 8130)),
}
"""Å in air. Telluric bands are those of Stevenson (1994, MNRAS 267, 904), but for the part that Na I 8190 lies in."""


class Candidate(NamedTuple):
    """One way to train, and what it says of the real stars."""

    simulator: str
    preprocessing: str
    noise_level: float
    outcome: Outcome

    @property
    def external(self) -> ExternalResults:
        """What it says of the real stars."""
        return self.outcome.external["stelib"]

    def describe(self) -> str:
        """Name it."""
        return f"{self.preprocessing}; simulated stars {self.simulator}; noise level {self.noise_level:g}"


def train_all(stars: Path) -> Iterator[Candidate]:
    """Train on every kind of simulated stars."""
    for simulator, physics in SIMULATORS.items():
        for preprocessing, options in PREPROCESSINGS.items():
            for noise in NOISE_LEVELS:
                chosen = (*physics, *options, f"data.noise_level={noise}", f"externals.stelib.path={stars}")
                candidate = Candidate(simulator, preprocessing, noise, run(configure(*BASE, *chosen)))
                print(f"{candidate.describe()}: R² {candidate.external.metrics()['r2']:.3f}", flush=True)
                yield candidate


def halve(names: pd.Series) -> np.ndarray:
    """Say which stars choose, (n_stars,) bool: a fair coin for each name."""
    return np.array([hashlib.sha256(name.encode()).digest()[0] % 2 == 0 for name in names])


def tabulate(candidates: list[Candidate], chooses: np.ndarray) -> pd.DataFrame:
    """Return one row a candidate: R² on both halves, best first by that on the half that chooses."""
    rows = []
    for each in candidates:
        row: dict[str, object] = {
            "preprocessing": each.preprocessing,
            "simulated stars": each.simulator,
            "noise level": each.noise_level,
            "R² on simulated test stars": each.outcome.results.pooled.r2("soft").value,
        }
        for model, name in MODELS.items():
            for half, members in (("choosing", chooses), ("other", ~chooses)):
                row[f"{name}, {half} half"] = _r2(each.external, members, model)
        rows.append(row)
    return pd.DataFrame(rows).sort_values("mlp, choosing half", ascending=False)


def _r2(external: ExternalResults, members: np.ndarray, model: str = "soft") -> float:
    kept = members & external.within
    return r2(external.predictions.y[kept], external.predictions.configured[model][kept])


def report(best: Candidate, plain: Candidate, others: np.ndarray) -> Iterator[str]:
    """Say how the candidate that was chosen does on stars that had no part in it, and what its error is made of."""
    external = best.external
    kept = others & external.within
    logg, predicted = external.predictions.y[kept], external.predictions.configured["soft"][kept]
    models = {name: external.predictions.configured[model][kept] for model, name in MODELS.items()}
    models["as simulated"] = plain.external.predictions.configured["soft"][kept]
    bootstrap = bootstrap_r2(logg, models, n_resamples=N_RESAMPLES, seed=0, stage="transfer")
    yield f"Chosen: {best.describe()}. On the {kept.sum()} stars within the training range of the other half:"
    for model in models:
        yield f"R² of {model}: {_words(bootstrap.r2(model))}."
    yield f"R² of mlp minus that as simulated (no preprocessing): {_words(bootstrap.delta('mlp', 'as simulated')[1])}."
    for name, members in (("all", kept), ("giants", kept & _giants(external)), ("dwarfs", kept & ~_giants(external))):
        yield f"{name}, {members.sum()} stars: {_errors(external, members)}."
    yield f"Mean squared error {np.mean((predicted - logg) ** 2):.3f} dex²: {_parts(logg, predicted)}."
    yield _labels(external, kept)
    yield _trends(external, kept)
    yield from swap_regions(best, kept)


def _giants(external: ExternalResults) -> np.ndarray:
    return external.predictions.y < GIANT_LOGG


def _errors(external: ExternalResults, members: np.ndarray) -> str:
    """Return bias, scatter and slope with bootstrap intervals."""
    logg, predicted = external.predictions.y[members], external.predictions.configured["soft"][members]
    draws = random_stream(0, "transfer errors").integers(0, len(logg), (N_RESAMPLES, len(logg)))
    error = predicted - logg
    measured = {
        "bias": (error.mean(), error[draws].mean(axis=1)),
        "scatter": (error.std(), error[draws].std(axis=1)),
        "slope": (slope(logg, predicted), np.array([slope(logg[draw], predicted[draw]) for draw in draws[:2000]])),
    }
    return ", ".join(f"{name} {_words(percentile_interval(*values, 0.95))}" for name, values in measured.items())


def _parts(logg: np.ndarray, predicted: np.ndarray) -> str:
    """Split the mean squared error into those of level, of slope, and the rest, as shares of it."""
    total, line = np.mean((predicted - logg) ** 2), slope(logg, predicted)
    parts = {
        "a common shift": np.mean(predicted - logg) ** 2,
        f"a slope of {line:.2f} instead of 1": (line - 1) ** 2 * np.var(logg),
        "scatter about the line": np.mean((predicted - predicted.mean() - line * (logg - logg.mean())) ** 2),
    }
    assert np.isclose(sum(parts.values()), total)
    return ", ".join(f"{100 * value / total:.0f} % {name}" for name, value in parts.items())


def _labels(external: ExternalResults, kept: np.ndarray) -> str:
    """Score the same stars against both catalogues."""
    assert external.other_logg is not None
    both = kept & np.isfinite(external.other_logg)
    logg, predicted = external.predictions.y[both], external.predictions.configured["soft"][both]
    return (
        f"Label scales: {both.sum()} of these stars are in MILES, whose log g is higher by "
        f"{_mean(external.other_logg[both] - logg)} dex; against it R² is "
        f"{r2(external.other_logg[both], predicted):.3f}, against STELIB's own {r2(logg, predicted):.3f}. Labels allow "
        f"{external.r2_ceiling:.3f}."
    )


def _mean(values: np.ndarray) -> str:
    return f"{values.mean():+.2f} ± {values.std(ddof=1) / np.sqrt(len(values)):.2f}"


def _trends(external: ExternalResults, kept: np.ndarray) -> str:
    """Fit the error linearly by temperature and metallicity."""
    stars = external.predictions.stars[kept]
    error = external.predictions.configured["soft"][kept] - external.predictions.y[kept]
    columns = [(stars["teff"] - 5000) / 1000, stars["m_h"] + 0.5, stars["logg"] - 3]
    design = np.column_stack([np.ones(len(stars)), *columns])
    fit, *_ = np.linalg.lstsq(design, error)
    left = np.var(error - design @ fit) / np.var(error)
    return (
        f"Trends of the error: {fit[1]:+.2f} dex per 1000 K, {fit[2]:+.2f} per dex of [M/H], {fit[3]:+.2f} per dex of "
        f"log g; {100 * left:.0f} % of its variance are left about them."
    )


def swap_regions(best: Candidate, kept: np.ndarray) -> Iterator[str]:
    """Predict the real stars again with parts of their spectra replaced by what the simulator has for their labels.

    What the error loses by it is made in that part. The simulator's spectra come from a cubic in the three labels,
    fitted to the training stars pixel by pixel (as in The Cannon; Ness et al. 2015, ApJ 808, 16).
    """
    outcome = best.outcome
    experiment, dataset, mixture = outcome.experiment, outcome.dataset, outcome.mixture
    sample = experiment.externals["stelib"].open("stelib", dataset, experiment.preprocessing, experiment.cache_dir)
    flux = np.concatenate([block for _, block in dataset.train.blocks()])
    simulated = _cubic(sample.labels) @ np.linalg.lstsq(_cubic(dataset.train.labels), flux)[0]
    parts = {name: _inside(dataset.wavelength, bands) for name, bands in REGIONS.items()}
    parts["all other pixels"] = ~np.any(list(parts.values()), axis=0)
    parts["all pixels"] = np.ones(len(dataset.wavelength), bool)
    for name, pixels in {"nothing": np.zeros(len(dataset.wavelength), bool), **parts}.items():
        mixed = np.where(pixels, simulated, sample.flux).astype(np.float32)
        inputs = measure_flux(mixed, mixture.features, mixture.experts)
        bin_index = best.external.predictions.bin_index
        predicted = mixture.route(inputs, bin_index, clip=mixture.clip)["soft"]
        yield f"With {name} ({pixels.sum()} pixels) from the simulator: {_summary(best.external, predicted, kept)}."


def _summary(external: ExternalResults, predicted: np.ndarray, kept: np.ndarray) -> str:
    error, giants = predicted - external.predictions.y, _giants(external)
    return (
        f"R² {r2(external.predictions.y[kept], predicted[kept]):.3f}, bias {error[kept & giants].mean():+.2f} dex "
        f"for giants and {error[kept & ~giants].mean():+.2f} for dwarfs, scatter {error[kept].std():.2f}"
    )


def _cubic(labels: pd.DataFrame) -> np.ndarray:
    """Return all products of up to three labels, (n_stars, 20)."""
    scaled = [(labels["teff"] - 5000) / 1000, labels["logg"] - 3, labels["m_h"] + 0.8]
    return PolynomialFeatures(3).fit_transform(np.column_stack(scaled))


def _inside(wavelength: np.ndarray, bands: tuple[tuple[int, int], ...]) -> np.ndarray:
    return np.any([(wavelength >= low) & (wavelength <= high) for low, high in bands], axis=0)


def _words(interval: tuple[float, float, float]) -> str:
    return "{:.3f} [{:.3f}, {:.3f}]".format(*interval)


def main() -> None:
    """Train on all, choose, and keep table, conclusions and figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stars", type=Path, default=DATA / "stelib.h5")
    parser.add_argument("--names", type=Path, default=DATA / "stelib.csv")
    options = parser.parse_args()
    missing = [str(path) for path in (options.stars, options.names) if not path.exists()]
    if missing:
        print(f"Skipped: {', '.join(missing)} is not there; stellar libraries are no part of the project.")
        return
    chooses = halve(pd.read_csv(options.names).query("source == 'stelib'")["star"])
    candidates = list(train_all(options.stars))
    table = tabulate(candidates, chooses)
    best = max(candidates, key=lambda each: _r2(each.external, chooses))
    plain = next(each for each in candidates if each[:3] == ("at rest", "none", best.noise_level))
    title = "Simulated stars for real ones: predictions of STELIB, within the training range"
    keep("transfer", title, table, list(report(best, plain, ~chooses)))
    to_image(logg_against_catalogue(best.external)).save(RESULTS / "transfer.png", dpi=(DPI, DPI))


if __name__ == "__main__":
    main()
