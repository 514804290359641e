import numpy as np
import pytest
from scipy import stats

from moe_exp.comparison import compare
from moe_exp.comparison.equivalence import judge_margin
from moe_exp.comparison.hypotheses import Criterion, Hypothesis, judge
from moe_exp.comparison.training_seeds import Estimate
from moe_exp.evaluation.bootstrap import percentile_interval
from tests.comparison.made_up import make_record

ERROR = 0.001
QUANTILES = stats.norm.ppf((np.arange(2000) + 0.5) / 2000)


def estimate(value: float) -> Estimate:
    draws = value + ERROR * QUANTILES
    return Estimate(percentile_interval(value, draws, 0.95), 1, np.nan, draws, np.ones(100), True)


def verdict(*values: float, margin: float = 0.002) -> str | None:
    return judge_margin([(seed, estimate(value)) for seed, value in enumerate(values)], margin, confidence=0.95)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.00034, "equivalent"),  # 1.645 standard errors from the end of the margin, where 1.96 would not be reached
        (-0.00034, "equivalent"),
        (0.00037, None),
        (0.0021, None),
        (0.0039, None),
        (0.0040, "higher"),
        (-0.0040, "lower"),
    ],
)
def test_both_one_sided_tests_have_to_reject(value: float, expected: str | None) -> None:
    assert verdict(value) == expected


def test_over_data_seeds_their_mean_is_tested_with_students_t() -> None:
    values = np.array([0.0004, -0.0002, 0.0009])
    mean, error = values.mean(), stats.sem(values)
    p = stats.t.sf((0.002 - mean) / error, 2)  # the larger of the two
    assert p < 0.05
    assert verdict(*values) == "equivalent"
    assert verdict(*values, margin=mean + stats.t.isf(0.051, 2) * error) is None
    assert verdict(*values, margin=mean + stats.t.isf(0.049, 2) * error) == "equivalent"


def test_a_difference_of_just_the_margin_is_seldom_called_equivalent() -> None:
    rng = np.random.default_rng(0)
    called = [verdict(0.005 + ERROR * rng.standard_normal(), margin=0.005) == "equivalent" for _ in range(1000)]
    assert 0.03 <= np.mean(called) <= 0.07


def test_a_hypothesis_with_a_margin_holds_within_it_and_fails_beyond() -> None:
    compared = compare([make_record("mlp"), make_record("linear")], n_resamples=300)
    pair = compared.pairs.set_index("contrast").loc["mlp - classify"]
    expected = {10.0: ("equivalent", "supported"), 1e-9: ("higher", "refuted")}
    expected[pair["delta_r2"]] = ("undecided", "undecided")
    for margin, (of_criterion, of_all) in expected.items():
        criterion = Criterion(
            quantity="delta_r2",
            model="mlp",
            reference="classify",
            n_train=32_000,
            noise_level=0.2,
            equivalent_within=float(margin),
        )
        found = judge(Hypothesis(name="H", statement="", date="2026-01-31", criteria=[criterion]), compared)
        assert (found.criteria["verdict"].tolist(), found.verdict) == ([of_criterion], of_all)
    assert str(criterion).endswith(f"is equivalent within {pair['delta_r2']:g}")
