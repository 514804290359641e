"""Where the pixels of a wavelength grid begin and end, and where pixels are missing from it.

Pixels that most training stars have masked are left out of the grid of all models: those beside such a gap do not stand
for it.
"""

import numpy as np
from scipy.ndimage import median_filter

GAP = 1.5
"""Ratio of the distance of two pixels to that of their neighbours from which on pixels are missing between them."""

NEIGHBOURS = 7
"""Distances whose median is the usual one at a place: even a lone pixel between two gaps is as wide as its like."""


def pixel_edges(wavelength: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Divide the range of a grid into pixels and the gaps between them.

    A pixel ends half-way to its neighbour and as far beyond the ends, but at a gap as far as on its other side.

    Parameters
    ----------
    wavelength : array of shape (n_pixels,)
        Centres of the pixels, increasing.

    Returns
    -------
    edges : array of shape (n_pixels + n_gaps + 1,)
        In the same unit.
    is_pixel : bool array of shape (n_pixels + n_gaps,)
        Whether a pixel lies between two edges that follow each other, or a gap.
    """
    steps = np.diff(wavelength)
    usual = median_filter(steps, NEIGHBOURS, mode="reflect")
    gaps = np.flatnonzero(steps >= GAP * usual)
    known = steps.copy()
    known[gaps] = usual[gaps]
    before, behind = known[np.maximum(gaps - 1, 0)], known[np.minimum(gaps + 1, len(known) - 1)]
    inner = (wavelength[1:] + wavelength[:-1]) / 2
    inner[gaps] = wavelength[gaps] + before / 2
    inner = np.insert(inner, gaps + 1, wavelength[gaps + 1] - behind / 2)
    edges = np.concatenate([[2 * wavelength[0] - inner[0]], inner, [2 * wavelength[-1] - inner[-1]]])
    return edges, np.insert(np.ones(len(wavelength), bool), gaps + 1, False)


def pixel_widths(wavelength: np.ndarray) -> np.ndarray:
    """Return the width of each pixel, (n_pixels,), in the unit of their centres."""
    wavelength = np.asarray(wavelength, dtype=float)
    edges, is_pixel = pixel_edges(wavelength)
    beside_gap = ~(is_pixel & np.append(True, is_pixel[:-1]) & np.append(is_pixel[1:], True))[is_pixel]
    return np.where(beside_gap, np.diff(edges)[is_pixel], np.gradient(wavelength))


def known_share(wavelength: np.ndarray, to: np.ndarray, known: np.ndarray | None = None) -> np.ndarray:
    """Return which share of the pixels of another grid is known from those of a first, (n_new,).

    Parameters
    ----------
    wavelength : array of shape (n_pixels,)
    to : array of shape (n_new,)
        In the same unit and medium.
    known : bool array of shape (n_pixels,), optional
        Which pixels of the first grid are known, by default all of them.
    """
    (old, is_old), (new, is_new) = pixel_edges(wavelength), pixel_edges(to)
    counted = np.zeros(len(is_old))
    counted[is_old] = 1 if known is None else known
    sums = np.append(0, np.cumsum(counted * np.diff(old)))
    return (np.diff(np.interp(new, old, sums)) / np.diff(new))[is_new]
