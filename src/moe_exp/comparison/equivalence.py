"""Whether a difference is as good as none: two one-sided tests against a margin that was stated before.

That no difference is shown is no proof of equality. Equality within a margin is shown where both one-sided tests, of a
difference beyond either end of the margin, reject at the level of the verdicts, 1 - confidence: where the central
interval of content 2 confidence - 1, 90 % for 95 %, lies within the margin (Schuirmann 1987, Journal of
Pharmacokinetics and Biopharmaceutics 15, 657).
"""

from collections.abc import Sequence

from moe_exp.comparison.data_seeds import pool
from moe_exp.comparison.training_seeds import Estimate

HIGHER, LOWER, EQUIVALENT = "higher", "lower", "equivalent"


def judge_margin(estimates: Sequence[tuple[int, Estimate]], margin: float, *, confidence: float) -> str | None:
    """Return where a difference lies: beyond the margin on either side, within it, or None where that is open.

    Parameters
    ----------
    estimates : sequence of (data seed, Estimate)
    margin : float
        Above zero.
    confidence : float
        Of the interval that has to lie beyond the margin as a whole.
    """
    beyond = pool(estimates, confidence=confidence).interval
    within = pool(estimates, confidence=2 * confidence - 1).interval
    if -margin < within.low and within.high < margin:
        return EQUIVALENT
    return HIGHER if beyond.low > margin else LOWER if beyond.high < -margin else None
