import h5py
import numpy as np
import pandas as pd
import pytest

from moe_exp.errors import InputError
from moe_exp.spectra.checksums import CHECKSUMS, checksum_stars, needed_labels
from moe_exp.spectra.files import ERROR, FLUX, RANDOM_ORDER, WAVELENGTH
from moe_exp.spectra.inspection import inspect
from moe_exp.spectra.labels import read_labels
from moe_exp.spectra.row_reader import RowReader
from moe_exp.spectra.writer import write_spectra
from tests.conftest import make_stars

REST = "the labels, the wavelength or the mark of random order"


@pytest.fixture
def sealed_file(tmp_path):
    """Give a file that carries its checksums."""
    flux, error, labels = make_stars(50)
    error[3, :2] = np.nan
    path = tmp_path / "sealed.h5"
    with write_spectra(
        path, wavelength=np.linspace(8480, 8680, 60), medium="air", n_stars=50, random_order=True
    ) as writer:
        for rows in (slice(0, 30), slice(30, 50)):
            writer.add(flux[rows], error[rows], labels[rows])
    return path


def flip_bit(path, offset, bit=0):
    content = bytearray(path.read_bytes())
    content[offset] ^= 1 << bit
    path.write_bytes(content)


def place_of(path, name, row=0):
    with h5py.File(path) as file:
        dataset = file[name]
        start = dataset.id.get_chunk_info(0).byte_offset if dataset.chunks else dataset.id.get_offset()
        return start + row * dataset.dtype.itemsize * int(np.prod(dataset.shape[1:]))


def test_what_was_written_is_what_is_found(sealed_file, tmp_path):
    with h5py.File(sealed_file) as file:
        np.testing.assert_array_equal(inspect(sealed_file, tmp_path).checksums, file[CHECKSUMS])


@pytest.mark.parametrize(
    ("name", "row", "byte", "what"),
    [
        (FLUX, 7, 0, r"1 of 50 stars \(first: row 7\)"),
        (ERROR, 41, 200, r"1 of 50 stars \(first: row 41\)"),
        (CHECKSUMS, 9, 0, r"1 of 50 stars \(first: row 9\)"),
        (WAVELENGTH, 0, 0, REST),
        ("dataset/params/table", 6, 8, rf"1 of 50 stars \(first: row 6\) and {REST}"),
        ("dataset/params/table", 6, -8, REST),
    ],
)
def test_one_flipped_bit_is_found(sealed_file, tmp_path, name, row, byte, what):
    flip_bit(sealed_file, place_of(sealed_file, name, row) + byte)
    with pytest.raises(InputError, match=rf"sealed\.h5: {what} differ.*is damaged.*remove the dataset {CHECKSUMS}"):
        inspect(sealed_file, tmp_path)


def test_the_mark_of_random_order_is_held_to_its_checksum(sealed_file, tmp_path):
    with h5py.File(sealed_file, "a") as file:
        file.attrs[RANDOM_ORDER] = 0
    with pytest.raises(InputError, match=f"{REST} differ"):
        inspect(sealed_file, tmp_path)


def test_a_file_that_was_changed_on_purpose_serves_without_its_checksums(sealed_file, tmp_path):
    with h5py.File(sealed_file, "a") as file:
        file[FLUX][...] *= 2
        del file[CHECKSUMS]
    assert len(inspect(sealed_file, tmp_path).labels) == 50


def test_every_value_of_a_star_is_in_its_checksum(sealed_file):
    rows = np.arange(50)
    flux, error = (RowReader(sealed_file, name).read(rows) for name in (FLUX, ERROR))
    needed = needed_labels(read_labels(sealed_file)).copy()
    before = checksum_stars(needed, flux, error)
    assert len(set(before)) == 50
    for values in (needed, flux, error):
        for pixel in (0, values.shape[1] - 1):
            values[5, pixel] = np.nextafter(values[5, pixel], np.inf, dtype=values.dtype)
            after = checksum_stars(needed, flux, error)
            np.testing.assert_array_equal(np.flatnonzero(after != before), [5])
            before = after


def test_flux_and_error_are_not_exchanged_without_notice(sealed_file):
    flux, error, labels = make_stars(5)
    one, other = checksum_stars(needed_labels(labels), flux, error), checksum_stars(needed_labels(labels), error, flux)
    assert not set(one) & set(other)


def test_checksums_do_not_depend_on_how_arrays_lie_in_memory():
    flux, error, labels = make_stars(5)
    plain = checksum_stars(needed_labels(labels), flux, error)
    columns = checksum_stars(needed_labels(labels), np.asfortranarray(flux), error.astype(">f4"))
    np.testing.assert_array_equal(plain, columns)
    shuffled = labels[labels.columns[::-1]]
    assert isinstance(shuffled, pd.DataFrame)
    np.testing.assert_array_equal(checksum_stars(needed_labels(shuffled), flux, error), plain)
