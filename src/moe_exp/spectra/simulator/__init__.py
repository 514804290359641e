"""Simulated spectra: model atmospheres, line formation, an instrument and its errors.

Labels are drawn (`draw_labels`), turned into spectra (`Synthesizer`) and given errors (`flux_error`); `simulate` does
all three for a range of stars.

Physics
-------
- Temperatures of line-blanketed models against optical depth, at each T_eff, log g and [M/H] (`temperature`); pressures
  from hydrostatic equilibrium with the ionisation of 13 elements and H2 (`atmosphere`, `gas`).
- Continuum of H-, of hydrogen and of scattering (`continuum`); Paschen lines whose upper levels dissolve (`hydrogen`).
- 2,328 atomic lines in LTE, broadened by collisions as theory has it where it is published (``data/widths.csv``), the
  fainter ones sharing templates (`haze`); bands of CN and TiO from spectroscopic constants (`bands`, `molecules`).
- One ray at mu = 2/3 (`transfer`), a Gaussian line-spread function and pixels (`instrument`), photon and sky noise
  (`error_model`).

``bench/physics.py`` holds them against models of BOSZ and stars of STELIB; scripts in ``tools/`` make the large tables.

Known limits
------------
- LTE: the cores of the Ca II triplet are deeper in stars, the O I triplet and K I stronger.
- Temperatures do not follow [alpha/M] nor [C/M].
- One Doppler width for all depths and stars, one exponent of temperature for all collisional widths; no rotation.
- Faint lines have no damping wings: in cool dwarfs they absorb some 5 % too little.
- Heads of CN bands are off by 5 to 17 Å; TiO has its gamma system only, its strength set by one index of M dwarfs
  (`bands.TIO_SCALE`).
- The triplet of STELIB's dwarfs is weaker than simulated by an eighth, and their other lines by a twelfth; that of its
  giants is as simulated, and the Sun's right to 5 %. It is no matter of how lines are computed: SME (Piskunov & Valenti
  2017, A&A 597, A16; by hand, with PySME 1.2.0) gets the triplet within 3 % from the same lines and atmospheres at
  5000 K, from log g 1.5 to 4.5.
- Levels of hydrogen dissolve by charged neighbours alone; Stark profiles are within 15 % of the unified theory's.
- No telluric absorption, extinction nor error of the flux calibration.
"""

from moe_exp.spectra.simulator.error_model import flux_error
from moe_exp.spectra.simulator.labels import LABELS, draw_labels
from moe_exp.spectra.simulator.settings import Simulator
from moe_exp.spectra.simulator.simulation import StarChunk, simulate
from moe_exp.spectra.simulator.synthesis import CHUNK_SIZE, Synthesizer

__all__ = ["CHUNK_SIZE", "LABELS", "Simulator", "StarChunk", "Synthesizer", "draw_labels", "flux_error", "simulate"]
