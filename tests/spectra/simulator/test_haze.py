"""The weak lines together against the synthesis of one line after the other."""

import numpy as np
import pytest
import torch

from moe_exp.spectra.simulator import Simulator, Synthesizer, synthesis
from moe_exp.spectra.simulator.tables import read_table
from moe_exp.spectra.simulator.templates import species_names
from moe_exp.spectra.simulator.transfer import emergent_flux
from tests.spectra.simulator.stars import star_labels, unnormalised

SMALL = Simulator(wavelength_min=8555.0, wavelength_max=8645.0, n_pixels=180)
STARS = [
    (6000.0, 1.5, 0.0),
    (5500.0, 3.0, 0.0),
    (5000.0, 2.0, -1.0),
    (4500.0, 1.5, 0.0),
    (4500.0, 4.8, 0.0),
    (4000.0, 4.8, 0.3),
]


def add_one_by_one(builder, lines) -> None:
    """Give each faint line the population of its own level."""
    for line in lines:
        if 8550 < line.wavelength < 8650:
            numbers = (np.array([value]) for value in (line.excitation, line.wavelength, line.peak, line.doppler))
            builder.add_gaussians(line.species, *numbers)


@pytest.fixture
def fluxes(monkeypatch):
    """Return the flux without weak lines, with them, and with each of them added on its own, (3, n_stars, n_pixels)."""

    def flux() -> np.ndarray:
        synthesizer = Synthesizer(SMALL)
        layers = synthesizer.layers(star_labels(*STARS))
        flux = emergent_flux(layers.amplitudes, synthesizer.templates, layers.source, synthesizer.shapes)
        return unnormalised(synthesizer.instrument, flux).double().numpy()

    with torch.inference_mode():
        together = flux()
        names = (*species_names(SMALL), *read_table("weak_lines")["species"])
        monkeypatch.setattr(synthesis, "species_names", lambda simulator: tuple(dict.fromkeys(names)))
        monkeypatch.setattr(Synthesizer, "_add_haze", lambda self, builder, lines, *_: add_one_by_one(builder, lines))
        single = flux()
        monkeypatch.setattr(Synthesizer, "_add_haze", lambda *arguments: None)
        return np.stack([flux(), together, single])


def test_faint_lines_absorb_together_what_they_absorb_one_by_one(fluxes):
    without, together, single = fluxes
    ours, theirs = 1 - together / without, 1 - single / without
    np.testing.assert_allclose(ours.mean(axis=1), theirs.mean(axis=1), rtol=0.025)
    assert np.abs(ours - theirs).max() < 0.005
