"""Spectra against the solar atlas and against what is known of cool stars."""

import numpy as np
import pytest
import torch

from moe_exp.spectra.simulator import LABELS, Simulator, draw_labels
from moe_exp.spectra.simulator.bands import cn_red_lines, tio_gamma_lines
from moe_exp.spectra.simulator.tables import read_elements, read_table
from tests.spectra.simulator.stars import (
    SUN,
    default_synthesizer,
    equivalent_width,
    line_depth,
    star_labels,
    unnormalised,
)

TRIPLET = ((8522.0, 8562.0), (8642.0, 8684.0))

# Equivalent widths [Angstrom] in the solar spectrum: Moore, Minnaert & Houtgast (1966), NBS Monograph 61, good to 10 %.
SOLAR = [
    ("Ca II", (8478, 8518), 1.46, 0.10),
    ("Ca II", (8520, 8564), 3.67, 0.10),
    ("Ca II", (8640, 8684), 2.60, 0.10),
    ("Na I", (8180, 8186.5), 0.23, 0.15),
    ("Na I", (8191, 8199), 0.30, 0.15),
    ("K I", (7690, 7708), 0.154, 0.15),
    ("Ni I", (7711.6, 7717), 0.11, 0.15),
    ("O I", (7769.5, 7773.1), 0.071, 0.25),
    ("Fe I", (8685.5, 8691), 0.27, 0.35),
    ("Fe I", (7509.5, 7513.5), 0.18, 0.40),
    ("Mg I", (8800, 8813), 0.49, 0.35),
]


@pytest.mark.parametrize(("species", "window", "observed", "tolerance"), SOLAR)
def test_equivalent_widths_of_the_sun(species, window, observed, tolerance):
    assert equivalent_width(SUN, species, window) == pytest.approx(observed, rel=tolerance)


def triplet_strengths(teff: float, m_h: float) -> list[float]:
    return [sum(equivalent_width((teff, g, m_h), "Ca II", window) for window in TRIPLET) for g in (1, 2, 3, 4, 5)]


def test_calcium_triplet_falls_then_rises_with_gravity_in_cool_stars():
    strengths = triplet_strengths(4500.0, -1.5)
    assert strengths[0] > min(strengths) * 1.15
    assert strengths[4] > strengths[3] > min(strengths)
    np.testing.assert_allclose(strengths, [4.5, 3.7, 3.7, 4.1, 4.3], rtol=0.03)


def test_calcium_triplet_is_strongest_in_giants_of_solar_metallicity():
    strengths = triplet_strengths(5500.0, 0.0)
    assert strengths[0] == max(strengths) > 1.7 * min(strengths)


def test_sodium_and_potassium_are_dwarf_indicators():
    for species, window in (("Na I", (8175, 8205)), ("K I", (7680, 7720))):
        dwarf, giant = (equivalent_width((4000.0, g, 0.0), species, window) for g in (5.0, 1.0))
        assert dwarf > 3 * giant


def test_cn_is_a_giant_and_tio_a_dwarf_indicator():
    assert line_depth((4500.0, 1.5, 0.0), "CN")[1].mean() > 2 * line_depth((4500.0, 5.0, 0.0), "CN")[1].mean()
    assert line_depth((3800.0, 5.0, 0.0), "TiO")[1].mean() > 1.5 * line_depth((3800.0, 1.5, 0.0), "TiO")[1].mean()


@pytest.mark.parametrize(("teff", "index"), [(3850.0, 0.78), (4000.0, 0.86)])
def test_tio_bands_of_early_m_dwarfs(teff, index):
    """The TiO5 index (mean flux 7126-7135 over pseudo-continuum): Reid, Hawley & Gizis (1995) observe about 0.8."""
    wavelength, depth = line_depth((teff, 4.8, 0.0), *default_synthesizer().species)
    inside = (wavelength > 7126) & (wavelength < 7135)
    assert 1 - depth[inside].mean() == pytest.approx(index, abs=0.03)


def test_paschen_lines_belong_to_hot_giants():
    hot, cool = (line_depth((t, 1.0, -2.0), "H I")[1].max() for t in (6000.0, 4000.0))
    assert hot > 0.2
    assert cool < 0.02


@pytest.mark.parametrize(
    ("label", "inside", "outside"), [("a_m", (8535, 8550), (8686, 8691)), ("c_m", (7870, 7900), (7830, 7860))]
)
def test_abundances_strengthen_their_own_lines(label, inside, outside):
    synthesizer = default_synthesizer()
    star = star_labels((4500.0, 1.5, -0.5))
    changed = star.clone()
    changed[0, LABELS.index(label)] += 0.3
    change = (synthesizer.flux(changed) / synthesizer.flux(star) - 1)[0].numpy()
    wavelength = synthesizer.simulator.wavelength
    seen, unseen = (change[(wavelength > a) & (wavelength < b)].mean() for a, b in (inside, outside))
    assert seen < -0.004
    assert seen < 2 * unseen


def test_no_emission_and_no_negative_flux():
    """Without negative opacity, no line and no band makes a star brighter than its continuum."""
    synthesizer = default_synthesizer()
    labels = torch.tensor(draw_labels(Simulator(), seed=2, first=0, last=16).to_numpy())
    hydrogen = synthesizer.recipe.species == synthesizer.species.index("H I")  # splines: only their sum is positive
    assert float(synthesizer.templates[4:][~hydrogen].min()) >= 0
    for teff, logg, m_h in [*labels[:, :3].tolist(), (3750.0, 5.0, 0.75), (3750.0, 1.0, 0.75)]:
        depth = line_depth((teff, logg, m_h), *synthesizer.species)[1]
        assert depth.min() > -1e-4
        assert depth.max() < 1


def test_bands_have_their_heads():
    """The R branch turns round at the head: no line lies shortward of it, many pile up right behind."""
    tio = tio_gamma_lines().wavelength
    for head in (7054.3, 7087.6, 7125.5):
        assert ((tio > head - 0.02) & (tio < head + 1)).sum() > 15
    cn = cn_red_lines()
    assert cn.wavelength.shape == cn.excitation.shape == cn.gf.shape
    assert cn.excitation.min() >= 0


def test_tables_are_complete():
    lines = read_table("lines")
    assert len(lines) == 201
    assert len(read_table("weak_lines")) == 2127
    assert {name.split()[0] for name in lines["species"]} <= set(read_elements().symbol)
    assert lines["wavelength"].between(7060, 8890).all()
    triplet = lines[(lines["species"] == "Ca II") & lines["wavelength"].between(8490, 8670)]
    assert triplet["wavelength"].tolist() == [8498.02, 8542.09, 8662.14]


def test_unnormalised_flux_has_the_median_of_one_after_normalisation():
    synthesizer = default_synthesizer()
    flux = synthesizer.flux(star_labels(SUN, (4000.0, 2.0, -1.0)))
    torch.testing.assert_close(flux.median(dim=1).values, torch.ones(2))
    assert unnormalised(synthesizer.instrument, torch.ones(1, len(synthesizer.grid))).allclose(torch.ones(1))
