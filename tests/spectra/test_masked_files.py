"""Files with bad pixels, as users have them: what becomes of their pixels and stars."""

import h5py
import numpy as np
import pandas as pd
import pytest

from moe_exp.errors import InputError
from moe_exp.progress import Stages
from moe_exp.spectra.checksums import CHECKSUMS
from moe_exp.spectra.files import ERROR, FLUX, LABELS, Layout
from moe_exp.spectra.sources import Hdf5Data
from moe_exp.spectra.star_files import StarFiles
from moe_exp.spectra.writer import write_spectra
from tests.conftest import make_stars

N_STARS, N_PIXELS = 50, 60
WAVELENGTH = np.linspace(7000, 7200, N_PIXELS)  # without known lines to look for, which takes time
MASK, IVAR = "dataset/arrays/mask/value", "dataset/arrays/ivar/value"
SIZES = {"n_train": 30, "n_val": 10, "n_test": 10}
GAP = (slice(None), slice(20, 26))
EVERY = np.arange(N_STARS)


def scatter(share=0.05):
    return np.random.default_rng(7).random((N_STARS, N_PIXELS)) < share


def write(path, *, checksums=False, scale=1.0):
    """Write stars whose errors are powers of 2, so that their inverse variances say just the same."""
    flux, error, labels = make_stars(N_STARS)
    error = np.exp2(np.round(np.log2(error))).astype(np.float32)
    with write_spectra(path, wavelength=WAVELENGTH, medium="air", n_stars=N_STARS, random_order=False) as writer:
        writer.add(flux * np.float32(scale), error * np.float32(scale), labels)
    if not checksums:
        with h5py.File(path, "a") as file:
            del file[CHECKSUMS]
    return path


def by_dataset(file, masked):
    file[MASK] = np.where(masked, 4, 0)
    return {"mask": MASK}


def by_flags_of_bool(file, masked):
    file.create_dataset(MASK, data=masked, chunks=(7, 20), compression="gzip")
    return {"mask": MASK}


def by_nan(file, masked):
    file[FLUX][...] = np.where(masked, np.nan, file[FLUX][()])
    return {}


def by_error(file, masked):
    file[ERROR][...] = np.where(masked, np.inf, file[ERROR][()])
    return {}


def by_ivar(file, masked):
    file[IVAR] = np.where(masked, 0, file[ERROR][()] ** -2.0)
    del file[ERROR]
    return {"ivar": IVAR}


def by_sentinel(file, masked):
    file[FLUX][...] = np.where(masked, -999.9, file[FLUX][()])
    return {"sentinel": [-999.9, -9999.0]}


WAYS = [by_dataset, by_flags_of_bool, by_error, by_ivar, by_sentinel]


@pytest.fixture
def mask_stars(tmp_path):
    """Give a function that writes stars with masked pixels and opens them."""

    def write_and_open(masked, way=by_nan, **options):
        path = write(tmp_path / f"{way.__name__}.h5")
        with h5py.File(path, "a") as file:
            marked = way(file, masked)
        return Hdf5Data(path=str(path), **SIZES | marked | options).open(tmp_path / "cache", Stages())

    return write_and_open


@pytest.fixture
def clean(tmp_path):
    """Give a function that opens the same stars without masked pixels."""

    def open_clean(**options):
        path = write(tmp_path / "clean.h5")
        return Hdf5Data(path=str(path), **SIZES | options).open(tmp_path / "cache", Stages())

    return open_clean


def everything(stars):
    return stars.noisy_flux(np.arange(len(stars)))


@pytest.mark.parametrize("way", WAYS)
def test_masks_say_the_same_however_they_are_said(mask_stars, way):
    masked = scatter() & ~(np.arange(N_STARS) % 3 == 0)[:, None]
    first, other = mask_stars(masked), mask_stars(masked, way)
    assert first.digest == other.digest
    assert first.test.identity == other.test.identity
    for name in ("train", "gate", "test"):
        one, two = getattr(first, name), getattr(other, name)
        np.testing.assert_array_equal(everything(one), everything(two))
        np.testing.assert_array_equal(one.n_filled, masked[one.rows].sum(axis=1))


def test_other_masks_are_other_stars(mask_stars):
    masked = scatter()
    before = mask_stars(masked).test
    masked[before.rows[3], 17] ^= True
    after = mask_stars(masked).test
    np.testing.assert_array_equal(np.flatnonzero(before.checksums != after.checksums), [3])
    assert before.digest != after.digest


@pytest.mark.parametrize("noise_level", [0.0, 1.0])
def test_good_pixels_are_those_of_the_clean_stars_and_masked_ones_take_no_noise(mask_stars, clean, noise_level):
    masked = np.zeros((N_STARS, N_PIXELS), bool)
    masked[GAP] = (np.arange(N_STARS) % 3 == 0)[:, None]
    ours, theirs = mask_stars(masked, noise_level=noise_level).test, clean(noise_level=noise_level).test
    flux, whole, where = everything(ours) * ours.flux_unit, everything(theirs) * theirs.flux_unit, masked[ours.rows]
    np.testing.assert_allclose(flux[~where], whole[~where], rtol=3e-7)
    filled = flux[where].reshape(-1, 6) / ours.used.template[20:26]
    np.testing.assert_allclose(filled, filled[:, :1] * np.ones(6), rtol=1e-6)
    assert np.abs(filled[:, 0] / filled.mean() - 1).max() > 1e-3


def test_a_mask_in_a_file_from_red_to_blue_is_turned_with_it(mask_stars, tmp_path):
    straight = mask_stars(scatter(), by_dataset)
    with h5py.File(tmp_path / "by_dataset.h5", "a") as file:
        for name in ("spectrumdataset/wave", FLUX, ERROR, MASK):
            values, attributes = file[name][()], dict(file[name].attrs)
            del file[name]
            file[name] = values[..., ::-1]
            file[name].attrs.update(attributes)
    path = str(tmp_path / "by_dataset.h5")
    turned = Hdf5Data(path=path, mask=MASK, **SIZES).open(tmp_path / "cache", Stages())
    assert straight.digest == turned.digest


def test_masks_of_several_files_stay_with_their_stars(tmp_path):
    paths, masked = [tmp_path / f"{number}.h5" for number in range(3)], scatter()
    for path, scale in zip(paths, (1.0, 2.0, 3.0), strict=True):
        write(path, scale=scale)
    with h5py.File(paths[1], "a") as file:
        by_nan(file, masked)
    flux, error = StarFiles(paths, tmp_path).read(np.arange(150))
    where = np.concatenate([np.zeros_like(masked), masked, np.zeros_like(masked)])
    np.testing.assert_array_equal(np.isnan(flux), where)
    np.testing.assert_array_equal(np.isnan(error), where)


def test_what_fills_test_stars_is_learnt_from_training_stars_alone(mask_stars, tmp_path):
    masked = scatter()
    before = mask_stars(masked)
    few = np.arange(5)
    expected, training = before.test.noisy_flux(few), everything(before.train)
    with h5py.File(tmp_path / "by_nan.h5", "a") as file:
        others = np.sort(np.r_[before.test.rows[5:], before.gate.rows])
        file[FLUX][others] *= np.linspace(0.5, 2, N_PIXELS)
    after = Hdf5Data(path=str(tmp_path / "by_nan.h5"), **SIZES).open(tmp_path / "cache", Stages())
    assert after.test.used.digest == before.test.used.digest
    np.testing.assert_array_equal(after.test.noisy_flux(few), expected)
    np.testing.assert_array_equal(everything(after.train), training)


def test_other_training_stars_fill_the_same_test_stars_with_something_else(mask_stars, tmp_path):
    before = mask_stars(scatter())
    expected = everything(before.test) * before.test.flux_unit
    with h5py.File(tmp_path / "by_nan.h5", "a") as file:
        file[FLUX][before.train.rows] *= np.linspace(0.9, 1.1, N_PIXELS)
    after = Hdf5Data(path=str(tmp_path / "by_nan.h5"), **SIZES).open(tmp_path / "cache", Stages())
    assert after.test.digest == before.test.digest
    assert after.test.identity["design"] != before.test.identity["design"]
    other = everything(after.test) * after.test.flux_unit
    filled = scatter()[before.test.rows]
    np.testing.assert_allclose(other[~filled], expected[~filled], rtol=3e-7)
    assert (np.abs(other / expected - 1)[filled] > 1e-6).mean() > 0.9


def test_filling_does_not_hang_on_the_unit_of_flux(tmp_path):
    flux = []
    for scale in (1.0, 2.0**40):
        path = write(tmp_path / f"{scale}.h5", scale=scale)
        with h5py.File(path, "a") as file:
            by_nan(file, scatter())
        flux.append(everything(Hdf5Data(path=str(path), **SIZES).open(tmp_path, Stages()).test))
    np.testing.assert_allclose(*flux, rtol=1e-6)


def test_flags_that_change_under_a_run_are_noticed(tmp_path):
    path = write(tmp_path / "stars.h5")
    with h5py.File(path, "a") as file:
        by_dataset(file, scatter())
    stars = StarFiles([path], tmp_path, layout=Layout(mask=MASK))
    with h5py.File(path, "a") as file:
        file[MASK][0, 30] = 1 - (file[MASK][0, 30] > 0)
    with pytest.raises(InputError, match="changed while it was in use"):
        stars.read(EVERY)


def test_findings_with_one_rule_are_not_taken_for_those_with_another(tmp_path):
    path = write(tmp_path / "stars.h5")
    with h5py.File(path, "a") as file:
        by_dataset(file, scatter())
    counts = [
        StarFiles([path], tmp_path, layout=layout).masks.count_stars(EVERY).sum()
        for layout in (Layout(), Layout(mask=MASK), Layout(sentinels=(float(make_stars(N_STARS)[0][3, 4]),)))
    ]
    assert counts == [0, scatter().sum(), 1]


@pytest.mark.parametrize("way", [by_dataset, by_nan])
def test_stored_checksums_are_those_of_what_was_written_masked_or_not(tmp_path, way):
    flux, error, labels = make_stars(N_STARS)
    masked, path = scatter(), tmp_path / "stars.h5"
    with write_spectra(path, wavelength=WAVELENGTH, medium="air", n_stars=N_STARS, random_order=False) as writer:
        writer.add(np.where(masked, np.nan, flux) if way is by_nan else flux, error, labels)
    options = {}
    if way is by_dataset:
        with h5py.File(path, "a") as file:
            options = way(file, masked)
    data = Hdf5Data(path=str(path), **SIZES | options).open(tmp_path, Stages())
    assert data.train.n_filled.sum() == masked[data.train.rows].sum()


def masked_stars(clean, **pixels):
    """Mask some pixels of the first stars of splits, and return which stars these are."""
    data, masked = clean(), np.zeros((N_STARS, N_PIXELS), bool)
    rows = [(getattr(data, split).handed_out[0], number) for split, number in pixels.items()]
    for row, number in rows:
        masked[row, :number] = True
    return masked, [row for row, _ in rows]


def test_stars_with_too_many_masked_pixels_are_refused_with_number_and_place(mask_stars, clean):
    masked, [row, _, _] = masked_stars(clean, test=13, train=60, gate=12)
    message = (
        r"1 of 10 star\(s\) of data.n_test, 1 of 30 star\(s\) of data.n_train have more than 0.2 of their pixels masked"
        rf".*by_error.h5, row {row}, whose pixel 0 has {FLUX} [\d.]+, {ERROR} inf\).* data.too_masked=drop"
    )
    with pytest.raises(InputError, match=message):
        mask_stars(masked, by_error)


def test_dropped_stars_leave_their_split_and_no_other_star_moves(mask_stars, clean, caplog):
    masked, rows = masked_stars(clean, test=13, train=60, gate=12)
    ours, theirs = mask_stars(masked, too_masked="drop"), clean()
    for name, lost in (("test", rows[0]), ("train", rows[1]), ("gate", None)):
        kept = [row for row in getattr(theirs, name).handed_out if row != lost]
        np.testing.assert_array_equal(getattr(ours, name).handed_out, kept)
        assert getattr(ours, name).n_left_out == (lost is not None)
    assert "data.n_test: 1 of 10 star(s) left out: more than 0.2 of their pixels are masked" in caplog.text


def test_a_larger_share_can_be_allowed_and_none_too(mask_stars, clean):
    masked, _ = masked_stars(clean, test=30, train=1)
    assert mask_stars(masked, max_masked=0.5).test.n_filled.tolist().count(30) == 1
    with pytest.raises(InputError, match=r"1 of 10 star\(s\) of data.n_test, 1 of 30 star\(s\) of data.n_train have"):
        mask_stars(masked, max_masked=0)


def test_stars_that_no_split_holds_do_not_matter(mask_stars, clean):
    small = {"n_train": 25}
    whole = clean(**small)
    unused = np.setdiff1d(EVERY, np.concatenate([whole.train.rows, whole.gate.rows, whole.test.rows]))
    masked = np.zeros((N_STARS, N_PIXELS), bool)
    masked[unused] = True
    assert len(mask_stars(masked, **small).train) == 25


def test_a_split_that_would_lose_all_its_stars_is_refused(mask_stars, clean):
    masked = np.zeros((N_STARS, N_PIXELS), bool)
    masked[clean().gate.rows] = True
    with pytest.raises(InputError, match=r"10 of 10 star\(s\) of data.n_val have .*\. Give other stars"):
        mask_stars(masked, too_masked="drop")


def test_pixels_that_most_training_stars_have_masked_are_used_by_no_split(mask_stars, clean, caplog):
    masked, whole = scatter(), clean()
    masked[:, 40:56] = False
    masked[np.ix_(whole.train.rows[13:], np.arange(40, 56))] = True
    data = mask_stars(masked)
    pixels = np.r_[0:40, 56:60]
    assert data.n_left_out == 16
    np.testing.assert_array_equal(data.wavelength, whole.wavelength[pixels])
    flux, full = everything(data.test) * data.test.flux_unit, everything(whole.test) * whole.test.flux_unit
    good = ~masked[np.ix_(data.test.rows, pixels)]
    np.testing.assert_allclose(flux[good], full[:, pixels][good], rtol=3e-7)
    assert (
        "16 of 60 pixels, between 7135.59 and 7186.44 Å, are masked in most of the first training stars" in caplog.text
    )


def test_pixels_that_most_test_stars_have_masked_stay(mask_stars, clean):
    masked = np.zeros((N_STARS, N_PIXELS), bool)
    masked[np.ix_(clean().test.rows, np.arange(40, 46))] = True
    assert mask_stars(masked).n_left_out == 0


def test_copies_are_known_whatever_hides_in_their_masked_pixels(tmp_path):
    path = write(tmp_path / "stars.h5")
    with h5py.File(path, "a") as file:
        file[FLUX][1], file[ERROR][1] = file[FLUX][0], file[ERROR][0]
        file[FLUX][:2, 7] = 5.0, 6.0
        by_dataset(file, np.arange(N_PIXELS) == 7 * np.ones((N_STARS, 1)) * (EVERY < 2)[:, None])
    labels = pd.DataFrame(pd.read_hdf(path))
    labels.iloc[1] = labels.iloc[0]
    labels.to_hdf(path, key=LABELS, format="table", mode="a", index=False)
    with pytest.raises(InputError, match="are copies of others of them|are also among those of"):
        Hdf5Data(path=str(path), mask=MASK, n_train=30, n_val=10, n_test=10).open(tmp_path, Stages())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_masked": 1.0}, "data.max_masked=1.0: it is a share, 0 or more and below 1"),
        ({"max_masked": -0.1}, "data.max_masked=-0.1: it is a share"),
        ({"too_masked": "keep"}, "data.too_masked=keep is neither refuse nor drop"),
        ({"sentinel": "none"}, "data.sentinel=none is neither a number nor a list of numbers"),
        ({"sentinel": [0, "nan?"]}, "is neither a number nor a list of numbers"),
        ({"mask": "nowhere"}, r"stars\.h5 lacks the dataset\(s\) nowhere \(it is not there\)"),
        ({"ivar": "nowhere"}, r"stars\.h5 lacks the dataset\(s\) nowhere"),
        ({"mask": "spectrumdataset/wave"}, r"shapes do not match: .*flux/value \(50, 60\), .*wave \(60,\)"),
    ],
)
def test_options_that_cannot_work_are_refused(tmp_path, options, message):
    path = write(tmp_path / "stars.h5")
    with pytest.raises(InputError, match=message):
        Hdf5Data(path=str(path), **SIZES, **options).open(tmp_path, Stages())


def test_a_file_without_errors_is_told_of_inverse_variances(tmp_path):
    path = write(tmp_path / "stars.h5")
    with h5py.File(path, "a") as file:
        by_ivar(file, scatter())
    with pytest.raises(InputError, match=rf"lacks the dataset\(s\) {ERROR} .* Name a dataset .* as data.ivar"):
        Hdf5Data(path=str(path), **SIZES).open(tmp_path, Stages())


def test_a_sentinel_that_nobody_named_is_refused_with_the_option(tmp_path):
    path = write(tmp_path / "stars.h5")
    with h5py.File(path, "a") as file:
        by_sentinel(file, scatter())
    with pytest.raises(InputError, match=r"first in row \d+, pixel \d+ \(-999\.9\).*name the value .* data.sentinel"):
        Hdf5Data(path=str(path), **SIZES).open(tmp_path, Stages())
