"""What a gate sees of a star: line strengths and principal components of the noisy flux.

A gate does not get all pixels, because its own stars are few. `GateFeatures` measures a depth and an equivalent width
in each window of a list, adds sums of equivalent widths, and projects on the leading principal components that were
found on the training stars.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.model.features_base import Features, sum_rows
from moe_exp.spectra.medium import MEDIA, Medium, convert
from moe_exp.spectra.pixels import pixel_widths

MAX_DEPTH = 2.0
"""Bound on \\|1 - f/c\\| in a pixel. Real lines stay below 1; beyond 2 a pixel is noise over a faint continuum."""


@dataclass
class Window:
    """A spectral line and the side bands that give its continuum, in Å in the medium of the features.

    Parameters
    ----------
    name : str
        For example ``"Ca II 8542"``.
    line : [low, high]
        Where depth and equivalent width are measured.
    side_bands : list of [low, high]
        Whose pixels, taken together, give the continuum.
    """

    name: str = ""
    line: list[float] = field(default_factory=list)
    side_bands: list[list[Any]] = field(default_factory=list)  # Any: OmegaConf turns no int into a nested float


@dataclass(kw_only=True)
class GateFeatures(Features):
    """Depths, equivalent widths and principal components of a noisy spectrum.

    With f the flux in the line window and c the continuum of the side bands, depth = 1 - min(f/c) and the equivalent
    width is the sum of (1 - f/c) over the pixels times their width [Å] (Gray, The Observation and Analysis of Stellar
    Photospheres, ch. 16). In a pixel 1 - f/c is limited to `MAX_DEPTH`, and a star whose continuum is not positive
    has no lines (0), so that noise cannot make a feature infinite.

    Parameters
    ----------
    windows : list of Window
        Lines to measure; two features each.
    sums : dict of str to list of str
        Extra features: name -> windows whose equivalent widths are added.
    continuum_percentile : float
        Percentile of the side bands' pixels that is called the continuum; 50 is the median.
    medium : str
        ``air`` or ``vacuum``: what the wavelengths of the windows are in. A grid in the other one is converted, so that
        the same stars give the same features in both.
    """

    windows: list[Window] = field(default_factory=list)
    sums: dict[str, list[str]] = field(default_factory=dict)
    continuum_percentile: float = 50.0
    medium: str = "air"

    def check(self) -> None:
        """Refuse windows, sums and numbers that make no features.

        Raises
        ------
        InputError
            Naming the option and, for windows, every offending one.
        """
        super().check()
        if not 0 <= self.continuum_percentile <= 100:
            raise InputError(
                Code.OUT_OF_RANGE, f"features.continuum_percentile is {self.continuum_percentile:g}, outside 0 to 100."
            )
        if self.medium not in MEDIA:
            raise InputError(Code.UNKNOWN_CHOICE, f"features.medium={self.medium} is neither air nor vacuum.")
        if not self.windows and self.n_components == 0:
            raise InputError(
                Code.FEATURE_WINDOWS,
                "features.windows is empty and features.n_components is 0: the gate would see nothing.",
            )
        self._check_windows()
        self._check_sums()

    def check_wavelength(self, wavelength: np.ndarray, *, medium: Medium | None) -> None:
        """Refuse a grid that does not cover every window.

        Parameters
        ----------
        wavelength : array of shape (n_pixels,)
            Grid [Å], increasing.
        medium : ``air``, ``vacuum`` or None
            What the grid is in; None if that is unknown.

        Raises
        ------
        InputError
            Naming all windows that reach beyond the grid or fall between its pixels, or if there are windows, but the
            medium is unknown.
        """
        self.check()
        wavelength = self._convert(wavelength, medium)
        bad = [
            f"{window.name} ({low:g}-{high:g} Å)"
            for window in self.windows
            for low, high in [window.line, *window.side_bands]
            if low < wavelength[0] or high > wavelength[-1] or _pixels(wavelength, [low, high]).size == 0
        ]
        if bad:
            raise InputError(
                Code.WINDOWS_OFF_GRID,
                f"The wavelength grid, {wavelength[0]:.1f} to {wavelength[-1]:.1f} Å, misses {len(bad)} range(s) "
                f"of features.windows: {', '.join(bad)}. List windows inside the grid, or choose features=pca, "
                "which needs none.",
            )

    def prepare(self, wavelength: np.ndarray, *, medium: Medium | None) -> list[str]:
        """Find the pixels of windows and side bands; columns are depth and equivalent width of each, then sums."""
        wavelength = self._convert(wavelength, medium)
        self.pixel_width_ = pixel_widths(wavelength)
        self.line_pixels_ = [_pixels(wavelength, window.line) for window in self.windows]
        self.side_pixels_ = [
            np.concatenate([_pixels(wavelength, band) for band in window.side_bands]) for window in self.windows
        ]
        lines = [f"{what} {window.name}" for window in self.windows for what in ("depth", "EW")]
        return [*lines, *(f"EW {name}" for name in self.sums)]

    def _convert(self, wavelength: np.ndarray, medium: Medium | None) -> np.ndarray:
        """Return the grid [Å] in the windows' medium."""
        if not self.windows:
            return wavelength
        if medium is None:
            raise InputError(
                Code.MEDIUM_UNKNOWN,
                "features.windows lie in " + self.medium + ", but nothing tells whether the spectra do: say "
                "data.medium=air or data.medium=vacuum, or choose features=pca, which needs no windows.",
            )
        return convert(wavelength, medium=medium, to=self.medium)

    def measure(self, flux: np.ndarray) -> np.ndarray:
        """Return depths, equivalent widths and their sums."""
        depths, widths = [np.empty((len(flux), 0))], {}
        for window, line, side in zip(self.windows, self.line_pixels_, self.side_pixels_, strict=True):
            depth = self._line_depth(flux[:, line], flux[:, side])
            widths[window.name] = sum_rows(depth * self.pixel_width_[line])
            depths += [depth.max(axis=1), widths[window.name]]
        sums = [sum(widths[name] for name in members) for members in self.sums.values()]
        return np.column_stack([*depths, *sums])

    def _line_depth(self, line: np.ndarray, side: np.ndarray) -> np.ndarray:
        """Return 1 - f/c in every pixel of a line, limited to `MAX_DEPTH`."""
        continuum = np.percentile(side, self.continuum_percentile, axis=1, keepdims=True)
        ratio = np.ones_like(line)
        with np.errstate(over="ignore"):
            np.divide(line, continuum, out=ratio, where=continuum > 0)
        return np.clip(1 - ratio, -MAX_DEPTH, MAX_DEPTH)

    def _check_windows(self) -> None:
        names = [window.name for window in self.windows]
        if "" in names or len(set(names)) < len(names):
            raise InputError(Code.FEATURE_WINDOWS, f"features.windows must have names that differ, but has {names}.")
        for window in self.windows:
            if not window.side_bands:
                raise InputError(
                    Code.FEATURE_WINDOWS,
                    f"features.windows: {window.name} has no side_bands to take the continuum from.",
                )
            for band in [window.line, *window.side_bands]:
                numbers = all(isinstance(edge, int | float) for edge in band)
                if len(band) != 2 or not numbers or not band[0] < band[1]:
                    raise InputError(
                        Code.FEATURE_WINDOWS,
                        f"features.windows: {window.name} has {list(band)} where [low, high] in Å belongs.",
                    )

    def _check_sums(self) -> None:
        names = [window.name for window in self.windows]
        for name, members in self.sums.items():
            unknown = sorted(set(members) - set(names))
            if unknown or not members:
                raise InputError(
                    Code.FEATURE_WINDOWS,
                    f"features.sums: {name} adds {', '.join(unknown) or 'nothing'}; it must list windows among "
                    f"{names}.",
                )
        taken = sorted(set(self.sums) & set(names))
        if taken:
            raise InputError(
                Code.FEATURE_WINDOWS,
                f"features.sums: {', '.join(taken)} is also the name of a window; name the sum otherwise.",
            )


def _pixels(wavelength: np.ndarray, band: list[float]) -> np.ndarray:
    return np.flatnonzero((wavelength >= band[0]) & (wavelength <= band[1]))
