import numpy as np

from moe_exp.comparison.published import (
    published_bin_delta_r2,
    published_bin_r2,
    published_r2,
    published_values,
)


def test_every_number_names_its_source() -> None:
    table = published_values()
    assert table["source"].notna().all()
    assert not table.duplicated(["n_train", "noise_level", "stars", "quantity", "model", "bin_index"]).any()


def test_published_differences_agree_with_published_scores() -> None:
    table = published_values()
    deltas = table[table["quantity"] == "delta_r2"]
    for row in deltas.itertuples():
        r2 = published_r2(n_train=row.n_train, noise_level=0.2)
        assert abs(r2[row.model] - r2["classify"] - row.value) < 5e-4


def test_other_designs_have_no_published_values() -> None:
    assert published_r2(n_train=50_000, noise_level=0.2) == {}
    assert published_r2(n_train=32_000, noise_level=0.5) == {}
    assert published_bin_r2("mlp", n_train=1000, noise_level=0.2) == {}


def test_values_per_bin_cover_the_nine_bins() -> None:
    assert sorted(published_bin_r2("mlp", n_train=100_000, noise_level=0.2)) == list(range(9))
    deltas = published_bin_delta_r2("mlp", n_train=100_000, noise_level=0.2)
    assert np.argmax([deltas[index] for index in range(9)]) == 4
