import re

import numpy as np
import pytest

from moe_exp.errors import InputError
from moe_exp.progress import Stages
from moe_exp.spectra.sources import Hdf5Data
from moe_exp.spectra.writer import write_spectra
from tests.conftest import make_stars, write_stars


def open_data(tmp_path, **options):
    return Hdf5Data(**options).open(tmp_path / "cache", Stages(), "cpu")


def everything(stars):
    return stars.noisy_flux(np.arange(len(stars)))


def test_splits_of_one_file_are_disjoint_and_keep_their_labels(stars_file, tmp_path):
    data = open_data(tmp_path, path=str(stars_file), n_train=None, n_val=10, n_test=0.2, noise_level=0.0)
    flux, _, labels = make_stars(50)
    rows = np.concatenate([data.train.rows, data.gate.rows, data.test.rows])
    assert sorted(rows) == list(range(50))
    for stars in (data.train, data.gate, data.test):
        np.testing.assert_allclose(everything(stars) * stars.flux_unit, flux[stars.rows], rtol=3e-7)
        np.testing.assert_array_equal(stars.labels["logg"], labels["logg"][stars.rows])


def test_more_training_stars_keep_test_and_gate_stars(stars_file, tmp_path):
    few, many = (open_data(tmp_path, path=str(stars_file), n_train=n, n_val=10, n_test=10) for n in (10, 30))
    assert few.test.digest == many.test.digest
    assert few.gate.digest == many.gate.digest
    np.testing.assert_array_equal(few.train.rows, many.train.rows[many.train.first(10)])
    in_file_units = [everything(data.test) * data.test.flux_unit for data in (few, many)]
    np.testing.assert_allclose(*in_file_units, rtol=3e-7)


def test_shards_equal_one_file(tmp_path):
    whole = write_stars(tmp_path / "whole.h5", 50)
    flux, error, labels = make_stars(50)
    for number, part in enumerate((slice(0, 20), slice(20, 23), slice(23, 50))):
        shard, n_stars = tmp_path / f"shard_{number}.h5", part.stop - part.start
        with write_spectra(
            shard, wavelength=np.linspace(8480, 8680, 60), n_stars=n_stars, random_order=False
        ) as writer:
            writer.add(flux[part], error[part], labels[part])
    sizes = {"n_train": 25, "n_val": 10, "n_test": 10}
    one = open_data(tmp_path, path=str(whole), **sizes)
    sharded = open_data(tmp_path, path=str(tmp_path / "shard_*.h5"), **sizes)
    assert one.digest == sharded.digest
    np.testing.assert_array_equal(everything(one.train), everything(sharded.train))


def test_files_of_their_own_serve_gate_and_test(tmp_path):
    paths = {name: write_stars(tmp_path / f"{name}.h5", 30, seed=seed) for seed, name in enumerate(("a", "b", "c"))}
    data = open_data(
        tmp_path,
        path=str(paths["a"]),
        val_path=str(paths["b"]),
        test_path=str(paths["c"]),
        n_train=None,
        n_val=None,
        n_test=20,
        noise_level=1.0,
    )
    assert (len(data.train), len(data.gate), len(data.test)) == (30, 30, 20)
    draws = [everything(s) - s.files.read(s.rows)[0] for s in (data.train, data.gate)]
    assert abs(np.corrcoef(draws[0].ravel(), draws[1].ravel())[0, 1]) < 0.15


def test_sizes_that_are_not_given_are_all_of_own_files_or_a_tenth(tmp_path):
    main, own = write_stars(tmp_path / "a.h5", 100), write_stars(tmp_path / "b.h5", 30, seed=1)
    open_sizes = {"n_train": None, "n_val": None, "n_test": None}
    apart = open_data(tmp_path, path=str(main), test_path=str(own), **open_sizes)
    assert (len(apart.train), len(apart.gate), len(apart.test)) == (90, 10, 30)
    together = open_data(tmp_path, path=str(main), **open_sizes)
    assert (len(together.train), len(together.gate), len(together.test)) == (80, 10, 10)


def test_copies_of_training_stars_are_no_test_stars(stars_file, tmp_path):
    copy = tmp_path / "copy.h5"
    copy.write_bytes(stars_file.read_bytes())
    sizes = {"n_train": 40, "n_val": 10, "n_test": 50}
    with pytest.raises(InputError, match=r"10 star\(s\) of data.n_test are also among those of data.n_val"):
        open_data(tmp_path, path=str(stars_file), test_path=str(copy), **sizes)


def test_declared_random_order_is_kept(tmp_path):
    path = write_stars(tmp_path / "random.h5", 50, random_order=True)
    data = open_data(tmp_path, path=str(path), n_train=30, n_val=10, n_test=10)
    np.testing.assert_array_equal(data.test.rows, np.arange(10))
    np.testing.assert_array_equal(data.train.rows, np.arange(20, 50))


def test_sorted_files_are_shuffled(stars_file, tmp_path):
    data = open_data(tmp_path, path=str(stars_file), n_train=30, n_val=10, n_test=10)
    assert not np.array_equal(data.test.rows, np.arange(10))


def test_flux_is_handed_out_in_units_of_its_median(tmp_path):
    flux, error, labels = make_stars(50)
    scale = 2.0**-55  # about 2.8e-17
    path = tmp_path / "physical.h5"
    with write_spectra(path, wavelength=np.linspace(8480, 8680, 60), n_stars=50, random_order=False) as writer:
        writer.add(flux * np.float32(scale), error * np.float32(scale), labels)
    sizes = {"n_train": 30, "n_val": 10, "n_test": 10}
    physical = open_data(tmp_path, path=str(path), **sizes)
    plain = open_data(tmp_path, path=str(write_stars(tmp_path / "plain.h5")), **sizes)
    assert physical.train.flux_unit == scale * plain.train.flux_unit
    assert np.median(np.median(everything(plain.train), axis=1)) == pytest.approx(1, abs=0.02)
    np.testing.assert_array_equal(everything(physical.train), everything(plain.train))


def test_noise_does_not_depend_on_the_selection(stars_file, tmp_path):
    data = open_data(tmp_path, path=str(stars_file), n_train=30, n_val=10, n_test=10)
    np.testing.assert_array_equal(data.train.noisy_flux(np.array([4, 20])), everything(data.train)[[4, 20]])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "data.path is missing"),
        ({"path": "FILE", "n_train": 31}, "data.n_test=10 + data.n_val=10 + data.n_train=31"),
        ({"path": "FILE", "n_val": 50}, "but the files hold 50"),
        ({"path": "FILE", "test_path": "FILE"}, "the same file serves two splits"),
        ({"path": "FILE", "noise_level": -0.1}, "data.noise_level=-0.1"),
        ({"path": "FILE", "noise_level": float("nan")}, "data.noise_level=nan"),
        ({"path": "FILE", "seed": -1}, "data.seed=-1"),
        ({"path": []}, "data.path is empty"),
        ({"path": 3}, "data.path=3 is neither a path nor a list of paths"),
        ({"path": "FILE", "n_train": float("inf")}, "data.n_train=inf is neither a number of stars nor a fraction"),
    ],
)
def test_bad_options_are_refused(stars_file, tmp_path, options, message):
    options = {name: str(stars_file) if value == "FILE" else value for name, value in options.items()}
    with pytest.raises(InputError, match=re.escape(message)):
        open_data(tmp_path, **{"n_train": 30, "n_val": 10, "n_test": 10} | options)


def test_shards_of_different_grids_are_refused(tmp_path):
    write_stars(tmp_path / "shard_0.h5", 10)
    write_stars(tmp_path / "shard_1.h5", 10, n_pixels=61)
    with pytest.raises(InputError, match=r"shard_1\.h5 has another wavelength grid \(61 pixels\)"):
        open_data(tmp_path, path=str(tmp_path / "shard_*.h5"), n_train=10, n_val=5, n_test=5)
