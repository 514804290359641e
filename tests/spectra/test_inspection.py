import h5py
import numpy as np
import pytest

from moe_exp.errors import InputError
from moe_exp.spectra import inspection
from moe_exp.spectra.files import ERROR, FLUX
from moe_exp.spectra.inspection import inspect
from moe_exp.spectra.repair import MAX_REPAIRED, repair_ends
from tests.conftest import write_stars


def spoil(path, dataset, star, pixel, value):
    with h5py.File(path, "a") as file:
        file[dataset][star, pixel] = value


def test_nan_at_the_ends_takes_the_nearest_value():
    error = np.arange(1.0, 41.0, dtype=np.float32).reshape(2, 20)
    spoiled = error.copy()
    spoiled[0, :2] = spoiled[1, -3:] = np.nan
    repaired = repair_ends(spoiled)
    np.testing.assert_array_equal(repaired[0, :3], [3, 3, 3])
    np.testing.assert_array_equal(repaired[1, -4:], [37, 37, 37, 37])
    assert np.isnan(spoiled[0, 0])


def test_nan_at_the_ends_of_error_is_counted_and_known_again(stars_file, tmp_path):
    spoil(stars_file, ERROR, 3, 0, np.nan)
    spoil(stars_file, ERROR, 9, -1, np.nan)
    assert inspect(stars_file, tmp_path).n_repaired == 2
    assert inspect(stars_file, tmp_path).n_repaired == 2


@pytest.mark.parametrize("place", [3, 100, -5])
def test_damaged_findings_are_found_again(stars_file, tmp_path, place, caplog):
    before = inspect(stars_file, tmp_path)
    [kept] = (tmp_path / "inspected").glob("*.pickle")
    content = bytearray(kept.read_bytes())
    content[place] ^= 4
    kept.write_bytes(content)
    again = inspect(stars_file, tmp_path)
    assert "is damaged and is made again" in caplog.text
    np.testing.assert_array_equal(again.checksums, before.checksums)
    np.testing.assert_array_equal(again.labels, before.labels)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_bad_flux_is_refused(stars_file, tmp_path, value):
    spoil(stars_file, FLUX, 12, 5, value)
    with pytest.raises(InputError, match=r"flux/value has NaN or infinite.*row 12, pixel 5"):
        inspect(stars_file, tmp_path)


@pytest.mark.parametrize(("pixel", "value"), [(30, np.nan), (30, 0.0), (0, -1.0), (59, np.inf)])
def test_bad_error_is_refused(stars_file, tmp_path, pixel, value):
    spoil(stars_file, ERROR, 12, pixel, value)
    with pytest.raises(InputError, match=rf"error/value is not positive.*row 12, pixel {pixel}"):
        inspect(stars_file, tmp_path)


def test_long_runs_of_nan_are_not_repaired(stars_file, tmp_path):
    spoil(stars_file, ERROR, 0, slice(0, MAX_REPAIRED + 1), np.nan)
    with pytest.raises(InputError, match="only NaN in the first or last 8 pixels"):
        inspect(stars_file, tmp_path)


def test_small_negative_flux_is_accepted(stars_file, tmp_path):
    spoil(stars_file, FLUX, 0, 0, -0.01)
    assert len(inspect(stars_file, tmp_path).labels) == 50


def test_labels_and_spectra_must_be_as_many(stars_file, tmp_path):
    with h5py.File(stars_file, "a") as file:
        for name in (FLUX, ERROR):
            values = file[name][:40]
            del file[name]
            file[name] = values
    with pytest.raises(InputError, match="50 rows of labels, but 40 spectra"):
        inspect(stars_file, tmp_path)


def test_a_file_is_read_in_full_once(stars_file, tmp_path, monkeypatch):
    first = inspect(stars_file, tmp_path)
    monkeypatch.setattr(inspection, "_read_in_full", lambda *_: pytest.fail("read again"))
    again = inspect(stars_file, tmp_path)
    np.testing.assert_array_equal(again.checksums, first.checksums)
    assert again.labels.equals(first.labels)


def test_a_changed_file_is_read_again(stars_file, tmp_path):
    before = inspect(stars_file, tmp_path).checksums
    spoil(stars_file, FLUX, 12, 5, 2.0)
    after = inspect(stars_file, tmp_path).checksums
    np.testing.assert_array_equal(np.flatnonzero(before != after), [12])


def test_checksums_do_not_depend_on_the_file(tmp_path):
    one, two = (inspect(write_stars(tmp_path / name, n), tmp_path) for name, n in (("a.h5", 50), ("b.h5", 50)))
    np.testing.assert_array_equal(one.checksums, two.checksums)
    assert len(set(one.checksums)) == 50
