import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import r2_score

from moe_exp.errors import InputError
from moe_exp.evaluation import resamples as module
from moe_exp.evaluation.bootstrap import bootstrap_r2, percentile_interval
from moe_exp.evaluation.resamples import draw_r2
from moe_exp.random_streams import random_stream


def make_sample(n_stars: int, seed: int = 0) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Labels of unit variance and two models whose true R² are 0.90 and 0.92."""
    y, shared, own, other = np.random.default_rng([1, seed]).normal(size=(4, n_stars))
    reference = y + np.sqrt(0.07) * shared + np.sqrt(0.03) * own
    return y, {"reference": reference, "model": y + np.sqrt(0.07) * shared + np.sqrt(0.01) * other}


def test_draws_equal_resampled_arrays() -> None:
    y, predictions = make_sample(40)
    draws = bootstrap_r2(y, predictions, n_resamples=230, seed=3).draws
    for resample in (0, 99, 100, 229):
        stream, row = divmod(resample, module.RESAMPLES_PER_STREAM)
        rng = random_stream(3, "bootstrap", stream)
        stars = rng.integers(0, 40, size=(100, 40), dtype=np.int32)[row]
        expected = [r2_score(y[stars], predicted[stars]) for predicted in predictions.values()]
        np.testing.assert_allclose(draws[resample], expected, atol=1e-12)


def test_intervals_agree_with_scipy() -> None:
    y, predictions = make_sample(300)

    def delta(y: np.ndarray, model: np.ndarray, reference: np.ndarray, axis: int) -> np.ndarray:
        total = np.sum((y - y.mean(axis=axis, keepdims=True)) ** 2, axis=axis)
        return (np.sum((y - reference) ** 2, axis=axis) - np.sum((y - model) ** 2, axis=axis)) / total

    data = (y, predictions["model"], predictions["reference"])
    options = {"paired": True, "vectorized": True, "n_resamples": 20_000, "method": "percentile"}
    theirs = stats.bootstrap(data, delta, rng=np.random.default_rng(5), batch=2000, **options).confidence_interval
    ours = bootstrap_r2(y, predictions, n_resamples=20_000, seed=5).delta("model", "reference").interval
    assert ours.value == pytest.approx(delta(*data, axis=0), abs=1e-12)
    # an end's Monte Carlo error is about 0.6 % of the width at 20,000 resamples, on either side
    np.testing.assert_allclose([ours.low, ours.high], theirs, atol=0.03 * (theirs.high - theirs.low))


def test_intervals_hold_the_true_difference_as_often_as_they_say() -> None:
    held = []
    for repetition in range(1000):
        y, predictions = make_sample(250, repetition)
        found = bootstrap_r2(y, predictions, n_resamples=400, seed=repetition)
        interval = found.delta("model", "reference").interval
        held.append(interval.low <= 0.02 <= interval.high)
    assert 0.93 <= np.mean(held) <= 0.97


def test_a_model_gains_nothing_over_itself() -> None:
    y, predictions = make_sample(100)
    twice = predictions | {"again": predictions["model"].copy()}
    delta = bootstrap_r2(y, twice, n_resamples=50, seed=0).delta("again", "model")
    assert delta.interval == (0, 0, 0)
    assert not delta.draws.any()


def test_draws_do_not_depend_on_the_other_models_blocks_threads_or_number_of_resamples(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    y, predictions = make_sample(70)
    both = bootstrap_r2(y, predictions, n_resamples=250, seed=1).draws
    alone = bootstrap_r2(y, {"model": predictions["model"]}, n_resamples=120, seed=1).draws
    np.testing.assert_array_equal(alone[:, 0], both[:120, 1])
    monkeypatch.setattr(module, "MAX_DRAWN", 7 * 70)
    monkeypatch.setattr(module, "usable_cores", lambda: 5)
    np.testing.assert_array_equal(bootstrap_r2(y, predictions, n_resamples=250, seed=1).draws, both)


def test_seed_and_stage_change_the_draws() -> None:
    y, predictions = make_sample(70)
    draws = [
        bootstrap_r2(y, predictions, n_resamples=20, seed=seed, stage=stage).draws
        for seed, stage in ((0, "a"), (1, "a"), (0, "b"))
    ]
    assert not np.any(draws[0] == draws[1])
    assert not np.any(draws[0] == draws[2])


def test_shifting_and_scaling_labels_and_predictions_leaves_r2() -> None:
    y, predictions = make_sample(90)
    shifted = {model: 1e6 + 3 * predicted for model, predicted in predictions.items()}
    draws = bootstrap_r2(1e6 + 3 * y, shifted, n_resamples=100, seed=0).draws
    np.testing.assert_allclose(draws, bootstrap_r2(y, predictions, n_resamples=100, seed=0).draws, atol=1e-7)


@pytest.mark.parametrize("y", [[], [3.0], [3.0, 3.0], [0.1, 0.1, 0.1]])
def test_stars_without_variation_have_no_r2(y: list[float]) -> None:
    found = bootstrap_r2(np.array(y), {"model": np.zeros(len(y))}, n_resamples=10, seed=0)
    assert np.isnan(found.r2("model")).all()


def test_resamples_of_one_star_are_left_out() -> None:
    y = np.array([1.3] * 9 + [4.1])
    draws = draw_r2(y, y[:, None] + 0.1, np.arange(10), n_resamples=1000, seed=0, stage="bootstrap")[:, 0]
    undefined = np.isnan(draws)
    assert undefined.mean() == pytest.approx(0.9**10, abs=0.05)
    defined = [1 - 10 * 0.1**2 / (2.8**2 * k * (10 - k) / 10) for k in range(1, 10)]
    assert np.isclose(draws[~undefined, None], defined).any(axis=1).all()


def test_nine_stars_have_no_interval_and_ten_have_one() -> None:
    for n_stars, finite in ((2, False), (9, False), (10, True)):
        y = np.linspace(1, 5, n_stars)
        found = bootstrap_r2(y, {"model": y + 0.1, "other": y + 0.2}, n_resamples=50, seed=0)
        assert np.isfinite(found.r2("model")).tolist() == [True, finite, finite]
        assert np.isfinite(found.delta("model", "other").interval).tolist() == [True, finite, finite]


def test_visits_count_as_one_star() -> None:
    rng = np.random.default_rng(3)
    y, error = rng.uniform(1, 5, 40), 0.3 * rng.standard_normal(40)
    once = bootstrap_r2(y, {"model": y + error}, n_resamples=500, seed=0)
    star = np.repeat(np.arange(40), 4)
    visits = bootstrap_r2(y[star], {"model": (y + error)[star]}, star=star, n_resamples=500, seed=0)
    assert visits.n_stars == 40
    np.testing.assert_allclose(visits.draws, once.draws, rtol=1e-12)
    copies = bootstrap_r2(y[star], {"model": (y + error)[star]}, n_resamples=500, seed=0)
    assert np.std(copies.draws) < 0.6 * np.std(once.draws)
    few = bootstrap_r2(y[star[:36]], {"model": (y + error)[star[:36]]}, star=star[:36], n_resamples=50, seed=0)
    assert np.isnan(few.draws).all()


def test_intervals_over_stars_of_several_visits_hold_the_truth() -> None:
    n_held, n_stars, n_visits = 0, 60, 5
    for repetition in range(200):
        rng = np.random.default_rng([5, repetition])
        star = np.repeat(np.arange(n_stars), n_visits)
        y = rng.normal(3, 1, n_stars)[star]
        error = 0.5 * rng.standard_normal(n_stars)[star] + 0.2 * rng.standard_normal(len(star))
        found = bootstrap_r2(y, {"model": y + error}, star=star, n_resamples=400, seed=repetition).r2("model")
        n_held += found.low <= 1 - (0.5**2 + 0.2**2) <= found.high
    assert 0.88 <= n_held / 200 <= 0.98


def test_percentile_interval_is_the_central_part() -> None:
    draws = np.append(np.arange(101.0), np.nan)
    assert percentile_interval(50, draws, 0.9) == pytest.approx((50, 5, 95))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_resamples": 0}, r"evaluation.n_resamples=0: at least one"),
        ({"confidence": 1.0}, r"evaluation.confidence=1.0 must lie between 0 and 1"),
        ({"confidence": 95}, r"evaluation.confidence=95 must lie"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, float], message: str) -> None:
    y, predictions = make_sample(10)
    with pytest.raises(InputError, match=message):
        bootstrap_r2(y, predictions, seed=0, **options)


def test_nan_is_refused() -> None:
    y, predictions = make_sample(10)
    predictions["model"][3] = np.nan
    with pytest.raises(InputError, match="NaN or infinite"):
        bootstrap_r2(y, predictions, n_resamples=10, seed=0)
