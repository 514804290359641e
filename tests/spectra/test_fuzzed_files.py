"""Files of stars with anything wrong in them: stars that can be used, or one message that says what is wrong where."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies

from moe_exp.progress import Stages
from moe_exp.spectra.files import ERROR, FLUX, LABELS, RANDOM_ORDER, WAVELENGTH
from moe_exp.spectra.sources import Hdf5Data
from tests.conftest import write_stars
from tests.refusals import refusal

N_STARS, N_PIXELS = 40, 20
MASK, IVAR = "mask", "ivar"
NAMES = (WAVELENGTH, FLUX, ERROR, MASK, IVAR)
TYPES = ("f2", "f4", ">f4", "f8", "i2", ">i8", "u1", "?", "c8", "S3", "O", [("a", "f4")], "V4")
SHAPES = ((), (0,), (1,), (N_PIXELS,), (0, N_PIXELS), (1, N_PIXELS), (N_STARS, 0), (N_STARS, 1), (2, 2, 2))
ODD = (0, -1, 1, 0.5, -999, 9999, 1e4, 1e10, 1e38, 1e-40, 1e300, float("nan"), float("inf"), -float("inf"))
ODD_TEXTS = (
    "",
    "air",
    "vacuum",
    "nm",
    "log10(Angstrom)",
    "log10()",
    "km/s",
    "Angstrom**-1",
    "ü\0",
    "1e999 nm",
    "ångström",
)
ATTRIBUTES = (RANDOM_ORDER, "unit", "CUNIT1", "medium", "VACUUM", "ctype1", "frame", "CLASS", "TITLE")
COLUMNS = ("T_eff", "log_g", "M_H", "mag", "star", "teff", "star_index", "", "ü", "a_M")


class Edit(NamedTuple):
    """What is done to a file, and with which arguments."""

    does: Callable[..., None]
    arguments: dict[str, Any]


def edits(does: Callable[..., None], **arguments: strategies.SearchStrategy) -> strategies.SearchStrategy:
    return strategies.builds(Edit, strategies.just(does), strategies.fixed_dictionaries(arguments))


def put_value(file: h5py.File, name: str, star: slice, pixel: slice, value: float) -> None:
    values = file[name]
    values[(star, pixel) if values.ndim == 2 else pixel] = np.array(value).astype(values.dtype)


def put_again(file: h5py.File, name: str, other: str) -> None:
    del file[name]
    if other:
        file[name] = file[other][()]


def put_type(file: h5py.File, name: str, type_: Any) -> None:
    values = file[name][()]
    del file[name]
    if type_ == "O":
        file[name] = values.astype(str).astype("O")
    else:
        file[name] = np.zeros(values.shape, type_) if isinstance(type_, list) else values.astype(type_)


def put_shape(file: h5py.File, name: str, shape: tuple[int, ...]) -> None:
    del file[name]
    file[name] = np.ones(shape, np.float32)


def put_layout(file: h5py.File, name: str, chunks: tuple[int, int], gzip: bool) -> None:
    values = file[name][()]
    del file[name]
    file.create_dataset(name, data=values, chunks=chunks[: values.ndim], compression="gzip" if gzip else None)


def put_link(file: h5py.File, name: str, target: str, outside: bool) -> None:
    del file[name]
    file[name] = h5py.ExternalLink("elsewhere.h5", target) if outside else h5py.SoftLink(target)


def put_virtual(file: h5py.File, name: str, source: str) -> None:
    shape = file[name].shape
    del file[name]
    layout = h5py.VirtualLayout(shape, "f4")
    layout[...] = h5py.VirtualSource(source, FLUX, shape)
    file.create_virtual_dataset(name, layout)


def put_group(file: h5py.File, name: str) -> None:
    del file[name]
    file.create_group(name)


def put_empty(file: h5py.File, name: str) -> None:
    del file[name]
    file[name] = h5py.Empty("f4")


def put_attribute(file: h5py.File, place: str, name: str, value: Any) -> None:
    file[place].attrs[name] = value


def cut_stars(file: h5py.File, name: str, n_stars: int) -> None:
    values = file[name][:n_stars]
    del file[name]
    file[name] = values


def mirror(file: h5py.File, name: str, axis: int) -> None:
    values = file[name]
    values[()] = np.flip(values[()], min(axis, values.ndim - 1))


def copy_stars(file: h5py.File, first: int, second: int) -> None:
    for name in (FLUX, ERROR):
        file[name][second] = file[name][first]


names = strategies.sampled_from(NAMES)
odd = strategies.one_of(strategies.sampled_from(ODD), strategies.floats())
slices = strategies.one_of(
    strategies.just(slice(None)),
    strategies.builds(slice, strategies.integers(0, 5), strategies.integers(1, N_STARS)),
    strategies.builds(slice, strategies.just(None), strategies.just(None), strategies.integers(1, 3)),
)
attribute_values = strategies.one_of(
    odd,
    strategies.sampled_from(ODD_TEXTS),
    strategies.sampled_from([h5py.Empty("f4"), np.array([1, 2]), np.bytes_(b"\xff"), np.array(["nm"], "O"), True]),
)
hdf5_edits = strategies.one_of(
    edits(put_value, name=names, star=slices, pixel=slices, value=odd),
    edits(put_again, name=names, other=strategies.sampled_from(["", *NAMES])),
    edits(put_type, name=names, type_=strategies.sampled_from(TYPES)),
    edits(put_shape, name=names, shape=strategies.sampled_from(SHAPES)),
    edits(
        put_layout, name=names, chunks=strategies.sampled_from([(1, 1), (7, 3), (40, 20)]), gzip=strategies.booleans()
    ),
    edits(
        put_link,
        name=strategies.sampled_from([*NAMES, "dataset", LABELS]),
        target=strategies.sampled_from(["/nowhere", "/mask", "/dataset", "/dataset/arrays/flux/value", "/"]),
        outside=strategies.booleans(),
    ),
    edits(
        put_virtual, name=strategies.sampled_from([FLUX, ERROR]), source=strategies.sampled_from([".", "nowhere.h5"])
    ),
    edits(put_group, name=strategies.sampled_from([*NAMES, LABELS])),
    edits(put_empty, name=names),
    edits(
        put_attribute,
        place=strategies.sampled_from(["/", WAVELENGTH, LABELS]),
        name=strategies.sampled_from(ATTRIBUTES),
        value=attribute_values,
    ),
    edits(cut_stars, name=strategies.sampled_from([FLUX, ERROR, MASK, IVAR]), n_stars=strategies.integers(0, 41)),
    edits(mirror, name=names, axis=strategies.integers(0, 1)),
    edits(copy_stars, first=strategies.integers(0, 39), second=strategies.integers(0, 39)),
)


def put_column(table: pd.DataFrame, name: str, values: Any) -> pd.DataFrame:
    return table.assign(**{name: np.resize(np.asarray(values, None), len(table))})


def put_label(table: pd.DataFrame, name: str, row: int, value: float) -> pd.DataFrame:
    return table.assign(**{name: table.get(name, table["mag"]).astype(float).where(table.index != row, value)})


def put_label_type(table: pd.DataFrame, name: str, type_: str) -> pd.DataFrame:
    return table.assign(**{name: table.get(name, table["mag"]).astype(type_)})


def drop_column(table: pd.DataFrame, name: str) -> pd.DataFrame:
    return table.drop(columns=[name], errors="ignore")


def put_index(table: pd.DataFrame, index: list[Any]) -> pd.DataFrame:
    return table.set_index(pd.Index([*index, *range(len(index), len(table))][: len(table)]))


def double_column(table: pd.DataFrame, name: str) -> pd.DataFrame:
    return pd.concat([table, table[[name]]], axis=1) if name in table else table


def cut_table(table: pd.DataFrame, n_rows: int) -> pd.DataFrame:
    return table.iloc[:n_rows]


column_names = strategies.sampled_from(COLUMNS)
table_edits = strategies.one_of(
    edits(put_column, name=column_names, values=strategies.lists(odd, min_size=1, max_size=3)),
    edits(put_column, name=column_names, values=strategies.lists(strategies.text(max_size=3), min_size=1, max_size=3)),
    edits(put_column, name=column_names, values=strategies.lists(strategies.integers(-(2**63), 2**63 - 1), min_size=1)),
    edits(put_label, name=column_names, row=strategies.integers(0, 39), value=odd),
    edits(
        put_label_type,
        name=column_names,
        type_=strategies.sampled_from(["float32", "int64", "str", "category", "bool", "complex", "datetime64[ns]"]),
    ),
    edits(drop_column, name=column_names),
    edits(put_index, index=strategies.lists(strategies.one_of(odd, strategies.integers(0, 5)), max_size=3)),
    edits(put_index, index=strategies.lists(strategies.text(max_size=2), min_size=N_STARS, max_size=N_STARS)),
    edits(double_column, name=column_names),
    edits(cut_table, n_rows=strategies.integers(0, N_STARS)),
)
options = strategies.fixed_dictionaries(
    {},
    optional={
        "n_train": strategies.one_of(odd, strategies.integers(1, 40), strategies.none()),
        "n_val": strategies.one_of(odd, strategies.integers(1, 40), strategies.none()),
        "n_test": strategies.one_of(odd, strategies.integers(1, 40), strategies.none()),
        "label": strategies.sampled_from(["mag", "T_eff", "star", "ü", ""]),
        "shuffle": strategies.booleans(),
        "star_id": strategies.sampled_from(["star", "mag", "log_g", "teff", ""]),
        "medium": strategies.sampled_from(["air", "vacuum"]),
        "mask": strategies.sampled_from([MASK, FLUX, "dataset", "nowhere", "", "/"]),
        "ivar": strategies.sampled_from([IVAR, FLUX, "nowhere", ""]),
        "sentinel": strategies.one_of(odd, strategies.lists(odd, max_size=2)),
        "max_masked": strategies.sampled_from([0.0, 0.5, 0.99]),
        "too_masked": strategies.sampled_from(["drop", "refuse"]),
        "noise_level": strategies.sampled_from([0, 1e3, 1e-300, 1e300]),
    },
)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a file of stars with flags and inverse variances, and nothing wrong, but without checksums."""
    path = write_stars(tmp_path_factory.mktemp("sound") / "sound.h5", N_STARS, n_pixels=N_PIXELS)
    with h5py.File(path, "a") as file:
        file[MASK] = np.zeros((N_STARS, N_PIXELS), np.uint8)
        file[IVAR] = file[ERROR][()] ** -2
    return path


def spoil(path: Path, done: list[Edit], table_done: list[Edit], form: str) -> None:
    """Edit a file; what its library cannot write or no longer finds stays as it was."""
    table = pd.DataFrame(pd.read_hdf(path))
    try:
        for edit in table_done:
            table = edit.does(table, **edit.arguments)
        if table_done:
            table.to_hdf(path, key=LABELS, format=form, mode="a")
        with h5py.File(path, "a") as file:
            for edit in done:
                edit.does(file, **edit.arguments)
    except Exception:  # of NumPy, pandas, PyTables and HDF5
        return


def open_all(path: Path, **chosen: Any) -> None:
    """Open a file as a run does, and see that all of its stars are what models can be fitted to."""
    data = Hdf5Data(path=str(path), **({"n_train": 20, "n_val": 10, "n_test": 10} | chosen))
    data.check(path.parent)
    data.read_grid()
    dataset = data.open(path.parent / "cache", Stages())
    assert (np.diff(dataset.wavelength) > 0).all()
    for stars in (dataset.train, dataset.gate, dataset.test):
        assert len(stars)
        assert np.isfinite(stars.target).all()
        assert np.isfinite(stars.noisy_flux(np.arange(len(stars)))).all()


@given(
    done=strategies.lists(hdf5_edits, max_size=3),
    table_done=strategies.lists(table_edits, max_size=2),
    form=strategies.sampled_from(["table", "fixed"]),
    chosen=options,
)
def test_a_file_of_stars_is_used_or_refused_by_one_message(sound, tmp_path, done, table_done, form, chosen):
    path = Path(shutil.copy(sound, tmp_path / "stars.h5"))
    spoil(path, done, table_done, form)
    said = refusal(lambda: open_all(path, **chosen))
    assert not said or "data." in said or path.name in said or "training stars" in said
