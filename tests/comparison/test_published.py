import numpy as np
import pytest

from moe_exp.comparison.published import PUBLISHED_DESIGN, Published, published_values
from moe_exp.experiment.config import flatten


def test_every_number_names_its_source() -> None:
    table = published_values()
    assert table["source"].notna().all()
    assert not table.duplicated(["n_train", "noise_level", "stars", "quantity", "model", "bin_index"]).any()


def test_published_differences_agree_with_published_scores() -> None:
    published = Published.beside(PUBLISHED_DESIGN)
    deltas = published.table[published.table["quantity"] == "delta_r2"]
    for row in deltas.itertuples():
        r2 = published.r2(n_train=row.n_train, noise_level=0.2)
        assert abs(r2[row.model] - r2["classify"] - row.value) < 5e-4


def test_other_train_sizes_and_noise_levels_have_no_published_values() -> None:
    published = Published.beside(PUBLISHED_DESIGN)
    assert published.r2(n_train=100_000, noise_level=0.2)
    assert published.r2(n_train=50_000, noise_level=0.2) == {}
    assert published.r2(n_train=32_000, noise_level=0.5) == {}
    row = {"model": "mlp", "n_train": 1000, "noise_level": 0.2}
    assert published.of(row, "bin_r2", bin_index=0) is None


@pytest.mark.parametrize(
    "overrides",
    [
        ["data=hdf5", "data.path=mine.h5", "data.n_train=32000"],
        ["bins=quantiles"],
        ["preprocessing=continuum"],
        ["bins.teff_edges=[3750,4500,5300,6000]"],
        ["bins.m_h_edges=[-2,-1,0,0.6]"],
        ["data=simulated_coarse"],
    ],
)
def test_runs_of_other_stars_or_bins_never_meet_published_values(configure, overrides) -> None:
    default, other = configure(), configure(*overrides)
    parameters = [flatten(each.values, each.choices) for each in (default, other)]
    assert Published.beside(parameters[0]).has(n_train=32_000, noise_level=0.2)
    assert not Published.beside(parameters[1]).has(n_train=32_000, noise_level=0.2)
    assert not Published.beside(*parameters).has(n_train=32_000, noise_level=0.2)


def test_values_per_bin_cover_the_nine_bins() -> None:
    published, row = Published.beside(PUBLISHED_DESIGN), {"model": "mlp", "n_train": 100_000, "noise_level": 0.2}
    assert all(published.of(row, "bin_r2", bin_index=index) is not None for index in range(9))
    deltas = [published.of(row, "bin_delta_r2", bin_index=index)["value"] for index in range(9)]
    assert np.argmax(deltas) == 4
