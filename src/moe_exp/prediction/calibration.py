"""From a fitted mixture to a model with error bars and flags, by stars whose errors stand for others'."""

import numpy as np

from moe_exp.model.gate_inputs import GateInputs
from moe_exp.model.mixture import FittedMixture, cross_fit_weights
from moe_exp.prediction.calibrated import CalibratedMixture
from moe_exp.prediction.evidence import Evidence
from moe_exp.prediction.flags import Limits
from moe_exp.prediction.intervals import Intervals, cross_fit_difficulty
from moe_exp.spectra.dataset import Stars


def calibrate(
    mixture: FittedMixture, stars: Stars, bin_index: np.ndarray, inputs: GateInputs, *, seed: int
) -> CalibratedMixture:
    """Calibrate a mixture on the gate's own stars.

    No expert saw these, but the gate did: it was trained on nine tenths of them and stopped by the rest. So each gets
    the prediction of another gate, of the same kind, that was trained without it (`cross_fit_weights`). The run's own
    gate, of a third more stars, is no worse, so that its intervals are rather too wide than too narrow; the run's test
    stars, which have no part in this, tell by how much.

    Parameters
    ----------
    mixture : FittedMixture
    stars : Stars
        The gate's own.
    bin_index : array of shape (n_stars,)
        Their true bins, -1 outside every bin.
    inputs : GateInputs
        Of these stars, limited as the mixture is.
    seed : int
        Of the run.
    """
    weights, fold = cross_fit_weights(mixture.gate, stars, bin_index, inputs, seed=seed)
    evidence = Evidence.of(inputs, weights, mixture.gate)
    covered = bin_index >= 0
    error = evidence.predicted - stars.target
    difficulty = cross_fit_difficulty(evidence, error, fold)
    intervals = Intervals.fit(evidence, error, difficulty, covered=covered)
    return CalibratedMixture(mixture, intervals, Limits.fit(evidence, error, difficulty, covered=covered))
