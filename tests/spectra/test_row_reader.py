import os

import h5py
import numpy as np
import pytest

from moe_exp.errors import InputError
from moe_exp.spectra import hdf5
from moe_exp.spectra.file_state import identify
from moe_exp.spectra.files import ERROR, FLUX, read_grid
from moe_exp.spectra.inspection import inspect
from moe_exp.spectra.row_reader import Band, RowReader
from tests.conftest import make_stars, write_stars

EVERY = np.arange(50)
SOME = np.array([0, 3, 4, 17, 49])


@pytest.mark.parametrize("storage", [{}, {"chunks": (7, 60)}, {"chunks": (50, 10), "compression": "gzip"}])
@pytest.mark.parametrize("dtype", ["<f4", "<f8", ">f4"])
def test_any_storage_gives_the_same_rows(tmp_path, storage, dtype):
    flux, _, _ = make_stars(50)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("flux", data=flux.astype(dtype), **storage)
    np.testing.assert_array_equal(RowReader(tmp_path / "x.h5", "flux").read(SOME), flux[SOME])


def test_no_rows_are_no_rows(stars_file):
    assert RowReader(stars_file, FLUX).read(EVERY[:0]).shape == (0, 60)


def replace_by_link(path, name, link):
    with h5py.File(path, "a") as file:
        del file[name]
        file[name] = link


def link_external(path, tmp_path, flux):
    """Put another flux in the place that the offset of the linked one has, as a file with a history may have."""
    target = write_stars(tmp_path / "flux.h5", seed=1)
    replace_by_link(path, FLUX, h5py.ExternalLink("flux.h5", FLUX))
    with h5py.File(target, "a") as file:
        file[FLUX][...] = flux
    return [target]


def link_soft_through_external(path, tmp_path, flux):
    [target] = link_external(path, tmp_path, flux)
    replace_by_link(path, FLUX, h5py.SoftLink("/elsewhere"))
    with h5py.File(path, "a") as file:
        file["elsewhere"] = h5py.ExternalLink("flux.h5", FLUX)
    return [target]


def link_group(path, tmp_path, flux):
    [target] = link_external(path, tmp_path, flux)
    replace_by_link(path, "dataset/arrays/flux", h5py.ExternalLink("flux.h5", "dataset/arrays/flux"))
    return [target]


def store_raw_outside(path, tmp_path, flux):
    flux.tofile(tmp_path / "flux.raw")
    with h5py.File(path, "a") as file:
        del file[FLUX]
        file.create_dataset(FLUX, flux.shape, "<f4", external=[(str(tmp_path / "flux.raw"), 0, flux.nbytes)])
    return [tmp_path / "flux.raw"]


def store_virtually(path, tmp_path, flux):
    halves = h5py.VirtualLayout(flux.shape, "<f4")
    for number, rows in enumerate((slice(0, 20), slice(20, 50))):
        with h5py.File(tmp_path / f"half_{number}.h5", "w") as file:
            file["flux"] = flux[rows]
        halves[rows] = h5py.VirtualSource(f"half_{number}.h5", "flux", flux[rows].shape)
    with h5py.File(path, "a") as file:
        del file[FLUX]
        file.create_virtual_dataset(FLUX, halves)
    return [tmp_path / "half_0.h5", tmp_path / "half_1.h5"]


ELSEWHERE = [link_external, link_soft_through_external, link_group, store_raw_outside, store_virtually]


@pytest.mark.parametrize("store", ELSEWHERE)
def test_flux_that_lies_in_other_files_is_read_from_there(stars_file, tmp_path, store):
    flux = make_stars(50, seed=2)[0]
    store(stars_file, tmp_path, flux)
    read_grid(stars_file)
    np.testing.assert_array_equal(RowReader(stars_file, FLUX).read(SOME), flux[SOME])


@pytest.mark.parametrize("store", ELSEWHERE)
def test_a_change_of_what_a_file_points_to_is_a_change_of_the_file(stars_file, tmp_path, store):
    behind = store(stars_file, tmp_path, make_stars(50, seed=2)[0])
    for path in behind:
        before, reader = identify(stars_file), RowReader(stars_file, FLUX)
        os.utime(path, (1, 1))
        assert identify(stars_file) != before
        with pytest.raises(InputError, match=rf"{path.name} changed while it was in use"):
            reader.read(SOME)


@pytest.mark.parametrize("store", ELSEWHERE)
def test_a_lost_file_that_another_points_to_is_named(stars_file, tmp_path, store):
    lost = store(stars_file, tmp_path, make_stars(50, seed=2)[0])[-1]
    lost.unlink()
    with pytest.raises(InputError, match=lost.name):
        inspect(stars_file, tmp_path)


def test_flux_that_is_made_of_itself_is_refused(stars_file, tmp_path):
    whole = h5py.VirtualLayout((50, 60), "<f4")
    whole[...] = h5py.VirtualSource(".", FLUX, (50, 60))
    with h5py.File(stars_file, "a") as file:
        del file[FLUX]
        file.create_virtual_dataset(FLUX, whole)
    with pytest.raises(InputError, match="the virtual dataset /dataset/arrays/flux/value is made of itself"):
        inspect(stars_file, tmp_path)


def test_flux_behind_a_user_block_is_read_from_where_it_is(tmp_path):
    flux = make_stars(50)[0]
    with h5py.File(tmp_path / "x.h5", "w", userblock_size=512) as file:
        file["flux"] = flux
    np.testing.assert_array_equal(RowReader(tmp_path / "x.h5", "flux").read(SOME), flux[SOME])


def test_flux_that_lies_in_the_head_of_a_file_is_read_by_the_library(tmp_path):
    flux = make_stars(50)[0]
    layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    layout.set_layout(h5py.h5d.COMPACT)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        space = h5py.h5s.create_simple(flux.shape)
        h5py.h5d.create(file.id, b"flux", h5py.h5t.IEEE_F32LE, space, layout).write(h5py.h5s.ALL, h5py.h5s.ALL, flux)
    np.testing.assert_array_equal(RowReader(tmp_path / "x.h5", "flux").read(SOME), flux[SOME])


def test_flux_that_was_never_written_is_what_hdf5_says(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("flux", (50, 60), "<f4", fillvalue=7)
    np.testing.assert_array_equal(RowReader(tmp_path / "x.h5", "flux").read(SOME), 7)


@pytest.mark.parametrize(
    "change",
    [
        lambda path: os.utime(path, (1, 1)),
        lambda path: os.truncate(path, path.stat().st_size - 1),
        lambda path: path.unlink(),
        lambda path: write_stars(path.with_name("other.h5")).replace(path),
    ],
)
@pytest.mark.parametrize("dtype", ["<f4", "<f8"])
def test_a_file_that_changes_under_a_reader_is_refused(stars_file, change, dtype):
    with h5py.File(stars_file, "a") as file:
        values = file[FLUX][()]
        del file[FLUX]
        file[FLUX] = values.astype(dtype)
    reader = RowReader(stars_file, FLUX)
    change(stars_file)
    with pytest.raises(InputError, match=r"stars\.h5 changed while it was in use"):
        reader.read(SOME)


def test_a_file_that_changes_in_the_midst_of_a_read_is_refused(stars_file):
    class SlowReader(RowReader):
        def _read_bytes(self, *arguments):
            super()._read_bytes(*arguments)
            os.utime(self.path, (1, 1))

    with pytest.raises(InputError, match=r"stars\.h5 changed while it was in use"):
        SlowReader(stars_file, FLUX).read(SOME)


def test_a_file_that_is_cut_off_before_it_is_opened_says_so(stars_file):
    os.truncate(stars_file, stars_file.stat().st_size // 2)
    with pytest.raises(InputError, match=r"stars\.h5 cannot be read as HDF5: .*truncated file"):
        RowReader(stars_file, FLUX)


def test_each_chunk_is_read_once_a_pass_however_many_rows_it_holds(stars_file, monkeypatch):
    with h5py.File(stars_file, "a") as file:
        values = file[FLUX][()]
        del file[FLUX]
        file.create_dataset(FLUX, data=values, chunks=(20, 1))
    read = []
    whole = RowReader._read_band
    monkeypatch.setattr(hdf5, "BAND_ROWS", 10)
    monkeypatch.setattr(RowReader, "_read_band", lambda self, first: read.append(first) or whole(self, first))
    reader = RowReader(stars_file, FLUX)
    parts = [reader.read(EVERY[start : start + 7]) for start in range(0, 50, 7)]
    np.testing.assert_array_equal(np.concatenate(parts), values)
    assert read == [0, 20, 40]


def test_readers_that_share_a_band_do_not_mix_their_files(tmp_path):
    files = [write_stars(tmp_path / f"{seed}.h5", seed=seed) for seed in (0, 1)]
    for path in files:
        with h5py.File(path, "a") as file:
            values = file[FLUX][()]
            del file[FLUX]
            file.create_dataset(FLUX, data=values, chunks=(20, 60))
    band = Band()
    readers = [RowReader(path, FLUX, band) for path in files]
    for seed, reader in enumerate(readers):
        np.testing.assert_array_equal(reader.read(EVERY), make_stars(50, seed=seed)[0])


def test_chunks_that_hold_too_many_stars_are_refused_with_the_remedy(stars_file, monkeypatch):
    monkeypatch.setattr(hdf5, "MAX_BAND_BYTES", 20 * 60 * 4 - 1)
    with h5py.File(stars_file, "a") as file:
        for name in (FLUX, ERROR):
            values = file[name][()]
            del file[name]
            file.create_dataset(name, data=values, chunks=(20, 1))
    remedy = f"h5repack -f NONE -l {FLUX},{ERROR}:CONTI .*stars.h5 rewritten.h5"
    with pytest.raises(InputError, match=rf"{FLUX} is stored in chunks of 20 stars x 1 .*{ERROR} is.*{remedy}"):
        read_grid(stars_file)


def test_an_unknown_filter_is_named_with_the_remedy(stars_file):
    unknown = 257  # reserved by the HDF Group, and never given out
    with h5py.File(stars_file, "a") as file:
        values = file[ERROR][()]
        del file[ERROR]
        layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        layout.set_chunk((50, 60))
        layout.set_filter(unknown, h5py.h5z.FLAG_OPTIONAL)
        kind, space = h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple(values.shape)
        h5py.h5d.create(file["dataset/arrays/error"].id, b"value", kind, space, layout)
    with pytest.raises(InputError, match=rf"stars\.h5: {ERROR} needs the HDF5 filter 257 .*install hdf5plugin"):
        read_grid(stars_file)
