"""Stars of another library become comparable with the training stars, or are refused."""

import re
from dataclasses import replace

import h5py
import numpy as np
import pandas as pd
import pytest

from moe_exp.errors import InputError
from moe_exp.progress import Stages
from moe_exp.spectra.checksums import CHECKSUMS
from moe_exp.spectra.external import ExternalStars
from moe_exp.spectra.files import ERROR, FLUX, LABELS, WAVELENGTH
from moe_exp.spectra.medium import MEDIUM, convert
from moe_exp.spectra.preprocessing import Continuum, NativeWidth, NoPreprocessing, Resolution
from moe_exp.spectra.sources import Hdf5Data
from moe_exp.spectra.writer import write_spectra
from tests.conftest import make_stars

DENSE = np.linspace(8480, 8680, 4001)
TRAINED = np.linspace(8490, 8670, 181)
THEIRS = np.linspace(8481, 8679, 397)
OPTION = "externals.mine"
AS_THEY_ARE = NoPreprocessing()


def write(path, wavelength, *, seed=0, n_stars=40, medium="air"):
    """Write the same made-up stars on any grid."""
    flux, error, labels = make_stars(n_stars, len(DENSE), seed)
    on_grid = [np.array([np.interp(wavelength, DENSE, row) for row in rows], np.float32) for rows in (flux, error)]
    with write_spectra(path, wavelength=wavelength, medium=medium, n_stars=n_stars, random_order=True) as writer:
        writer.add(*on_grid, labels)
    with h5py.File(path, "a") as file:
        del file[CHECKSUMS]
    return path


def edit(path, **columns):
    labels = pd.DataFrame(pd.read_hdf(path)).assign(**columns)
    labels.to_hdf(path, key=LABELS, format="table", mode="a", index=False)


@pytest.fixture
def data(tmp_path):
    return Hdf5Data(path=str(write(tmp_path / "train.h5", TRAINED)), n_train=20, n_val=10, n_test=10, noise_level=0.0)


@pytest.fixture
def dataset(data, tmp_path):
    return data.open(tmp_path / "cache", Stages())


@pytest.fixture
def theirs(tmp_path):
    return write(tmp_path / "theirs.h5", THEIRS, seed=4)


@pytest.fixture
def open_with(dataset, theirs, tmp_path):
    def open_external(preprocessing=AS_THEY_ARE, **options):
        stars = ExternalStars(**({"title": "Theirs", "path": str(theirs), "fwhm": 3.0} | options))
        return stars.open(OPTION, dataset, preprocessing, tmp_path / "cache")

    return open_external


def expected_flux(seed=4, n_stars=40):
    flux, _, _ = make_stars(n_stars, len(DENSE), seed)
    on_grid = np.array([np.interp(TRAINED, DENSE, row) for row in flux])
    return on_grid / np.median(on_grid, axis=1, keepdims=True)


def test_stars_come_to_the_grid_and_the_unit_of_the_training_stars(open_with):
    sample = open_with()
    assert sample.flux.dtype == np.float32
    np.testing.assert_allclose(sample.flux, expected_flux(), atol=1e-4)


def test_stars_in_vacuum_from_red_to_blue_in_another_unit_become_the_same(open_with, theirs, tmp_path):
    plain = open_with()
    other = tmp_path / "other.h5"
    other.write_bytes(theirs.read_bytes())
    with h5py.File(other, "a") as file:
        values = convert(file[WAVELENGTH][()], medium="air", to="vacuum")
        for name, new in ((WAVELENGTH, values), (FLUX, 3e-15 * file[FLUX][()]), (ERROR, 3e-15 * file[ERROR][()])):
            del file[name]
            file[name] = new[..., ::-1]
        file[WAVELENGTH].attrs[MEDIUM] = "vacuum"
    np.testing.assert_allclose(open_with(path=str(other)).flux, plain.flux, atol=1e-4)


@pytest.mark.parametrize("preprocessing", [Continuum(scale=60.0), Resolution(fwhm=6.0, native_fwhm=1.0)])
def test_they_are_preprocessed_as_stars_of_their_own_resolution(open_with, preprocessing):
    transform = preprocessing.seen_by(NativeWidth(fwhm=3.0)).prepare(TRAINED)
    np.testing.assert_array_equal(open_with(preprocessing).flux, transform(open_with().flux))


@pytest.mark.parametrize("preprocessing", [AS_THEY_ARE, Continuum(scale=60.0), Resolution(fwhm=6.0, native_fwhm=3.0)])
def test_pixels_that_training_stars_lack_are_left_out_of_them_too(data, theirs, tmp_path, preprocessing):
    masked = np.r_[40:52, 130:131]
    with h5py.File(data.path, "a") as file:
        flux = file[FLUX][()]
        flux[5:, masked] = np.nan
        file[FLUX][...] = flux
    dataset = data.open(tmp_path / "cache", Stages())
    left = np.delete(np.arange(181), masked)
    np.testing.assert_array_equal(dataset.wavelength, TRAINED[left])
    stars = ExternalStars(title="Theirs", path=str(theirs), fwhm=3.0)
    stars.check(OPTION, data.read_grid(), preprocessing)
    flux = stars.open(OPTION, dataset, preprocessing, tmp_path / "cache").flux
    plain = expected_flux()[:, left]
    expected = preprocessing.prepare(TRAINED[left])(plain / np.median(plain, axis=1, keepdims=True))
    np.testing.assert_allclose(flux, expected, atol=3e-4)


def test_columns_of_the_table_become_errors_and_a_second_catalogue(open_with, theirs):
    second = np.linspace(1, 5, 40)
    second[3] = np.nan
    edit(theirs, err=0.1, second=second)
    sample = open_with(logg_error="err", other_logg="second")
    np.testing.assert_array_equal(sample.other_logg, second)
    np.testing.assert_array_equal(sample.logg_error, np.full(40, 0.1))
    assert list(sample.labels.columns[:2]) == ["star_index", "star_id"]


def test_stars_that_were_trained_on_are_refused(open_with, data):
    with pytest.raises(InputError, match=r"externals.mine: 30 of 40 stars are among those that experts or gate are"):
        open_with(path=data.path)


def test_values_of_a_second_catalogue_that_no_star_has_are_refused(open_with, theirs):
    edit(theirs, second=np.r_[np.full(37, 3.0), -9999, -9999, np.nan])
    message = "externals.mine.other_logg=second: 2 of 40 values lie outside -2 to 10 (first: row 37)"
    with pytest.raises(InputError, match=re.escape(message)):
        open_with(other_logg="second")
    with pytest.raises(InputError, match="externals.mine.logg_error=err: the label table has no such column"):
        open_with(logg_error="err")


def test_labels_that_no_star_has_are_refused_with_their_number(open_with, theirs):
    edit(theirs, T_eff=np.r_[np.zeros(5), np.full(35, 5000.0)], log_g=np.r_[np.full(38, 3.0), -9999, -9999])
    with pytest.raises(InputError, match=r"5 of 40 stars have T_eff outside .*; 2 of 40 stars have log_g outside"):
        open_with()


def test_a_masked_pixel_is_refused_with_its_place(open_with, theirs):
    with h5py.File(theirs, "a") as file:
        file[FLUX][7, 11] = np.nan
    message = r"1 of 40 stars have pixels without finite flux and positive error \(first: .*, row 7, pixel 11\)"
    with pytest.raises(InputError, match=message):
        open_with()


def test_a_star_without_a_positive_median_is_refused(open_with, theirs):
    with h5py.File(theirs, "a") as file:
        file[FLUX][5] = -file[FLUX][5]
    with pytest.raises(InputError, match=rf"flux of 1 of 40 stars is not positive \(first: {theirs}, row 5\)"):
        open_with()


def test_pixels_wider_than_those_trained_on_are_said(open_with, tmp_path, caplog):
    coarse = write(tmp_path / "coarse.h5", np.linspace(8482, 8678, 60), seed=5)
    open_with(path=str(coarse))
    assert "externals.mine: pixels of 3.32 Å are resampled to 1 Å, finer than they can tell" in caplog.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": None}, "externals.mine.path is missing: name the HDF5 file(s) of these stars"),
        ({"path": "/nowhere.h5"}, "externals.mine.path: no file matches '/nowhere.h5'"),
        ({"medium": "water"}, "externals.mine.medium=water is not auto, air or vacuum"),
        ({"medium": "vacuum"}, "says that its wavelengths are in air, but externals.mine.medium=vacuum"),
        ({"fwhm": None}, "externals.mine.fwhm=None and externals.mine.resolution=None: give one of them"),
        ({"resolution": 2000.0}, "give one of them"),
        ({"fwhm": 7.0}, "externals.mine, for these stars' lines: preprocessing.fwhm=6 Å is sharper than the spectra"),
    ],
)
def test_what_cannot_be_brought_to_the_training_stars_is_refused_before_work(data, theirs, options, message):
    stars = ExternalStars(**({"path": str(theirs), "fwhm": 3.0} | options))
    with pytest.raises(InputError, match=re.escape(message)):
        stars.check(OPTION, data.read_grid(), Resolution(fwhm=6.0, native_fwhm=1.0))


def test_a_grid_that_the_stars_do_not_cover_is_refused_with_one_that_they_do(data, tmp_path):
    short = write(tmp_path / "short.h5", np.linspace(8500, 8679, 180))
    stars = ExternalStars(path=str(short), fwhm=3.0)
    message = (
        "these stars have 8499.5 to 8679.5 Å in air, but the training stars 8489.5 to 8670.5 Å, of which they "
        "lack 10 pixel(s) (first: 8490.0 Å). Train on a range within theirs, such as "
        "data.simulator.wavelength_min=8501 data.simulator.wavelength_max=8678."
    )
    with pytest.raises(InputError, match=re.escape(message)):
        stars.check(OPTION, data.read_grid(), NoPreprocessing())


def test_a_grid_that_lacks_some_of_the_training_stars_pixels_is_refused(data, tmp_path):
    gapped = write(tmp_path / "gapped.h5", np.delete(THEIRS, np.r_[100:120]))
    message = "8489.5 to 8670.5 Å, of which they lack 11 pixel(s) (first: 8531.0 Å)"
    with pytest.raises(InputError, match=re.escape(message)):
        ExternalStars(path=str(gapped), fwhm=3.0).check(OPTION, data.read_grid(), NoPreprocessing())


def test_visits_are_told_by_a_column(open_with, theirs, data):
    edit(theirs, HD=np.arange(40) // 2)
    np.testing.assert_array_equal(open_with(star_id="HD").labels["star_id"], np.arange(40) // 2)
    with pytest.raises(InputError, match=r"externals.mine.star_id=HIP is no column of the label table"):
        ExternalStars(path=str(theirs), fwhm=3.0, star_id="HIP").check(OPTION, data.read_grid(), NoPreprocessing())


def test_a_medium_that_nothing_tells_is_refused_by_the_options_that_would(data, theirs):
    with h5py.File(theirs, "a") as file:
        del file[WAVELENGTH].attrs[MEDIUM]
    stars = ExternalStars(path=str(theirs), fwhm=3.0)
    grid = data.read_grid()
    with pytest.raises(InputError, match=r"in air or vacuum; say externals.mine.medium\."):
        stars.check(OPTION, grid, NoPreprocessing())
    with pytest.raises(InputError, match=r"say data.medium\."):
        replace(stars, medium="air").check(OPTION, grid._replace(medium=None), NoPreprocessing())
