"""Cells of label space: each bin of (Teff, [M/H]) gets an expert of its own.

`LabelGrid` has the edges that it is given; `QuantileBins` takes them from the first training stars. Both number their
bins row by row, ``index = n_m_h * teff_row + m_h_column``, and call a star outside every bin -1.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Self

import numpy as np

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.model.bins_base import Bins


class RectangularBins(Bins):
    """What every division into rectangles can do.

    A subclass is a dataclass with `teff_names` and `m_h_names` that says how many intervals there are (`shape`) and
    where their edges lie (`find_edges`).

    Attributes
    ----------
    teff_edges_, m_h_edges_ : arrays of shape (n_intervals + 1,)
        Edges in K and dex; an open outer edge is infinite.
    """

    teff_names: list[str]
    m_h_names: list[str]

    @property
    def shape(self) -> tuple[int, int]:
        """Number of intervals in Teff and in [M/H]."""
        raise NotImplementedError

    @property
    def n_bins(self) -> int:
        """Number of bins, known before the fit."""
        n_teff, n_m_h = self.shape
        return n_teff * n_m_h

    def find_edges(self, teff: np.ndarray, m_h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the edges in Teff [K] and in [M/H] [dex]."""
        raise NotImplementedError

    def check(self) -> None:
        """Refuse options that make no bins.

        Raises
        ------
        InputError
            If a number of names differs from the number of intervals.
        """
        n_teff, n_m_h = self.shape
        _check_names("bins.teff_names", self.teff_names, n_teff)
        _check_names("bins.m_h_names", self.m_h_names, n_m_h)

    def fit(self, teff: np.ndarray, m_h: np.ndarray) -> Self:
        """Set edges and names.

        Parameters
        ----------
        teff, m_h : arrays of shape (n_stars,)
            Labels of the experts' training stars [K, dex], in the order of their star index.

        Raises
        ------
        InputError
            If the options of the bins are wrong, or two edges coincide.
        """
        self.check()
        self.teff_edges_, self.m_h_edges_ = self.find_edges(np.asarray(teff), np.asarray(m_h))
        n_teff, n_m_h = self.shape
        teff_names = self.teff_names or [f"Teff {i + 1}" for i in range(n_teff)]
        m_h_names = self.m_h_names or [f"[M/H] {i + 1}" for i in range(n_m_h)]
        self.names_ = tuple(f"{row} {column}" for row in teff_names for column in m_h_names)
        return self

    def assign(self, teff: np.ndarray, m_h: np.ndarray) -> np.ndarray:
        """Return the rectangle that holds every star; see `Bins.assign`."""
        row = _find_interval(self.teff_edges_, teff)
        column = _find_interval(self.m_h_edges_, m_h)
        covered = (row >= 0) & (column >= 0)
        return np.where(covered, (len(self.m_h_edges_) - 1) * row + column, -1)

    def describe(self) -> tuple[str, ...]:
        """Return the edges of each rectangle."""
        teff, m_h = ([_say(*ends) for ends in pairwise(edges)] for edges in (self.teff_edges_, self.m_h_edges_))
        return tuple(f"Teff {row} K, [M/H] {column} dex" for row in teff for column in m_h)


@dataclass
class LabelGrid(RectangularBins):
    """Bins between given edges; stars beyond the outer ones are not covered.

    Intervals contain their lower edge, the last one its upper edge too.

    Parameters
    ----------
    teff_edges : list of float
        Increasing edges in Teff [K].
    m_h_edges : list of float
        Increasing edges in [M/H] [dex].
    teff_names, m_h_names : list of str
        One name for each interval; an empty list numbers them.
    """

    teff_edges: list[float] = field(default_factory=lambda: [3750.0, 4500.0, 5250.0, 6000.0])
    m_h_edges: list[float] = field(default_factory=lambda: [-2.0, -1.0, 0.0, 0.5])
    teff_names: list[str] = field(default_factory=lambda: ["Cool", "Mid", "Hot"])
    m_h_names: list[str] = field(default_factory=lambda: ["Metal-poor", "Solar", "Metal-rich"])

    @property
    def shape(self) -> tuple[int, int]:
        """Number of intervals in Teff and in [M/H]."""
        return len(self.teff_edges) - 1, len(self.m_h_edges) - 1

    def find_edges(self, teff: np.ndarray, m_h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the given edges; the stars do not matter."""
        return np.array(self.teff_edges, dtype=float), np.array(self.m_h_edges, dtype=float)

    def check(self) -> None:
        """Refuse edges that do not increase, and names that do not match them.

        Raises
        ------
        InputError
            For either.
        """
        _check_edges("bins.teff_edges", self.teff_edges)
        _check_edges("bins.m_h_edges", self.m_h_edges)
        super().check()


@dataclass
class QuantileBins(RectangularBins):
    """Bins with about equal numbers of stars along each label; every star is covered.

    The edges are quantiles of the first `n_stars` training stars (of all, if there are fewer), so that more training
    stars do not move them. The outer edges are open.

    Parameters
    ----------
    n_teff, n_m_h : int
        Number of intervals in Teff and in [M/H].
    n_stars : int
        How many training stars set the edges.
    teff_names, m_h_names : list of str
        One name for each interval; an empty list numbers them.
    """

    n_teff: int = 3
    n_m_h: int = 3
    n_stars: int = 1000
    teff_names: list[str] = field(default_factory=list)
    m_h_names: list[str] = field(default_factory=list)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of intervals in Teff and in [M/H]."""
        return self.n_teff, self.n_m_h

    def find_edges(self, teff: np.ndarray, m_h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the quantiles of the first `n_stars` stars, between open outer edges."""
        teff_edges = _find_quantiles(teff[: self.n_stars], self.n_teff, "bins.n_teff", "Teff")
        m_h_edges = _find_quantiles(m_h[: self.n_stars], self.n_m_h, "bins.n_m_h", "[M/H]")
        return teff_edges, m_h_edges

    def check(self) -> None:
        """Refuse numbers below one, and names that do not match them.

        Raises
        ------
        InputError
            For either.
        """
        for name in ("n_teff", "n_m_h", "n_stars"):
            if getattr(self, name) < 1:
                raise InputError(Code.OUT_OF_RANGE, f"bins.{name} is {getattr(self, name)}; it must be 1 or more.")
        super().check()


def _say(low: float, high: float) -> str:
    """Return an interval in words, open where an end is infinite."""
    if np.isinf(low):
        return "any" if np.isinf(high) else f"below {high:g}"
    return f"from {low:g}" if np.isinf(high) else f"{low:g} to {high:g}"


def _find_interval(edges: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Return which half-open interval holds each label, the last one closed; -1 outside and for NaN."""
    label = np.asarray(label, dtype=float)
    interval = np.searchsorted(edges, label, side="right") - 1
    interval[label == edges[-1]] = len(edges) - 2
    interval[~(label <= edges[-1])] = -1
    return interval


def _find_quantiles(label: np.ndarray, n_intervals: int, option: str, name: str) -> np.ndarray:
    if len(label) == 0:
        raise InputError(Code.TOO_FEW_COVERED, f"{option}: no training star to take the quantiles of {name} from.")
    inner = np.quantile(label, np.arange(1, n_intervals) / n_intervals)
    if np.any(np.diff(inner) <= 0):
        edges = ", ".join(f"{edge:g}" for edge in inner)
        raise InputError(
            Code.BIN_EDGES,
            f"{option}={n_intervals}: quantiles of {name} coincide ({edges}), because "
            f"many of {len(label)} stars share one value. Use fewer intervals, or bins=grid with edges of your own.",
        )
    return np.concatenate([[-np.inf], inner, [np.inf]])


def _check_edges(option: str, edges: list[float]) -> None:
    if len(edges) < 2:
        raise InputError(Code.BIN_EDGES, f"{option} has {len(edges)} value(s); a bin needs two edges.")
    if not np.all(np.isfinite(edges)) or np.any(np.diff(edges) <= 0):
        raise InputError(Code.BIN_EDGES, f"{option} must be finite and increase, but is {list(edges)}.")


def _check_names(option: str, names: list[str], n_intervals: int) -> None:
    if not names:
        return
    if len(names) != n_intervals:
        raise InputError(
            Code.BIN_NAMES,
            f"{option} has {len(names)} name(s) for {n_intervals} interval(s). Give one for each, or [] to number "
            f"them.",
        )
    if len(set(names)) != len(names):
        raise InputError(Code.BIN_NAMES, f"{option} names two intervals alike: {list(names)}.")
