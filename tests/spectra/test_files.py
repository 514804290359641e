import re

import h5py
import numpy as np
import pandas as pd
import pytest

from moe_exp.errors import InputError
from moe_exp.spectra.files import ERROR, FLUX, WAVELENGTH, find_files, in_random_order, read_grid
from moe_exp.spectra.labels import read_labels
from moe_exp.spectra.row_reader import RowReader
from moe_exp.spectra.writer import write_spectra
from tests.conftest import make_stars, write_stars


def test_what_is_written_is_read_back(stars_file):
    flux, error, labels = make_stars(50)
    rows = np.arange(50)
    np.testing.assert_array_equal(RowReader(stars_file, FLUX).read(rows), flux)
    np.testing.assert_array_equal(RowReader(stars_file, ERROR).read(rows), error)
    pd.testing.assert_frame_equal(read_labels(stars_file), labels)
    assert not in_random_order(stars_file)


def test_pandas_finds_the_labels_under_their_own_names(stars_file):
    assert {"T_eff", "log_g", "M_H"} <= set(pd.read_hdf(stars_file).columns)


def test_file_appears_only_when_complete(tmp_path):
    flux, error, labels = make_stars(10)
    path = tmp_path / "new" / "stars.h5"

    def write_half():
        with write_spectra(path, wavelength=np.arange(60.0), medium="air", n_stars=10, random_order=True) as writer:
            writer.add(flux[:5], error[:5], labels[:5])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert list(path.parent.iterdir()) == []


def test_glob_is_sorted_and_lists_are_kept(tmp_path):
    files = [write_stars(tmp_path / f"shard_{i}.h5", 5) for i in (2, 0, 1)]
    assert [path.name for path in find_files(str(tmp_path / "shard_*.h5"))] == [f"shard_{i}.h5" for i in range(3)]
    assert find_files([str(path) for path in files]) == files


@pytest.mark.parametrize("ask", [lambda folder: str(folder / "field[12].h5"), lambda folder: folder / "field[12].h5"])
def test_a_name_with_brackets_is_that_file_where_it_exists(tmp_path, ask):
    files = [write_stars(tmp_path / name, 5) for name in ("field1.h5", "field2.h5", "field[12].h5")]
    assert find_files(ask(tmp_path)) == [files[2]]
    files[2].unlink()
    assert find_files(ask(tmp_path)) == files[:2]


def test_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=re.escape("data.test_path: no file matches") + ".*nowhere.h5"):
        find_files(str(tmp_path / "nowhere.h5"), "data.test_path")


def test_file_that_is_not_hdf5_is_named(tmp_path):
    (tmp_path / "notes.h5").write_text("not spectra")
    with pytest.raises(InputError, match=r"notes\.h5 cannot be read as HDF5"):
        read_grid(tmp_path / "notes.h5")


@pytest.mark.parametrize("name", [WAVELENGTH, FLUX, ERROR])
def test_missing_dataset_is_named(stars_file, name):
    with h5py.File(stars_file, "a") as file:
        del file[name]
    with pytest.raises(InputError, match=f"lacks the dataset.* {name}"):
        read_grid(stars_file)


def test_mismatched_shapes_are_shown(stars_file):
    with h5py.File(stars_file, "a") as file:
        del file[WAVELENGTH]
        file[WAVELENGTH] = np.arange(59.0)
    with pytest.raises(InputError, match=r"\(50, 60\).*\(59,\)"):
        read_grid(stars_file)


@pytest.mark.parametrize("kind", ["complex64", "S4"])
def test_flux_that_is_no_real_number_is_refused(stars_file, kind):
    with h5py.File(stars_file, "a") as file:
        values = file[FLUX][:]
        del file[FLUX]
        file[FLUX] = values.astype(kind)
    with pytest.raises(InputError, match="real numbers are needed, but the file has dataset/arrays/flux/value of type"):
        read_grid(stars_file)


@pytest.mark.parametrize("said", ["no", np.array([True, False]), 0.5])
def test_an_order_that_is_neither_true_nor_false_is_refused(stars_file, said):
    with h5py.File(stars_file, "a") as file:
        file.attrs["stars_in_random_order"] = said
    with pytest.raises(InputError, match="attribute stars_in_random_order must be true or false, but it is"):
        in_random_order(stars_file)


def test_links_that_lead_in_a_circle_are_named(stars_file):
    with h5py.File(stars_file, "a") as file:
        del file[FLUX]
        file[FLUX] = h5py.SoftLink(f"/{FLUX}")
    with pytest.raises(InputError, match=f"{stars_file} cannot be read as HDF5: .*link"):
        read_grid(stars_file)


def test_a_label_table_that_is_half_there_is_named_in_one_line(stars_file):
    with h5py.File(stars_file, "a") as file:
        for name in list(file["dataset/params"].attrs):
            del file["dataset/params"].attrs[name]
    with pytest.raises(InputError, match=f"{stars_file}: the label table cannot be read") as found:
        read_labels(stars_file)
    assert len(str(found.value).splitlines()) == 1
