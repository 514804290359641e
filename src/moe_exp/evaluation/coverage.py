"""Whether error bars and flags keep their word: on test stars, on noisier ones, on stars of other libraries."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from moe_exp import names
from moe_exp.evaluation import scores
from moe_exp.evaluation.tables import bin_key
from moe_exp.prediction.calibrated import Judgement
from moe_exp.prediction.flags import JUDGED
from moe_exp.prediction.intervals import CONTENT, LEVELS, ONE_SIGMA, at_level

N_GROUPS = 10
"""Groups of equal size by signal to noise."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Coverage:
    """How often intervals hold the label, and how far off flagged stars are.

    Attributes
    ----------
    error : array of shape (n_stars,)
        Prediction minus label, of all stars; those outside every bin by soft routing too.
    half_widths : array of shape (n_stars, n_levels)
        Of intervals of `moe_exp.prediction.intervals.LEVELS` [dex].
    flags : int array of shape (n_stars,)
    bin_index : array of shape (n_stars,)
        True bins, -1 outside every bin; coverage is that of the others.
    bin_names : tuple of str
    noise : array of shape (n_stars,)
        Noise in a pixel over mean flux.
    """

    error: np.ndarray
    half_widths: np.ndarray
    flags: np.ndarray
    bin_index: np.ndarray
    bin_names: tuple[str, ...]
    noise: np.ndarray

    @classmethod
    def of(cls, judged: Judgement, y: np.ndarray, bin_index: np.ndarray, bin_names: tuple[str, ...]) -> "Coverage":
        """Gather it for stars of known label and bin, each (n_stars,)."""
        return cls(
            error=judged.evidence.predicted - y,
            half_widths=judged.half_widths,
            flags=judged.flags,
            bin_index=bin_index,
            bin_names=bin_names,
            noise=judged.evidence.noise,
        )

    @property
    def covered(self) -> np.ndarray:
        """Whether a star lies in a bin, (n_stars,)."""
        return self.bin_index >= 0

    def share_within(self, members: np.ndarray) -> np.ndarray:
        """Return the share of some stars whose interval holds the label, at each level, (n_levels,)."""
        inside = np.abs(self.error[members])[:, None] <= self.half_widths[members]
        return inside.mean(axis=0) if len(inside) else np.full(len(LEVELS), np.nan)

    @property
    def groups(self) -> dict[str, np.ndarray]:
        """Covered stars, bool arrays of shape (n_stars,): all, each bin, and tenths from the noisiest on."""
        bins = {name: self.bin_index == index for index, name in enumerate(self.bin_names)}
        order = np.argsort(np.argsort(-self.noise[self.covered], kind="stable"), kind="stable")
        tenth = np.full(len(self.noise), -1)
        tenth[self.covered] = order * N_GROUPS // max(1, len(order))
        tenths = {f"S/N {number + 1} of {N_GROUPS}": tenth == number for number in range(N_GROUPS)}
        return {"all": self.covered, **bins, **tenths}

    @property
    def table(self) -> pd.DataFrame:
        """One row a group: stars, coverage of the 1-sigma and the 95 % interval, and the mean width of the latter."""
        rows = []
        for name, members in self.groups.items():
            shares = self.share_within(members)[None]
            widths = 2 * at_level(self.half_widths[members], CONTENT)
            rows.append(
                {
                    "group": name,
                    "n_stars": int(members.sum()),
                    "coverage_68": float(at_level(shares, ONE_SIGMA)[0]),
                    "coverage_95": float(at_level(shares, CONTENT)[0]),
                    "mean_width_95": float(widths.mean()) if len(widths) else math.nan,
                }
            )
        return pd.DataFrame(rows)

    @property
    def widths(self) -> pd.DataFrame:
        """One row a level, for covered stars: what intervals hold, and how wide they are on average.

        ``constant_width`` is the width of intervals that hold as much and are as wide for every star.
        """
        shares = self.share_within(self.covered)
        mean = 2 * self.half_widths[self.covered].mean(axis=0)
        constant = 2 * np.quantile(np.abs(self.error[self.covered]), shares)
        found = {"content": LEVELS, "coverage": shares, "mean_width": mean, "constant_width": constant}
        return pd.DataFrame(found).sort_values("content", ignore_index=True)

    @property
    def flagged(self) -> np.ndarray:
        """Whether anything speaks against a prediction, (n_stars,)."""
        return self.flags > 0

    @property
    def rmse_ratio(self) -> float:
        """RMSE of flagged stars over that of the others; NaN where there are none of either."""
        zero = np.zeros_like(self.error)
        flagged, others = (scores.rmse(zero[each], self.error[each]) for each in (self.flagged, ~self.flagged))
        return flagged / others if others else math.nan

    def metrics(self) -> dict[str, float]:
        """Return all numbers under the names they are logged by; those that are not finite are left out."""
        table = self.table.set_index("group")
        keys = {"all": names.METRIC_COVERAGE}
        keys |= {name: names.METRICS_COVERAGE + bin_key(index, name) for index, name in enumerate(self.bin_names)}
        keys |= {name: names.METRICS_COVERAGE + f"snr_{number}" for number, name in enumerate(table.index[-N_GROUPS:])}
        found = {key: table["coverage_95"][name] for name, key in keys.items()}
        found |= {
            names.METRIC_COVERAGE_68: table["coverage_68"]["all"],
            names.METRIC_WIDTH: table["mean_width_95"]["all"],
            names.METRIC_FLAGGED: float(self.flagged.mean()),
            names.METRIC_FLAG_RATIO: self.rmse_ratio,
        }
        found |= {
            names.METRICS_FLAG + str(flag.name).lower(): float(np.mean(self.flags & flag.value > 0)) for flag in JUDGED
        }
        return {name: value for name, value in found.items() if math.isfinite(value)}
