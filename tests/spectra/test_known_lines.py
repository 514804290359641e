import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter1d

from moe_exp.spectra.known_lines import KMS, LINES, measure_lines
from moe_exp.spectra.medium import convert
from moe_exp.spectra.simulator import CHUNK_SIZE, Simulator, simulate
from tests.conftest import PROJECT_ROOT

REAL = PROJECT_ROOT.parent / "shared" / "data"
OTHER = {"air": "vacuum", "vacuum": "air"}


@pytest.fixture(scope="module")
def simulated() -> tuple[np.ndarray, np.ndarray]:
    """Give wavelength [Å, air] and flux of some simulated stars on the coarse grid."""
    simulator = Simulator(n_pixels=512, velocity_step=5.0)
    chunks = simulate(simulator, seed=0, first=0, last=CHUNK_SIZE, device="cpu")
    return simulator.wavelength, np.concatenate([flux for _, flux, _ in chunks])


def blur(flux: np.ndarray, wavelength: np.ndarray, resolution: float) -> np.ndarray:
    return gaussian_filter1d(flux, wavelength.mean() / resolution / 2.355 / np.diff(wavelength).mean(), axis=1)


def test_simulated_stars_lie_in_air_and_their_vacuum_copy_in_vacuum(simulated):
    wavelength, flux = simulated
    assert measure_lines(wavelength, flux).medium == "air"
    copy = measure_lines(convert(wavelength, medium="air", to="vacuum"), flux)
    assert copy.medium == "vacuum"
    np.testing.assert_allclose(copy.from_vacuum, measure_lines(wavelength, flux).from_air, atol=3)


@pytest.mark.parametrize("velocity", [-600, -300, -82, -41, 41, 123, 165, 300, 700, 1554])
def test_a_moving_sample_tells_no_medium_rather_than_the_wrong_one(simulated, velocity):
    wavelength, flux = simulated
    assert measure_lines(wavelength * (1 + velocity / KMS), flux).medium is None


@pytest.mark.parametrize("velocity", [-15, 15])
def test_stars_nearly_at_rest_tell_their_medium(simulated, velocity):
    wavelength, flux = simulated
    assert measure_lines(wavelength * (1 + velocity / KMS), flux).medium == "air"


def test_stars_that_all_move_differently_tell_no_medium(simulated):
    wavelength, flux = simulated
    rng = np.random.default_rng(0)
    few = np.array(
        [
            np.interp(wavelength, wavelength * (1 + v / KMS), star)
            for v, star in zip(rng.normal(0, 150, 6), flux, strict=False)
        ]
    )
    found = measure_lines(wavelength, few)
    assert found.medium is None
    assert not 3 * found.error < 41


def test_noise_tells_no_medium(simulated):
    wavelength, flux = simulated
    noise = np.random.default_rng(0).normal(1, 0.3, flux.shape)
    found = measure_lines(wavelength, noise)
    assert found.medium is None


def test_the_brightness_of_single_stars_does_not_matter(simulated):
    wavelength, flux = simulated
    unit = 10.0 ** np.random.default_rng(0).uniform(-18, 3, (len(flux), 1))
    np.testing.assert_allclose(
        measure_lines(wavelength, flux * unit).from_air, measure_lines(wavelength, flux).from_air, atol=0.1
    )


def test_a_grid_without_known_lines_tells_nothing_and_says_so():
    found = measure_lines(np.linspace(7000, 8000, 400), np.ones((5, 400)))
    assert found.medium is None
    assert found.describe() == "the grid holds no known line"


def test_made_up_lines_are_measured_where_they_were_put():
    wavelength = np.arange(5000.0, 8800.0, 0.7)
    for velocity in (-200.0, 0.0, 30.0):
        flux = 2 - wavelength / 8800
        for line in LINES:
            for centre, depth in zip(line.air, line.depths, strict=True):
                at = centre * (1 + velocity / KMS)
                flux = flux * (1 - 0.4 * depth * np.exp(-0.5 * ((wavelength - at) / (at * 60 / KMS)) ** 2))
        found = measure_lines(wavelength, flux[None])
        np.testing.assert_allclose(found.from_air, velocity, atol=2)


@pytest.mark.parametrize(("file", "medium"), [("bosz_r5000", "vacuum"), ("stelib", "air"), ("miles", "air")])
@pytest.mark.parametrize("resolution", [None, 2000])
def test_real_spectra_tell_their_medium(file, medium, resolution):
    path = REAL / f"{file}.h5"
    if not path.exists():
        pytest.skip(f"{path} is not there: real spectra are not part of the project")
    with h5py.File(path) as stored:
        wavelength, flux = stored["spectrumdataset/wave"][()], stored["dataset/arrays/flux/value"][()]
    flux = flux[pd.read_hdf(path)["T_eff"].to_numpy() <= 6000].astype(float)
    found = measure_lines(wavelength, flux if resolution is None else blur(flux, wavelength, resolution))
    assert found.medium == medium
    other = convert(wavelength, medium=medium, to=OTHER[medium])
    assert measure_lines(other, flux).medium == OTHER[medium]
