"""One spectrum as a model sees it, beside the mean of the stars that it was trained on."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from moe_exp.figures.style import PAGE_WIDTH, finish, new_figure, set_title
from moe_exp.model.features import Window
from moe_exp.spectra.medium import Medium, convert

SHOWN = np.array([0.05, 99.9])
"""Percentiles of a spectrum's pixels that set the axis: a single bad one would flatten the rest."""


def spectrum(
    wavelength: np.ndarray,
    flux: np.ndarray,
    template: np.ndarray,
    windows: Sequence[Window],
    *,
    medium: Medium | None,
    windows_in: Medium,
    title: str,
) -> Figure:
    """Draw a spectrum over its median, the mean spectrum of the training stars, and the lines that the gate measures.

    Parameters
    ----------
    wavelength, flux, template : arrays of shape (n_pixels,)
        Å at rest; flux is NaN where nothing is known.
    windows : sequence of Window
        Lines, whose ranges are shaded.
    medium, windows_in : ``air`` or ``vacuum``
        What wavelengths and windows are in; None for wavelengths of which nothing tells it.
    title : str
    """
    figure = new_figure(PAGE_WIDTH, 2.8)
    axes = figure.add_subplot()
    scaled = flux / np.nanmedian(flux)
    axes.plot(wavelength, template / np.median(template), color="#E69F00", linewidth=0.9, label="mean training star")
    axes.plot(wavelength, scaled, color="#0072B2", linewidth=0.5, label="this star")
    low, high = np.nanpercentile(scaled, SHOWN)
    axes.set(xlim=(wavelength[0], wavelength[-1]), ylim=(low - 0.1 * (high - low), high + 0.25 * (high - low)))
    for window in windows:
        edges = np.array(window.line, float)
        edges = edges if medium is None else convert(edges, medium=windows_in, to=medium)
        axes.axvspan(*edges.tolist(), color="#009E73", alpha=0.2, linewidth=0)
        name = {"x": edges.mean(), "y": 0.98, "s": window.name, "rotation": 90, "fontsize": 6, "va": "top"}
        axes.text(**name, ha="center", transform=axes.get_xaxis_transform())
    axes.legend(fontsize=7, frameon=False, loc="lower left", ncols=2)
    finish(axes, x=f"Wavelength (Å{f', {medium}' if medium else ''})", y="Flux over its median")
    set_title(figure, title)
    return figure
