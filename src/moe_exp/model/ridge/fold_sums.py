"""Sums over the stars of each fold, and the few stars for which sums would be larger than themselves."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from moe_exp.machine import usable_cores
from moe_exp.model.ridge.matrices import Matrices, Matrix

CACHED_ROWS = 64
"""Rows that are taken to float64 at a time: few enough to stay in the processor's cache."""


class Rows(NamedTuple):
    """Few stars, kept whole."""

    X: np.ndarray
    """(n_stars, n_pixels) flux about the origin, over the scale"""
    y: np.ndarray
    """(n_stars,)"""
    fold_index: np.ndarray
    """(n_stars,)"""


@dataclass
class FoldSums:
    """Sums over the stars of each fold, X about the origin and over the scale.

    Attributes
    ----------
    count, y, yy : array of shape (n_folds,)
        Number of stars, sum of y, sum of y squared.
    x, xy : array of shape (n_folds, n_pixels)
        Sum of X, sum of X y.
    gram : (n_folds, n_pixels, n_pixels) of the device
        Sum of x x^T; on the CPU only the upper triangles hold.
    """

    count: np.ndarray
    y: np.ndarray
    yy: np.ndarray
    x: np.ndarray
    xy: np.ndarray
    gram: Matrix

    @classmethod
    def zeros(cls, n_folds: int, n_pixels: int, matrices: Matrices) -> Self:
        """Return the sums over no star."""
        return cls(
            count=np.zeros(n_folds, int),
            y=np.zeros(n_folds),
            yy=np.zeros(n_folds),
            x=np.zeros((n_folds, n_pixels)),
            xy=np.zeros((n_folds, n_pixels)),
            gram=matrices.zeros(n_folds, n_pixels),
        )

    def add_rows(self, rows: Rows, matrices: Matrices) -> None:
        """Add stars, each thread those of one fold."""

        def add_fold(fold: int) -> None:
            chosen = np.flatnonzero(rows.fold_index == fold)
            self._add_fold(fold, rows.X[chosen], rows.y[chosen], matrices)

        with ThreadPoolExecutor(usable_cores()) as threads:
            list(threads.map(add_fold, range(len(self.count))))

    def _add_fold(self, fold: int, X: np.ndarray, y: np.ndarray, matrices: Matrices) -> None:
        self.count[fold] += len(X)
        self.y[fold] += y.sum()
        self.yy[fold] += y @ y
        weights = np.stack([np.ones(len(y)), y])
        for start in range(0, len(X), CACHED_ROWS):
            block = slice(start, start + CACHED_ROWS)
            x, xy = weights[:, block] @ X[block].astype(float)
            self.x[fold] += x
            self.xy[fold] += xy
        matrices.add_product(self.gram[fold], X)

    def add_sums(self, other: "FoldSums", scale: float) -> None:
        """Add the sums of other stars, whose X is to be multiplied by `scale`."""
        self.count += other.count
        self.y += other.y
        self.yy += other.yy
        self.x += scale * other.x
        self.xy += scale * other.xy
        self.gram += other.gram if scale == 1 else other.gram * scale**2

    def scatter_matrix(self, matrices: Matrices) -> Matrix:
        """Return the scatter matrix of all stars about their mean, complete, (n_pixels, n_pixels)."""
        n_stars = self.count.sum()
        total = self.gram[0] + self.gram[1]
        for gram in self.gram[2:]:
            total += gram
        matrices.add_rank_one(total, self.x.sum(axis=0) / n_stars, -float(n_stars))
        matrices.mirror(total)
        return total
