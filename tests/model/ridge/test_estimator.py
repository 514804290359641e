import numpy as np
import pytest
import scipy.linalg
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.utils.estimator_checks import parametrize_with_checks

from moe_exp.errors import InputError
from moe_exp.model.ridge import rows as ridge_rows
from moe_exp.model.ridge.estimator import CrossValidatedRidge, assign_folds
from moe_exp.model.ridge.matrices import CpuMatrices, NotPositiveDefiniteError, TorchMatrices
from moe_exp.model.ridge.moments import Moments
from moe_exp.model.ridge.shifted_systems import ShiftedSystems
from moe_exp.model.ridge.sums import SumsRidge

ALPHAS = np.logspace(-3, 5, 9)
N_FOLDS = 5


def draw_spectra(n_stars, n_pixels, *, noise, seed=0):
    """Few smooth components that depend on the label, not quite linearly, plus noise of uneven strength."""
    rng = np.random.default_rng(seed)
    labels = rng.standard_normal((n_stars, 3))
    grid = np.linspace(0, 1, n_pixels)
    centres, widths = rng.uniform(0, 1, (20, 1)), 10 ** rng.uniform(-2, -0.5, (20, 1))
    depth = np.tanh(labels @ rng.standard_normal((3, 20))) * 10 ** rng.uniform(-2.5, -1, 20)
    flux = 1 + depth @ np.exp(-(((grid - centres) / widths) ** 2))
    error = noise * (0.5 + 1.5 * grid) * np.exp(0.3 * rng.standard_normal((n_stars, 1)))
    return (flux + error * rng.standard_normal(flux.shape)).astype(np.float32), 3 + labels[:, 0]


def solve_exactly(X, y, *alphas):
    """Ridge by the normal equations (or their dual) with scipy: coefficients and intercept for each alpha."""
    mean, y_mean = X.mean(axis=0), y.mean()
    Z = X - mean
    dual = len(y) <= X.shape[1]
    matrix, right = (Z @ Z.T, y - y_mean) if dual else (Z.T @ Z, Z.T @ (y - y_mean))
    for alpha in alphas:
        solved = scipy.linalg.solve(matrix + alpha * np.eye(len(matrix)), right, assume_a="pos")
        coef = Z.T @ solved if dual else solved
        yield coef, y_mean - mean @ coef


def score_exactly(X, y, fold_index, alphas):
    scores = np.empty((fold_index.max() + 1, len(alphas)))
    for fold in range(len(scores)):
        train, own = fold_index != fold, fold_index == fold
        total = np.sum((y[own] - y[own].mean()) ** 2)
        for index, (coef, intercept) in enumerate(solve_exactly(X[train], y[train], *alphas)):
            residual = y[own] - X[own] @ coef - intercept
            scores[fold, index] = 1 - residual @ residual / total
    return scores


def plain(X):
    return X


def nearly_collinear(X):
    X = X.copy()
    X[:, 1::2] = X[:, ::2] * (1 + 1e-3 * X[:, 1::2])
    return X


def with_constant_pixels(X):
    X = X.copy()
    X[:, :20] = 0.0
    X[:, 20:40] = 1.7
    return X


def in_counts(X):
    return X * np.float32(1e5)


def in_physical_units(X):
    return X * np.float32(1e-17)


@pytest.mark.parametrize("change", [plain, nearly_collinear, with_constant_pixels, in_counts, in_physical_units])
@pytest.mark.parametrize("n_stars", [60, 130, 700])
@pytest.mark.parametrize("noise", [0.03, 0.003])
@pytest.mark.parametrize("float64_rows", [0, 1024])
def test_alpha_and_predictions_are_those_of_float64(monkeypatch, change, n_stars, noise, float64_rows):
    monkeypatch.setattr(ridge_rows, "FLOAT64_ROWS", float64_rows)
    X, y = draw_spectra(n_stars + 100, 120, noise=noise)
    X = change(X)
    alphas = ALPHAS * (1e-34 if change is in_physical_units else 1e10 if change is in_counts else 1.0)
    X, y, X_new = X[:n_stars], y[:n_stars], X[n_stars:]
    fold_index = assign_folds(n_stars, N_FOLDS, np.random.default_rng(5))
    model = CrossValidatedRidge(alphas=alphas).fit(X, y, fold_index)
    exact = X.astype(float)
    scores = score_exactly(exact, y, fold_index, alphas)
    assert model.alpha_ == alphas[scores.mean(axis=0).argmax()]
    mean = scores.mean(axis=0)
    close = mean > mean.max() - 0.05
    np.testing.assert_allclose(model.cv_scores_[:, close], scores[:, close], atol=1e-4)
    ruled_out = np.abs(model.cv_scores_ - scores) / (1 - scores)
    assert ruled_out.max() < 0.02
    coef, intercept = next(solve_exactly(exact, y, model.alpha_))
    np.testing.assert_allclose(model.predict(X_new), X_new.astype(float) @ coef + intercept, atol=1e-4)
    np.testing.assert_allclose(exact @ model.coef_ + model.intercept_, exact @ coef + intercept, atol=1e-4)


@pytest.mark.parametrize("n_stars", [60, 400])
def test_float64_sums_give_float64_results(n_stars):
    X, y = draw_spectra(n_stars, 120, noise=0.0)
    X, fold_index = X.astype(float), assign_folds(n_stars, N_FOLDS, np.random.default_rng(5))
    model = CrossValidatedRidge().fit(X, y, fold_index)
    np.testing.assert_allclose(model.cv_scores_, score_exactly(X, y, fold_index, ALPHAS), atol=1e-6)
    coef, intercept = next(solve_exactly(X, y, model.alpha_))
    np.testing.assert_allclose(model.predict(X), X @ coef + intercept, atol=1e-8)


@pytest.mark.parametrize("n_stars", [60, 400])
@pytest.mark.parametrize("alphas", [[1e-12, 1e-3, 10.0], [1e20, 1.0], [1e30], [3.0, 0.1, 200.0, 0.1]])
def test_any_grid_agrees_with_grid_search(n_stars, alphas):
    X, y = draw_spectra(n_stars, 120, noise=0.03)
    X, fold_index = X.astype(float), assign_folds(n_stars, N_FOLDS, np.random.default_rng(5))
    rival = GridSearchCV(Ridge(), {"alpha": alphas}, cv=PredefinedSplit(fold_index)).fit(X, y)
    model = CrossValidatedRidge(alphas=alphas).fit(X, y, fold_index)
    assert model.alpha_ == rival.best_params_["alpha"]
    np.testing.assert_allclose(model.mean_cv_scores_, rival.cv_results_["mean_test_score"], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(model.predict(X), rival.predict(X), atol=1e-6)
    assert model.alpha_at_edge_ == (model.alpha_ in (min(alphas), max(alphas)))


def test_the_penalties_that_matter_are_solved_beyond_the_screening():
    X, y = draw_spectra(700, 120, noise=0.03)
    fold_index = assign_folds(700, N_FOLDS, np.random.default_rng(5))
    model = CrossValidatedRidge().fit(X, y, fold_index)
    exact = score_exactly(X.astype(float), y, fold_index, ALPHAS)
    close = exact.mean(axis=0) > exact.mean(axis=0).max() - 0.05
    np.testing.assert_allclose(model.cv_scores_[:, close], exact[:, close], atol=2e-6)


def test_fewer_stars_than_pixels_are_interpolated_when_nothing_is_penalised():
    X, y = draw_spectra(60, 120, noise=0.03)
    X = X.astype(float) * 1e6
    model = CrossValidatedRidge(alphas=[1e-12]).fit(X, y)
    np.testing.assert_allclose(model.predict(X), y, atol=1e-6)


def test_folds_of_very_different_size():
    X, y = draw_spectra(300, 120, noise=0.03)
    fold_index = np.repeat([0, 1, 2], [2, 30, 268])
    model = CrossValidatedRidge(n_folds=3).fit(X, y, fold_index)
    exact = score_exactly(X.astype(float), y, fold_index, ALPHAS)
    np.testing.assert_allclose(model.cv_scores_, exact, rtol=1e-3, atol=1e-4)


def test_systems_that_do_not_converge_are_solved_directly():
    X, y = draw_spectra(150, 120, noise=0.03)
    moments = Moments(N_FOLDS).add(X, y, np.arange(150) % N_FOLDS)
    ridge = SumsRidge(moments.fold_sums(), moments.matrices)
    iterated, direct = ridge.cross_validate(ALPHAS), ridge.cross_validate(ALPHAS, max_steps=0)
    assert direct.n_iterations == 0
    assert direct.n_direct >= direct.r2.size
    close = iterated.r2 > iterated.r2.max() - 0.1
    np.testing.assert_allclose(direct.r2[close], iterated.r2[close], atol=1e-4)


def test_sums_and_stars_agree():
    X, y = draw_spectra(300, 120, noise=0.03)
    fold_index = assign_folds(300, N_FOLDS, np.random.default_rng(5))
    pooled = Moments(N_FOLDS).add(X, y, fold_index)
    groups = [Moments(N_FOLDS, origin=pooled.origin).add(X[k::3], y[k::3], fold_index[k::3]) for k in range(3)]
    assert all(group.rows is not None for group in groups)
    at_once = CrossValidatedRidge().fit(X, y, fold_index)
    from_sums = CrossValidatedRidge().fit_moments(pooled)
    from_groups = CrossValidatedRidge().fit_moments(groups[0] + groups[1] + groups[2])
    np.testing.assert_array_equal(from_sums.coef_, at_once.coef_)
    np.testing.assert_allclose(from_groups.predict(X), at_once.predict(X), atol=2e-5)
    assert from_sums.n_samples_ == from_groups.n_samples_ == 300


def test_a_fit_uses_sums_up_and_leaves_those_of_a_copy():
    X, y = draw_spectra(300, 120, noise=0.03)
    moments = Moments(N_FOLDS).add(X, y, np.arange(300) % N_FOLDS)
    kept = moments.copy()
    first = CrossValidatedRidge().fit_moments(moments)
    with pytest.raises(ValueError, match="used up by a fit"):
        CrossValidatedRidge().fit_moments(moments)
    np.testing.assert_array_equal(CrossValidatedRidge().fit_moments(kept).coef_, first.coef_)


def test_a_constant_label_is_predicted_exactly():
    X, _ = draw_spectra(300, 120, noise=0.03)
    model = CrossValidatedRidge().fit(X, np.full(300, 4.25))
    np.testing.assert_array_equal(model.predict(X), 4.25)


def test_shift_of_flux_and_label_moves_the_intercept_alone():
    X, y = draw_spectra(300, 120, noise=0.03)
    X = X.astype(float)
    model, shifted = CrossValidatedRidge().fit(X, y), CrossValidatedRidge().fit(X + 7, y - 2)
    np.testing.assert_allclose(shifted.coef_, model.coef_, atol=1e-7)
    np.testing.assert_allclose(shifted.predict(X + 7), model.predict(X) - 2, atol=1e-7)


def test_predictions_do_not_depend_on_how_stars_are_cut():
    X, y = draw_spectra(300, 120, noise=0.03)
    model = CrossValidatedRidge().fit(X, y)
    assert model.predict(X).dtype == float
    np.testing.assert_allclose(model.predict(X[:10]), model.predict(X)[:10], atol=1e-6)


def test_same_seed_same_numbers_and_another_seed_other_folds():
    X, y = draw_spectra(300, 120, noise=0.03)
    first, again = CrossValidatedRidge().fit(X, y), CrossValidatedRidge().fit(X, y)
    np.testing.assert_array_equal(first.cv_scores_, again.cv_scores_)
    np.testing.assert_array_equal(first.coef_, again.coef_)
    assert (CrossValidatedRidge(fold_seed=1).fit(X, y).cv_scores_ != first.cv_scores_).any()


@pytest.mark.parametrize(("n_stars", "n_folds"), [(10, 5), (23, 5), (4, 4)])
def test_folds_are_balanced_and_shuffled(n_stars, n_folds):
    fold_index = assign_folds(n_stars, n_folds, np.random.default_rng(3))
    counts = np.bincount(fold_index, minlength=n_folds)
    assert counts.sum() == n_stars
    assert np.ptp(counts) <= 1
    assert (fold_index != np.arange(n_stars) % n_folds).any()


def test_penalties_below_float32_are_left_out_with_a_warning():
    X, y = draw_spectra(300, 120, noise=0.0)
    X[:, 1:] = X[:, :1] + 1e-9 * X[:, 1:]  # one direction is all that float32 leaves
    model = CrossValidatedRidge(alphas=[1e-12, 10.0])
    with pytest.warns(RuntimeWarning, match="1 of 2 penalties, up to alpha=1e-12, are too small"):
        model.fit(X, y)
    assert model.alpha_ == 10.0
    with pytest.raises(InputError, match="1 of 1 penalties.*Use larger alphas, or sums in float64"):
        CrossValidatedRidge(alphas=[1e-12]).fit(X, y)


def test_too_few_stars_are_counted():
    X, y = draw_spectra(9, 120, noise=0.03)
    with pytest.raises(InputError, match="1 of n_folds=5 folds have fewer than two stars: there are 9 stars in all"):
        CrossValidatedRidge().fit(X, y)


@pytest.mark.parametrize("alphas", [[], [0.0, 1.0], [-1.0], [np.nan], [[1.0]]])
def test_senseless_penalties_are_refused(alphas):
    X, y = draw_spectra(30, 20, noise=0.03)
    with pytest.raises(InputError, match="^alphas="):
        CrossValidatedRidge(alphas=alphas).fit(X, y)


def test_sums_of_other_folds_are_refused():
    X, y = draw_spectra(30, 20, noise=0.03)
    with pytest.raises(ValueError, match="The sums have 3 folds, this estimator 5"):
        CrossValidatedRidge().fit_moments(Moments(3).add(X, y, np.arange(30) % 3))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rank", [3, 40])
def test_one_krylov_space_solves_for_every_penalty(dtype, rank):
    rng = np.random.default_rng(0)
    factor = rng.standard_normal((rank, 40))
    matrix, right = (factor.T @ factor).astype(dtype), factor.T @ rng.standard_normal(rank)
    systems = ShiftedSystems(matrix, right, CpuMatrices(np.dtype(dtype)))
    few, all_alphas = np.array([10.0]), np.array([0.1, 1.0, 10.0, 1e6])
    assert systems.iterate(few, tolerance=1e-6, max_steps=100).all()
    assert systems.iterate(all_alphas, tolerance=1e-6, max_steps=100).all()
    assert systems.n_steps <= rank + 1
    for alpha, solution in zip(all_alphas, systems.solve(all_alphas), strict=True):
        exact = scipy.linalg.solve(factor.T @ factor + alpha * np.eye(40), right)
        np.testing.assert_allclose(solution, exact, atol=1e-4 * np.abs(exact).max())
        np.testing.assert_allclose(systems.solve_directly(alpha), exact, atol=1e-4 * np.abs(exact).max())


def test_krylov_space_says_what_has_not_converged():
    matrix = np.diag(np.logspace(-4, 2, 60))
    systems = ShiftedSystems(matrix, np.ones(60), CpuMatrices(np.dtype(float)))
    np.testing.assert_array_equal(systems.iterate(np.array([1e-5, 1e2]), tolerance=1e-6, max_steps=20), [False, True])
    assert systems.n_steps == 20
    indefinite = ShiftedSystems(matrix - np.eye(60), np.ones(60), CpuMatrices(np.dtype(float)))
    np.testing.assert_array_equal(
        indefinite.iterate(np.array([1e-5, 1e2]), tolerance=1e-6, max_steps=60), [False, True]
    )
    assert np.isnan(indefinite.solve_directly(1e-5)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("matrices_class", [CpuMatrices, lambda dtype: TorchMatrices(dtype, "cpu")])
def test_matrices_do_what_numpy_does(matrices_class, dtype):
    rng = np.random.default_rng(0)
    rows, vector = rng.standard_normal((50, 30)).astype(dtype), rng.standard_normal(30)
    matrices = matrices_class(np.dtype(dtype))
    matrix = matrices.zeros(2, 30)[1]
    matrices.add_product(matrix, rows)
    matrices.add_rank_one(matrix, vector, -0.5)
    matrices.mirror(matrix)
    expected = rows.T @ rows - 0.5 * np.outer(vector, vector)
    np.testing.assert_allclose(matrices.to_numpy(matrix), expected, atol=1e-4)
    np.testing.assert_allclose(matrices.multiply(matrix, rows), rows @ expected, rtol=1e-3, atol=1e-3)
    factor = matrices.factorize(matrix, 20.0)
    solved = matrices.solve(factor, rows)
    np.testing.assert_allclose(solved @ (expected + 20 * np.eye(30)), rows, atol=1e-4)
    with pytest.raises(NotPositiveDefiniteError):
        matrices.factorize(matrix, -1e3)


@pytest.mark.parametrize("n_stars", [60, 400])
def test_the_device_path_agrees_with_numpy(n_stars):
    X, y = draw_spectra(n_stars, 120, noise=0.03)
    fold_index = np.arange(n_stars) % N_FOLDS
    here = CrossValidatedRidge().fit(X, y, fold_index)
    there = CrossValidatedRidge(device="cpu:0").fit(X, y, fold_index)  # torch's name for the CPU: the path of CUDA
    assert there.alpha_ == here.alpha_
    np.testing.assert_allclose(there.predict(X), here.predict(X), atol=2e-5)
    sums = Moments(N_FOLDS, device="cpu:0").add(X, y, fold_index)
    np.testing.assert_allclose(
        sums.principal_components(2).components,
        Moments(N_FOLDS).add(X, y, fold_index).principal_components(2).components,
        atol=1e-4,
    )


def test_clone_keeps_the_options():
    model = clone(CrossValidatedRidge(alphas=[1.0, 2.0], n_folds=3, fold_seed=7))
    assert model.get_params() == {"alphas": [1.0, 2.0], "n_folds": 3, "fold_seed": 7, "device": "cpu"}


@parametrize_with_checks([CrossValidatedRidge()])
def test_scikit_learn_contract(estimator, check):
    check(estimator)
