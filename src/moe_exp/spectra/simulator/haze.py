"""Faint lines: two thousand of them share a few templates.

The opacity of a line goes from star to star and with depth as the population of its lower level does. That of a faint
line is written as a sum of the populations of a few levels, so that faint lines of all species and energies add nothing
but profiles to the templates of these levels.
"""

from collections.abc import Sequence

import numpy as np
import torch
from scipy.optimize import nnls
from torch import Tensor

from moe_exp.spectra.simulator.constants import BOLTZMANN_EV
from moe_exp.spectra.simulator.gas import Gas
from moe_exp.spectra.simulator.molecules import FreeAtoms
from moe_exp.spectra.simulator.opacity import line_populations
from moe_exp.spectra.simulator.tables import Elements

Levels = Sequence[tuple[str, float]]
LEVELS: Levels = (  # species, excitation energy [eV]
    ("Fe I", 1.0),
    ("Fe I", 2.5),
    ("Fe I", 4.2),
    ("Fe I", 5.0),
    ("Fe I", 5.8),
    ("Fe II", 4.0),
    ("Fe II", 6.5),
    ("Ni I", 3.0),
    ("Ni I", 5.5),
    ("Ti I", 1.0),
    ("Ti I", 2.0),
    ("Ti I", 3.2),
    ("Ti II", 2.5),
    ("C I", 8.8),
    ("Mg I", 5.9),
    ("Si I", 6.0),
    ("S I", 8.2),
    ("Ca I", 4.5),
    ("V I", 2.3),
    ("Cr I", 3.5),
    ("Mn I", 4.5),
    ("Co I", 3.5),
    ("Zr I", 1.0),
)
SEEN = (0.1, 1.0)  # optical depths at which faint lines form
FLOOR = 0.3  # of a line's largest opacity: below, shares need not be right


def _level_opacity(levels: Levels, gas: Gas, free: FreeAtoms, elements: Elements) -> Tensor:
    """Return the absorbers in levels, (n_stars, n_depths, n_levels)."""
    species = tuple(dict.fromkeys(name for name, _ in levels))
    populations = line_populations(species, gas, free, elements)
    excitation = torch.tensor([energy for _, energy in levels], dtype=torch.float64, device=gas.temperature.device)
    boltzmann = torch.exp(-excitation / (BOLTZMANN_EV * gas.temperature[..., None]))
    return populations[..., [species.index(name) for name, _ in levels]] * boltzmann


def share_levels(
    levels: Levels, gas: Gas, free: FreeAtoms, elements: Elements, *, continuum: Tensor, tau: Tensor
) -> np.ndarray:
    """Return the shares of `LEVELS` in levels, whose sums follow these through all layers of the stars given.

    Parameters
    ----------
    levels : sequence of n_levels pairs
        Species and excitation energy [eV].
    gas, free, elements
        Matter of the stars.
    continuum : Tensor of shape (n_stars, n_depths)
        Its opacity at the reference wavelength.
    tau : Tensor of shape (n_depths,)

    Returns
    -------
    array of shape (n_levels, n_shared)
        Not negative, by least squares of relative differences.
    """
    seen = (tau > SEEN[0]) & (tau < SEEN[1])

    def relative(of: Levels) -> np.ndarray:
        opacity = _level_opacity(of, gas, free, elements) / continuum[..., None]
        return opacity[:, seen].flatten(0, 1).cpu().numpy()

    sums, wanted = relative(LEVELS), relative(levels)
    largest = sums.max(axis=0)
    return np.array([_share(sums / largest, opacity) for opacity in wanted.T]) / largest


def _share(sums: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """Return the shares of sums, (n_points, n_shared), in one opacity, (n_points,)."""
    weight = 1 / (opacity + FLOOR * opacity.max())
    weighted, wanted = sums * weight[:, None], opacity * weight
    shares = nnls(weighted / weight.max(), wanted / weight.max())[0]
    return shares * wanted.sum() / (weighted @ shares).sum()  # least squares of ratios are too small by their scatter
