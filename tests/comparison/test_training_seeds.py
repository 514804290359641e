import numpy as np
import pytest
from scipy import stats

from moe_exp.comparison import compare
from moe_exp.comparison.training_seeds import estimate
from moe_exp.evaluation.bootstrap import bootstrap_r2
from tests.comparison.made_up import make_record


def test_one_seed_has_the_interval_of_the_stars() -> None:
    draws = np.random.default_rng(0).normal(size=500)
    found = estimate(0.1, draws, np.array([0.1]), np.ones(9), limited=True, confidence=0.95, seed=0)
    assert found.draws is draws
    assert (found.n_seeds, found.scatter, found.degrees_of_freedom) == (1, "stars", np.inf)
    assert np.isnan(found.seed_sd)


def test_seeds_that_agree_add_nothing() -> None:
    draws = np.random.default_rng(0).normal(size=500)
    found = estimate(0.3, draws, np.full(3, 0.3), np.ones(9), limited=True, confidence=0.95, seed=0)
    assert found.draws is draws
    assert (found.seed_sd, found.scatter) == (0, "stars and seeds")


def test_seeds_alone_give_students_interval() -> None:
    values = np.array([0.90, 0.92, 0.91, 0.95])
    found = estimate(
        values.mean(), np.full(10_000, values.mean()), values, np.ones(9), limited=True, confidence=0.95, seed=0
    )
    expected = stats.t.interval(0.95, 3, values.mean(), stats.sem(values))
    assert (found.interval.low, found.interval.high) == pytest.approx(expected, rel=1e-3)


def test_star_and_seed_scatter_add_in_quadrature() -> None:
    values = np.linspace(0.4, 0.6, 30)
    draws = 0.5 + 0.03 * np.random.default_rng(0).standard_normal(20_000)
    found = estimate(0.5, draws, values, np.ones(9), limited=True, confidence=0.95, seed=0)
    seed_variance = found.seed_sd**2 / 30 * 29 / 27  # that of Student's t with 29 degrees of freedom
    assert np.var(found.draws) == pytest.approx(0.03**2 + seed_variance, rel=0.03)


@pytest.mark.parametrize("seed_scatter", [0.02, 0.3])
def test_intervals_over_stars_and_seeds_hold_the_truth_as_often_as_they_say(seed_scatter: float) -> None:
    """Two gates whose trainings are drawn from one distribution: the true difference is zero."""
    n_seeds, n_stars, held, held_by_stars = 3, 200, [], []
    for repetition in range(400):
        rng = np.random.default_rng([4, repetition])
        y = rng.uniform(1, 5, n_stars)
        shared, own = rng.standard_normal((n_stars, 1)), rng.standard_normal((n_stars, 2 * n_seeds))
        factor = np.exp(seed_scatter * rng.standard_normal(2 * n_seeds))
        predicted = y[:, None] + 0.3 * factor * (0.8 * shared + 0.6 * own)
        models = {str(place): column for place, column in enumerate(predicted.T)}
        found = bootstrap_r2(y, models, n_resamples=300, seed=repetition)
        values = found.values[:n_seeds] - found.values[n_seeds:]
        draws = np.mean(found.draws[:, :n_seeds] - found.draws[:, n_seeds:], axis=1)
        both = estimate(values.mean(), draws, values, np.ones(9), limited=True, confidence=0.95, seed=repetition)
        held.append(both.interval.low <= 0 <= both.interval.high)
        held_by_stars.append(np.quantile(draws, 0.025) <= 0 <= np.quantile(draws, 0.975))
    assert np.mean(held) >= 0.93
    if seed_scatter == 0.3:
        assert np.mean(held) <= 0.98
        assert np.mean(held_by_stars) < 0.7


def test_differences_are_taken_seed_by_seed() -> None:
    records = [make_record(gate, seed=seed, seed_scatter=0.05) for gate in ("mlp", "linear") for seed in (0, 1, 2)]
    compared = compare(records, n_resamples=200)
    by_seed = [compare([r for r in records if r.seed == seed], n_resamples=200).pairs for seed in (0, 1, 2)]
    pair = compared.pairs[compared.pairs["contrast"] == "mlp - linear"].iloc[0]
    values = [table[table["contrast"] == "mlp - linear"]["delta_r2"].iloc[0] for table in by_seed]
    assert pair["delta_r2"] == pytest.approx(np.mean(values), abs=1e-12)
    assert pair["seed_sd"] == pytest.approx(np.std(values, ddof=1))
    assert (pair["n_seeds"], pair["scatter"]) == (3, "stars and seeds")
    score = compared.scores[compared.scores["model"] == "mlp"].iloc[0]
    singles = [
        compare([r], n_resamples=50).scores.set_index("model").loc["mlp", "r2"] for r in records if r.gate == "mlp"
    ]
    assert score["r2"] == pytest.approx(np.mean(singles), abs=1e-12)
    assert score["seed_sd"] == pytest.approx(np.std(singles, ddof=1))
    assert not compared.notes


def test_pairs_use_the_seeds_that_both_have() -> None:
    records = [make_record("mlp", seed=seed, seed_scatter=0.05) for seed in (0, 1, 2)]
    records += [make_record("linear", seed=seed, seed_scatter=0.05) for seed in (1, 2)]
    pairs = compare(records, n_resamples=100).pairs.set_index("contrast")
    common = compare([r for r in records if r.seed > 0], n_resamples=100).pairs.set_index("contrast")
    assert pairs["n_seeds"].to_dict() == {"linear - classify": 2, "mlp - classify": 3, "mlp - linear": 2}
    for end in ("", "_ci_low", "_ci_high"):
        assert pairs.loc["mlp - linear", f"delta_r2{end}"] == common.loc["mlp - linear", f"delta_r2{end}"]


def test_runs_without_a_common_seed_are_listed_and_not_paired() -> None:
    compared = compare([make_record("mlp", seed=0), make_record("linear", seed=1)], n_resamples=50)
    assert set(compared.pairs["contrast"]) == {"mlp - classify", "linear - classify"}
    assert any("have no training seed in common" in note for note in compared.notes)
