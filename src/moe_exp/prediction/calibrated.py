"""A mixture with error bars and flags, for stars that were measured already: what runs judge their test stars by.

How spectra get there from files, other grids and velocities is `mixture`'s, and decides no number of a run.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from moe_exp.model.gate_inputs import GateInputs
from moe_exp.model.mixture import FittedMixture
from moe_exp.prediction.evidence import Evidence
from moe_exp.prediction.flags import Limits
from moe_exp.prediction.intervals import Intervals


class Judgement(NamedTuple):
    """Predictions of some stars, and how far they can be trusted."""

    evidence: Evidence
    """the predictions themselves, and what speaks for or against them"""
    half_widths: np.ndarray
    """(n_stars, n_levels) how far intervals of all `intervals.LEVELS` reach to both sides [dex]"""
    flags: np.ndarray
    """(n_stars,) int: bits of `flags.Flag`"""


@dataclass(frozen=True, eq=False)
class CalibratedMixture:
    """A mixture that says how far it can be trusted.

    Parameters
    ----------
    fitted : FittedMixture
    intervals : Intervals
    limits : Limits
    """

    fitted: FittedMixture
    intervals: Intervals
    limits: Limits

    def judge(self, inputs: GateInputs, masked: np.ndarray) -> Judgement:
        """Predict and judge stars.

        Parameters
        ----------
        inputs : GateInputs
            Limited as the mixture is.
        masked : array of shape (n_stars,)
            Share of masked pixels of each.
        """
        evidence = Evidence.of(inputs, self.fitted.gate.predict_weights(inputs.features), self.fitted.gate)
        difficulty = self.intervals.difficulty.predict(evidence)
        flags = self.limits.flag(evidence, difficulty, masked)
        return Judgement(evidence, self.intervals.half_widths(evidence, difficulty), flags)
