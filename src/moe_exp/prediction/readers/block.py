"""Some spectra of a file, on one wavelength grid."""

from typing import Any, NamedTuple

import numpy as np

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.spectra.medium import Medium

BLOCK_STARS = 1024


class Block(NamedTuple):
    """Spectra as a file has them, bad pixels marked."""

    star: list[str]
    """(n_stars,) what the file calls each"""
    wavelength: np.ndarray
    """(n_pixels,) Å, increasing"""
    medium: Medium | None
    """what the wavelengths are in, if the file or its kind says so"""
    flux: np.ndarray
    """(n_stars, n_pixels) flux density per Å in any unit; NaN in bad pixels"""
    velocity: np.ndarray
    """(n_stars,) radial velocity [km/s] in the frame of the wavelengths; NaN where nothing tells it"""


def check_block(block: Block) -> None:
    """Raise `InputError` unless wavelengths increase, and all has a row for each star and a column for each pixel."""
    n_stars, wavelength = len(block.star), block.wavelength
    check_wavelength(wavelength)
    shapes = {"flux": (block.flux.shape, (n_stars, len(wavelength))), "velocity": (block.velocity.shape, (n_stars,))}
    wrong = [f"{name} has shape {has} in place of {needs}" for name, (has, needs) in shapes.items() if has != needs]
    if wrong:
        raise InputError(
            Code.SPECTRA_UNREADABLE,
            f"shapes do not match: of {n_stars} star(s) and {len(wavelength)} wavelengths {' and '.join(wrong)}.",
        )


def check_wavelength(wavelength: np.ndarray) -> None:
    """Raise `InputError` unless wavelengths are a list of numbers above 0 that increase."""
    if wavelength.ndim != 1 or wavelength.size < 2:
        raise InputError(
            Code.BAD_WAVELENGTHS, f"its wavelengths have shape {wavelength.shape}; a list of two or more is needed."
        )
    good = np.isfinite(wavelength) & (wavelength > 0) & (np.diff(wavelength, prepend=-np.inf) > 0)
    if not good.all():
        pixel = int(np.argmin(good))
        raise InputError(
            Code.BAD_WAVELENGTHS,
            f"its wavelengths must be finite, positive and increase, but pixel {pixel} has {wavelength[pixel]:.10g} "
            f"Å. Sort the pixels, and leave out those without a wavelength.",
        )


def real(values: Any) -> np.ndarray:
    """Return real numbers as float64, or raise `InputError` if they are complex, of which a part would be lost."""
    if np.iscomplexobj(values):
        raise InputError(Code.SPECTRA_UNREADABLE, "it holds complex numbers where real ones are needed.")
    return np.array(values, float)


def blank_bad(flux: np.ndarray, error: np.ndarray | None, bad: np.ndarray | None = None) -> np.ndarray:
    """Return flux, float64, that is NaN where it, its error or a flag says that a pixel is bad."""
    values = real(flux)
    known = np.isfinite(values)
    if error is not None:
        errors = real(error)
        known &= np.isfinite(errors) & (errors > 0)
    if bad is not None:
        known &= ~np.asarray(bad, bool)
    values[~known] = np.nan
    return values


def unknown_velocity(n_stars: int) -> np.ndarray:
    """Return NaN for each star."""
    return np.full(n_stars, np.nan)
