"""The spec files of SDSS, and others of their layout (BOSS, LAMOST-like): one spectrum each."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from moe_exp.prediction.readers.block import Block, blank_bad, real, unknown_velocity
from moe_exp.spectra.known_lines import KMS


def is_sdss(names: set[str]) -> bool:
    """Say by the names of its HDUs whether a file is one."""
    return "COADD" in names and "FLUX" not in names


def read_sdss(hdus: Any, name: str) -> Iterator[Block]:
    """Yield the spectrum; wavelengths are in vacuum, the velocity is the pipeline's redshift of a star."""
    table = hdus["COADD"].data
    with np.errstate(divide="ignore", invalid="ignore"):
        error = 1 / np.sqrt(np.asarray(table["ivar"], float))
    flux = blank_bad(table["flux"], error, np.asarray(table["and_mask"]) != 0)
    velocity, star = unknown_velocity(1), name
    if "SPECOBJ" in hdus:
        found = hdus["SPECOBJ"].data
        columns = {str(each).upper() for each in found.names}
        if {"Z", "CLASS"} <= columns and str(found["CLASS"][0]).strip() == "STAR":
            velocity = np.array([KMS * float(found["Z"][0])])
        star = str(found["SPECOBJID"][0]).strip() if "SPECOBJID" in columns else name
    yield Block([star], 10 ** real(table["loglam"]), "vacuum", flux[None], velocity)
