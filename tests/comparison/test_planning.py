import numpy as np
import pytest
from scipy import stats

from moe_exp.comparison import compare
from moe_exp.comparison.planning import plan, plan_table
from tests.comparison.made_up import make_record

OPTIONS = {"power": 0.8, "confidence": 0.95}


def levels(
    star: float, seed: float, data_seed: float, n_stars: int, n_seeds: int, n_data_seeds: int
) -> dict[str, float]:
    found = {"sd_star": star, "sd_seed": seed, "sd_data_seed": data_seed, "sd_rest": 0.0}
    return found | {"n_stars": n_stars, "n_seeds": n_seeds, "n_data_seeds": n_data_seeds}


def test_stars_alone_are_those_of_the_textbook() -> None:
    found = plan(levels(0.1, np.nan, np.nan, 800, 1, 1), 0.01, **OPTIONS)
    assert found.stars == np.ceil((1.959964 + 0.841621) ** 2 * 0.1**2 / 0.01**2) == 785
    assert np.isnan(found.seeds)


def test_what_stars_cannot_make_up_for_no_number_of_them_does() -> None:
    few = levels(0.1, 0.02, np.nan, 10_000, 2, 1)
    assert plan(few, 0.01, **OPTIONS).stars == np.inf
    seeds = plan(few, 0.01, **OPTIONS).seeds
    assert plan(few | {"n_seeds": int(seeds)}, 0.01, **OPTIONS).stars <= 10_000
    assert plan(few | {"n_seeds": int(seeds) - 1}, 0.01, **OPTIONS).stars > 10_000


@pytest.mark.parametrize("ratio", [0.5, 2.0])
def test_as_many_data_seeds_find_the_difference_as_often_as_they_say(ratio: float) -> None:
    scatter = levels(0.3, 0.002, 0.003, 10_000, 3, 2)
    sd = np.sqrt(0.3**2 / 10_000 + 0.002**2 / 3 + 0.003**2)
    n = int(plan(scatter, ratio * sd, **OPTIONS).data_seeds)
    rng = np.random.default_rng(0)
    values = ratio * sd + sd * rng.standard_normal((20_000, n))
    found = np.mean(stats.ttest_1samp(values, 0, axis=1).pvalue < 0.05)
    assert 0.78 <= found <= (0.84 if n > 5 else 0.95)


def test_every_pair_is_planned_with_the_stars_error_that_its_interval_has() -> None:
    compared = compare([make_record("mlp"), make_record("linear")], n_resamples=2000)
    table = plan_table(compared, 0.01, power=0.8)
    assert table["contrast"].tolist() == compared.pairs["contrast"].tolist()
    width = (compared.pairs["delta_r2_ci_high"] - compared.pairs["delta_r2_ci_low"]) / (2 * 1.96)
    np.testing.assert_allclose(table["sd_star"] / np.sqrt(table["n_stars"]), width, rtol=0.12)


def test_more_trainings_also_quiet_what_single_stars_say_after_each() -> None:
    quiet = levels(0.25, 0.0, np.nan, 1000, 2, 1)
    assert plan(quiet, 0.01, **OPTIONS).seeds == np.inf
    assert 2 < plan(quiet | {"sd_rest": 0.34}, 0.01, **OPTIONS).seeds < np.inf
