"""Scores and differences of the contenders of one panel, all on the same resamples of its stars."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from moe_exp.comparison.contenders import Contender, Panel
from moe_exp.comparison.training_seeds import Estimate, estimate
from moe_exp.evaluation.expansion import degrees_of_freedom_of_ratio, expand
from moe_exp.evaluation.resamples import r2_of_sums, r2_terms, resample_sums, sum_by_star


class Column(NamedTuple):
    """What one column of the bootstrap scores: the mean R² of a contender over some training seeds."""

    contender: Contender
    seeds: tuple[int, ...]
    variant: str = "configured"
    """``"configured"``, ``"clipped"`` or ``"unclipped"``"""


class Settings(NamedTuple):
    """How intervals are made; see `compare`."""

    n_resamples: int
    confidence: float
    seed: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Resampled:
    """Mean R² of many columns on the same resamples of the same stars.

    Attributes
    ----------
    members : array of int
        Positions of the stars in their panel.
    n_stars : int
        Stars, each once however often it was seen.
    position : dict of Column to int
        Where to find a column; equal columns are held once.
    values : array of shape (n_columns,)
    draws : array of shape (n_resamples, n_columns)
    absent : dict of int to array of shape (n_resamples,)
        For some stars, by number in the panel: the resamples that lack the star.
    """

    members: np.ndarray
    n_stars: int
    position: dict[Column, int]
    values: np.ndarray
    draws: np.ndarray
    absent: dict[int, np.ndarray]


@dataclass(frozen=True, eq=False, kw_only=True)
class Scoring:
    """A panel with its bootstrap.

    Attributes
    ----------
    panel : Panel
    settings : Settings
    pooled : Resampled
        All covered test stars.
    per_bin : tuple of Resampled
        The stars of each bin, resampled within the bin.
    """

    panel: Panel
    settings: Settings
    pooled: Resampled
    per_bin: tuple[Resampled, ...]

    def r2(self, contender: Contender, *, bin_index: int | None = None) -> Estimate:
        """Return the mean R² of a contender over its training seeds, on all covered stars or on those of a bin."""
        column = Column(contender, self.panel.seeds(contender))
        resampled = self._resampled(bin_index, column)
        place = resampled.position[column]
        members = resampled.members
        values, lost = seed_r2(self.panel, column, members), mean_error(self.panel, column)[members]
        return self._estimate(resampled.values[place], resampled.draws[:, place], values, lost, members, column)

    def delta(
        self,
        model: Contender,
        reference: Contender,
        *,
        variant: str = "configured",
        bin_index: int | None = None,
        without: int | None = None,
    ) -> Estimate:
        """Return R² of `model` minus R² of `reference`, seed by seed over the training seeds that both have.

        Without a star, the draws are the resamples that lack it (jackknife-after-bootstrap; Efron 1992, Journal of the
        Royal Statistical Society B 54, 83).

        Parameters
        ----------
        model, reference : Contender
        variant : str
            ``"configured"``, ``"clipped"`` or ``"unclipped"``.
        bin_index : int, optional
        without : int, optional
            Number in the panel of a star to be left out: one of those in ``pooled.absent``.
        """
        seeds = self.panel.seeds(model, reference)
        columns = Column(model, seeds, variant), Column(reference, seeds, variant)
        resampled = self._resampled(bin_index, *columns)
        members = resampled.members
        if without is not None:
            members = members[self.panel.star[members] != without]
        values = np.subtract(*(seed_r2(self.panel, column, members) for column in columns))
        gain = np.subtract(*(mean_error(self.panel, column)[members] for column in reversed(columns)))
        places = [resampled.position[column] for column in columns]
        draws = resampled.draws[:, places[0]] - resampled.draws[:, places[1]]
        if without is None:
            value = resampled.values[places[0]] - resampled.values[places[1]]
            return self._estimate(value, draws, values, gain, members, *columns)
        draws = draws[resampled.absent[without]]
        return self._estimate(float(np.mean(values)), draws, values, gain, members, *columns)

    def said_by_stars(self, model: Contender, reference: Contender) -> np.ndarray:
        """Return what each star says of a difference after each training, (n_stars, n_seeds).

        The mean over stars is the difference. A star says that and, beyond it, its own influence on it: on the
        squared errors, and on the variation of the labels that these are divided by.
        """
        panel, seeds = self.panel, self.panel.seeds(model, reference)
        lost = [
            np.column_stack([panel.entries[each][seed].configured for seed in seeds]) for each in (reference, model)
        ]
        by_star = sum_by_star(r2_terms(panel.y, np.subtract(*lost)), panel.star)
        distance, gain = by_star[:, 2:3], by_star[:, 3:]
        variation = np.sum(distance) or np.nan
        delta = np.sum(gain, axis=0) / variation
        return delta + (gain - delta * distance) / variation * len(distance)

    def _estimate(
        self,
        value: float,
        draws: np.ndarray,
        seed_values: np.ndarray,
        gain: np.ndarray,
        members: np.ndarray,
        *columns: Column,
    ) -> Estimate:
        """Put an estimate together; `gain` (n_members,) in dex² sums to the value times the labels' variation."""
        panel, (_, confidence, seed) = self.panel, self.settings
        terms = r2_terms(panel.y[members], gain[:, None])
        _, _, distance, by_star = sum_by_star(terms, panel.star[members]).T
        return estimate(
            float(value),
            expand(draws, degrees_of_freedom_of_ratio(by_star, distance)),
            seed_values,
            by_star / (np.sum(distance) or np.nan),
            limited=all(_is_limited(panel, column) for column in columns),
            confidence=confidence,
            seed=seed,
        )

    def _resampled(self, bin_index: int | None, *columns: Column) -> Resampled:
        """Return the bootstrap that holds the columns; one that was not made in advance is made from the same draws."""
        made = self.pooled if bin_index is None else self.per_bin[bin_index]
        if all(column in made.position for column in columns):
            return made
        return resample(self.panel, columns, self.settings, bin_index=bin_index)


def resample(
    panel: Panel,
    columns: Iterable[Column],
    settings: Settings,
    *,
    bin_index: int | None = None,
    marked: Sequence[int] = (),
) -> Resampled:
    """Score columns on the same resamples, those that a single run's evaluation draws for the same seed.

    Parameters
    ----------
    panel : Panel
    columns : iterable of Column
    settings : Settings
    bin_index : int, optional
        Take the stars of this bin; without it all covered stars.
    marked : sequence of int
        Numbers of stars for which the resamples that lack them are wanted.
    """
    members = np.arange(len(panel.stars)) if bin_index is None else np.flatnonzero(panel.bin_index == bin_index)
    y, star = panel.y[members], panel.star[members]
    position: dict[Column, int] = {}
    distinct: dict[bytes, int] = {}
    errors: list[np.ndarray] = []
    for column in columns:
        error = mean_error(panel, column)[members]
        position[column] = distinct.setdefault(error.tobytes(), len(distinct))
        if len(errors) < len(distinct):
            errors.append(error)
    terms = np.column_stack([r2_terms(y, np.column_stack(errors)), *(star == each for each in marked)])
    stage = "bootstrap" if bin_index is None else f"bootstrap bin {bin_index}"
    sums = resample_sums(terms, star, n_resamples=settings.n_resamples, seed=settings.seed, stage=stage)
    n_scored = terms.shape[1] - len(marked)
    return Resampled(
        members=members,
        n_stars=len(np.unique(star)),
        position=position,
        values=np.array([_r2(y, error) for error in errors]),
        draws=r2_of_sums(sums[:, :n_scored], y),
        absent={each: sums[:, n_scored + place] == 0 for place, each in enumerate(marked)},
    )


def _is_limited(panel: Panel, column: Column) -> bool:
    """Whether the predictions of a column are clipped."""
    clips = [panel.entries[column.contender][seed].clip for seed in column.seeds]
    return column.variant == "clipped" or (column.variant == "configured" and all(clips))


def mean_error(panel: Panel, column: Column) -> np.ndarray:
    """Return each star's squared error [dex²], mean over the seeds: its R² is the mean of the seeds' R²."""
    entries = panel.entries[column.contender]
    return np.mean([getattr(entries[seed], column.variant) for seed in column.seeds], axis=0)


def seed_r2(panel: Panel, column: Column, members: np.ndarray) -> np.ndarray:
    """Return R² of each seed on some stars, (n_seeds,)."""
    entries, y = panel.entries[column.contender], panel.y[members]
    return np.array([_r2(y, getattr(entries[seed], column.variant)[members]) for seed in column.seeds])


def _r2(y: np.ndarray, squared_error: np.ndarray) -> float:
    if len(y) < 2 or np.all(y == y[0]):
        return np.nan
    return float(1 - np.sum(squared_error) / np.sum((y - np.mean(y)) ** 2))
