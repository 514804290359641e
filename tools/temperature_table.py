"""Make the simulator's table of temperatures, ``data/temperature.csv``, from a network that knows blanketed models.

    pip download atmosnet==1.0.1 --no-deps && unzip atmosnet-1.0.1-py2.py3-none-any.whl
    python tools/temperature_table.py atmosnet/data/atmosnet_c3k_300neurons_cool.pkl

The network (Nidever & Ting 2021, https://github.com/dnidever/atmosnet, MIT licence) was trained on 17,038 models of the
C3K grid (Conroy, Kurucz, Cargile, Castelli; see Cargile et al. 2020, ApJ 900, 28) with T_eff of 2500 to 8500 K:
ATLAS12, plane-parallel, line-blanketed, convective. It gives temperature, pressure and Rosseland's mean opacity at 80
optical depths of this mean.

Their optical depth in the continuum at 8000 Å follows from the simulator's own equation of state and opacity, so that
the simulator finds the models' pressures again at their temperatures. T / T_eff is then a sum of products of cubic
B-splines of T_eff, log g, [M/H] and log tau, fitted at the labels of the grid by least squares.
"""

import argparse
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.interpolate import PchipInterpolator

from moe_exp.spectra.simulator.atmosphere import FIRST_ELECTRON_SHARE, LOG_TAU_BOTTOM, LOG_TAU_TOP, Matter
from moe_exp.spectra.simulator.constants import ATOMIC_MASS, MASS_PER_HYDROGEN
from moe_exp.spectra.simulator.continuum import absorbers, continuum_opacity
from moe_exp.spectra.simulator.tables import DATA, read_elements
from moe_exp.spectra.simulator.temperature import b_splines

TEMPERATURE, PRESSURE, ROSSELAND = 1, 2, 4  # places of the quantities that are used among the network's eight
LOG_TAU_ROSSELAND = -6.875 + 0.125 * np.arange(80)  # the depths of all models
ELECTRON_STEPS = 20  # of the charge balance, from nothing
LEAK = 0.01  # slope of the network's activation below zero
LABELS = (np.arange(3500.0, 7001.0, 250.0), np.arange(0.0, 5.6, 0.5), np.arange(-4.0, 1.1, 0.25))
KNOTS = {  # first, step and number of the centres of the splines: one step beyond the ends of the range on both sides
    "teff": (3000.0, 500.0, 10),
    "logg": (-1.1, 1.1, 8),
    "m_h": (-4.5, 0.5, 13),
    "log_tau": (LOG_TAU_TOP - 0.4, 0.4, 14),
}
DEPTHS = np.linspace(LOG_TAU_TOP, LOG_TAU_BOTTOM, 45)


class Arrays(pickle.Unpickler):
    """Reads numpy arrays and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """Return what may be called while a file of arrays is read."""
        allowed = {
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): np.dtype,
            ("dill._dill", "_import_module"): lambda module, safe=False: module,
            ("dill._dill", "_get_attr"): lambda module, name: getattr(np._core.multiarray, name),
        }
        return allowed[module, name]


def evaluate(network: dict[str, np.ndarray], labels: np.ndarray) -> np.ndarray:
    """Return one quantity of the models at all depths, (n_models, 80)."""
    x = (labels - network["x_min"]) / (network["x_max"] - network["x_min"]) - 0.5
    for layer in ("0", "1"):
        x = x @ network[f"w_array_{layer}"].T + network[f"b_array_{layer}"]
        x = np.where(x > 0, x, LEAK * x)
    return 10 ** (x @ network["w_array_2"].T + network["b_array_2"])


def optical_depth(
    labels: np.ndarray, temperature: np.ndarray, pressure: np.ndarray, rosseland: np.ndarray
) -> np.ndarray:
    """Return the optical depth of the continuum at 8000 Å, (n_models, 80), from the mean opacity [cm^2/g]."""
    t, p, m_h, a_m = (torch.tensor(values) for values in (temperature, pressure, labels[:, 2], labels[:, 3]))
    matter = Matter.of(read_elements(), t, m_h=m_h, a_m=a_m, c_m=torch.zeros_like(m_h))
    gas = matter.at(p, FIRST_ELECTRON_SHARE * p, n_steps=ELECTRON_STEPS)
    opacity = continuum_opacity(gas, absorbers(t)).reference.numpy() / (MASS_PER_HYDROGEN * ATOMIC_MASS)
    integrand = opacity / rosseland * 10**LOG_TAU_ROSSELAND
    inside = 0.5 * (integrand[:, 1:] + integrand[:, :-1]) * np.diff(LOG_TAU_ROSSELAND) * np.log(10)
    return np.cumsum(np.concatenate([integrand[:, :1], inside], axis=1), axis=1)


def sample(networks: list[dict[str, np.ndarray]], a_m: float) -> np.ndarray:
    """Return T / T_eff at the labels and at `DEPTHS`, (n_teff, n_logg, n_m_h, n_depths)."""
    labels = np.stack(np.meshgrid(*LABELS, a_m, indexing="ij"), axis=-1).reshape(-1, 4)
    values = []
    for some in np.array_split(labels, len(labels) // 200):
        temperature, *others = (evaluate(networks[place], some) for place in (TEMPERATURE, PRESSURE, ROSSELAND))
        log_tau = np.log10(optical_depth(some, temperature, *others))
        for depth, t, teff in zip(log_tau, temperature, some[:, 0], strict=True):
            values.append(PchipInterpolator(depth, t / teff)(DEPTHS))
    return np.array(values).reshape(*map(len, LABELS), len(DEPTHS))


def fit(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the coefficients of the splines, one axis each, and what they leave of `values`."""
    coefficients, fitted = values, values
    for axis, ((first, step, number), at) in enumerate(zip(KNOTS.values(), (*LABELS, DEPTHS), strict=True)):
        knots = torch.tensor(first + step * np.arange(number))
        basis = b_splines(torch.tensor(at), knots).numpy()
        inverse = np.linalg.pinv(basis)
        coefficients = np.moveaxis(np.tensordot(inverse, coefficients, axes=(1, axis)), 0, axis)
        fitted = np.moveaxis(np.tensordot(basis @ inverse, fitted, axes=(1, axis)), 0, axis)
    return coefficients, fitted / values - 1


HEADER = """\
# Temperature of blanketed model atmospheres in units of T_eff: coefficients of products of cubic B-splines that are
# centred at teff [K], logg, m_h and, across, at log10 of the optical depth in the continuum at 8000 Angstrom.
# Made by tools/temperature_table.py from the network of Nidever & Ting (2021, atmosnet 1.0.1) for the C3K grid of
# ATLAS12 models (Cargile et al. 2020, ApJ 900, 28), [alpha/M] = 0.
"""


def main() -> None:
    """Write the table and say how well it represents the models."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", type=Path)
    options = parser.parse_args()
    with options.network.open("rb") as file:
        networks = Arrays(file).load()
    values = sample(networks, 0.0)
    coefficients, residual = fit(values)
    print(
        f"residual: {100 * residual.std():.2f} % rms, {100 * np.percentile(abs(residual), 99):.2f} % (99 % of points)"
    )
    centres = [first + step * np.arange(number) for first, step, number in KNOTS.values()]
    with (DATA / "temperature.csv").open("w", encoding="utf-8") as file:
        file.write(HEADER + ",".join(["teff", "logg", "m_h", *(f"{depth:.1f}" for depth in centres[3])]) + "\n")
        for place in np.ndindex(coefficients.shape[:3]):
            labels = [f"{axis[i]:g}" for axis, i in zip(centres, place, strict=False)]
            file.write(",".join([*labels, *(f"{value:.4f}" for value in coefficients[place])]) + "\n")


if __name__ == "__main__":
    main()
