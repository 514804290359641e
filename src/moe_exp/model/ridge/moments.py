"""Sums over stars from which every ridge regression and the principal components follow.

One pass over the spectra, in blocks of any size, leaves for each fold the number of stars, the sums of X and y, X^T X,
X^T y and y^T y. X is taken about a fixed spectrum, the origin: about zero, float32 products of flux would lose what
distinguishes stars. Rows are gathered into tiles at fixed places of the row count, so that the sums are the same, bit
for bit, however the rows were cut into blocks. Groups of stars with one origin add up: a pooled fit costs no second
pass.
"""

import copy
from typing import NamedTuple, Self

import numpy as np
from scipy.sparse.linalg import eigsh

from moe_exp.cache.codec import storable
from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.model.ridge.fold_sums import FoldSums, Rows
from moe_exp.model.ridge.matrices import matrices_on

TILE_ROWS = 8192
"""Rows that are gathered before products are formed."""

MODERATE_SCALE = 2.0**20
"""Flux beyond this, or below its inverse, is rescaled: its squares would leave the range of float32."""


@storable
class PrincipalComponents(NamedTuple):
    """Directions of largest variance, in descending order."""

    mean: np.ndarray
    """(n_pixels,) mean flux"""
    components: np.ndarray
    """(n_components, n_pixels) orthonormal; the largest absolute entry of each is positive"""
    explained_variance: np.ndarray
    """(n_components,) variance along each, divisor n_stars - 1"""

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Project spectra (n_stars, n_pixels) on the components, (n_stars, n_components)."""
        return (X - self.mean.astype(X.dtype)) @ self.components.T.astype(X.dtype)


class Moments:
    """Sums over stars, for each fold of a cross-validation.

    Add rows, then read: `fold_sums`, `origin`, `principal_components`. Reading closes the sums to further rows (not to
    the sums of other stars, by ``+`` or ``+=``). A fit comes last: it uses the sums up, so that nothing of their size
    is in memory twice.

    Parameters
    ----------
    n_folds : int
        Folds of the cross-validation.
    origin : array of shape (n_pixels,), optional
        Spectrum about which X is taken; the mean of the first `TILE_ROWS` stars where None. Results do not depend on it
        but for rounding, provided that it lies among the spectra. Groups that are to be added need the same one.
    dtype : dtype
        float32, or float64 for twice the time and memory: needed where `alpha` / (flux variance * n_stars * n_pixels)
        comes near 1e-8, which happens for noise-free spectra alone.
    device : str
        ``cpu`` or ``cuda``: where the products are formed and kept.

    Raises
    ------
    InputError
        If `n_folds` is below 2 or the device cannot be used.
    """

    def __init__(
        self,
        n_folds: int,
        *,
        origin: np.ndarray | None = None,
        dtype: type | np.dtype = np.float32,
        device: str = "cpu",
    ) -> None:
        if n_folds < 2:
            raise InputError(Code.OUT_OF_RANGE, f"n_folds={n_folds}: cross-validation needs at least 2 folds.")
        self.n_folds = n_folds
        self.dtype = np.dtype(dtype)
        self.device = device
        self.matrices = matrices_on(device, self.dtype)
        self.scale = 0.0
        self.closed = False
        self._origin = None if origin is None else np.array(origin, self.dtype)
        self._sums: FoldSums | None = None
        self._tile: Rows | None = None
        self._filled = 0
        self._rows: Rows | None = None

    def add(self, X: np.ndarray, y: np.ndarray, fold_index: np.ndarray) -> Self:
        """Take in some stars.

        Parameters
        ----------
        X : array of shape (n_stars, n_pixels)
            Flux, in any unit.
        y : array of shape (n_stars,)
            Label, for example log g in dex.
        fold_index : int array of shape (n_stars,)
            The fold to which each star belongs, 0 to n_folds - 1.

        Returns
        -------
        Moments
            This object.

        Raises
        ------
        InputError
            If shapes differ, a fold does not exist, or a value is not finite.
        """
        if self.closed:
            raise ValueError(
                "These sums have been read, and take no more rows; add them to Moments of the further rows."
            )
        self._check(X, y, fold_index)
        tile = self._tile = self._tile or _empty_rows(TILE_ROWS, X.shape[1], self.dtype)
        start = 0
        while start < len(X):
            stop = min(len(X), start + TILE_ROWS - self._filled)
            place = slice(self._filled, self._filled + stop - start)
            tile.X[place], tile.y[place], tile.fold_index[place] = X[start:stop], y[start:stop], fold_index[start:stop]
            self._filled += stop - start
            start = stop
            if self._filled == TILE_ROWS:
                self._take_tile()
        return self

    def _check(self, X: np.ndarray, y: np.ndarray, fold_index: np.ndarray) -> None:
        known = self._tile.X if self._tile is not None else self._origin
        if (
            X.ndim != 2
            or not len(X) == len(y) == len(fold_index)
            or (known is not None and X.shape[1] != known.shape[-1])
        ):
            pixels = "" if known is None else f" with {known.shape[-1]} pixels"
            raise InputError(
                Code.SHAPES_DISAGREE,
                f"flux{pixels}, label and fold_index must agree in stars and pixels; their shapes are {np.shape(X)}, "
                f"{np.shape(y)} and {np.shape(fold_index)}.",
            )
        if len(X) and not (np.min(fold_index) >= 0 and np.max(fold_index) < self.n_folds):
            raise InputError(
                Code.SHAPES_DISAGREE, f"fold_index must lie between 0 and n_folds - 1 = {self.n_folds - 1}."
            )
        finite = np.isfinite(y)
        if not finite.all():
            raise InputError(
                Code.NOT_FINITE, f"{np.sum(~finite)} of {len(y)} labels are not finite; leave these stars out."
            )
        with np.errstate(all="ignore"):
            suspect = not np.isfinite(np.sum(X, axis=0)).all()
        if suspect:
            bad = ~np.isfinite(X)
            if bad.any():
                raise InputError(
                    Code.NOT_FINITE,
                    f"{bad.sum()} flux values of {bad.any(axis=1).sum()} of {len(X)} stars are not finite (NaN or "
                    f"infinity), in {bad.any(axis=0).sum()} of {X.shape[1]} pixels; leave these stars or pixels out.",
                )

    def _take_tile(self) -> None:
        """Form the products of the tile's rows, and empty it."""
        rows = self._centred_rows()
        self._sums = self._sums or FoldSums.zeros(self.n_folds, rows.X.shape[1], self.matrices)
        self._sums.add_rows(rows, self.matrices)
        self._filled = 0

    def _centred_rows(self) -> Rows:
        """Take the tile's rows about the origin, over the scale, in place."""
        assert self._tile is not None
        rows = Rows(*(part[: self._filled] for part in self._tile))
        if self._origin is None:
            self._origin = rows.X.mean(axis=0, dtype=float).astype(self.dtype)
        np.subtract(rows.X, self._origin, out=rows.X)
        self.scale = self.scale or _moderate_scale(rows.X)
        if self.scale != 1:
            np.divide(rows.X, self.scale, out=rows.X)
        return rows

    def close(self) -> Self:
        """Form the products of the last rows; called by everything that reads."""
        if self.closed:
            return self
        if self._tile is None:
            raise InputError(Code.TOO_FEW_TO_FIT, "No star has been added: there is nothing to fit.")
        if self._sums is None and self._filled <= self._tile.X.shape[1]:
            self._rows = self._centred_rows()
        elif self._filled:
            self._take_tile()
        self._tile = None
        self.closed = True
        return self

    @property
    def origin(self) -> np.ndarray:
        """Spectrum about which X is taken, (n_pixels,)."""
        if self._origin is None:
            self.close()
        assert self._origin is not None
        return self._origin

    @property
    def n_pixels(self) -> int:
        """Number of pixels."""
        return len(self.origin)

    @property
    def fold_counts(self) -> np.ndarray:
        """Number of stars in each fold, (n_folds,)."""
        rows = self.rows
        if rows is not None:
            return np.bincount(rows.fold_index, minlength=self.n_folds)
        return self.fold_sums().count

    @property
    def rows(self) -> Rows | None:
        """The stars themselves, where they are no more than pixels: fits are then cheaper from them than from sums."""
        self.close()
        return self._rows

    def fold_sums(self) -> FoldSums:
        """Return the sums for each fold (formed anew at each call where `rows` are kept instead)."""
        self.close()
        if self._sums is not None:
            return self._sums
        if self._rows is None:
            raise ValueError("These sums have been used up by a fit; fit a copy where they are needed again.")
        sums = FoldSums.zeros(self.n_folds, self.n_pixels, self.matrices)
        sums.add_rows(self._rows, self.matrices)
        return sums

    def take_sums(self) -> FoldSums:
        """Return the sums for each fold and keep nothing of them, so that they can be worked on in place."""
        sums = self.fold_sums()
        self._sums = None
        return sums

    def __iadd__(self, other: "Moments") -> Self:
        self.close()
        other.close()
        self._check_same_kind(other)
        factor = other.scale / self.scale
        mine, others = self.rows, other.rows
        if mine is not None and others is not None and len(mine.y) + len(others.y) <= self.n_pixels:
            others = Rows(others.X * self.dtype.type(factor), others.y, others.fold_index)
            self._rows = Rows(*(np.concatenate(parts) for parts in zip(mine, others, strict=True)))
            return self
        self._sums, self._rows = self.fold_sums(), None
        if others is None:
            self._sums.add_sums(other.fold_sums(), factor)
        else:
            self._sums.add_rows(others._replace(X=others.X * self.dtype.type(factor)), self.matrices)
        return self

    def __add__(self, other: "Moments") -> "Moments":
        total = self.copy()
        total += other
        return total

    def copy(self) -> "Moments":
        """Return sums of their own over the same stars."""
        self.close()
        made = copy.copy(self)
        made._sums = copy.deepcopy(self._sums)
        return made

    def _check_same_kind(self, other: "Moments") -> None:
        if (self.n_folds, self.dtype, self.device) != (other.n_folds, other.dtype, other.device):
            raise ValueError("Moments add up only with the same n_folds, dtype and device.")
        if not np.array_equal(self.origin, other.origin):
            raise ValueError("Moments add up only with the same origin: give the first one's to the others.")

    def mean(self) -> np.ndarray:
        """Return the mean flux, (n_pixels,)."""
        rows = self.rows
        if rows is not None:
            return self.origin + self.scale * rows.X.mean(axis=0, dtype=float)
        sums = self.fold_sums()
        return self.origin + self.scale * (sums.x.sum(axis=0) / sums.count.sum())

    def principal_components(self, n_components: int) -> PrincipalComponents:
        """Find the directions of largest variance of the flux, all folds together.

        Parameters
        ----------
        n_components : int
            How many.

        Raises
        ------
        InputError
            If there are fewer stars or pixels than components need.
        """
        sums = self.fold_sums()
        n_stars = int(sums.count.sum())
        if not 0 < n_components < min(n_stars, self.n_pixels):
            raise InputError(
                Code.TOO_MANY_COMPONENTS,
                f"{n_components} principal components: there must be at least one, and more stars ({n_stars}) and "
                f"pixels ({self.n_pixels}) than components.",
            )
        scatter = self.matrices.to_numpy(sums.scatter_matrix(self.matrices))
        start = np.linspace(1.0, 2.0, self.n_pixels, dtype=self.dtype)
        values, vectors = eigsh(scatter, k=n_components, v0=start, which="LA")
        order = np.argsort(values)[::-1]
        components = vectors.T[order].astype(float)
        largest = np.take_along_axis(components, np.abs(components).argmax(axis=1, keepdims=True), axis=1)
        variance = np.maximum(values[order].astype(float), 0) * self.scale**2 / (n_stars - 1)
        return PrincipalComponents(self.mean(), components * np.sign(largest), variance)


def _empty_rows(n_rows: int, n_pixels: int, dtype: np.dtype) -> Rows:
    return Rows(np.empty((n_rows, n_pixels), dtype), np.empty(n_rows), np.empty(n_rows, int))


def _moderate_scale(X: np.ndarray) -> float:
    """Return 1, or for flux of an extreme unit the power of two nearest to its largest departure from the origin."""
    largest = float(max(X.max(), -X.min()))
    if largest == 0 or 1 / MODERATE_SCALE < largest < MODERATE_SCALE:
        return 1.0
    return float(2.0 ** np.round(np.log2(largest)))
