"""Bad pixels: the rule that finds them, and which pixels of which stars they are.

A pixel is masked if any of these holds:

- the dataset of flags that `data.mask` names is not 0 there;
- its flux is NaN or infinite;
- its flux is a value of `data.sentinel`, exactly. A fill value is one number that a program wrote, while noise makes
  flux negative, and zero, in good pixels too: a limit would cut the faint half of their noise off. So nothing is a
  sentinel that was not named, and 0 is none either;
- its error is NaN, infinite, zero or negative; or, with `data.ivar`, its inverse variance is.

NaN at the ends of errors are repaired first (see `repair`), and are masked only where that fails. What is masked counts
as NaN from here on, however a file says it: `used_pixels` fills it.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

import numpy as np

from moe_exp.cache.codec import storable


def find_masked(
    flux: np.ndarray, error: np.ndarray, flags: np.ndarray | None = None, sentinels: Sequence[float] = ()
) -> np.ndarray:
    """Return which pixels the rule masks, a bool array of shape (n_stars, n_pixels).

    Parameters
    ----------
    flux, error : arrays of shape (n_stars, n_pixels), float32
        The error with repaired ends.
    flags : array of the same shape, optional
        Not 0 in bad pixels.
    sentinels : sequence of float
        Values of flux that stand for none.
    """
    if -np.inf < flux.min() and flux.max() < np.inf and error.min() > 0 and error.max() < np.inf:  # false for NaN
        masked = np.zeros(flux.shape, bool)
    else:
        masked = ~(np.isfinite(flux) & np.isfinite(error) & (error > 0))
    for sentinel in np.array(sentinels, np.float32):
        masked |= flux == sentinel
    if flags is not None:
        masked |= flags != 0
    return masked


def blank(flux: np.ndarray, error: np.ndarray, masked: np.ndarray) -> None:
    """Let flux and error of masked pixels be one and the same NaN, in place."""
    flux[masked] = error[masked] = np.float32(np.nan)


@storable
class Masks(NamedTuple):
    """Masked pixels of a list of stars, a bit each; stars without any take no room."""

    rows: np.ndarray
    """(n_masked,) the stars that have masked pixels, increasing"""
    bits: np.ndarray
    """(n_masked, n_pixels / 8, rounded up) uint8, as `numpy.packbits` makes them"""
    n_pixels: int

    @classmethod
    def of(cls, masked: np.ndarray, first_row: int = 0) -> Self:
        """Keep a bool array of shape (n_stars, n_pixels), whose first star is `first_row` of the list."""
        bits = np.packbits(masked, axis=1)
        some = np.flatnonzero(bits.any(axis=1))
        return cls(first_row + some, bits[some], masked.shape[1])

    @classmethod
    def join(cls, parts: Iterable[Self]) -> Self:
        """Put together what was kept of stars that follow each other."""
        rows, bits, n_pixels = zip(*parts, strict=True)
        return cls(np.concatenate(rows), np.concatenate(bits), n_pixels[0])

    def shift(self, start: int) -> Self:
        """Return the same of a longer list, in which the first of these stars is `start`."""
        return self._replace(rows=self.rows + start)

    def hold(self, rows: np.ndarray) -> np.ndarray:
        """Say which of some stars have masked pixels, (len(rows),) bool."""
        return self._places(rows) >= 0

    def count_pixels(self, rows: np.ndarray, among: np.ndarray) -> np.ndarray:
        """Return how many of certain pixels, a bool array of shape (n_pixels,), each star has masked, (len(rows),)."""
        places = self._places(rows)
        counts = np.zeros(len(rows), int)
        known = places >= 0
        counts[known] = np.bitwise_count(self.bits[places[known]] & np.packbits(among)).sum(axis=1)
        return counts

    def count_stars(self, rows: np.ndarray) -> np.ndarray:
        """Return in how many of some stars each pixel is masked, (n_pixels,)."""
        places = self._places(rows)
        return np.unpackbits(self.bits[places[places >= 0]], axis=1, count=self.n_pixels).sum(axis=0, dtype=int)

    def first_pixel(self, row: int) -> int:
        """Return the first masked pixel of a star that has one."""
        return int(np.argmax(np.unpackbits(self.bits[self._places(np.array([row]))[0]])))

    def _places(self, rows: np.ndarray) -> np.ndarray:
        """Return where stars stand in `rows`, -1 for those without a masked pixel."""
        places = np.searchsorted(self.rows, rows)
        return np.where(np.append(self.rows, -1)[places] == rows, places, -1)
