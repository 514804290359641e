import numpy as np
import pandas as pd
import pytest
from scipy import stats

from moe_exp.comparison import Comparison, compare
from moe_exp.comparison.data_seeds import Pooled, pool, students_mean
from moe_exp.comparison.hypotheses import judge_interval
from moe_exp.comparison.multiplicity import holm
from moe_exp.comparison.training_seeds import Estimate
from moe_exp.evaluation.bootstrap import Interval, percentile_interval
from tests.comparison.made_up import make_record

DATA_SEEDS = (3, 5, 9)
GATES = ("mlp", "linear", "classify")


@pytest.fixture(scope="module")
def compared() -> Comparison:
    records = [make_record(gate, data_seed=seed) for gate in GATES for seed in DATA_SEEDS]
    return compare(records, n_resamples=200)


@pytest.fixture(scope="module")
def alone() -> list[Comparison]:
    return [compare([make_record(gate, data_seed=seed) for gate in GATES], n_resamples=200) for seed in DATA_SEEDS]


def test_a_row_is_the_mean_of_the_data_seeds_with_students_interval(compared, alone) -> None:
    for name, value in (("scores", "r2"), ("bin_scores", "r2"), ("pairs", "delta_r2"), ("bin_pairs", "delta_r2")):
        table, tables = getattr(compared, name), [getattr(each, name) for each in alone]
        assert [len(each) for each in tables] == [len(table)] * 3
        values = np.column_stack([each[value] for each in tables])
        np.testing.assert_allclose(table[value], values.mean(axis=1), rtol=0, atol=1e-12)
        low, high = stats.t.interval(0.95, 2, values.mean(axis=1), stats.sem(values, axis=1))
        np.testing.assert_allclose(table[f"{value}_ci_low"], low)
        np.testing.assert_allclose(table[f"{value}_ci_high"], high)
        np.testing.assert_allclose(table["data_seed_sd"], values.std(axis=1, ddof=1))
        assert set(table["scatter"]) == {"data seeds"}
        assert (table["n_data_seeds"] == 3).all()


def test_p_is_that_of_students_test_and_holm_counts_differences_not_data_seeds(compared, alone) -> None:
    values = np.column_stack([each.pairs["delta_r2"] for each in alone])
    np.testing.assert_allclose(compared.pairs["p"], stats.ttest_1samp(values, 0, axis=1).pvalue)
    assert len(compared.pairs) == 3
    np.testing.assert_array_equal(compared.pairs["p_holm"], holm(compared.pairs["p"].to_numpy()))


def test_replicates_hold_what_each_data_seed_says(compared, alone) -> None:
    table = compared.replicates
    for seed, each in zip(DATA_SEEDS, alone, strict=True):
        of_seed = table[table["data_seed"] == seed]
        for quantity, expected in (("r2", each.scores["r2"]), ("delta_r2", each.pairs["delta_r2"])):
            assert of_seed[of_seed["quantity"] == quantity]["value"].tolist() == expected.tolist()
    assert len(table) == 3 * (len(compared.scores) + len(compared.pairs))
    assert len(alone[0].replicates) == 0
    assert any("Data seeds 3, 5, 9 are replicates" in note for note in compared.notes)


def test_without_its_deciding_star_the_mean_is_that_of_the_other_stars(compared, alone) -> None:
    """The star is the one, of all data seeds, that moves its own difference furthest."""
    pair = compared.pairs.iloc[0]
    stars = compared.influence[compared.influence["contrast"] == pair["contrast"]]
    first = stars.loc[stars["influence"].abs().idxmax()]
    assert (pair["deciding_data_seed"], pair["deciding_star"]) == (first["data_seed"], first["star_index"])
    place = DATA_SEEDS.index(pair["deciding_data_seed"])
    values = [each.pairs["delta_r2"].iloc[0] for each in alone]
    values[place] = first["delta_r2_without"]
    assert pair["delta_r2_without"] == pytest.approx(np.mean(values), abs=1e-12)
    assert pair["p_without"] == pytest.approx(stats.ttest_1samp(values, 0).pvalue)


def test_a_model_that_one_data_seed_lacks_is_judged_on_the_others() -> None:
    records = [make_record("mlp", data_seed=seed) for seed in (0, 1, 2)]
    records += [make_record("linear", data_seed=seed) for seed in (1, 2)]
    compared = compare(records, n_resamples=50)
    counts = compared.pairs.set_index("contrast")["n_data_seeds"].to_dict()
    assert counts == {"linear - classify": 2, "mlp - classify": 3, "mlp - linear": 2}
    assert any("2 of 7 scores lack a data seed" in note for note in compared.notes)


def test_equal_values_have_no_scatter_and_a_difference_of_nothing_is_none() -> None:
    assert students_mean(np.full(4, 0.1), 0.95) == (Interval(0.1, 0.1, 0.1), 0.0)
    assert students_mean(np.zeros(4), 0.95) == (Interval(0.0, 0.0, 0.0), 1.0)


def test_a_data_seed_without_a_value_is_left_out() -> None:
    nothing, something = estimate_of(np.nan), estimate_of(0.02)
    assert pool([(0, nothing), (1, something)], confidence=0.95).interval == something.interval
    assert np.isnan(pool([(0, nothing), (1, nothing)], confidence=0.95).interval.value)


STAR_SCATTER = 0.0067
"""Standard error of one data seed's difference by its test stars: it shows a true .008 in a fifth of experiments."""
QUANTILES = stats.norm.ppf((np.arange(400) + 0.5) / 400)


def estimate_of(value: float) -> Estimate:
    draws = value + STAR_SCATTER * QUANTILES
    return Estimate(percentile_interval(value, draws, 0.95), 1, np.nan, draws, np.ones(100), True)


def verdicts(truth: float, n_data_seeds: int, *, spread: float = 0.0, n_experiments: int = 1000) -> pd.Series:
    """Return the shares of verdicts on "the difference is above zero" in made-up experiments."""
    rng = np.random.default_rng([11, n_data_seeds])
    scatter = np.hypot(STAR_SCATTER, spread)
    found = []
    for _ in range(n_experiments):
        values = truth + scatter * rng.standard_normal(n_data_seeds)
        pooled: Pooled = pool(list(enumerate(map(estimate_of, values))), confidence=0.95)
        found.append(judge_interval(pooled.interval, "above", 0.0))
    return pd.Series(found).value_counts(normalize=True)


@pytest.mark.parametrize("spread", [0.0, 0.5 * STAR_SCATTER])
def test_more_data_seeds_show_a_true_difference_more_often(spread: float) -> None:
    shares = [verdicts(0.008, n, spread=spread).get("supported", 0.0) for n in (1, 5, 10)]
    assert shares[0] < 0.3 < shares[1] < shares[2]
    assert shares[2] > 0.8


@pytest.mark.parametrize("spread", [0.0, 2 * STAR_SCATTER])
def test_data_seeds_do_not_refute_a_true_null_more_often_than_they_say(spread: float) -> None:
    for n_data_seeds in (3, 10):
        assert verdicts(0.0, n_data_seeds, spread=spread).get("refuted", 0.0) == pytest.approx(0.025, abs=0.013)
