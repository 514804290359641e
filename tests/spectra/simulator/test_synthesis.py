from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from scipy.interpolate import CubicSpline

from moe_exp.spectra.simulator import CHUNK_SIZE, LABELS, Simulator, Synthesizer, draw_labels
from moe_exp.spectra.simulator.transfer import emergent_flux, optical_depth_weights
from tests.spectra.simulator.stars import SUN, default_synthesizer, star_labels

SMALL = Simulator(wavelength_min=8450.0, wavelength_max=8700.0, n_pixels=512)


@cache
def small_synthesizer() -> Synthesizer:
    return Synthesizer(SMALL)


@cache
def moving_synthesizer() -> Synthesizer:
    return Synthesizer(replace(SMALL, rv_max=200.0))


def drawn(n_stars: int, simulator: Simulator | None = None) -> torch.Tensor:
    return torch.tensor(draw_labels(simulator or Simulator(), seed=3, first=0, last=n_stars).to_numpy())


def test_fast_path_agrees_with_the_plain_one():
    synthesizer = default_synthesizer()
    labels = drawn(12)
    with torch.inference_mode():
        plain = synthesizer.flux(labels)
    torch.testing.assert_close(synthesizer.synthesize(labels), plain, rtol=2e-4, atol=0)


def test_fast_path_takes_any_number_of_stars():
    synthesizer = small_synthesizer()
    labels = drawn(CHUNK_SIZE + 3)
    spectra = synthesizer.synthesize(labels)
    assert spectra.shape == (CHUNK_SIZE + 3, 512)
    assert torch.equal(spectra[:5], synthesizer.synthesize(labels[:5]))
    assert torch.equal(spectra[CHUNK_SIZE:], synthesizer.synthesize(labels[CHUNK_SIZE:]))


@pytest.mark.parametrize(
    ("label", "step"), [("teff", 0.1), ("logg", 1e-4), ("m_h", 1e-4), ("a_m", 1e-4), ("c_m", 1e-4), ("rv", 0.01)]
)
def test_derivatives_agree_with_finite_differences(label, step):
    synthesizer = moving_synthesizer()
    labels = star_labels((4300.0, 2.0, -0.3), (5500.0, 4.0, 0.2))
    column = LABELS.index(label)
    direction = torch.zeros_like(labels)
    direction[:, column] = 1.0
    weights = torch.randn(2, 512, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    varied = labels.clone().requires_grad_()
    (synthesizer.flux(varied, dtype=torch.float64) * weights).sum().backward()
    with torch.inference_mode():
        ahead, behind = (synthesizer.flux(labels + s * step * direction, dtype=torch.float64) for s in (1, -1))
    difference = (ahead - behind) / (2 * step)
    torch.testing.assert_close(
        varied.grad[:, column], (difference * weights).sum(dim=1), rtol=1e-3, atol=1e-3 * float(difference.norm())
    )


def test_optical_depth_of_the_continuum_is_exact():
    for powers in (1.0, 1.5):
        tau = torch.tensor([1e-4, 1e-3, 2e-2, 0.3, 1.0, 2.5], dtype=torch.float64)
        depth = optical_depth_weights(tau) @ tau**powers * -np.log(2) * 2 / 3
        expected = (tau**powers - tau[0] ** powers) / powers + tau[0] ** powers
        torch.testing.assert_close(depth, expected)


def test_flux_of_a_linear_source_function_is_eddington_barbier():
    """For S = a + b tau the flux of the ray is a + b mu, whatever the depth points."""
    tau = torch.tensor([1e-3, 1e-2, 0.1, 0.5, 1.0, 2.0], dtype=torch.float64)
    amplitudes = (-tau / (2 / 3) / np.log(2)).to(torch.float32)[:, None, None]
    source = (2 + 3 * tau).to(torch.float32).expand(1, 4, -1)
    shapes = torch.tensor([[1.0], [0.0], [0.0], [0.0]])
    flux = emergent_flux(amplitudes, torch.ones(1, 1), source, shapes)
    # Above the first depth the source function is constant.
    top = 2 + 3 * tau[0]
    expected = top + 3 * (2 / 3) * torch.exp(-tau[0] * 1.5)
    assert float(flux) == pytest.approx(float(expected), rel=1e-5)


def test_default_resolution_is_within_a_tenth_of_the_photon_noise():
    """Fine depths and wavelengths change spectra by less than a tenth of the error at magnitude 20.5 (6.5 %)."""
    labels = drawn(8)
    with torch.inference_mode():
        fine = Synthesizer(replace(SMALL, n_depths=60, velocity_step=1.0)).flux(labels)
        change = small_synthesizer().flux(labels) / fine - 1
    assert float(change.square().mean(dim=1).sqrt().max()) < 0.0065
    assert float(change.abs().quantile(0.99)) < 0.0065


def test_magnitude_scales_the_flux_on_request():
    labels = star_labels(SUN, SUN)
    labels[1, LABELS.index("mag")] += 2.5
    flux = Synthesizer(replace(SMALL, flux_norm="mag")).flux(labels)
    torch.testing.assert_close(flux[0], small_synthesizer().flux(labels)[0])
    torch.testing.assert_close(flux[1], flux[0] / 10)


def test_velocity_moves_the_lines():
    rv = 150.0
    synthesizer = moving_synthesizer()
    labels = star_labels(SUN, SUN)
    labels[1, LABELS.index("rv")] = rv
    at_rest, moved = synthesizer.flux(labels)
    wavelength = SMALL.wavelength
    expected = CubicSpline(wavelength, at_rest)(wavelength / (1 + rv / 299792.458))
    ratio = (moved.numpy() / expected)[30:]
    np.testing.assert_allclose(ratio / np.median(ratio), 1, atol=0.003)


def test_molecules_can_be_left_out():
    bare = Synthesizer(replace(SMALL, cn=False, tio=False))
    assert not {"CN", "TiO"} & set(bare.species)
    star = star_labels((4500.0, 1.5, 0.3))
    assert float((small_synthesizer().flux(star) - bare.flux(star)).abs().mean()) > 0.005
