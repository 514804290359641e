import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from moe_exp.spectra.simulator.atmosphere import solve_atmosphere
from moe_exp.spectra.simulator.constants import ATOMIC_MASS, HELIUM_PER_HYDROGEN, MASS_PER_HYDROGEN
from moe_exp.spectra.simulator.continuum import (
    absorbers,
    continuum_opacity,
    h_minus,
    h_minus_bound_free_cross_section,
    paschen_shape,
    smooth_shapes,
)
from moe_exp.spectra.simulator.gas import hydrogen_pressures, partition_functions
from moe_exp.spectra.simulator.molecules import dissociate, equilibrium_constant, h2_equilibrium, read_molecules
from moe_exp.spectra.simulator.tables import read_elements
from moe_exp.spectra.simulator.temperature import b_splines
from tests.spectra.simulator.stars import SUN, solve, star_labels

CORNERS = [(3750.0, 1.0, -2.5), (3750.0, 5.0, 0.75), (6000.0, 1.0, 0.5), (6000.0, 5.0, -2.5), SUN]


def interpolate(x: float, xs: np.ndarray, ys: torch.Tensor) -> float:
    return float(np.interp(x, xs, ys.numpy()))


def test_solar_pressures_at_unit_optical_depth():
    log_tau, gas = solve(SUN)
    assert interpolate(0, log_tau, torch.log10(gas.pressure[0])) == pytest.approx(5.0, abs=0.1)
    # Reference models have 1.5 to 1.8 at their 6400 K.
    assert interpolate(0, log_tau, torch.log10(gas.electron_pressure[0])) == pytest.approx(1.65, abs=0.15)


# T [K] and log10 P_gas at log tau = -3, -2, -1, 0 and 0.3 of models of the C3K grid, as the network of
# tools/temperature_table.py gives them.
MODELS = [
    ((5750.0, 4.5, 0.0), [4438, 4704, 5070, 6228, 7013], [3.48, 4.033, 4.585, 5.088, 5.164]),
    ((4500.0, 1.5, -1.5), [3453, 3684, 3917, 4692, 5212], [2.356, 2.999, 3.584, 4.086, 4.155]),
    ((4000.0, 5.0, 0.25), [3201, 3333, 3604, 4248, 4539], [3.923, 4.497, 5.053, 5.537, 5.664]),
    ((6000.0, 2.0, -2.5), [4807, 4923, 5148, 6215, 6964], [2.165, 2.747, 3.307, 3.647, 3.681]),
]


@pytest.mark.parametrize(("star", "temperature", "log_pressure"), MODELS)
def test_temperature_and_pressure_are_those_of_blanketed_models(star, temperature, log_pressure):
    log_tau, gas = solve(star)
    depths = (-3, -2, -1, 0, 0.3)
    assert [interpolate(x, log_tau, gas.temperature[0]) for x in depths] == pytest.approx(temperature, rel=0.006)
    pressure = torch.log10(gas.pressure[0])
    assert [interpolate(x, log_tau, pressure) for x in depths] == pytest.approx(log_pressure, abs=0.03)


def test_splines_add_up_to_one_and_stop_at_the_ends_of_their_range():
    centres = torch.linspace(-1, 4, 6, dtype=torch.float64)
    points = torch.tensor([-9.0, 0.0, 0.3, 1.7, 3.0, 9.0], dtype=torch.float64)
    splines = b_splines(points, centres)
    torch.testing.assert_close(splines.sum(dim=1), torch.ones(6, dtype=torch.float64))
    torch.testing.assert_close(splines @ centres, points.clamp(0, 3))


def test_charge_is_neutral():
    _, gas = solve(*CORNERS)
    elements = read_elements()
    donors = gas.abundance * gas.nuclei[..., None]
    donors[..., 0] = gas.hydrogen
    ions = donors * (1 - gas.neutral_share)
    charge = ions[..., torch.tensor(elements.donor)].sum(-1)
    torch.testing.assert_close(charge, gas.electron_pressure, rtol=1e-3, atol=0)


def test_particles_add_up_to_the_gas_pressure():
    _, gas = solve(*CORNERS)
    molecules = (gas.nuclei - gas.hydrogen) / 2
    total = gas.hydrogen + molecules + HELIUM_PER_HYDROGEN * gas.nuclei + gas.electron_pressure
    torch.testing.assert_close(total, gas.pressure, rtol=1e-9, atol=0)
    constant = h2_equilibrium(gas.temperature, gas.partition)
    torch.testing.assert_close(gas.hydrogen**2 / molecules, constant, rtol=1e-6, atol=0)


def test_hydrostatic_equilibrium_agrees_with_a_runge_kutta_solver():
    """Scipy integrates d ln P / d ln tau = g tau / (kappa P), with the charge balance found by a root finder."""
    elements = read_elements()
    tau, gas = solve(SUN, n_depths=40)
    donor = torch.tensor(elements.donor)

    def opacity(log_tau: float, pressure: float) -> float:
        point = solve_at(log_tau)
        constant = h2_equilibrium(point.temperature, point.partition)

        def excess(log_pe: float) -> float:
            pe = torch.tensor(10**log_pe, dtype=torch.float64)
            hydrogen, nuclei = hydrogen_pressures(pressure - pe, constant)
            share = point.saha / (point.saha + pe)
            ions = (point.abundance * share * nuclei[..., None])[..., donor]
            return float(hydrogen * share[..., 0] + ions[..., 1:].sum()) / 10**log_pe - 1

        pe = torch.full((1, 1), 10 ** brentq(excess, np.log10(pressure) - 9, np.log10(pressure * 0.48)))
        hydrogen, nuclei = hydrogen_pressures(pressure - pe, constant)
        state = point._replace(electron_pressure=pe.double(), hydrogen=hydrogen, nuclei=nuclei)
        return float(continuum_opacity(state, absorbers(point.temperature)).reference)

    def solve_at(log_tau: float):
        labels = star_labels(SUN)[:, :5].T
        depths = torch.tensor([10**log_tau, 10 ** (log_tau + 0.1)], dtype=torch.float64)
        names = ("teff", "logg", "m_h", "a_m", "c_m")
        both = solve_atmosphere(elements, depths, **dict(zip(names, labels, strict=True)))
        one = {name: getattr(both, name)[:, :1] for name in ("temperature", "saha")}
        return both._replace(**one, partition=both.partition[:, :, :1])

    def slope(log_tau: float, log_pressure: np.ndarray) -> float:
        pressure = 10 ** log_pressure[0]
        kappa = opacity(log_tau, pressure) / (MASS_PER_HYDROGEN * ATOMIC_MASS)
        return 10 ** SUN[1] * 10**log_tau / (kappa * pressure)

    first = 13
    start = [float(torch.log10(gas.pressure[0, first]))]
    answer = solve_ivp(slope, (tau[first], tau[-1]), start, rtol=1e-3, max_step=0.5)
    assert float(torch.log10(gas.pressure[0, -1])) == pytest.approx(answer.y[0, -1], abs=0.003)


def test_coarse_depths_are_enough_for_the_pressure():
    coarse, fine = (solve(*CORNERS, n_depths=n) for n in (16, 80))
    for star in range(len(CORNERS)):
        expected = interpolate(0, fine[0], torch.log10(fine[1].pressure[star]))
        assert interpolate(0, coarse[0], torch.log10(coarse[1].pressure[star])) == pytest.approx(expected, abs=0.02)


def test_h_minus_coefficients():
    wavelength = torch.tensor([8500.0], dtype=torch.float64)
    assert float(h_minus_bound_free_cross_section(wavelength)) == pytest.approx(4.0e-17, rel=0.01)
    # At theta = 1 the Saha factor of H- is 4.158e-10 * 10^0.754 per dyn/cm^2; free-free absorption adds some per cent.
    bound_free = 4.158e-10 * 10**0.754 * 4.0e-17 * (1 - np.exp(-1.438777e8 / (8500 * 5040)))
    assert float(h_minus(wavelength, torch.tensor(5040.0, dtype=torch.float64))) == pytest.approx(bound_free, rel=0.1)


def test_continuum_shapes_meet_their_nodes():
    nodes = torch.tensor([7050.0, 7900.0, 8900.0], dtype=torch.float64)
    torch.testing.assert_close(smooth_shapes(nodes), torch.eye(3, dtype=torch.float64))
    assert float(paschen_shape(torch.tensor(8000.0))) == pytest.approx(1.0)
    assert float(paschen_shape(torch.tensor(8500.0))) == 0


def test_co_takes_what_it_should():
    _, gas = solve((3750.0, 4.5, 0.0), (6000.0, 4.5, 0.0))
    elements = read_elements()
    free = dissociate(gas, elements)
    carbon = gas.abundance[..., elements.index("C")] * gas.nuclei
    assert float(free.carbon[0, 3] / carbon[0, 3]) < 0.01
    assert float(free.carbon[1, -1] / carbon[1, -1]) > 0.98
    constant = equilibrium_constant(read_molecules()["CO"], gas.temperature, gas.partition)
    bound = free.carbon * free.oxygen / constant
    torch.testing.assert_close(free.carbon + bound, carbon, rtol=1e-9, atol=0)


def test_equilibrium_constant_of_h2_is_near_the_published_one():
    """Tsuji (1973, A&A 23, 411): log Kp = 12.739 - 5.1172 theta + 0.12572 theta^2 - ..., in dyn/cm^2."""
    t = torch.tensor([[5040.0, 4000.0]], dtype=torch.float64)
    constant = torch.log10(h2_equilibrium(t, partition_functions(read_elements(), t)))
    coefficients = (12.739, -5.1172, 0.12572, -0.014149, 6.3021e-4)
    published = sum(c * (5040 / t) ** power for power, c in enumerate(coefficients))
    torch.testing.assert_close(constant, published, atol=0.1, rtol=0)
