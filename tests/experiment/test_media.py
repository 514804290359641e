"""The same stars in air and in vacuum, in any unit and direction, give the same results."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from moe_exp import names
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


@pytest.fixture(scope="module")
def outcome_in_air(in_air, tmp_path_factory):
    return {}


def results_of(configure, path, *overrides):
    return run(configure(*SMALL, f"data.path={path}", *overrides), Stages())


@pytest.mark.parametrize(
    ("wavelength", "options", "source"),
    [
        (to_vacuum, {}, "lines"),
        (to_vacuum, {"medium": "vacuum"}, "file"),
        (lambda air: to_vacuum(air) / 10, {"turned": True, "unit": "nm"}, "lines"),
        (lambda air: np.log10(to_vacuum(air)), {"turned": True}, "lines"),
    ],
)
def test_a_copy_in_vacuum_gives_the_results_of_the_stars_in_air(configure, in_air, copy, wavelength, options, source):
    air = results_of(configure, in_air)
    vacuum = results_of(configure, copy(wavelength, **options))
    assert (air.dataset.medium, air.dataset.medium_source) == ("air", "file")
    assert (vacuum.dataset.medium, vacuum.dataset.medium_source) == ("vacuum", source)
    ours, theirs = air.results.predictions, vacuum.results.predictions
    np.testing.assert_allclose(theirs.predicted("soft"), ours.predicted("soft"), rtol=0, atol=1e-3)
    first, second = air.results.metrics(), vacuum.results.metrics()
    assert first["test/r2"] == pytest.approx(second["test/r2"], abs=1e-4)
