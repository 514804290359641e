"""Simulated spectra: model atmospheres, line formation, an instrument and its errors.

Labels are drawn (`draw_labels`), turned into spectra (`Synthesizer`) and given errors (`flux_error`); `simulate` does
all three for a range of stars.
"""

from moe_exp.spectra.simulator.error_model import flux_error
from moe_exp.spectra.simulator.labels import LABELS, draw_labels
from moe_exp.spectra.simulator.settings import Simulator
from moe_exp.spectra.simulator.simulation import StarChunk, simulate
from moe_exp.spectra.simulator.synthesis import CHUNK_SIZE, Synthesizer

__all__ = ["CHUNK_SIZE", "LABELS", "Simulator", "StarChunk", "Synthesizer", "draw_labels", "flux_error", "simulate"]
