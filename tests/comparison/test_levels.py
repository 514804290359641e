import numpy as np
import pandas as pd
import pytest

from moe_exp.comparison import Comparison, compare
from moe_exp.comparison.influence import leave_one_out
from moe_exp.comparison.levels import LEVELS, Levels, measure_levels, note_alike
from moe_exp.comparison.pairs import find_pairs
from moe_exp.comparison.scoring import Column, mean_error
from tests.comparison.made_up import make_record

PARTS = {"star": 0.2, "seed": 0.004, "data_seed": 0.006}
REST = 0.1
"""Standard deviations of a star, a training and a data seed, and of what a star says after another training."""


def draw(
    rng: np.random.Generator, *, n_stars: int, n_seeds: int, n_data_seeds: int, **parts: float
) -> list[np.ndarray]:
    """Draw what the stars of each data seed say, (n_stars, n_seeds), of a difference of 0.01."""
    sd = PARTS | parts
    return [
        0.01
        + sd["data_seed"] * rng.standard_normal()
        + sd["star"] * rng.standard_normal((n_stars, 1))
        + sd["seed"] * rng.standard_normal(n_seeds)
        + REST * rng.standard_normal((n_stars, n_seeds))
        for _ in range(n_data_seeds)
    ]


def measure(said: list[np.ndarray]) -> Levels:
    return measure_levels(said, confidence=0.95, seed=0)


def test_scatter_is_that_which_made_the_differences() -> None:
    found = measure(draw(np.random.default_rng(6), n_stars=1500, n_seeds=3, n_data_seeds=300))
    of_star = np.hypot(PARTS["star"], REST / np.sqrt(3))
    assert found.star.sd.value == pytest.approx(of_star, rel=0.01)
    assert found.seed.sd.value == pytest.approx(PARTS["seed"], rel=0.1)
    assert found.data_seed.sd.value == pytest.approx(PARTS["data_seed"], rel=0.1)
    assert found.rest == pytest.approx(REST, rel=0.01)
    assert (found.n_stars, found.n_seeds, found.n_data_seeds) == (1500, 3, 300)
    of_mean = np.array([of_star**2 / 1500, PARTS["seed"] ** 2 / 3, PARTS["data_seed"] ** 2])
    shares = [found.star.share, found.seed.share, found.data_seed.share]
    assert shares == pytest.approx(of_mean / of_mean.sum(), abs=0.05)


@pytest.mark.parametrize("data_seed", [0.0, 0.006])
def test_intervals_of_all_levels_hold_the_truth_as_often_as_they_say(data_seed: float) -> None:
    rng = np.random.default_rng(2)
    truth = PARTS | {"star": np.hypot(PARTS["star"], REST / np.sqrt(3)), "data_seed": data_seed}
    held = dict.fromkeys(truth, 0)
    for _ in range(200):
        found = measure(draw(rng, n_stars=300, n_seeds=3, n_data_seeds=5, data_seed=data_seed))
        for name, value in truth.items():
            sd = getattr(found, name).sd
            held[name] += sd.low <= value <= sd.high
    assert all(0.91 <= n / 200 <= (1.0 if truth[name] == 0 else 0.985) for name, n in held.items()), held


def test_one_more_data_seed_lies_where_it_is_said_to() -> None:
    rng = np.random.default_rng(3)
    held = []
    for _ in range(300):
        *known, new = draw(rng, n_stars=50, n_seeds=2, n_data_seeds=4)
        _, low, high = measure(known).new
        held.append(low <= new.mean() <= high)
    assert np.mean(held) == pytest.approx(0.95, abs=0.03)


def test_what_one_seed_cannot_tell_is_unknown_and_goes_to_the_level_above() -> None:
    rng = np.random.default_rng(4)
    alone = measure(draw(rng, n_stars=500, n_seeds=1, n_data_seeds=1))
    assert np.isnan([*alone.seed.sd, *alone.data_seed.sd, alone.rest, alone.seed.share, *alone.new[1:]]).all()
    assert alone.star.share == 1
    trained_once = measure(draw(rng, n_stars=2000, n_seeds=1, n_data_seeds=300, seed=0.008))
    assert np.isnan(trained_once.seed.sd.value)
    assert trained_once.data_seed.sd.value == pytest.approx(np.hypot(0.006, 0.008), rel=0.1)


def test_how_one_star_goes_with_the_training_is_no_scatter_of_trainings() -> None:
    found = [measure(draw(np.random.default_rng(i), n_stars=100, n_seeds=3, n_data_seeds=20, seed=0)) for i in range(9)]
    assert np.median([each.seed.sd.value for each in found]) < 0.5 * REST / np.sqrt(100)


@pytest.fixture(scope="module")
def compared() -> Comparison:
    gates = ("mlp", "classify")
    options = [{"data_seed": d, "seed": s, "noise_level": n} for d in (0, 1) for s in (0, 1) for n in (0.2, 5.0)]
    return compare([make_record(gate, seed_scatter=0.02, **each) for gate in gates for each in options], n_resamples=50)


def test_levels_are_those_of_the_pairs_with_their_values(compared) -> None:
    levels = compared.levels
    assert levels[["contrast", "condition"]].equals(compared.pairs[["contrast", "condition"]])
    np.testing.assert_allclose(levels["new_delta_r2"], compared.pairs["delta_r2"], rtol=0, atol=1e-12)
    assert (levels[["n_seeds", "n_data_seeds"]] == 2).all(axis=None)
    assert np.isfinite(levels[[f"sd_{level}_ci_high" for level in LEVELS]]).all(axis=None)


def test_a_star_says_the_difference_and_what_leaving_it_out_would_change(compared) -> None:
    for scoring in compared.scorings:
        for pair in find_pairs(scoring.panel)[0]:
            said = scoring.said_by_stars(pair.model, pair.reference)
            columns = Column(pair.model, pair.seeds), Column(pair.reference, pair.seeds)
            errors = [mean_error(scoring.panel, column) for column in columns]
            left_out = leave_one_out(scoring.panel.y, *errors, scoring.panel.star)
            np.testing.assert_allclose(
                (said.mean(axis=1) - said.mean()) / len(said), left_out.influence, rtol=0.03, atol=1e-5
            )


def test_trainings_that_go_alike_with_their_seed_on_all_data_seeds_are_said_to() -> None:
    rng = np.random.default_rng(5)
    noticed = []
    for shared in (0.0, 0.05):
        seeds = shared * rng.standard_normal((50, 3))
        said = [draw(rng, n_stars=100, n_seeds=3, n_data_seeds=5) for _ in seeds]
        p = [measure([values + seed for values in each]).p_alike for each, seed in zip(said, seeds, strict=True)]
        noticed.append(np.mean(np.array(p) < 0.05))
    assert noticed[0] < 0.15
    assert noticed[1] > 0.85
    table = pd.DataFrame({"contrast": ["a - b", "c - b"], "p_alike": [0.5, 1e-4]})
    [note] = note_alike(table)
    assert "in 1 of 2 differences (c - b first)" in note
    assert not [*note_alike(table.assign(p_alike=np.nan))]
    assert np.isnan(measure(draw(rng, n_stars=50, n_seeds=3, n_data_seeds=1)).p_alike)
