"""Wavelength grids as files store them: in any unit, as logarithms, or from the red to the blue."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from moe_exp.cache.codec import storable
from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.spectra.medium import Medium, as_text, read_medium

UNIT_NAMES = ("unit", "units", "cunit1", "tunit1")
"""Attributes, in small letters, that say the unit of wavelengths: those of HDF5 files, and the cards of FITS."""

LOGARITHM = re.compile(r"(?:log|log10|dex)\s*(?:\(\s*(.*?)\s*\))?", re.IGNORECASE)
"""Common logarithms of wavelengths in some unit, by default Å: ``log10(Angstrom)``, ``dex(nm)``, ``log10``."""

SAME_GRID = 1e-9
"""Relative difference of wavelengths that is rounding."""

USUAL_RANGE = (2000.0, 30_000.0)
"""Å between which a grid without a unit is taken to lie."""


class Reading(NamedTuple):
    """What stored numbers can mean."""

    name: str
    logarithmic: bool
    scale: float
    """Å in one unit"""

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Return Å; the values as they are, bit for bit, if that is what they state."""
        linear = 10**values if self.logarithmic else values
        return linear if self.scale == 1 else linear * self.scale


ANGSTROM = Reading("Å", logarithmic=False, scale=1.0)
USUAL_READINGS = (
    ANGSTROM,
    Reading("nm", logarithmic=False, scale=10.0),
    Reading("µm", logarithmic=False, scale=1e4),
    Reading("log10 of Å", logarithmic=True, scale=1.0),
)


@storable
class Grid(NamedTuple):
    """The wavelength grid of a file."""

    wavelength: np.ndarray
    """(n_pixels,) Å, increasing"""
    descending: bool
    """whether the file stores its pixels from the red to the blue"""
    medium: Medium | None
    """``air`` or ``vacuum`` if the file says it"""
    remarks: tuple[str, ...]
    """what was done to make the grid one of increasing Å"""

    def describe(self) -> str:
        """Say which wavelengths these are."""
        medium = f", {self.medium}" if self.medium else ""
        return f"{self.wavelength.size} pixels, {self.wavelength[0]:.6g} to {self.wavelength[-1]:.6g} Å{medium}"


def interpret_grid(values: np.ndarray, attributes: Mapping[str, Any], where: str) -> Grid:
    """Understand stored wavelengths.

    Parameters
    ----------
    values : array of shape (n_pixels,)
        As stored.
    attributes : mapping of str to value
        Of the file and of its wavelength dataset.
    where : str
        Where they are stored.

    Raises
    ------
    InputError
        If unit or medium cannot be told, or the values do not go one way from pixel to pixel.
    """
    if values.ndim != 1 or values.size < 2:
        raise InputError(Code.BAD_WAVELENGTHS, f"{where} has shape {values.shape}; a list of wavelengths is needed.")
    descending = bool(values[0] > values[-1])
    _check_order(values, descending=descending, where=where)
    reading, source = _find_reading(values, attributes, where)
    wavelength = reading.apply(values[::-1] if descending else values)
    remarks = [] if reading == ANGSTROM else [f"wavelengths are stored as {reading.name} ({source})"]
    remarks += ["pixels run from the red to the blue and are turned round"] if descending else []
    return Grid(np.ascontiguousarray(wavelength), descending, read_medium(attributes, where), tuple(remarks))


def join_grids(grids: Mapping[str, Grid]) -> Grid:
    """Return the one grid of several files, with the medium that any of them says.

    Raises
    ------
    InputError
        If they differ in wavelengths, or in what they say about the medium.
    """
    (name, first), *others = grids.items()
    for other_name, other in others:
        if other.wavelength.shape != first.wavelength.shape or not np.allclose(
            other.wavelength, first.wavelength, rtol=SAME_GRID, atol=0
        ):
            raise InputError(
                Code.GRIDS_DIFFER,
                f"{other_name} has another wavelength grid ({other.describe()}) than {name} ({first.describe()}).",
            )
    media = {grid.medium: name for name, grid in grids.items() if grid.medium}
    if len(media) > 1:
        found = ", ".join(f"{name} in {medium}" for medium, name in media.items())
        raise InputError(
            Code.MEDIA_DIFFER, f"Files of one run must be in one medium, but say: {found}; convert some of them."
        )
    return first._replace(medium=next(iter(media), None))


def _check_order(values: np.ndarray, *, descending: bool, where: str) -> None:
    bad = ~np.isfinite(values)
    if bad.any():
        raise InputError(
            Code.BAD_WAVELENGTHS, f"{where} is not finite in {bad.sum()} pixel(s) (first: pixel {int(np.argmax(bad))})."
        )
    wrong = np.diff(-values if descending else values) <= 0
    if wrong.any():
        pixel = int(np.argmax(wrong)) + 1
        raise InputError(
            Code.BAD_WAVELENGTHS,
            f"{where} must increase or decrease from pixel to pixel, but turns back or stands still {wrong.sum()} "
            f"time(s) (first: pixel {pixel} has {values[pixel]:.10g} after {values[pixel - 1]:.10g}). Sort the pixels, "
            f"and merge parts that overlap.",
        )


def _find_reading(values: np.ndarray, attributes: Mapping[str, Any], where: str) -> tuple[Reading, str]:
    """Return how to read stored values, and what says so: an attribute, or their range."""
    said = {name: text for name, value in attributes.items() if name.lower() in UNIT_NAMES and (text := as_text(value))}
    if said:
        readings = {parse_unit(text) for text in said.values()}
        reading = readings.pop()
        if reading is None or readings:
            found = ", ".join(f"{name}={text!r}" for name, text in said.items())
            raise InputError(
                Code.WAVELENGTH_UNIT,
                f"{where}: {found} is no unit of wavelength; set one to 'Angstrom', 'nm', 'um' or 'log10'.",
            )
        return reading, ", ".join(f"attribute {name}" for name in said)
    possible = [each for each in USUAL_READINGS if _is_usual(each, values)]
    if len(possible) != 1:
        low, high = values.min(), values.max()
        words = " or ".join(f"{each.name} ({each.apply(low):.6g} to {each.apply(high):.6g} Å)" for each in possible)
        raise InputError(
            Code.WAVELENGTH_UNIT,
            f"{where} holds {low:.6g} to {high:.6g} without a unit, which can be {words or 'no wavelength'}. Give the "
            f"dataset an attribute 'unit': 'Angstrom', 'nm', 'um' or, for their logarithms, 'log10(Angstrom)'.",
        )
    return possible[0], "by their range"


def _is_usual(reading: Reading, values: np.ndarray) -> bool:
    with np.errstate(over="ignore"):
        low, high = reading.apply(np.array([values.min(), values.max()]))
    return bool(USUAL_RANGE[0] <= low and high <= USUAL_RANGE[1])


def parse_unit(text: str) -> Reading | None:
    """Return how to read values of a unit, as astropy knows it or as people write it; None if it is no wavelength's."""
    from astropy import units  # half a second, which only files that name a unit take

    logarithm = LOGARITHM.fullmatch(text.strip())
    name = (logarithm[1] or "Angstrom") if logarithm else text.strip()
    for spelling in ("Angstrom" if name in {"A", "a"} else name, name.lower(), name.lower().rstrip("s")):
        try:
            scale = 1 / units.AA.to(units.Unit(spelling))  # exact for nm and um
        except (ValueError, TypeError, units.UnitsError):
            continue
        symbol = ANGSTROM.name if scale == 1 else spelling
        return Reading(f"log10 of {symbol}" if logarithm else symbol, logarithm is not None, float(scale))
    return None
