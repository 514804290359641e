"""How every model does on stars of another library, within and outside the range that it was trained on.

No score on real labels can be better than the labels. Two catalogues whose log g of the same stars differ with standard
deviation s, and which err independently and equally, err by s / sqrt(2) each (Grubbs 1948, JASA 43, 243). Even perfect
predictions then miss a catalogue by that, so that R² against it is 1 - s² / (2 var(log g)) at most.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from moe_exp.evaluation import scores
from moe_exp.evaluation.bootstrap import bootstrap_r2
from moe_exp.evaluation.coverage import Coverage
from moe_exp.evaluation.predictions import Predictions
from moe_exp.evaluation.results import Evaluation
from moe_exp.evaluation.tables import interval_columns
from moe_exp.prediction.intervals import CONTENT, ONE_SIGMA, at_level

GIANT_LOGG = 3.5
"""Stars of less log g [dex] by their label are giants, the others dwarfs."""

LABELS = ("teff", "logg", "m_h")

QUANTITIES = ("r2", "r2_ci_low", "r2_ci_high", "rmse", "bias", "scatter", "slope")


@dataclass(frozen=True, eq=False, kw_only=True)
class ExternalResults:
    """What a run says of one set of external stars.

    Attributes
    ----------
    title : str
    predictions : Predictions
    coverage : Coverage
        Error bars and flags of the run's model, of the same stars.
    within : bool array of shape (n_stars,)
        Whether a star lies in a bin, and all of its labels between those of the training stars.
    scores : DataFrame
        One row for each group of stars (``all`` within the range, ``giants`` and ``dwarfs`` of them, ``outside``) and
        model: n_stars, R² with its interval, and RMSE, bias, scatter [dex] and slope of prediction against label.
    logg_error, other_logg : arrays of shape (n_stars,) or None
        As `ExternalSample` has them.
    """

    title: str
    predictions: Predictions
    coverage: Coverage
    within: np.ndarray
    scores: pd.DataFrame
    logg_error: np.ndarray | None
    other_logg: np.ndarray | None

    @property
    def disagreement(self) -> float:
        """Standard deviation [dex] of the difference of two catalogues' log g of stars within the range; NaN without.

        Stars that the other catalogue lacks do not count.
        """
        both = self._in_both
        difference = self.predictions.y[both] - self._other[both]
        return float(np.std(difference, ddof=1)) if len(difference) > 1 else np.nan

    @property
    def r2_ceiling(self) -> float:
        """R² that perfect predictions within the range could be seen to have; NaN without a second catalogue."""
        y = self.predictions.y[self.within]
        variance = float(np.var(y)) if len(y) > 1 else np.nan
        return 1 - self.disagreement**2 / 2 / variance if variance > 0 else np.nan

    @property
    def _other(self) -> np.ndarray:
        return np.full(len(self.within), np.nan) if self.other_logg is None else self.other_logg

    @property
    def _in_both(self) -> np.ndarray:
        """Whether the other catalogue has a star; one row of each, however often it was seen."""
        both = self.within & np.isfinite(self._other)
        both[both] = ~self.predictions.stars["star_id"][both].duplicated()
        return both

    def metrics(self) -> dict[str, float]:
        """Return the main numbers by name: those of the run's gate with their group, of others for all stars alone."""
        found = {
            "n_stars": float(self.within.sum()),
            "outside_n_stars": float((~self.within).sum()),
            "label_disagreement": self.disagreement,
            "in_both_n_stars": float(self._in_both.sum()),
            "r2_ceiling": self.r2_ceiling,
        }
        for row in self.scores.to_dict("records"):
            group = "" if row["group"] == "all" else f"{row['group']}_"
            if row["model"] == "soft":
                found |= {f"{group}n_stars": row["n_stars"]} | {f"{group}{name}": row[name] for name in QUANTITIES}
            elif not group:
                found |= {f"{row['model']}_{name}": row[name] for name in ("r2", "rmse", "bias")}
        return {name: float(value) for name, value in (found | self._coverage()).items() if np.isfinite(value)}

    def _coverage(self) -> dict[str, float]:
        """Return how often intervals hold the label: of all stars within the range, and of those without a flag."""
        clear = self.within & ~self.coverage.flagged
        found = {"flagged_share": float(self.coverage.flagged[self.within].mean()) if self.within.any() else np.nan}
        for group, members in (("", self.within), ("unflagged_", clear)):
            shares = self.coverage.share_within(members)[None]
            found[f"{group}coverage"] = float(at_level(shares, CONTENT)[0])
            found[f"{group}coverage_68"] = float(at_level(shares, ONE_SIGMA)[0])
        return found

    def to_frame(self) -> pd.DataFrame:
        """Return one row a star: labels, whether it lies within the range, and every model's prediction."""
        frame = self.predictions.stars.assign(within=self.within, residual=self._soft - self.predictions.y)
        others = {"logg_error": self.logg_error, "other_logg": self.other_logg}
        frame = frame.assign(**{name: values for name, values in others.items() if values is not None})
        half_widths, flags = self.coverage.half_widths, self.coverage.flags
        frame = frame.assign(logg_sigma=at_level(half_widths, ONE_SIGMA), flag=flags)
        return frame.assign(half_width_95=at_level(half_widths, CONTENT), **self.predictions.configured)

    @property
    def _soft(self) -> np.ndarray:
        return self.predictions.configured["soft"]


def evaluate_external(
    predictions: Predictions,
    coverage: Coverage,
    ranges: Mapping[str, tuple[float, float]],
    settings: Evaluation,
    *,
    title: str,
    seed: int,
    logg_error: np.ndarray | None = None,
    other_logg: np.ndarray | None = None,
) -> ExternalResults:
    """Score every model on external stars.

    Parameters
    ----------
    predictions : Predictions
    coverage : Coverage
        Of the same stars.
    ranges : mapping of ``teff``, ``logg`` and ``m_h`` to (low, high)
        Labels of the training stars.
    settings : Evaluation
        Resamples and confidence of the intervals of R².
    title : str
    seed : int
        Of the resamples.
    logg_error, other_logg : arrays of shape (n_stars,), optional
        Error of log g, and log g of another catalogue.
    """
    stars, logg = predictions.stars, predictions.stars["logg"].to_numpy(float)
    within = predictions.covered & np.all([stars[name].between(*ranges[name]) for name in LABELS], axis=0)
    groups = {
        "all": within,
        "giants": within & (logg < GIANT_LOGG),
        "dwarfs": within & (logg >= GIANT_LOGG),
        "outside": ~within,
    }
    rows = [row for name, members in groups.items() for row in _score(predictions, name, members, settings, seed)]
    return ExternalResults(
        title=title,
        predictions=predictions,
        coverage=coverage,
        within=within,
        scores=pd.DataFrame(rows, columns=["group", "model", "n_stars", *QUANTITIES]),
        logg_error=logg_error,
        other_logg=other_logg,
    )


def _score(
    predictions: Predictions, group: str, members: np.ndarray, settings: Evaluation, seed: int
) -> Iterator[dict[str, object]]:
    """Yield the scores of every model on some of the stars; nothing if there are none."""
    if not members.any():
        return
    y = predictions.y[members]
    predicted = {model: values[members] for model, values in predictions.configured.items()}
    bootstrap = bootstrap_r2(
        y,
        predicted,
        star=predictions.star[members],
        n_resamples=settings.n_resamples,
        confidence=settings.confidence,
        seed=seed,
        stage=f"bootstrap external {group}",
    )
    for model, values in predicted.items():
        yield {
            "group": group,
            "model": model,
            "n_stars": bootstrap.n_stars,
            **interval_columns("r2", bootstrap.r2(model)),
            "rmse": scores.rmse(y, values),
            "bias": scores.bias(y, values),
            "scatter": scores.scatter(y, values),
            "slope": scores.slope(y, values),
        }
