"""Spectra of stars from their labels."""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from moe_exp.spectra.simulator.atmosphere import optical_depths, solve_atmosphere
from moe_exp.spectra.simulator.constants import BOLTZMANN_EV
from moe_exp.spectra.simulator.continuum import Continuum, absorbers, continuum_opacity, paschen_shape, smooth_shapes
from moe_exp.spectra.simulator.gas import Gas
from moe_exp.spectra.simulator.haze import share_levels
from moe_exp.spectra.simulator.instrument import Instrument, fine_grid
from moe_exp.spectra.simulator.labels import LABELS
from moe_exp.spectra.simulator.molecules import dissociate
from moe_exp.spectra.simulator.opacity import line_populations, perturber_density, relative_amplitudes
from moe_exp.spectra.simulator.settings import Simulator
from moe_exp.spectra.simulator.tables import read_elements
from moe_exp.spectra.simulator.templates import (
    SMALLEST_OPACITY,
    AtomicLine,
    LineStrength,
    TemplateBuilder,
    Templates,
    atomic_lines,
    molecular_lines,
    species_names,
)
from moe_exp.spectra.simulator.transfer import (
    Buffers,
    emergent_flux,
    optical_depth_weights,
    source_function,
    source_shapes,
)

CHUNK_SIZE = 128  # stars whose atmospheres are solved together
BATCH_SIZE = {"cpu": 32, "cuda": 128}  # stars whose light is transferred together: as many as fit the cache
TILE_SIZE = {"cpu": 1024, "cuda": 4096}  # wavelengths likewise
ALIGNMENT = 32  # tiles begin at multiples of this, for the sake of vector instructions
FAINT = 40.0  # largest central opacity over the continuum's of lines that share templates
DEEPEST_SEEN = 2.0  # optical depth below which an absorber no longer matters


class Layers(NamedTuple):
    """What the transfer of light needs of a star: see `emergent_flux`."""

    amplitudes: Tensor  # (n_depths, n_stars, n_templates), float32
    source: Tensor  # (n_stars, 4, n_depths), float32


class Tile(NamedTuple):
    """A stretch of the fine grid and the templates that matter in it."""

    columns: slice
    rows: Tensor  # (n_used,), places of the templates
    templates: Tensor  # (n_used, n_tile)
    shapes: Tensor  # (4, n_tile)


class Synthesizer:
    """Turns labels into spectra.

    Templates are made once, when the object is.

    Parameters
    ----------
    simulator : Simulator
    device : str, default "cpu"
        Where to compute, as torch names it.

    Attributes
    ----------
    grid : array of shape (n_grid,)
        Wavelengths of the synthesis [Å, air].
    templates : Tensor of shape (n_templates, n_grid)
        float32, each with maximum 1; the four of the continuum come first.
    recipe : Recipe
        What the amplitudes of the other templates are made of.
    shapes : Tensor of shape (4, n_grid)
        Functions of wavelength that make up the source function.
    tiles : list of Tile
        Stretches of the grid, each with the templates that `synthesize` needs there.
    """

    def __init__(self, simulator: Simulator, *, device: str = "cpu") -> None:
        self.simulator, self.device = simulator, torch.device(device)
        self.elements = read_elements()
        self.species = species_names(simulator)
        self.grid = fine_grid(simulator)
        self.instrument = Instrument.build(simulator, self.grid, device=device)
        self.tau = optical_depths(simulator.n_depths).to(self.device)
        self._integrate = optical_depth_weights(self.tau.cpu()).to(self.device)
        with torch.no_grad():
            extremes = self._extreme_labels()
            lines = self._build_lines(extremes)
        self.recipe = lines.recipe
        wavelength = torch.tensor(self.grid)
        continuum = torch.cat([smooth_shapes(wavelength), paschen_shape(wavelength)[None]])
        values = torch.cat([continuum, torch.tensor(lines.values)])
        largest = values.abs().amax(dim=1)
        self._scale = torch.where(largest > 0, largest, 1.0)  # beyond its edge the Paschen continuum is nothing
        self.templates = (values / self._scale[:, None]).to(torch.float32).to(self.device)
        self._scale = self._scale.to(self.device)
        self.shapes = source_shapes(wavelength).to(torch.float32).to(self.device)
        with torch.no_grad():
            self.tiles = list(self._cut_tiles(extremes))

    def layers(self, labels: Tensor, *, dtype: torch.dtype = torch.float32) -> Layers:
        """Return the optical depths and source functions of stars, from labels (n_stars, n_labels) in float64."""
        gas, continuum, populations = self._physics(labels)
        relative = relative_amplitudes(self.recipe, populations, gas, continuum=continuum, tau=self.tau)
        amplitudes = torch.einsum("kd,sdg->ksg", self._integrate, relative * self._scale)
        source = source_function(gas.temperature, labels[:, 0])
        return Layers(amplitudes.to(dtype), source.to(dtype))

    def flux(self, labels: Tensor, *, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return spectra that can be differentiated with respect to the labels.

        The whole grid at once, every template everywhere: slower than `synthesize` and with more memory.

        Parameters
        ----------
        labels : Tensor of shape (n_stars, 7)
            teff, logg, m_h, a_m, c_m, mag, rv as in `draw_labels`.
        dtype : torch.dtype, default torch.float32
            Precision of the transfer; the atmosphere is always solved in float64.

        Returns
        -------
        Tensor of shape (n_stars, n_pixels)
            Normalised as `data.simulator.flux_norm` says. With flux_norm=median the derivative of the normalisation
            is that of the one pixel that is the median.
        """
        labels = labels.to(dtype=torch.float64, device=self.device)
        layers = self.layers(labels, dtype=dtype)
        flux = emergent_flux(layers.amplitudes, self.templates.to(dtype), layers.source, self.shapes.to(dtype))
        return self._observe(flux, labels)

    @torch.inference_mode()
    def synthesize(self, labels: Tensor) -> Tensor:
        """Return the spectra of `flux`, fast; they cannot be differentiated.

        Stars are taken `CHUNK_SIZE` at a time, the last ones padded, so that every operation always sees the same
        shapes and the spectrum of a star depends on its place within its chunk at most in the last bit.

        Parameters
        ----------
        labels : Tensor of shape (n_stars, 7)
            teff, logg, m_h, a_m, c_m, mag, rv as in `draw_labels`.

        Returns
        -------
        Tensor of shape (n_stars, n_pixels)
            float32.
        """
        labels = labels.to(dtype=torch.float64, device=self.device)
        chunks = [self._synthesize_chunk(labels[i : i + CHUNK_SIZE]) for i in range(0, len(labels), CHUNK_SIZE)]
        return torch.cat(chunks)

    def _synthesize_chunk(self, labels: Tensor) -> Tensor:
        n_stars = len(labels)
        labels = torch.cat([labels, labels[-1:].expand(CHUNK_SIZE - n_stars, -1)])
        layers = self.layers(labels)
        size = BATCH_SIZE[self.device.type]
        buffers = self._allocate(size)
        flux = torch.empty(size, len(self.grid), device=self.device)
        spectra = []
        for first in range(0, n_stars, size):
            stars = slice(first, first + size)
            batch = Layers(layers.amplitudes[:, stars], layers.source[stars])
            self._transfer(batch, buffers, flux)
            spectra.append(self._observe(flux, labels[stars]))
        return torch.cat(spectra)[:n_stars]

    def _transfer(self, layers: Layers, buffers: dict[int, Buffers], flux: Tensor) -> None:
        """Write the flux on the fine grid, tile by tile."""
        for tile in self.tiles:
            width = tile.templates.shape[1]
            amplitudes = layers.amplitudes[..., tile.rows]
            flux[:, tile.columns] = emergent_flux(
                amplitudes, tile.templates, layers.source, tile.shapes, buffers[width]
            )

    def _allocate(self, n_stars: int) -> dict[int, Buffers]:
        widths = {tile.templates.shape[1] for tile in self.tiles}
        return {
            width: Buffers.allocate(n_depths=self.simulator.n_depths, n_stars=n_stars, n_tile=width, device=self.device)
            for width in widths
        }

    def _observe(self, flux: Tensor, labels: Tensor) -> Tensor:
        mag, rv = labels[:, LABELS.index("mag")], labels[:, LABELS.index("rv")]
        return self.instrument.observe(flux, mag=mag.to(flux.dtype), rv=rv)

    def _physics(self, labels: Tensor) -> tuple[Gas, Continuum, Tensor]:
        teff, logg, m_h, a_m, c_m = labels[:, :5].T
        gas = solve_atmosphere(self.elements, self.tau, teff=teff, logg=logg, m_h=m_h, a_m=a_m, c_m=c_m)
        free = dissociate(gas, self.elements)
        populations = line_populations(self.species, gas, free, self.elements)
        return gas, continuum_opacity(gas, absorbers(gas.temperature)), populations

    def _extreme_labels(self) -> Tensor:
        """Return the corners of label space, with three temperatures: what is negligible there is so everywhere."""
        s = self.simulator
        coolest, hottest = s.teff
        teff = (coolest, (coolest + hottest) / 2, hottest)
        corners = itertools.product(teff, s.logg, s.m_h, s.a_m, s.c_m, s.mag[:1], (0.0,))
        return torch.tensor(list(corners), dtype=torch.float64, device=self.device)

    def _build_lines(self, extremes: Tensor) -> Templates:
        gas, continuum, populations = self._physics(extremes)
        seen = (self.tau / continuum.reference) * (self.tau <= DEEPEST_SEEN)
        perturbers = perturber_density(gas)

        def strength(line: AtomicLine) -> LineStrength:
            boltzmann = torch.exp(-line.excitation / (BOLTZMANN_EV * gas.temperature))
            centre = populations[..., self.species.index(line.species)] * boltzmann * seen * line.peak
            return LineStrength(
                float(centre.max()), float((centre * (perturbers * line.collision + line.natural)).max())
            )

        builder, faint = TemplateBuilder(self.grid), []
        for line in atomic_lines(self.simulator, self.elements):
            if line.species in self.species and (largest := strength(line)).centre > FAINT:
                builder.add_atomic(line, largest)
            else:
                faint.append(line)
        self._add_haze(builder, faint, gas, continuum)
        builder.add_paschen()
        for name, lines in molecular_lines(self.simulator).items():
            builder.add_molecule(name, lines, microturbulence=self.simulator.microturbulence)
        return builder.build(self.species, device=str(self.device))

    def _add_haze(self, builder: TemplateBuilder, lines: list[AtomicLine], gas: Gas, continuum: Continuum) -> None:
        """Add faint lines; those of one level have the same shares."""
        of_line = [(line.species, line.excitation) for line in lines]
        levels = list(dict.fromkeys(of_line))
        free = dissociate(gas, self.elements)
        shares = share_levels(levels, gas, free, self.elements, continuum=continuum.reference, tau=self.tau)
        places = {level: place for place, level in enumerate(levels)}
        builder.add_haze(lines, shares[[places[level] for level in of_line]])

    def _cut_tiles(self, extremes: Tensor) -> Iterator[Tile]:
        """Cut the grid into tiles and leave out of each the templates that no star would notice there."""
        gas, continuum, populations = self._physics(extremes)
        relative = relative_amplitudes(self.recipe, populations, gas, continuum=continuum, tau=self.tau)
        largest = (relative * self._scale)[:, self.tau <= DEEPEST_SEEN].amax(dim=(0, 1))
        n_grid = len(self.grid)
        n_tiles = -(-n_grid // TILE_SIZE[self.device.type])
        edges = np.append(np.arange(0, n_grid, -(-n_grid // n_tiles // ALIGNMENT) * ALIGNMENT), n_grid)
        for first, last in itertools.pairwise(edges.tolist()):
            columns = slice(first, last)
            inside = self.templates[:, columns]
            rows = torch.nonzero(inside.abs().amax(dim=1) * largest > SMALLEST_OPACITY)[:, 0]
            yield Tile(columns, rows, inside[rows].contiguous(), self.shapes[:, columns].contiguous())
