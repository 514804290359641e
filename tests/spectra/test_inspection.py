import os

import h5py
import numpy as np
import pytest

from moe_exp.errors import InputError
from moe_exp.progress import Stages
from moe_exp.spectra import inspection
from moe_exp.spectra.error_ends import MAX_REPAIRED, repair_ends
from moe_exp.spectra.files import ERROR, FLUX
from moe_exp.spectra.inspection import inspect
from moe_exp.spectra.sources import Hdf5Data
from tests.conftest import PROJECT_ROOT, write_stars


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


@pytest.mark.parametrize("n_pixels", range(2, 18))
def test_grids_shorter_than_what_is_repaired_are_repaired_as_far_as_they_go(n_pixels):
    error = np.full((2, n_pixels), np.nan, np.float32)
    error[0, 0], error[1, -1] = 3, 5
    repaired = repair_ends(error)
    reached = MAX_REPAIRED + 1
    np.testing.assert_array_equal(repaired[0, -reached:] if n_pixels <= reached else repaired[0, :1], 3)
    np.testing.assert_array_equal(repaired[1, :reached] if n_pixels <= reached else repaired[1, -1:], 5)
    assert np.isnan(repaired).any() == (n_pixels > reached)


@pytest.mark.parametrize("n_pixels", [2, 5, 8])
def test_stars_of_few_pixels_can_be_inspected(tmp_path, n_pixels):
    assert len(inspect(write_stars(tmp_path / "few.h5", n_pixels=n_pixels), tmp_path).labels) == 50


def test_nan_at_the_ends_of_error_is_counted_and_known_again(stars_file, tmp_path):
    spoil(stars_file, ERROR, 3, 0, np.nan)
    spoil(stars_file, ERROR, 9, -1, np.nan)
    assert inspect(stars_file, tmp_path).n_repaired == 2
    assert inspect(stars_file, tmp_path).n_repaired == 2


@pytest.mark.parametrize("place", [3, 100, -5])
def test_damaged_findings_are_found_again(stars_file, tmp_path, place, caplog):
    before = inspect(stars_file, tmp_path)
    [kept] = (tmp_path / "inspected").glob("*.kept")
    content = bytearray(kept.read_bytes())
    content[place] ^= 4
    kept.write_bytes(content)
    again = inspect(stars_file, tmp_path)
    assert "is damaged and is made again" in caplog.text
    np.testing.assert_array_equal(again.checksums, before.checksums)
    np.testing.assert_array_equal(again.labels, before.labels)


def masked_pixels(inspection, n_stars=50, n_pixels=60):
    """Return (star, pixel) of all masked pixels."""
    every = np.eye(n_pixels, dtype=bool)
    counts = np.array([inspection.masks.count_pixels(np.arange(n_stars), one) for one in every])
    return [(int(star), int(pixel)) for star, pixel in np.argwhere(counts.T)]


@pytest.mark.parametrize(
    ("dataset", "pixel", "value"),
    [
        (FLUX, 5, np.nan),
        (FLUX, 5, -np.inf),
        (ERROR, 30, np.nan),
        (ERROR, 30, 0.0),
        (ERROR, 0, -1.0),
        (ERROR, 59, np.inf),
    ],
)
def test_a_pixel_without_finite_flux_or_positive_error_is_masked(stars_file, tmp_path, dataset, pixel, value):
    spoil(stars_file, dataset, 12, pixel, value)
    assert masked_pixels(inspect(stars_file, tmp_path)) == [(12, pixel)]


def test_of_long_runs_of_nan_only_the_ends_are_repaired_and_the_rest_is_masked(stars_file, tmp_path):
    spoil(stars_file, ERROR, 0, slice(0, MAX_REPAIRED + 1), np.nan)
    spoil(stars_file, ERROR, 1, slice(0, MAX_REPAIRED), np.nan)
    found = inspect(stars_file, tmp_path)
    assert masked_pixels(found) == [(0, pixel) for pixel in range(MAX_REPAIRED + 1)]
    assert found.n_repaired == MAX_REPAIRED


@pytest.mark.parametrize(
    ("dataset", "value", "problem"),
    [
        (ERROR, 1e10, "is above 1000 times the level of its star's error or flux"),
        (FLUX, 1e4, "is above 1000 times the level of its star's flux"),
        (FLUX, -9999.0, "is below -100 times the level of its star's flux"),
        (FLUX, -999.0, "is below -100 times the level of its star's flux"),
    ],
)
def test_a_finite_value_that_is_no_measurement_is_refused(stars_file, tmp_path, dataset, value, problem):
    for star in (12, 31):
        spoil(stars_file, dataset, star, 5, value)
    message = rf"{dataset} {problem} in 2 star\(s\), first in row 12, pixel 5 \({value:g}\)".replace("+", r"\+")
    with pytest.raises(InputError, match=message):
        inspect(stars_file, tmp_path)


def test_errors_that_mask_a_whole_star_are_refused(stars_file, tmp_path):
    spoil(stars_file, ERROR, 12, slice(None), 1e10)
    with pytest.raises(InputError, match=r"error or flux in 1 star\(s\), first in row 12, pixel 0"):
        inspect(stars_file, tmp_path)


def test_a_star_without_any_flux_is_refused(stars_file, tmp_path):
    spoil(stars_file, FLUX, 12, slice(None), 0)
    with pytest.raises(InputError, match=r"flux/value is 0 throughout in 1 star\(s\), first in row 12"):
        inspect(stars_file, tmp_path)


def test_emission_lines_cosmic_rays_sky_lines_and_padding_are_accepted(stars_file, tmp_path):
    spoil(stars_file, FLUX, 3, slice(20, 24), 100.0)
    spoil(stars_file, FLUX, 4, 17, 300.0)
    spoil(stars_file, ERROR, 5, slice(30, 33), 10.0)
    spoil(stars_file, FLUX, 6, slice(20, 60), 0.0)
    assert len(inspect(stars_file, tmp_path).labels) == 50


def test_bad_values_of_all_blocks_are_counted_together(stars_file, tmp_path, monkeypatch):
    monkeypatch.setattr(inspection, "BLOCK_ROWS", 7)
    for star in (41, 3, 20):
        spoil(stars_file, FLUX, star, 5, -9999.0)
        spoil(stars_file, ERROR, star, 6, 1e10)
    with pytest.raises(
        InputError, match=r"error.*in 3 star\(s\), first in row 3, .*flux.*in 3 star\(s\), first in row 3,"
    ):
        inspect(stars_file, tmp_path)


@pytest.mark.parametrize(("dataset", "scale"), [(FLUX, 1e40), (ERROR, 1e40), (FLUX, 1e-42), (ERROR, 1e-50)])
def test_stars_beyond_float32_are_called_that(stars_file, tmp_path, dataset, scale):
    with h5py.File(stars_file, "a") as file:
        values = file[dataset][:].astype(float) * scale
        del file[dataset]
        file[dataset] = values
    data = Hdf5Data(path=str(stars_file), n_train=30, n_val=10, n_test=10)
    with pytest.raises(InputError, match=rf"row \d+, .*pixel 0 .*{dataset}.*e[-+]\d\d, beyond the range of float32"):
        data.open(tmp_path, Stages())


@pytest.mark.parametrize("name", ["miles", "stelib", "bosz_r5000"])
def test_real_stars_and_models_are_accepted(tmp_path, name):
    path = PROJECT_ROOT.parent / "shared" / "data" / f"{name}.h5"
    if not path.exists():
        pytest.skip("the real stars of ../shared/data are not here")
    assert len(inspect(path, tmp_path).labels) > 90


def test_small_negative_flux_and_zeros_are_good(stars_file, tmp_path):
    spoil(stars_file, FLUX, 0, slice(0, 2), [-0.01, 0])
    assert not masked_pixels(inspect(stars_file, tmp_path))


def test_masked_pixels_do_not_hide_a_star_without_any_flux(stars_file, tmp_path):
    spoil(stars_file, FLUX, 12, slice(None), 0)
    spoil(stars_file, FLUX, 12, slice(0, 30), np.nan)
    with pytest.raises(InputError, match=r"flux/value is 0 throughout in 1 star\(s\), first in row 12, pixel 30"):
        inspect(stars_file, tmp_path)


def test_the_level_of_a_star_is_that_of_its_good_pixels(stars_file, tmp_path):
    spoil(stars_file, FLUX, 12, slice(10, 60), np.nan)
    spoil(stars_file, FLUX, 12, 9, 1e4)
    with pytest.raises(InputError, match=r"star's flux in 1 star\(s\), first in row 12, pixel 9 \(10000\)"):
        inspect(stars_file, tmp_path)


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


def test_other_content_of_the_same_size_and_time_is_inspected_anew(stars_file, tmp_path):
    before, stat = inspect(stars_file, tmp_path).checksums, stars_file.stat()
    spoil(stars_file, FLUX, 12, 5, 2.0)
    os.utime(stars_file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert (stars_file.stat().st_size, stars_file.stat().st_mtime_ns) == (stat.st_size, stat.st_mtime_ns)
    after = inspect(stars_file, tmp_path).checksums
    np.testing.assert_array_equal(np.flatnonzero(before != after), [12])


def test_a_file_that_changes_while_it_is_inspected_is_refused(stars_file, tmp_path):
    with pytest.raises(InputError, match=r"stars\.h5 changed while it was in use"):
        inspect(stars_file, tmp_path, lambda n: os.utime(stars_file, (1, 1)))
    assert len(inspect(stars_file, tmp_path).labels) == 50


@pytest.mark.parametrize("name", ["/", FLUX, "dataset/params", "dataset/params/table"])
def test_a_damaged_structure_is_named_with_its_file(stars_file, tmp_path, name):
    with h5py.File(stars_file) as file:
        head = h5py.h5o.get_info(file[name].id).addr
    content = bytearray(stars_file.read_bytes())
    content[head : head + 8] = b"\xff" * 8
    stars_file.write_bytes(content)
    with pytest.raises(InputError, match=r"stars\.h5.* (lacks|cannot be read)"):
        inspect(stars_file, tmp_path)
