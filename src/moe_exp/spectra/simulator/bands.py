"""Line lists of the molecular bands, generated from spectroscopic constants."""

from typing import NamedTuple

import numpy as np

from moe_exp.spectra.simulator.constants import AIR_INDEX, BOLTZMANN_EV, SECOND_RADIATION_CM
from moe_exp.spectra.simulator.tables import read_table

WAVENUMBER_EV = SECOND_RADIATION_CM * BOLTZMANN_EV  # eV per cm^-1

# Empirical: brings the TiO5 index of M0-M1 dwarfs to the observed 0.8 at 3850 K (Reid, Hawley & Gizis 1995,
# AJ 110, 1838). At the temperatures of blanketed models it is 0.78; half as much TiO would make it 0.86.
TIO_SCALE = 0.20
TIO_HEADS = (7125.5, 7087.6, 7054.3)  # air Angstrom: R heads of the (0,0) sub-bands from 3Delta_1, 3Delta_2, 3Delta_3
TIO_SPLITTING = 100.0  # cm^-1 between the spin-orbit components of the lower state
CN_SPLITTING = 26.32  # cm^-1: half the spin-orbit splitting of the upper state


class LineList(NamedTuple):
    """Lines of one species, each array of shape (n_lines,).

    Attributes
    ----------
    wavelength : air Å
    excitation : energy of the lower level [eV]
    gf : statistical weight times oscillator strength
    """

    wavelength: np.ndarray
    excitation: np.ndarray
    gf: np.ndarray


class State(NamedTuple):
    """Spectroscopic constants of an electronic state [cm^-1]."""

    term: float
    vibrational: float
    anharmonic: float
    rotational: float
    coupling: float
    centrifugal: float


class SubBand(NamedTuple):
    """One spin component of a vibrational band: origin and lower energy [cm^-1], and its share of the strength."""

    origin: float
    energy: float
    share: float


def _vibrational(state: State, v: int) -> float:
    return state.vibrational * (v + 0.5) - state.anharmonic * (v + 0.5) ** 2


def _rotational(state: State, v: int) -> float:
    return state.rotational - state.coupling * (v + 0.5)


def _states(molecule: str) -> tuple[State, State]:
    """Return the upper and the lower electronic state."""
    table = read_table("states")
    rows = table[table["molecule"] == molecule].set_index("level")[list(State._fields)]
    return State(*rows.loc["upper"].astype(float)), State(*rows.loc["lower"].astype(float))


def _branches(
    band: SubBand, upper: State, lower: State, *, v: tuple[int, int], j: np.ndarray, weights: tuple[float, ...]
) -> LineList:
    """Return the R, Q and P lines of one sub-band; `weights` are the branches' shares (high-J Hönl-London factors)."""
    b_upper, b_lower = _rotational(upper, v[0]), _rotational(lower, v[1])

    def term(state: State, b: float, n: np.ndarray) -> np.ndarray:
        return b * n * (n + 1) - state.centrifugal * (n * (n + 1)) ** 2

    energy = band.energy + _vibrational(lower, v[1]) - _vibrational(lower, 0) + term(lower, b_lower, j)
    wavenumber = [band.origin + term(upper, b_upper, j + step) - term(lower, b_lower, j) for step in (1, 0, -1)]
    gf = [weight * band.share * 2 * (2 * j + 1) for weight in weights]
    return LineList(
        1e8 / np.concatenate(wavenumber) / AIR_INDEX, np.tile(energy * WAVENUMBER_EV, 3), np.concatenate(gf)
    )


def _join(lists: list[LineList]) -> LineList:
    return LineList(*(np.concatenate(column) for column in zip(*lists, strict=True)))


def _band_strengths(molecule: str) -> list[tuple[tuple[int, int], float]]:
    table = read_table("bands")
    rows = table[table["molecule"] == molecule].to_dict("records")
    return [((int(row["upper"]), int(row["lower"])), float(row["strength"])) for row in rows]


def cn_red_lines() -> LineList:
    """Return the lines of the CN red system A2Pi - X2Sigma (heads good to 5-17 Å)."""
    upper, lower = _states("CN")
    lists = []
    for v, strength in _band_strengths("CN"):
        origin = upper.term + _vibrational(upper, v[0]) - _vibrational(lower, v[1])
        for side in (-1, 1):
            band = SubBand(origin + side * CN_SPLITTING, 0.0, 0.5 * strength)
            lists.append(_branches(band, upper, lower, v=v, j=np.arange(1.0, 111.0), weights=(0.25, 0.5, 0.25)))
    return _join(lists)


def tio_gamma_lines() -> LineList:
    """Return the lines of the TiO gamma system A3Phi - X3Delta of 48Ti (strengths to order of magnitude)."""
    upper, lower = _states("TiO")
    b_upper, b_lower = _rotational(upper, 0), _rotational(lower, 0)
    head_offset = (b_upper + b_lower) ** 2 / (4 * (b_lower - b_upper))
    lists = []
    for v, strength in _band_strengths("TiO"):
        shift = _vibrational(upper, v[0]) - _vibrational(upper, 0) - _vibrational(lower, v[1]) + _vibrational(lower, 0)
        for component, head in enumerate(TIO_HEADS):
            origin = 1e8 / (head * AIR_INDEX) - head_offset + shift
            band = SubBand(origin, component * TIO_SPLITTING, TIO_SCALE * strength)
            lists.append(_branches(band, upper, lower, v=v, j=np.arange(1.0, 171.0), weights=(1 / 3, 1 / 3, 1 / 3)))
    return _join(lists)
