"""Files to be predicted, models and bundles with anything in them: numbers that can be used, or one message."""

import io
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from hypothesis import given, strategies

from moe_exp.prediction.mixture import Mixture
from moe_exp.prediction.readers import read_spectra
from moe_exp.prediction.storage import DESCRIPTION_FILE, NUMBERS_FILE
from moe_exp.prediction.streaming import predict_file
from moe_exp.runs.bundles.archive import unpacked
from moe_exp.runs.bundles.manifest import BUNDLE_FILE
from moe_exp.tracking import open_store
from tests.conftest import store_in
from tests.refusals import refusal
from tests.runs.bundles.test_manifest import SOUND

N = 30
ANGSTROM = np.linspace(8480, 8680, N)
ODD = (0, -1, 1, 1e-300, 1e38, 1e300, float("nan"), float("inf"), -float("inf"))

odd = strategies.one_of(strategies.sampled_from(ODD), strategies.floats())
wavelengths = strategies.one_of(
    strategies.sampled_from([ANGSTROM, ANGSTROM[::-1], ANGSTROM / 10, np.log10(ANGSTROM), ANGSTROM[:1], ANGSTROM[:0]]),
    strategies.lists(odd, max_size=4).map(np.array),
)
shapes = strategies.sampled_from([(), (0,), (1,), (N,), (0, N), (2, N), (N, 1), (2, 0), (2, 2, N)])
types = strategies.sampled_from(["f8", "f4", ">f4", "f2", "i4", "u1", "?", "c8", "U3", "S3"])
arrays = strategies.builds(
    lambda shape, type_, value: np.full(shape, value).astype(type_) if type_ in "U3S3" else np.ones(shape, type_),
    *(shapes, types, odd),
)
spectra = strategies.builds(
    lambda value, place: np.where(np.arange(N) == place, value, 1.0), odd, strategies.integers(0, N)
)
values = strategies.one_of(arrays, spectra, wavelengths, odd.map(np.array))
npz_files = strategies.fixed_dictionaries(
    {"wavelength": strategies.one_of(strategies.just(ANGSTROM), values)},
    optional={name: values for name in ("flux", "error", "mask", "velocity")}
    | {"star": strategies.one_of(values, strategies.just(np.array(["a", "b"])))}
    | {"medium": strategies.sampled_from([np.array("air"), np.array("vac"), np.array("ü"), np.array(1), np.array([])])},
)
cells = strategies.one_of(odd.map(str), strategies.sampled_from(["", "x", "ü", "1,5", '"', "#", "1e400", " 1 "]))
headers = strategies.lists(
    strategies.sampled_from(["wavelength", "flux", "Flux", "error", "mask", "velocity", "star", "medium", ""]),
    max_size=5,
)
csv_files = strategies.builds(
    lambda header, rows: "\n".join(",".join(row) for row in [header, *rows]).encode(),
    headers,
    strategies.lists(strategies.lists(cells, max_size=5), max_size=5),
)
HDUS = {
    "SDSS": ("COADD", "SPECOBJ"),
    "DESI": ("FIBERMAP", "REDSHIFTS", "RVTAB", "R_WAVELENGTH", "R_FLUX", "R_IVAR", "R_MASK", "Z_WAVELENGTH", "Z_FLUX"),
    "PFS": ("FLUX", "MASK", "COVAR", "WAVELENGTH", "TARGET"),
}
COLUMNS = (
    "flux",
    "loglam",
    "ivar",
    "and_mask",
    "TARGETID",
    "Z",
    "SPECTYPE",
    "VRAD",
    "CLASS",
    "targetId",
    "value",
    "row_0",
)
columns = strategies.dictionaries(strategies.sampled_from(COLUMNS), values, max_size=5)
hdus = strategies.one_of(values, columns)
cards = strategies.dictionaries(strategies.sampled_from(["CRVAL1", "CD1_1", "CRPIX1", "OBJID", "MP_BAD"]), odd)
fits_files = strategies.sampled_from([*HDUS]).flatmap(
    lambda kind: strategies.fixed_dictionaries({}, optional=dict.fromkeys(HDUS[kind], hdus))
)


def sound_hdus() -> dict[str, Any]:
    """Return what a sound file of each kind has, under the names of its HDUs."""
    return {
        "COADD": {"flux": np.ones(N), "loglam": np.log10(ANGSTROM), "ivar": np.ones(N), "and_mask": np.zeros(N, int)},
        "FIBERMAP": {"TARGETID": np.arange(2)},
        "REDSHIFTS": {"Z": np.zeros(2), "SPECTYPE": np.array(["STAR", "QSO"])},
        **{f"R_{name}": np.ones((2, N)) for name in ("FLUX", "IVAR")},
        "R_WAVELENGTH": ANGSTROM,
        "FLUX": np.ones((2, N)),
        "MASK": np.zeros((2, N), int),
        "COVAR": np.ones((2, 3, N)),
        "WAVELENGTH": ANGSTROM / 10,
        "TARGET": {"targetId": np.arange(2)},
    }


def make_hdu(name: str, content: Any, header: fits.Header) -> Any:
    if isinstance(content, dict):
        return fits.BinTableHDU(np.rec.fromarrays([*content.values()], names=[*content]), name=name)
    return fits.ImageHDU(np.asarray(content), name=name, header=header)


def write_fits(path: Path, kind: str, spoiled: dict[str, Any], left_out: set[str], header: dict[str, Any]) -> None:
    """Write a file of some kind with other content, or none, in some HDUs; those that FITS cannot hold are left out."""
    found = [fits.PrimaryHDU()]
    for name, content in ({name: each for name, each in sound_hdus().items() if name in HDUS[kind]} | spoiled).items():
        try:
            one = make_hdu(name, content, fits.Header(header)) if name not in left_out else None
            fits.HDUList([found[0], *([one] if one else [])]).writeto(io.BytesIO())
            found += [one] if one else []
        except Exception:  # of NumPy and astropy
            continue
    fits.HDUList(found).writeto(path, overwrite=True)


def read_and_predict(path: Path, model: Mixture) -> None:
    """See that all that a file gives belongs together, and that stars without a prediction are flagged."""
    for block in read_spectra(path):
        assert block.flux.shape == (len(block.star), len(block.wavelength))
        assert block.velocity.shape == (len(block.star),)
        assert np.isfinite(block.wavelength).all()
        assert (np.diff(block.wavelength, prepend=0) > 0).all()
    for table in predict_file(model, path, medium="air", velocity=None):
        known = table[[*model.numbers]].notna().all(axis=1)
        assert np.isfinite(table.loc[known, [*model.numbers]]).all(axis=None)
        assert (table.loc[~known, "flag"] > 0).all()


def look_at(path: Path, model: Mixture) -> None:
    said = refusal(lambda: read_and_predict(path, model))
    assert not said or said.startswith(str(path))


@given(found=npz_files)
def test_an_npz_file_is_read_or_refused(model, tmp_path, found):
    np.savez(tmp_path / "stars.npz", **found)
    look_at(tmp_path / "stars.npz", model)


@given(content=csv_files)
def test_a_csv_file_is_read_or_refused(model, tmp_path, content):
    (tmp_path / "star.csv").write_bytes(content)
    look_at(tmp_path / "star.csv", model)


@given(
    kind=strategies.sampled_from([*HDUS]),
    spoiled=fits_files,
    left_out=strategies.sets(strategies.sampled_from([name for each in HDUS.values() for name in each]), max_size=1),
    header=cards,
)
def test_a_file_of_a_survey_is_read_or_refused(model, tmp_path, kind, spoiled, left_out, header):
    write_fits(tmp_path / "survey.fits", kind, spoiled, left_out, header)
    look_at(tmp_path / "survey.fits", model)


damage = strategies.tuples(strategies.floats(0, 1), strategies.binary(max_size=4), strategies.booleans())


def harm(path: Path, place: float, content: bytes, cut: bool) -> None:
    """Write other bytes into a file, or cut it off behind them."""
    sound = path.read_bytes()
    start = int(place * len(sound))
    path.write_bytes(sound[:start] + content + (b"" if cut else sound[start + len(content) :]))


@given(ending=strategies.sampled_from([".npz", ".csv", ".fits"]), harmed=damage)
def test_a_damaged_file_is_read_or_refused(model, tmp_path, ending, harmed):
    path = tmp_path / f"stars{ending}"
    if ending == ".npz":
        np.savez(path, wavelength=ANGSTROM, flux=np.ones((2, N)))
    elif ending == ".fits":
        write_fits(path, "PFS", {}, set(), {})
    else:
        np.savetxt(path, np.column_stack([ANGSTROM, np.ones(N)]), "%g", ",", header="wavelength,flux", comments="")
    harm(path, *harmed)
    look_at(path, model)


json_values = strategies.recursive(
    strategies.one_of(
        strategies.none(), strategies.booleans(), strategies.integers(), odd, strategies.text(max_size=5)
    ),
    lambda inner: strategies.lists(inner, max_size=3) | strategies.dictionaries(strategies.text(max_size=3), inner),
    max_leaves=4,
)


def put(values: Any, place: list[int], new: Any) -> Any:
    """Return JSON with another value somewhere: each number of the place chooses a key or an item, the last is set."""
    if not place or not isinstance(values, dict | list) or not values:
        return new
    keys = [*values] if isinstance(values, dict) else [*range(len(values))]
    key = keys[place[0] % len(keys)]
    copy = values.copy()
    copy[key] = put(values[key], place[1:], new)
    return copy


@given(place=strategies.lists(strategies.integers(0, 20), max_size=6), new=json_values)
def test_a_model_with_any_description_is_loaded_or_refused(model_folder, tmp_path, place, new):
    folder = Path(shutil.copytree(model_folder, tmp_path / "model", dirs_exist_ok=True))
    description = folder / DESCRIPTION_FILE
    description.write_text(json.dumps(put(json.loads(description.read_text()), place, new)))
    said = refusal(lambda: Mixture.load(folder).predict(np.ones((1, 60))))
    assert not said or str(folder) in said


@given(harmed=damage, name=strategies.sampled_from([DESCRIPTION_FILE, NUMBERS_FILE]))
def test_a_damaged_model_is_loaded_or_refused(model_folder, tmp_path, harmed, name):
    folder = Path(shutil.copytree(model_folder, tmp_path / "model", dirs_exist_ok=True))
    harm(folder / name, *harmed)
    said = refusal(lambda: Mixture.load(folder))
    assert not said or str(folder) in said


@given(
    place=strategies.lists(strategies.integers(0, 20), max_size=4), new=json_values, harmed=damage | strategies.none()
)
def test_a_bundle_with_any_manifest_is_unpacked_or_refused(tmp_path, place, new, harmed):
    path = tmp_path / "bundle.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(BUNDLE_FILE, json.dumps(put(SOUND, place, new)))
    if harmed:
        harm(path, *harmed)
    said = refusal(lambda: unpack(path))
    assert not said or str(path) in said


def unpack(path: Path) -> None:
    with unpacked(path):
        pass


@given(harmed=damage)
def test_a_damaged_store_is_opened_or_refused(fresh_store, tmp_path, harmed):
    harm(Path(shutil.copy(fresh_store, tmp_path / "mlflow.db")), *harmed)
    said = refusal(lambda: open_store(store_in(tmp_path)))
    assert not said or "mlflow.db" in said
