import os

import h5py
import numpy as np
import pytest

from moe_exp.errors import InputError
from moe_exp.spectra import inspection
from moe_exp.spectra.files import ERROR, FLUX
from moe_exp.spectra.star_files import StarFiles
from tests.conftest import make_stars, write_stars

EVERY = np.arange(50)


def replace_in_place(path, seed):
    """Write other stars' flux and error over those of a file; its size and its time of change stay."""
    stat = path.stat()
    flux, error, _ = make_stars(50, seed=seed)
    with h5py.File(path, "a") as file:
        file[FLUX][5:], file[ERROR][5:] = flux[5:], error[5:]
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert path.stat().st_size == stat.st_size


def test_stars_of_other_content_at_the_same_size_and_time_are_refused(stars_file, tmp_path):
    stars = StarFiles([stars_file], tmp_path)
    replace_in_place(stars_file, seed=1)
    stars.read(EVERY[:5])
    with pytest.raises(InputError, match=r"stars\.h5: 44 of 46 stars just read are not those .* \(first: row 6\)"):
        stars.read(np.r_[2:4, 6:50])


def test_any_rows_of_any_files_are_those_of_the_whole_list(tmp_path):
    files = [write_stars(tmp_path / f"{seed}.h5", n, seed=seed) for seed, n in enumerate((50, 3, 20))]
    stars = StarFiles(files, tmp_path)
    flux, error = (np.concatenate([make_stars(n, seed=seed)[i] for seed, n in enumerate((50, 3, 20))]) for i in (0, 1))
    for rows in (np.arange(73), np.array([49, 50, 52, 53, 72]), np.array([0, 60]), np.array([51])):
        for read, whole in zip(stars.read(rows), (flux, error), strict=True):
            np.testing.assert_array_equal(read, whole[rows])


def test_one_bit_of_one_star_is_noticed(stars_file, tmp_path):
    stars, stat = StarFiles([stars_file], tmp_path), stars_file.stat()
    with h5py.File(stars_file, "a") as file:
        file[ERROR][31, 59] = np.nextafter(file[ERROR][31, 59], np.float32(np.inf))
    os.utime(stars_file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(InputError, match=r"1 of 50 stars just read .* \(first: row 31\)"):
        stars.read(EVERY)


def test_a_wrong_star_of_a_later_file_is_named_by_its_own_file_and_row(tmp_path):
    files = [write_stars(tmp_path / f"{seed}.h5", seed=seed) for seed in (0, 1)]
    stars = StarFiles(files, tmp_path)
    replace_in_place(files[1], seed=2)
    stars.read(EVERY)
    with pytest.raises(InputError, match=r"1\.h5: 10 of 12 stars just read .* \(first: row 5\)"):
        stars.read(np.r_[40:45, 53:65])


@pytest.mark.parametrize("keep_time", [True, False])
def test_shards_that_are_swapped_are_refused(tmp_path, keep_time):
    one, two = (write_stars(tmp_path / f"{seed}.h5", seed=seed) for seed in (0, 1))
    if keep_time:
        os.utime(two, ns=(one.stat().st_atime_ns, one.stat().st_mtime_ns))
    stars = StarFiles([one, two], tmp_path)
    one.rename(tmp_path / "x.h5")
    two.rename(one)
    (tmp_path / "x.h5").rename(two)
    with pytest.raises(InputError, match="0.h5 changed while it was in use"):
        stars.read(EVERY)
    swapped = StarFiles([one, two], tmp_path)
    np.testing.assert_array_equal(swapped.checksums, np.roll(stars.checksums, 50))


def test_an_inspection_that_proved_wrong_is_not_trusted_again(stars_file, tmp_path, monkeypatch):
    monkeypatch.setattr(
        inspection, "identify", lambda path, _: str(path)
    )  # a disk that returns other bytes tells nobody
    before = StarFiles([stars_file], tmp_path)
    replace_in_place(stars_file, seed=1)
    stale = StarFiles([stars_file], tmp_path)
    np.testing.assert_array_equal(stale.checksums, before.checksums)
    with pytest.raises(InputError, match="Start it again: the file is then checked anew"):
        stale.read(EVERY)
    fresh = StarFiles([stars_file], tmp_path)
    np.testing.assert_array_equal(np.flatnonzero(fresh.checksums != before.checksums), EVERY[5:])
    fresh.read(EVERY)
