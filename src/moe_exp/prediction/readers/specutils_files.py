"""Whatever else specutils reads."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.prediction.readers.block import Block, blank_bad, unknown_velocity


def read_by_specutils(path: Path) -> Iterator[Block]:
    """Yield the spectra of a file one by one; specutils does not tell whether wavelengths are in air or in vacuum."""
    from astropy.io.registry import IORegistryError  # these take seconds, which other files need not wait
    from specutils import SpectrumList

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            spectra = SpectrumList.read(path)
    except IORegistryError as error:
        raise InputError(
            Code.SPECTRA_UNREADABLE,
            "it is none of this project's HDF5, of PFS, DESI or SDSS, no CSV or NPZ, and specutils knows no reader.",
        ) from error
    names = [path.stem] if len(spectra) == 1 else list(map(str, range(len(spectra))))
    for name, spectrum in zip(names, spectra, strict=True):
        yield block_of(spectrum, name)


def block_of(spectrum: Any, name: str) -> Block:
    """Return the spectra of a specutils Spectrum, whose flux may have several rows."""
    from astropy import units
    from astropy.nddata import StdDevUncertainty

    wavelength = spectrum.spectral_axis.to(units.AA, units.spectral()).value
    flux = np.atleast_2d(spectrum.flux.value)
    if spectrum.flux.unit.is_equivalent(units.Jy):
        flux = flux / (wavelength / wavelength.mean()) ** 2
    uncertainty = spectrum.uncertainty
    error = None if uncertainty is None else np.atleast_2d(uncertainty.represent_as(StdDevUncertainty).array)
    bad = None if spectrum.mask is None else np.atleast_2d(spectrum.mask)
    known = blank_bad(flux, error, bad)
    order = slice(None, None, -1) if wavelength[0] > wavelength[-1] else slice(None)
    star = [name] if len(known) == 1 else [f"{name}:{row}" for row in range(len(known))]
    return Block(star, wavelength[order], None, known[:, order], unknown_velocity(len(known)))
