"""Spectra of any grid, medium and velocity on the grid of a model."""

from typing import NamedTuple

import numpy as np

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.model.mixture import FittedMixture
from moe_exp.prediction.readers.block import Block
from moe_exp.prediction.velocities import KMS, Velocity, measure_velocity
from moe_exp.spectra.grids import SAME_GRID
from moe_exp.spectra.known_lines import measure_lines
from moe_exp.spectra.medium import Medium, convert
from moe_exp.spectra.pixels import known_share, pixel_edges
from moe_exp.spectra.resampling import resample

NEARLY_AT_REST = 10.0
"""Velocity [km/s] up to which lines tell the medium."""

LEAST_KNOWN = 0.5
"""Share of a model's pixels that a spectrum has to have, and of a pixel that has to be known."""


class Adapted(NamedTuple):
    """Spectra that a model can take."""

    flux: np.ndarray
    """(n_stars, n_pixels) in the unit of the training stars; NaN where nothing is known"""
    covered: np.ndarray
    """(n_stars,) share of the model's pixels that the spectrum's wavelengths reach"""
    velocity: np.ndarray
    """(n_stars,) km/s that the star was brought to rest from"""
    velocity_error: np.ndarray
    """(n_stars,) km/s; 0 where the velocity was given"""
    usable: np.ndarray
    """(n_stars,) bool: enough is known to predict anything"""


def adapt(block: Block, fitted: FittedMixture, *, medium: Medium | None, velocity: float | None) -> Adapted:
    """Bring spectra to the medium, to rest and to the grid of a model.

    A velocity that neither `velocity` nor the file tells is measured. Spectra that are on the grid of the model at rest
    are taken as they are, in the unit of the training stars; others are divided by their own median, which says that
    they are as bright as a training star.

    Parameters
    ----------
    block : Block
    fitted : FittedMixture
    medium : ``air``, ``vacuum`` or None
        What wavelengths are in, where the file does not say so.
    velocity : float or None
        Radial velocity [km/s] of all stars, whatever the file says.

    Raises
    ------
    InputError
        If nothing tells the medium.
    """
    n_stars = len(block.flux)
    given = block.velocity if velocity is None else np.full(n_stars, velocity)
    if not _is_grid(block, fitted, medium):
        return _resample_all(block, given, fitted, medium)
    known = np.isfinite(block.flux).mean(axis=1)
    as_they_are = Adapted(block.flux, np.ones(n_stars), np.zeros(n_stars), np.zeros(n_stars), known >= LEAST_KNOWN)
    moved = np.flatnonzero(given != 0)
    if not len(moved):
        return as_they_are
    resampled = _resample_all(block._replace(flux=block.flux[moved]), given[moved], fitted, medium)
    return Adapted(*(_replace_rows(ours, moved, theirs) for ours, theirs in zip(as_they_are, resampled, strict=True)))


def _resample_all(block: Block, given: np.ndarray, fitted: FittedMixture, medium: Medium | None) -> Adapted:
    """Bring spectra to the grid of a model, from the velocities [km/s] that are given; NaN is measured."""
    wavelength = _in_medium(block, fitted, medium, at_rest=np.abs(given) < NEARLY_AT_REST)
    rows = [_adapt_one(wavelength, flux, fitted, each) for flux, each in zip(block.flux, given.tolist(), strict=True)]
    flux, covered, velocities, usable = zip(*rows, strict=True)
    values, errors = np.array(velocities).T
    return Adapted(np.array(flux), np.array(covered), values, errors, np.array(usable))


def _replace_rows(array: np.ndarray, rows: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Return a copy of an array with other values in some of its rows."""
    copy = array.astype(np.result_type(array, by))
    copy[rows] = by
    return copy


def _in_medium(block: Block, fitted: FittedMixture, asked: Medium | None, *, at_rest: np.ndarray) -> np.ndarray:
    """Return wavelengths [Å] in the medium of a model.

    Where neither file nor user tells theirs, the model's own grid is in its medium; else lines of stars at rest tell:
    others may move by the 82 km/s between the two.
    """
    if fitted.medium is None:
        raise InputError(
            Code.MEDIUM_UNKNOWN, "the model does not know whether its wavelengths are in air or in vacuum."
        )
    own = block.medium or asked
    if own is None and same_wavelengths(block.wavelength, fitted.wavelength):
        own = fitted.medium
    still = at_rest & np.isfinite(block.flux).any(axis=1)
    if own is None and still.any():
        own = measure_lines(block.wavelength, block.flux[still]).medium
    if own is None:
        raise InputError(
            Code.MEDIUM_UNKNOWN,
            "nothing tells whether its wavelengths are in air or in vacuum; say --medium air or vacuum.",
        )
    return convert(block.wavelength, medium=own, to=fitted.medium)


def _is_grid(block: Block, fitted: FittedMixture, asked: Medium | None) -> bool:
    """Say whether wavelengths are those of a model, in its medium or in one that nothing tells."""
    same_medium = (block.medium or asked) in (None, fitted.medium)
    return same_medium and same_wavelengths(block.wavelength, fitted.wavelength)


def same_wavelengths(one: np.ndarray, other: np.ndarray) -> bool:
    """Say whether two grids [Å] differ by rounding alone."""
    return one.shape == other.shape and np.allclose(one, other, rtol=SAME_GRID, atol=0)


def _adapt_one(
    wavelength: np.ndarray, flux: np.ndarray, fitted: FittedMixture, given: float
) -> tuple[np.ndarray, float, Velocity, bool]:
    """Return the flux of one star on a model's grid, the share that is reached, its velocity, and whether it serves."""
    velocity = Velocity(given, 0.0)
    if not np.isfinite(given):
        velocity = measure_velocity(wavelength, flux, fitted.wavelength, fitted.template)
    shift = velocity.value if np.isfinite(velocity.value) else 0.0
    resampled, reached = resample_known(flux, wavelength / (1 + shift / KMS), fitted.wavelength)
    known = np.isfinite(resampled)
    level = np.median(resampled[known]) if known.any() else np.nan
    usable = bool(known.mean() >= LEAST_KNOWN and level > 0)
    return resampled / level * fitted.flux_unit if usable else resampled, float(reached.mean()), velocity, usable


def resample_known(flux: np.ndarray, wavelength: np.ndarray, to: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a spectrum on another grid, NaN in pixels of which half or less is known, and which pixels are reached.

    Parameters
    ----------
    flux : array of shape (n_pixels,)
        NaN in bad pixels, which are bridged by straight lines before the others are resampled.
    wavelength, to : arrays of shape (n_pixels,), (n_new,)
        Å, increasing, in one medium.
    """
    (old, _), (new, is_new) = pixel_edges(wavelength), pixel_edges(to)
    known = np.isfinite(flux)
    reached = ((new[:-1] >= old[0]) & (new[1:] <= old[-1]))[is_new]
    values = np.full(len(to), np.nan)
    if known.any() and reached.sum() > 2:
        bridged = np.interp(wavelength, wavelength[known], flux[known])
        inside = np.flatnonzero(reached)[1:-1]
        values[inside] = resample(bridged[None], wavelength, to[inside])[0]
        values[~(known_share(wavelength, to, known) > LEAST_KNOWN)] = np.nan
    return values, reached
