"""Reading of the tables in ``data/``: elements, atomic lines, molecules, bands, sky lines."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Elements:
    """Properties of the elements, hydrogen first.

    Attributes
    ----------
    symbol : tuple of str
    log_abundance : array of shape (n_elements,)
        Solar log10(n_X / n_H).
    mass : array of shape (n_elements,)
        Atomic mass [u].
    ionization, second_ionization : arrays of shape (n_elements,)
        Energies [eV]; hydrogen has no second one (NaN).
    metal, alpha, carbon, donor : boolean arrays of shape (n_elements,)
        Which elements follow [M/H], [alpha/M] and [C/M], and which give electrons.
    weight, energy : arrays of shape (2, n_elements, n_terms)
        Statistical weights and energies [eV] of the low terms of the atom and of the ion; unused places have weight 0.
    """

    symbol: tuple[str, ...]
    log_abundance: np.ndarray
    mass: np.ndarray
    ionization: np.ndarray
    second_ionization: np.ndarray
    metal: np.ndarray
    alpha: np.ndarray
    carbon: np.ndarray
    donor: np.ndarray
    weight: np.ndarray
    energy: np.ndarray

    def index(self, symbol: str) -> int:
        """Return the place of an element in the arrays."""
        return self.symbol.index(symbol)


def read_table(name: str) -> pd.DataFrame:
    """Return ``data/<name>.csv`` as a table; lines that begin with # are comments."""
    return pd.read_csv(DATA / f"{name}.csv", comment="#")


def _terms(columns: list[pd.Series]) -> tuple[np.ndarray, np.ndarray]:
    """Turn "weight:energy weight:energy ..." into padded arrays of weights and energies."""
    parsed = [[[tuple(map(float, term.split(":"))) for term in text.split()] for text in column] for column in columns]
    n_terms = max(len(terms) for column in parsed for terms in column)
    padded = np.array([[terms + [(0.0, 0.0)] * (n_terms - len(terms)) for terms in column] for column in parsed])
    return padded[..., 0], padded[..., 1]


@cache
def read_elements() -> Elements:
    """Return the table of elements."""
    table = read_table("elements")
    weight, energy = _terms([table["neutral_terms"], table["ion_terms"]])
    symbol = tuple(table["symbol"])
    return Elements(
        symbol=symbol,
        log_abundance=table["log_eps"].to_numpy() - 12.0,
        mass=table["mass"].to_numpy(),
        ionization=table["ionization"].to_numpy(),
        second_ionization=table["second_ionization"].to_numpy(),
        metal=np.array([name != "H" for name in symbol]),
        alpha=table["alpha"].to_numpy(dtype=bool),
        carbon=np.array([name == "C" for name in symbol]),
        donor=table["electron_donor"].to_numpy(dtype=bool),
        weight=weight,
        energy=energy,
    )
