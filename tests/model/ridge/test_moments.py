import numpy as np
import pytest

from moe_exp.errors import InputError
from moe_exp.model.ridge import moments as moments_module
from moe_exp.model.ridge.moments import Moments

N_FOLDS = 3


def draw_stars(n_stars=400, n_pixels=60, *, seed=1, offset=1.0):
    rng = np.random.default_rng(seed)
    signal = rng.standard_normal((n_stars, 4)) @ (
        rng.standard_normal((4, n_pixels)) * np.array([[0.3], [0.2], [0.1], [0.05]])
    )
    X = (offset + signal + 0.02 * rng.standard_normal((n_stars, n_pixels))).astype(np.float32)
    y = 3 + signal[:, 0] + 0.1 * rng.standard_normal(n_stars)
    return X, y, rng.integers(0, N_FOLDS, n_stars)


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(moments_module, "TILE_ROWS", 64)


def fill(X, y, fold_index, *, cuts=(), **options):
    moments = Moments(N_FOLDS, **options)
    edges = [0, *cuts, len(y)]
    for start, stop in zip(edges, edges[1:], strict=False):
        moments.add(X[start:stop], y[start:stop], fold_index[start:stop])
    return moments


def upper(gram):
    return np.array([matrix[np.triu_indices(len(matrix))] for matrix in gram])


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("cuts", [(1, 2, 3), (63, 64, 65, 66), (200,), range(1, 400)])
def test_sums_do_not_depend_on_how_rows_were_cut(cuts):
    stars = draw_stars()
    whole, pieces = fill(*stars).fold_sums(), fill(*stars, cuts=cuts).fold_sums()
    for name in ("count", "y", "yy", "x", "xy"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(pieces, name))
    np.testing.assert_array_equal(upper(whole.gram), upper(pieces.gram))


@pytest.mark.usefixtures("small_tiles")
def test_sums_are_those_of_float64_about_the_origin():
    X, y, fold_index = draw_stars()
    moments = fill(X, y, fold_index)
    sums = moments.fold_sums()
    for fold in range(N_FOLDS):
        own = fold_index == fold
        Z = X[own].astype(float) - moments.origin.astype(float)
        assert sums.count[fold] == own.sum()
        np.testing.assert_allclose(sums.x[fold], Z.sum(axis=0), atol=1e-4)
        np.testing.assert_allclose(sums.xy[fold], Z.T @ y[own], atol=1e-4)
        np.testing.assert_allclose(sums.yy[fold], y[own] @ y[own])
        np.testing.assert_allclose(np.triu(sums.gram[fold]), np.triu(Z.T @ Z), atol=1e-4)


@pytest.mark.usefixtures("small_tiles")
def test_products_keep_float32_precision_far_from_zero():
    X, y, fold_index = draw_stars(offset=100.0)
    moments = fill(X, y, fold_index)
    scatter = moments.fold_sums().scatter_matrix(moments.matrices)
    Z = X.astype(float) - X.mean(axis=0, dtype=float)
    assert np.abs(scatter - Z.T @ Z).max() < 1e-5 * np.abs(scatter).max()


def test_products_do_not_change_what_they_were_given():
    X, y, fold_index = draw_stars()
    copies = X.copy(), y.copy(), fold_index.copy()
    fill(X, y, fold_index).fold_sums()
    for given, copy in zip((X, y, fold_index), copies, strict=True):
        np.testing.assert_array_equal(given, copy)


@pytest.mark.parametrize("n_first", [20, 50, 300])
@pytest.mark.parametrize("n_second", [20, 350])
def test_groups_add_up_to_the_pooled_sums(n_first, n_second):
    X, y, fold_index = draw_stars(n_first + n_second)
    pooled = fill(X, y, fold_index)
    origin = pooled.origin
    first = fill(X[:n_first], y[:n_first], fold_index[:n_first], origin=origin)
    second = fill(X[n_first:], y[n_first:], fold_index[n_first:], origin=origin)
    before = upper(first.fold_sums().gram)
    total = first + second
    np.testing.assert_array_equal(before, upper(first.fold_sums().gram))
    assert (total.rows is None) == (n_first + n_second > X.shape[1])
    np.testing.assert_array_equal(total.fold_counts, pooled.fold_counts)
    np.testing.assert_allclose(total.fold_sums().xy, pooled.fold_sums().xy, atol=1e-10)
    np.testing.assert_allclose(upper(total.fold_sums().gram), upper(pooled.fold_sums().gram), atol=1e-4)
    first += second
    np.testing.assert_array_equal(upper(first.fold_sums().gram), upper(total.fold_sums().gram))


def test_groups_of_different_scale_add_up():
    X, y, fold_index = draw_stars(offset=0.0)
    X = X * np.float32(1e12)
    origin = np.zeros(X.shape[1])
    constant = fill(np.zeros((5, X.shape[1]), np.float32), y[:5], fold_index[:5], origin=origin).close()
    varied = fill(X, y, fold_index, origin=origin).close()
    assert constant.scale == 1
    assert varied.scale > 1e11
    total = varied + constant
    np.testing.assert_array_equal(upper(total.fold_sums().gram), upper(varied.fold_sums().gram))
    np.testing.assert_allclose(total.mean(), X.sum(axis=0, dtype=float) / (len(X) + 5), rtol=1e-5)
    other_way = (constant + varied).fold_sums()
    np.testing.assert_allclose(upper(other_way.gram), varied.scale**2 * upper(varied.fold_sums().gram), rtol=1e-6)


@pytest.mark.parametrize("n_stars", [40, 400])
@pytest.mark.parametrize("unit", [1.0, 1e-17])
def test_principal_components_are_those_of_the_singular_value_decomposition(n_stars, unit):
    X, y, fold_index = draw_stars(n_stars)
    found = fill(X * np.float32(unit), y, fold_index).principal_components(4)
    Z = X.astype(float) - X.mean(axis=0, dtype=float)
    _, singular, right = np.linalg.svd(Z, full_matrices=False)
    np.testing.assert_allclose(found.mean / unit, X.mean(axis=0, dtype=float), rtol=1e-6)
    np.testing.assert_allclose(found.explained_variance / unit**2, singular[:4] ** 2 / (n_stars - 1), rtol=1e-4)
    np.testing.assert_allclose(np.abs(np.sum(found.components * right[:4], axis=1)), 1, atol=1e-6)
    assert (np.take_along_axis(found.components, np.abs(found.components).argmax(axis=1)[:, None], axis=1) > 0).all()
    scores = found.transform(X.astype(float) * unit)
    np.testing.assert_allclose(np.cov(scores.T), np.diag(found.explained_variance), atol=1e-4 * unit**2)


def test_principal_components_repeat_bit_for_bit():
    stars = draw_stars()
    np.testing.assert_array_equal(
        fill(*stars).principal_components(3).components, fill(*stars, cuts=(7, 100)).principal_components(3).components
    )


@pytest.mark.parametrize("n_components", [0, 12])
def test_too_many_components_are_refused(n_components):
    X, y, fold_index = draw_stars(12)
    with pytest.raises(
        InputError, match=rf"^{n_components} principal components: .*more stars \(12\) and pixels \(60\)"
    ):
        fill(X, y, fold_index).principal_components(n_components)


def test_values_that_are_not_finite_are_counted():
    X, y, fold_index = draw_stars()
    X[3, 0], X[5, 0], X[5, 7] = np.nan, np.inf, -np.inf
    with pytest.raises(InputError, match=r"^3 flux values of 2 of 400 stars are not finite .* in 2 of 60 pixels;"):
        fill(X, y, fold_index)
    y[:4] = np.nan
    with pytest.raises(InputError, match="^4 of 400 labels are not finite"):
        fill(X, y, fold_index)


def test_shapes_and_folds_that_do_not_fit_are_refused():
    X, y, fold_index = draw_stars()
    with pytest.raises(InputError, match=r"shapes are \(400, 60\), \(399,\) and \(400,\)"):
        Moments(N_FOLDS).add(X, y[:-1], fold_index)
    with pytest.raises(InputError, match="with 60 pixels"):
        fill(X, y, fold_index).add(X[:, :-1], y, fold_index)
    with pytest.raises(InputError, match="between 0 and n_folds - 1 = 2"):
        fill(X, y, fold_index + 1)
    with pytest.raises(InputError, match="n_folds=1"):
        Moments(1)
    with pytest.raises(InputError, match="No star"):
        Moments(2).close()


def test_rows_after_reading_and_sums_about_another_origin_are_refused():
    X, y, fold_index = draw_stars()
    moments = fill(X, y, fold_index)
    moments.close()
    with pytest.raises(ValueError, match="take no more rows"):
        moments.add(X, y, fold_index)
    with pytest.raises(ValueError, match="same origin"):
        moments + fill(X[:100], y[:100], fold_index[:100])
    with pytest.raises(ValueError, match="same n_folds"):
        moments + Moments(N_FOLDS, dtype=float).add(X, y, fold_index)


def test_a_device_that_is_not_there_is_named():
    with pytest.raises(InputError, match="device=warp"):
        Moments(2, device="warp")
