"""Air and vacuum: the way from the one to the other, and what a file says about its own wavelengths."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

import numpy as np

from moe_exp.codes import Code
from moe_exp.errors import InputError

Medium = Literal["air", "vacuum"]
MEDIA: tuple[Medium, ...] = get_args(Medium)

MEDIUM = "medium"
"""The attribute of a wavelength dataset in which this project's own files say it."""

SPELLINGS: dict[str, dict[str, Medium]] = {
    MEDIUM: {"air": "air", "vacuum": "vacuum", "vac": "vacuum"},
    "airorvac": {"air": "air", "vac": "vacuum"},
    "vacuum": {"true": "vacuum", "t": "vacuum", "1": "vacuum", "false": "air", "f": "air", "0": "air"},
}
"""How attributes say it, in small letters: one of this project's, and the cards AIRORVAC and VACUUM of SDSS."""

FITS_AXIS = "ctype1"
FITS_AXES: dict[str, Medium] = {"awav": "air", "wave": "vacuum"}
"""The same by the first four letters of the card CTYPE1 (Greisen et al. 2006, A&A 446, 747); others name no medium."""

SHORTEST = 2000.0
"""Å below which the refraction of air is not known well enough to convert by."""

MEDIUM_NAMES = frozenset({*SPELLINGS, FITS_AXIS})


def convert(wavelength: np.ndarray, *, medium: str, to: str) -> np.ndarray:
    """Convert wavelengths between standard air and vacuum; they are returned as they are where nothing changes.

    Parameters
    ----------
    wavelength : array of any shape
        Wavelengths [Å] in `medium`, beyond `SHORTEST`.
    medium, to : ``air`` or ``vacuum``

    Returns
    -------
    array of the same shape, Å in `to`

    Raises
    ------
    InputError
        If one is shorter.

    References
    ----------
    Ciddor (1996), Applied Optics 35, 1566; specutils' coding of it, solved for vacuum by iteration.
    """
    if medium == to:
        return wavelength
    shortest = np.min(wavelength)
    if shortest < SHORTEST:
        raise InputError(
            Code.BAD_WAVELENGTHS,
            f"wavelengths from {shortest:g} Å on cannot be converted from {medium} to {to}, which is known beyond "
            f"{SHORTEST:g} Å only; leave out those below.",
        )
    from astropy import units  # these two take seconds, and air on air needs neither
    from specutils.utils.wcs_utils import air_to_vac, vac_to_air

    values = np.asarray(wavelength, float) * units.AA
    if to == "air":
        return vac_to_air(values, method="Ciddor1996").value
    return air_to_vac(values, scheme="iteration", method="Ciddor1996").value


def read_medium(attributes: Mapping[str, Any], where: str) -> Medium | None:
    """Return what attributes say about the medium; None if they say nothing.

    Parameters
    ----------
    attributes : mapping of str to value
        Of a file and of its wavelength dataset.
    where : str
        Whose attributes these are.

    Raises
    ------
    InputError
        If one of them says something else than air or vacuum, or two contradict each other.
    """
    texts = {name: as_text(value) for name, value in attributes.items()}
    said = {
        name: SPELLINGS[name.lower()].get(text.lower()) for name, text in texts.items() if name.lower() in SPELLINGS
    }
    axes = {name: FITS_AXES.get(text.lower()[:4]) for name, text in texts.items() if name.lower() == FITS_AXIS}
    said |= {name: medium for name, medium in axes.items() if medium}
    if len(set(said.values())) > 1 or None in said.values():
        found = ", ".join(f"{name}={texts[name]!r}" for name in said)
        raise InputError(
            Code.MEDIUM_CONTRADICTED,
            f"{where}: the attribute(s) {found} do not say whether wavelengths are in air or vacuum; set {MEDIUM!r} "
            f"of the wavelength dataset to 'air' or 'vacuum', and remove what contradicts it.",
        )
    return next(iter(said.values()), None)


def as_text(value: Any) -> str:
    """Return the text of an attribute, which libraries store as text, as bytes, or as an array of one."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.item()
    return (value.decode(errors="replace") if isinstance(value, bytes) else str(value)).strip()
