"""The same stars in air and in vacuum, in any unit and direction, give the same results."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from moe_exp.errors import InputError
from moe_exp.experiment.checks import check
from moe_exp.experiment.pipeline import run
from moe_exp.progress import Stages
from moe_exp.spectra.checksums import CHECKSUMS
from moe_exp.spectra.files import ERROR, FLUX, WAVELENGTH
from moe_exp.spectra.known_lines import KMS
from moe_exp.spectra.medium import MEDIUM, convert
from moe_exp.spectra.simulated_files import write_simulated, write_stars
from moe_exp.spectra.simulator import Simulator, simulate
from tests.conftest import PROJECT_ROOT

N_STARS = 1600
WITHIN = "data.simulator.wavelength_max=8838"
SMALL = (
    "data=hdf5",
    "experts.n_alphas=5",
    "evaluation.n_resamples=100",
    "training.max_epochs=5",
    "data.n_train=1000",
    "data.n_val=300",
    "data.n_test=300",
)


@pytest.fixture(scope="module")
def in_air(tmp_path_factory) -> Path:
    """Give a file of simulated stars on the coarse grid, as this project writes it."""
    path = tmp_path_factory.mktemp("media") / "stars.h5"
    simulator = Simulator(n_pixels=512, velocity_step=5.0)
    with write_simulated(path, simulator, N_STARS) as writer:
        write_stars(writer, simulate(simulator, seed=0, first=0, last=N_STARS), lambda n: None)
    return path


def copy_stars(path, to, wavelength=lambda values: values, *, turned=False, medium=None, **attributes):
    """Write the same stars with other wavelengths, as somebody else would: silent about what is not given."""
    to.write_bytes(path.read_bytes())
    with h5py.File(to, "a") as file:
        del file[CHECKSUMS]
        values = wavelength(file[WAVELENGTH][()])
        for name, new in ((WAVELENGTH, values), (FLUX, file[FLUX][()]), (ERROR, file[ERROR][()])):
            del file[name]
            file[name] = new[..., ::-1] if turned else new
        file[WAVELENGTH].attrs.update(attributes | ({MEDIUM: medium} if medium else {}))
    return to


def to_vacuum(wavelength):
    return convert(wavelength, medium="air", to="vacuum")


@pytest.fixture
def copy(in_air, tmp_path):
    def make(*arguments, **options):
        return copy_stars(in_air, tmp_path / "copy.h5", *arguments, **options)

    return make


def run_copy(configure, path, *overrides):
    return run(configure(*SMALL, f"data.path={path}", *overrides), Stages())


@pytest.fixture
def check_copy(configure):
    def check_with(path, *overrides):
        check(configure(*SMALL, f"data.path={path}", *overrides))

    return check_with


def test_a_copy_in_vacuum_from_red_to_blue_gives_the_results_of_the_stars_in_air(configure, in_air, copy):
    air = run_copy(configure, in_air)
    assert (air.dataset.medium, air.dataset.medium_source) == ("air", "file")
    vacuum = run_copy(configure, copy(lambda wavelength: np.log10(to_vacuum(wavelength)), turned=True))
    assert (vacuum.dataset.medium, vacuum.dataset.medium_source) == ("vacuum", "lines")
    ours, theirs = air.results.predictions, vacuum.results.predictions
    np.testing.assert_allclose(theirs.clipped["soft"], ours.clipped["soft"], rtol=0, atol=1e-6)
    np.testing.assert_array_equal(theirs.clipped["global_ridge"], ours.clipped["global_ridge"])
    assert air.results.metrics()["test/r2"] == pytest.approx(vacuum.results.metrics()["test/r2"], abs=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        ("preprocessing=continuum",),
        ("preprocessing=resolution", "preprocessing.fwhm=12", "preprocessing.native_resolution=2000"),
    ],
)
def test_widths_of_preprocessing_are_those_in_air_for_a_copy_in_vacuum_too(configure, in_air, copy, options):
    air, vacuum = (
        run_copy(configure, path, "gate=classify", *options) for path in (in_air, copy(to_vacuum, medium="vacuum"))
    )
    ours, theirs = (outcome.results.predictions.clipped for outcome in (air, vacuum))
    for model in ("global_ridge", "soft"):
        np.testing.assert_allclose(theirs[model], ours[model], rtol=0, atol=1e-5)
    flux = vacuum.dataset.test.observe(np.arange(3))
    kept = vacuum.mixture.preprocess(flux / np.float32(vacuum.mixture.flux_unit))
    np.testing.assert_array_equal(kept, vacuum.dataset.test.noisy_flux(np.arange(3)))


def test_a_turned_file_holds_the_same_stars(configure, in_air, copy):
    path = copy(turned=True, medium="air", unit="Angstrom")
    datasets = [
        experiment.data.open(experiment.cache_dir, Stages())
        for experiment in (configure(*SMALL, f"data.path={each}") for each in (in_air, path))
    ]
    assert datasets[0].digest == datasets[1].digest
    few = np.array([0, 7, 250])
    np.testing.assert_array_equal(datasets[0].test.noisy_flux(few), datasets[1].test.noisy_flux(few))


def test_a_fault_in_a_turned_file_is_told_by_its_place_in_the_file(configure, copy):
    path = copy(turned=True)
    with h5py.File(path, "a") as file:
        file[FLUX][3, 100] = 1e9
    experiment = configure(*SMALL, f"data.path={path}")
    with pytest.raises(InputError, match="first in row 3, pixel 100"):
        experiment.data.open(experiment.cache_dir, Stages())


@pytest.mark.parametrize(
    ("change", "options", "overrides", "message"),
    [
        (to_vacuum, {"medium": "air"}, (), r"by an attribute of the file, but .* lie \+2\.\d+ Å \(\+[78]\d \+- "),
        (to_vacuum, {}, ("data.medium=air",), r"in air by data.medium=air, but .* km/s\) from those in vacuum"),
        (to_vacuum, {"medium": "vacuum"}, ("data.medium=air",), "says that .* in vacuum, but data.medium=air"),
        (np.copy, {}, ("data.medium=vacuum",), r"in vacuum by data.medium=vacuum, but .* lie [+-]0\.\d+ Å"),
        (np.copy, {}, ("data.medium=water",), "data.medium=water is not auto, air or vacuum"),
        (np.copy, {}, ("features.medium=water",), "features.medium=water is neither air nor vacuum"),
        (lambda values: values * (1 + 300 / KMS), {}, (), "say data.medium=air or data.medium=vacuum"),
    ],
)
def test_what_contradicts_the_lines_or_cannot_be_told_is_refused_before_work(
    check_copy, copy, change, options, overrides, message
):
    with pytest.raises(InputError, match=message):
        check_copy(copy(change, **options), *overrides)


@pytest.mark.parametrize("overrides", [("data.medium=air",), ("features=pca",)])
def test_moving_stars_are_taken_as_declared_or_without_windows(check_copy, copy, overrides):
    check_copy(copy(lambda values: values * (1 + 100 / KMS * 1.5)), *overrides)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (
            to_vacuum,
            {},
            "in one medium, but data.path: wavelengths are in air, as the file says.*; data.test_path: .* tell",
        ),
        (np.copy, {"medium": "vacuum"}, "data.test_path: wavelengths are in vacuum by an attribute of the file, but"),
        (lambda air: air + 1e-3, {}, r"has another wavelength grid .512 pixels, 7100\.2 to 8849\.8 Å. than"),
    ],
)
def test_test_stars_in_another_medium_or_on_another_grid_are_refused(configure, in_air, copy, change, options, message):
    paths = f"data.path={in_air}", f"data.test_path={copy(change, **options)}"
    experiment = configure(*SMALL, *paths)
    with pytest.raises(InputError, match=message):
        experiment.data.open(experiment.cache_dir, Stages())


def test_what_was_understood_is_said_in_the_log(configure, copy, caplog):
    experiment = configure(*SMALL, f"data.path={copy(lambda air: to_vacuum(air) / 10, turned=True)}")
    with caplog.at_level("INFO"):
        experiment.data.open(experiment.cache_dir, Stages())
    assert "data.path: wavelengths are stored as nm (by their range)" in caplog.text
    assert "data.path: pixels run from the red to the blue and are turned round" in caplog.text
    assert "data.path: wavelengths are in vacuum, as its lines tell: Ca II 8498, Ca II 8542" in caplog.text


def test_real_stars_are_in_air_and_ready_to_be_predicted(configure):
    path = PROJECT_ROOT.parent / "shared" / "data" / "stelib.h5"
    if not path.exists():
        pytest.skip(f"{path} is not there: stellar libraries are not part of the project")
    external = ("external=[stelib]", f"externals.stelib.path='{path}'")
    with pytest.raises(InputError, match=r"7104.5 to 8840.5 Å in air, but the training stars 7\d+.\d to 885\d.\d Å"):
        check(configure("experiment=smoke", *external))
    check(configure("experiment=smoke", *external, "data.simulator.wavelength_min=7107", WITHIN))


def test_published_like_models_in_vacuum_are_known_as_such(configure):
    path = PROJECT_ROOT.parent / "shared" / "data" / "bosz_r5000.h5"
    if not path.exists():
        pytest.skip(f"{path} is not there: model grids are not part of the project")
    experiment = configure("data=hdf5", f"data.path='{path}'")
    assert experiment.data.read_grid().medium == "vacuum"
    check(experiment)
