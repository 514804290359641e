"""Which pixels every model sees, and what stands in those that a star has masked.

Both are learnt from the first training stars alone, the same for every number of them: pixels that most of these have
masked are left out for all stars; elsewhere a masked pixel gets the mean of their spectra, scaled to the star's own
pixels nearby. The scale comes from noisy flux, as that of an observed star would, and what is filled takes no noise.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.spectra.masks import Masks

MOST = 0.5
"""Share of the first training stars above which a pixel that they have masked is left out."""

NEIGHBOURS = 16
"""Pixels on either side of a gap that scale what fills it: many enough to average noise, and of one stretch."""


@dataclass(frozen=True, eq=False)
class UsedPixels:
    """Pixels that are used, and the spectrum that fills them.

    Attributes
    ----------
    pixels : bool array of shape (n_file_pixels,)
        Whether a pixel of the files is used.
    template : array of shape (n_pixels,)
        Mean spectrum of the first training stars, in units of their median flux.
    """

    pixels: np.ndarray
    template: np.ndarray

    @cached_property
    def digest(self) -> str:
        """Hash of both."""
        return hashlib.sha256(self.pixels.tobytes() + self.template.tobytes()).hexdigest()[:32]

    def apply(self, flux: np.ndarray, masked: np.ndarray) -> np.ndarray:
        """Return the used pixels of some stars, none of them masked, (n_stars, n_pixels).

        Parameters
        ----------
        flux : array of shape (n_stars, n_file_pixels)
            NaN where masked; it may be changed.
        masked : bool array of shape (n_stars,)
            Which stars have masked pixels.
        """
        used = select(flux, self.pixels)
        for row in np.flatnonzero(masked):
            fill(used[row], self.template)
        return used


def select(flux: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Return certain pixels, a bool array of shape (n_file_pixels,), of some stars; without a copy if these are all."""
    return flux if pixels.all() else np.ascontiguousarray(flux[:, pixels])


def choose_pixels(masks: Masks, rows: np.ndarray) -> np.ndarray:
    """Return which pixels are used, (n_pixels,) bool: those that no more than `MOST` of some stars have masked.

    Stars without any known pixel have no say.

    Raises
    ------
    InputError
        If hardly any pixel is left.
    """
    seen = rows[masks.count_pixels(rows, np.ones(masks.n_pixels, bool)) < masks.n_pixels]
    pixels = masks.count_stars(seen) <= MOST * len(seen)
    if pixels.sum() < 2:
        raise InputError(
            Code.PIXELS_MASKED,
            f"{(~pixels).sum()} of {len(pixels)} pixels are masked in most training stars, so that none is left to "
            f"learn from. Flags of data.mask are 0 in good pixels: see that they are not the other way round.",
        )
    return pixels


def average_spectra(flux: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Return the mean of some spectra in units of their levels, (n_pixels,) float64.

    Each pixel is the sum of the flux that is known there over the sum of the same stars' levels, so that bright stars
    with a masked pixel do not make it faint.

    Parameters
    ----------
    flux : array of shape (n_stars, n_pixels)
        NaN where masked.
    levels : array of shape (n_stars,)
    """
    known = ~np.isnan(flux)
    return np.nansum(flux, axis=0, dtype=float) / (levels.astype(float) @ known)


def fill(flux: np.ndarray, template: np.ndarray) -> None:
    """Fill the NaN of a star, (n_pixels,), in place.

    Each gets the template times the factor that fits, by least squares, the `NEIGHBOURS` known pixels on either side of
    it; at an end, as many on the one side.
    """
    known, missing = np.flatnonzero(~np.isnan(flux)), np.flatnonzero(np.isnan(flux))
    star, mean = flux[known].astype(float), template[known]
    width = min(2 * NEIGHBOURS, len(known))
    first = np.clip(np.searchsorted(known, missing) - NEIGHBOURS, 0, len(known) - width)
    fitted, size = (sliding_window_view(each, width)[first].sum(axis=1) for each in (star * mean, mean * mean))
    scale = np.divide(fitted, size, out=np.zeros_like(size), where=size > 0)
    flux[missing] = scale * template[missing]
