import re
from itertools import combinations

import h5py
import numpy as np
import pandas as pd
import pytest

from moe_exp.errors import InputError
from moe_exp.progress import Stages
from moe_exp.spectra.checksums import CHECKSUMS
from moe_exp.spectra.files import FLUX, LABELS
from moe_exp.spectra.sources import Hdf5Data
from moe_exp.spectra.writer import write_spectra
from tests.conftest import make_stars, write_stars


def open_data(tmp_path, **options):
    return Hdf5Data(**options).open(tmp_path / "cache", Stages())


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
            shard, wavelength=np.linspace(8480, 8680, 60), medium="air", n_stars=n_stars, random_order=False
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


def write_rows(path, rows, *, random_order=False, **columns):
    """Write rows of 60 made-up stars, in this order, with further label columns."""
    flux, error, labels = make_stars(60)
    labels = labels.iloc[rows].reset_index(drop=True)
    with write_spectra(
        path, wavelength=np.linspace(8480, 8680, 60), medium="air", n_stars=len(rows), random_order=random_order
    ) as to:
        to.add(flux[rows], error[rows], labels)
    with h5py.File(path, "a") as file:
        del file[CHECKSUMS]
    pd.read_hdf(path).assign(**columns).to_hdf(path, key=LABELS, format="table", mode="a")
    return str(path)


STAR = np.random.default_rng(1).permutation(np.repeat(np.arange(40), [1, 2, 3, 4] * 10))
"""Which star each of 100 rows shows."""


def write_visits(path, star=STAR, **options):
    """Write visits, a row each, with other noise each time."""
    written = write_rows(path, star, **options)
    with h5py.File(path, "a") as file:
        file[FLUX][...] += np.random.default_rng(0).normal(0, 0.01, file[FLUX].shape)
    return written


def test_copies_within_a_split_are_refused_with_their_number(tmp_path):
    path = write_rows(tmp_path / "copies.h5", [*range(50), 45, 46, 47, 45], random_order=True)
    message = r"4 star\(s\) of data.n_train are copies of others of them \(first: .*copies\.h5, row 50\): flux, error"
    with pytest.raises(InputError, match=message):
        open_data(tmp_path, path=path, n_train=34, n_val=10, n_test=10)


def test_every_place_of_copies_is_said_at_once(tmp_path):
    path = write_rows(tmp_path / "copies.h5", [*range(50), 0, 12, 49, 49], random_order=True)
    with pytest.raises(InputError) as caught:
        open_data(tmp_path, path=path, n_train=34, n_val=10, n_test=10)
    for said in (
        "2 star(s) of data.n_train are copies",
        "1 star(s) of data.n_test are also among those of data.n_train",
        "1 star(s) of data.n_val are also among those of data.n_train",
    ):
        assert said in str(caught.value)


@pytest.mark.parametrize("random_order", [True, False])
@pytest.mark.parametrize("spell", [lambda star: 10**15 + star, lambda star: [f"HD {each}" for each in star]])
def test_all_visits_of_a_star_go_to_one_split(tmp_path, random_order, spell):
    path = write_visits(tmp_path / "visits.h5", random_order=random_order, HD=spell(STAR))
    few, many = (open_data(tmp_path, path=path, star_id="HD", n_train=n, n_val=20, n_test=20) for n in (25, 50))
    splits = {"train": (many.train, 50), "gate": (many.gate, 20), "test": (many.test, 20), "few": (few.train, 25)}
    shown = {name: set(STAR[split.rows]) for name, (split, _) in splits.items()}
    assert not any(shown[one] & shown[other] for one, other in combinations(("train", "gate", "test"), 2))
    for name, (split, size) in splits.items():
        assert abs(len(split) - size) <= 2
        assert split.star.max() + 1 == len(shown[name])
    np.testing.assert_array_equal(few.train.handed_out, many.train.handed_out[: len(few.train)])
    assert (few.test.digest, few.gate.digest) == (many.test.digest, many.gate.digest)
    assert many.test.labels["star_id"].tolist() == [*np.asarray(spell(STAR))[many.test.rows]]


def test_ids_that_all_differ_change_no_split(stars_file, tmp_path):
    sizes = {"n_train": 30, "n_val": 10, "n_test": 10}
    plain = open_data(tmp_path, path=str(stars_file), **sizes)
    path = write_rows(tmp_path / "named.h5", [*range(50)], HD=[f"HD {7 * i % 50}" for i in range(50)])
    named = open_data(tmp_path, path=path, star_id="HD", **sizes)
    for split in ("train", "gate", "test"):
        np.testing.assert_array_equal(getattr(named, split).handed_out, getattr(plain, split).handed_out)


def test_which_rows_are_visits_of_one_star_is_part_of_the_digest(tmp_path):
    own = write_rows(tmp_path / "test.h5", [*range(50, 60)], HD=np.arange(10), pair=np.arange(10) // 2)
    path = write_rows(tmp_path / "rest.h5", [*range(50)], HD=np.arange(100, 150), pair=np.arange(100, 150))
    sizes = {"path": path, "test_path": own, "n_train": 30, "n_val": 20, "n_test": None}
    single, paired = (open_data(tmp_path, star_id=column, **sizes) for column in ("HD", "pair"))
    np.testing.assert_array_equal(single.test.rows, paired.test.rows)
    assert single.test.digest != paired.test.digest
    assert single.train.digest == paired.train.digest


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("HD", np.where(STAR == 3, np.nan, STAR), "4 of 100 rows have no HD, which data.star_id names"),
        ("HD", ["" if star == 3 else f"HD {star}" for star in STAR], "4 of 100 rows have no HD"),
        ("HD", STAR + 0.5, "data.star_id=HD: its numbers are no ids"),
        ("HD", STAR + 2.0**60, "data.star_id=HD: its numbers are no ids"),
        ("HIP", STAR, "data.star_id=HD is no column of the label table; it has .*HIP"),
    ],
)
def test_ids_that_are_none_are_refused(tmp_path, column, values, message):
    path = write_visits(tmp_path / "visits.h5", **{column: values})
    with pytest.raises(InputError, match=message):
        open_data(tmp_path, path=path, star_id="HD", n_train=50, n_val=20, n_test=20)


def test_a_star_in_the_files_of_two_splits_is_refused(tmp_path):
    one = write_visits(tmp_path / "a.h5", STAR[:60], HD=STAR[:60])
    other = write_visits(tmp_path / "b.h5", STAR[60:], HD=STAR[60:])
    with pytest.raises(InputError, match=r"star\(s\) of data.n_test were also seen in data.n_val .*by data.star_id=HD"):
        open_data(tmp_path, path=one, test_path=other, star_id="HD", n_train=40, n_val=20, n_test=None)


def test_what_may_be_visits_is_said_with_what_to_do(tmp_path, caplog):
    sizes = {"n_train": 50, "n_val": 20, "n_test": 20}
    path = write_visits(tmp_path / "visits.h5", Obj_ID=STAR)
    open_data(tmp_path, path=path, **sizes)
    said = [record.getMessage() for record in caplog.records if "data.star_id" in record.getMessage()]
    assert len(said) == 2
    assert "stars share Obj_ID with others, also across splits" in said[0]
    assert "stars share teff, logg, m_h with others, also across splits" in said[1]


def test_nothing_is_said_of_visits_that_are_named_or_of_single_ones(tmp_path, caplog):
    path = write_visits(tmp_path / "visits.h5", Obj_ID=STAR)
    open_data(tmp_path, path=path, star_id="Obj_ID", n_train=50, n_val=20, n_test=20)
    open_data(tmp_path, path=str(write_stars(tmp_path / "plain.h5")), n_train=30, n_val=10, n_test=10)
    assert not [record for record in caplog.records if "data.star_id" in record.getMessage()]


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
    with write_spectra(
        path, wavelength=np.linspace(8480, 8680, 60), medium="air", n_stars=50, random_order=False
    ) as writer:
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
        ({"path": "FILE", "n_train": -5}, "data.n_train=-5: give a number of stars, 1 or more; a fraction"),
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
    with pytest.raises(InputError, match=r"shard_1\.h5 has another wavelength grid \(61 pixels, 8480 to 8680 Å, air\)"):
        open_data(tmp_path, path=str(tmp_path / "shard_*.h5"), n_train=10, n_val=5, n_test=5)
