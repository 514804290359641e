"""What `physics.py` says of real stars: lines of calcium against log g, and which stars and lines decide it."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from pairs import SCALES, Comparison, equivalent_widths, inside, row
from scipy.ndimage import gaussian_filter1d

OTHER_LINES = ((8410.0, 8485.0), (8570.0, 8640.0), (8682.0, 8696.0))  # air Å: no calcium, no strong Paschen line
FINE, COARSE = 2.0, 40.0  # Å, sigma of what smooths spectra of one resolution, and of their continuum
CORE = 3.0  # Å from the centre within which a line of a star is core; what lies beyond are wings
DWARF = 3.5  # log g above which a star is one


def tabulate_stars(pair: Comparison) -> Iterator[dict]:
    """Yield the rows of the comparison with STELIB."""
    ours, theirs = (equivalent_widths(pair.wavelength, flux) for flux in (pair.simulated, pair.reference))
    for name in ours:
        yield row(f"STELIB: {name}, mean equivalent width [Å]", ours[name].mean(), theirs[name].mean())
    ours, theirs = ours.sum(axis=1), theirs.sum(axis=1)
    yield row("STELIB: mean of their sum [Å]", ours.mean(), theirs.mean(), target="7 %")
    yield compare_slopes("STELIB: slope of the sum", pair.labels, ours, theirs)
    star, distance = most_influential(pair.labels, ours - theirs)
    teff, logg = pair.labels.loc[star, ["teff", "logg"]]
    name = f"the star of {teff:.0f} K and log g {logg:.2f}"
    labels, *others = (values.drop(star) for values in (pair.labels, ours, theirs))
    yield compare_slopes(f"STELIB: the same without {name}", labels, *others)
    yield row(f"STELIB: {name} (Cook's distance {distance:.2f}), sum [Å]", ours[star], theirs[star])
    yield from tabulate_parts(pair)
    groups = {
        "giants": pair.labels["logg"] <= DWARF,
        "dwarfs": pair.labels["logg"] > DWARF,
        name: pair.labels.index == star,
    }
    for group, members in groups.items():
        yield row(f"STELIB: {group}, depth of all other lines", *other_lines(pair, np.asarray(members)))


def compare_slopes(what: str, labels: pd.DataFrame, ours: pd.Series, theirs: pd.Series) -> dict:
    """Return the line of the table for the slopes of two sums of equivalent widths against log g."""
    (our_slope, our_error), (slope, error) = (regress(labels, widths) for widths in (ours, theirs))
    what = f"{what} [Å per dex in log g], +- {our_error:.2f} and {error:.2f}"
    return row(what, our_slope, slope, target="one standard error")


def other_lines(pair: Comparison, members: np.ndarray) -> tuple[float, float]:
    """Return the root mean square depth of lines other than the triplet in some stars, simulated and as observed.

    Observed depths are those in proportion to the simulated ones, by least squares: what is not simulated adds nothing.
    """
    seen = np.any([inside(pair, within) for within in OTHER_LINES], axis=0)

    def depth(flux: np.ndarray) -> np.ndarray:
        pixel = np.diff(pair.wavelength).mean()
        smooth = gaussian_filter1d(flux[members], FINE / pixel, axis=1)
        depth = 1 - (smooth / gaussian_filter1d(smooth, COARSE / pixel, axis=1))[:, seen]
        return depth - depth.mean(axis=1, keepdims=True)

    ours, theirs = depth(pair.simulated), depth(pair.reference)
    size = np.sqrt(np.mean(ours**2))
    return size, np.mean(ours * theirs) / size


def tabulate_parts(pair: Comparison) -> Iterator[dict]:
    """Yield cores and wings of giants' and of dwarfs' lines: which of them do not follow log g."""
    for kind, members in (("giants", pair.labels["logg"] <= DWARF), ("dwarfs", pair.labels["logg"] > DWARF)):
        for name, part in ((f"cores, within {CORE:g} Å", (0, CORE)), ("wings", (CORE, 99))):
            ours, theirs = (
                equivalent_widths(pair.wavelength, flux[members.to_numpy()], part=part).sum(axis=1).mean()
                for flux in (pair.simulated, pair.reference)
            )
            yield row(f"STELIB: {members.sum()} {kind}, {name}, mean of their sum [Å]", ours, theirs)


def regress(labels: pd.DataFrame, widths: pd.Series) -> tuple[float, float]:
    """Return the coefficient of log g in a linear regression on all three labels, and its standard error."""
    design = design_matrix(labels)
    coefficients, [residual], *_ = np.linalg.lstsq(design, widths.to_numpy())
    covariance = np.linalg.inv(design.T @ design) * residual / (len(design) - design.shape[1])
    return coefficients[1], float(np.sqrt(covariance[1, 1]))


def design_matrix(labels: pd.DataFrame) -> np.ndarray:
    """Return a constant and the three labels, (n_stars, 4)."""
    return np.column_stack([np.ones(len(labels)), *(labels[name] / SCALES[name] for name in SCALES)])


def most_influential(labels: pd.DataFrame, values: pd.Series) -> tuple[int, float]:
    """Return the star that moves a linear regression on all three labels most, and its Cook's distance."""
    basis, _ = np.linalg.qr(design_matrix(labels))
    leverage = np.sum(basis**2, axis=1)
    residual = values.to_numpy() - basis @ (basis.T @ values.to_numpy())
    variance = residual @ residual / (len(basis) - basis.shape[1])
    distance = residual**2 * leverage / (basis.shape[1] * variance * (1 - leverage) ** 2)
    return int(np.argmax(distance)), float(distance.max())
