"""Templates: the fixed functions of wavelength of which every star's opacity is a sum.

A line's Boltzmann factor is written as a sum of those of two neighbouring excitation nodes, so that all lines of one
species near one energy share a template; the parts of the Voigt profile that scale differently with pressure are
templates of their own.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from moe_exp.spectra.simulator.bands import LineList, cn_red_lines, tio_gamma_lines
from moe_exp.spectra.simulator.constants import BOLTZMANN_EV, SPEED_OF_LIGHT
from moe_exp.spectra.simulator.haze import LEVELS
from moe_exp.spectra.simulator.hydrogen import LOG_DENSITIES, PASCHEN_EXCITATION, splined_opacity
from moe_exp.spectra.simulator.opacity import KINDS, Recipe
from moe_exp.spectra.simulator.profiles import (
    damping_parameter,
    doppler_velocity,
    radiation_damping,
    unsold_damping,
    voigt_wing,
)
from moe_exp.spectra.simulator.settings import Simulator
from moe_exp.spectra.simulator.tables import Elements, read_table

NODE_TEMPERATURES = (3600.0, 5400.0)  # K: Boltzmann factors are exact at these
NODE_SPACING = {"atom": 1.0, "CN": 0.5, "TiO": 0.25}  # eV
MOLECULE_MASS = {"CN": 26.018, "TiO": 63.866}  # u
CORE_REACH = 5.5  # Doppler widths
NATURAL_STRENGTH = 1000.0  # central line over continuum opacity above which natural damping is kept
SMALLEST_OPACITY = 3e-4  # of the continuum: where wings end, and templates are left out of a tile


class AtomicLine(NamedTuple):
    """One atomic line; `collision` is its Voigt parameter per perturber density [cm^3], `natural` the constant one."""

    species: str
    wavelength: float
    excitation: float
    gf: float
    doppler: float
    collision: float
    natural: float

    @property
    def peak(self) -> float:
        """Value of gf H / (sqrt(pi) dnu_D) per H [1/Hz]."""
        return self.gf * self.wavelength * 1e-8 / (np.sqrt(np.pi) * self.doppler)


class Templates(NamedTuple):
    """Line templates.

    Attributes
    ----------
    values : array of shape (n_templates, n_grid)
        gf times profile [1/Hz], summed over lines.
    recipe : Recipe
        What to multiply them with.
    """

    values: np.ndarray
    recipe: Recipe


class LineStrength(NamedTuple):
    """Largest effect of a line on any star to be simulated, in units of the continuum opacity."""

    centre: float
    wing: float


def atomic_lines(simulator: Simulator, elements: Elements) -> list[AtomicLine]:
    """Return the atomic lines with their broadening."""
    table = pd.concat([read_table("lines"), read_table("weak_lines")], ignore_index=True)
    lines = []
    for row, width in zip(table.to_dict("records"), collision_widths(table, elements), strict=True):
        species, wavelength, excitation = row["species"], float(row["wavelength"]), float(row["excitation"])
        doppler = doppler_velocity(float(elements.mass[elements.index(species.split()[0])]), simulator.microturbulence)
        natural = radiation_damping(species, wavelength)
        lines.append(
            AtomicLine(
                species=species,
                wavelength=wavelength,
                excitation=excitation,
                gf=10 ** float(row["log_gf"]),
                doppler=doppler,
                collision=damping_parameter(width, doppler, wavelength),
                natural=damping_parameter(natural, doppler, wavelength),
            )
        )
    return lines


def collision_widths(table: pd.DataFrame, elements: Elements) -> np.ndarray:
    """Return the widths of lines per density of hydrogen atoms [rad s^-1 cm^3] at 10^4 K, (n_lines,).

    From quantum mechanics where published (``data/widths.csv``); for other lines Unsöld's formula, times the mean
    ratio of the published widths to it in the same species.
    """
    formula = []
    for row in table.to_dict("records"):
        symbol, stage = row["species"].split()
        energies = elements.ionization if stage == "I" else elements.second_ionization
        formula.append(
            unsold_damping(
                ionization=float(energies[elements.index(symbol)]),
                excitation=float(row["excitation"]),
                wavelength=float(row["wavelength"]),
                charge=len(stage),
            )
        )
    published = table.merge(read_table("widths"), how="left", on=["species", "wavelength"])["log_width"]
    ratio = (published - np.log10(formula)).groupby(table["species"]).transform("mean").fillna(0.0)
    return (10 ** published.fillna(np.log10(formula) + ratio)).to_numpy()


def species_names(simulator: Simulator) -> tuple[str, ...]:
    """Return the names of all species with lines."""
    molecules = [name for name, wanted in (("CN", simulator.cn), ("TiO", simulator.tio)) if wanted]
    atoms = [*read_table("lines")["species"], *(species for species, _ in LEVELS)]
    return (*dict.fromkeys(atoms), "H I", *molecules)


def split_excitation(excitation: np.ndarray, spacing: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Share Boltzmann factors between the nodes below and above.

    Returns
    -------
    node : integer array of shape (n_lines,)
        Number of the lower node, in units of `spacing`.
    lower, upper : arrays of shape (n_lines,)
        Weights that reproduce exp(-E / kT) exactly at `NODE_TEMPERATURES`, to 4 % between them.
    """
    node = np.floor(excitation / spacing)
    a, b = (np.exp(-spacing * (excitation / spacing - node) / (BOLTZMANN_EV * t)) for t in NODE_TEMPERATURES)
    c, d = (np.exp(-spacing / (BOLTZMANN_EV * t)) for t in NODE_TEMPERATURES)
    upper = (a - b) / (c - d)
    return node.astype(int), a - upper * c, upper


class TemplateBuilder:
    """Adds lines to templates; a template is made when the first line falls on it.

    Parameters
    ----------
    grid : array of shape (n_grid,)
        Wavelengths, equally spaced in their logarithm [Å].
    """

    def __init__(self, grid: np.ndarray) -> None:
        self.grid = grid
        self._log_step = float(np.log(grid[1] / grid[0]))
        self._values: dict[tuple[str, str, float], np.ndarray] = {}
        self._damping: dict[tuple[str, str, float], list[tuple[float, float]]] = {}

    def _template(self, kind: str, species: str, node: float) -> np.ndarray:
        return self._values.setdefault((kind, species, node), np.zeros_like(self.grid))

    def _window(self, wavelength: float, reach: float) -> slice:
        """Return the grid points within `reach` (a ratio of wavelengths minus one) of a line."""
        centre = np.log(wavelength / self.grid[0]) / self._log_step
        half = reach / self._log_step
        return slice(max(0, int(np.ceil(centre - half))), max(0, int(np.floor(centre + half)) + 1))

    def add_atomic(self, line: AtomicLine, strength: LineStrength) -> None:
        """Add one line: a Doppler core, collisional wings and, if it is strong, natural wings."""
        node, *weights = split_excitation(np.array([line.excitation]), NODE_SPACING["atom"])
        core_reach = CORE_REACH
        wing_reach = max(CORE_REACH, np.sqrt(strength.wing / (np.sqrt(np.pi) * SMALLEST_OPACITY)))
        parts = [("core", core_reach, 1.0), ("collision", wing_reach, line.collision)]
        if strength.centre > NATURAL_STRENGTH:
            parts.append(("natural", wing_reach, line.natural))
        for kind, reach, factor in parts:
            window = self._window(line.wavelength, reach * line.doppler / SPEED_OF_LIGHT)
            u = np.abs(self.grid[window] / line.wavelength - 1) * SPEED_OF_LIGHT / line.doppler
            profile = line.peak * factor * (np.exp(-(u**2)) if kind == "core" else voigt_wing(u))
            for offset, weight in enumerate(weights):
                excitation = (node[0] + offset) * NODE_SPACING["atom"]
                self._template(kind, line.species, excitation)[window] += weight[0] * profile
                pairs = self._damping.setdefault((kind, line.species, excitation), [])
                pairs.append((float(weight[0]) * line.gf, line.collision))

    def add_gaussians(
        self, species: str, energies: np.ndarray, wavelength: np.ndarray, peak: np.ndarray, doppler: np.ndarray
    ) -> None:
        """Add Gaussians of some peaks and Doppler widths [cm/s], each to the template of its energy."""
        width = doppler / SPEED_OF_LIGHT
        half = int(np.ceil(CORE_REACH * width.max() / self._log_step))
        centre = np.rint(np.log(wavelength / self.grid[0]) / self._log_step).astype(int)
        inside = (centre >= -half) & (centre < len(self.grid) + half) & (peak > 0)
        place = centre[inside, None] + np.arange(-half, half + 1)
        on_grid = (place >= 0) & (place < len(self.grid))
        place = np.where(on_grid, place, 0)
        u = (self.grid[place] / wavelength[inside, None] - 1) / width[inside, None]
        profile = peak[inside, None] * np.exp(-(u**2)) * on_grid
        for energy in np.unique(energies[inside]):
            rows = energies[inside] == energy
            np.add.at(self._template("plain", species, float(energy)), place[rows], profile[rows])

    def add_molecule(self, name: str, lines: LineList, *, microturbulence: float) -> None:
        """Add the lines of a molecule as Gaussians."""
        doppler = np.full(len(lines.gf), doppler_velocity(MOLECULE_MASS[name], microturbulence))
        peak = lines.gf * lines.wavelength * 1e-8 / (np.sqrt(np.pi) * doppler)
        node, *weights = split_excitation(lines.excitation, NODE_SPACING[name])
        for offset, weight in enumerate(weights):
            energies = (node + offset) * NODE_SPACING[name]
            self.add_gaussians(name, energies, lines.wavelength, weight * peak, doppler)

    def add_haze(self, lines: list[AtomicLine], shares: np.ndarray) -> None:
        """Add faint lines as Gaussians, shared between `LEVELS`; shares (n_lines, n_shared)."""
        wavelength, peak, doppler = np.array([(line.wavelength, line.peak, line.doppler) for line in lines]).T
        for (species, excitation), share in zip(LEVELS, shares.T, strict=True):
            self.add_gaussians(species, np.full(len(lines), excitation), wavelength, share * peak, doppler)

    def add_paschen(self) -> None:
        """Add the Paschen lines of hydrogen, a template for each spline of the electron density."""
        for density, values in zip(LOG_DENSITIES, splined_opacity(self.grid), strict=True):
            self._template("hydrogen", "H I", density)[:] = values

    def build(self, species: tuple[str, ...], *, device: str) -> Templates:
        """Return the templates, grouped by kind."""
        keys = sorted(
            (key for key, values in self._values.items() if values.any()), key=lambda key: (KINDS.index(key[0]), key)
        )
        recipe = Recipe(
            species=torch.tensor([species.index(key[1]) for key in keys], device=device),
            excitation=torch.tensor([_excitation(key) for key in keys], dtype=torch.float64, device=device),
            damping=torch.tensor([self._mean_damping(key) for key in keys], dtype=torch.float64, device=device),
            counts=tuple(sum(key[0] == kind for key in keys) for kind in KINDS),
        )
        return Templates(np.stack([self._values[key] for key in keys]), recipe)

    def _mean_damping(self, key: tuple[str, str, float]) -> float:
        weights, values = np.array(self._damping.get(key, [(1.0, 0.0)])).T
        return float(np.average(values, weights=weights))


def _excitation(key: tuple[str, str, float]) -> float:
    return PASCHEN_EXCITATION if key[0] == "hydrogen" else key[2]


def molecular_lines(simulator: Simulator) -> dict[str, LineList]:
    """Return the line lists of the molecules that are switched on."""
    lists = {}
    if simulator.cn:
        lists["CN"] = cn_red_lines()
    if simulator.tio:
        lists["TiO"] = tio_gamma_lines()
    return lists
